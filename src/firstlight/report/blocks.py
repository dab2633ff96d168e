"""The parts that a page is made of. Markdown and HTML are two ways to write the same parts.

Every text here is raw: names from the data are made harmless once, by the writer (`report.markdown`, the HTML
template).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "note", "warning"]
LONGEST_TEXT = 600  # characters of one paragraph or cell; a name longer than that helps nobody (judgement)


def shortened(raw: str) -> str:
    """The text itself, or its beginning when it is longer than a page should carry."""
    return raw if len(raw) <= LONGEST_TEXT else f"{raw[:LONGEST_TEXT]}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph."""

    text: str
    tone: Tone = "plain"
    kind: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: str = "heading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the columns from `numbers_from` up to `numbers_to` are figures and stand to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers_from: int = 1
    numbers_to: int = 100
    note: str = ""
    kind: str = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A plot: its path below the experiment folder, and what it shows."""

    path: str
    alt: str
    kind: str = "picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The curves over the epochs: interactive in HTML, the picture elsewhere."""

    picture: Picture
    kind: str = "chart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list; each entry has a mark such as `yes`, `no`, `warning`, or none."""

    items: tuple[tuple[str, str], ...]
    kind: str = "bullets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command line to copy."""

    text: str
    kind: str = "command"


Block = Text | Heading | Table | Picture | Chart | Bullets | Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the page."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a person reads in five seconds."""

    verdict: str  # accept, optimize, failed
    headline: str
    figures: tuple[tuple[str, str, str], ...]  # label, value, detail (may be empty): the few that matter
    reasons: tuple[str, ...]
    next: str  # a command
    page: str | None  # handbook page


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole report."""

    name: str  # of the experiment
    verdict: Verdict
    sections: tuple[Section, ...]
