"""The page as Markdown: tables that stay intact and no markup from names, whatever the data holds."""

from __future__ import annotations

from collections.abc import Iterator

from firstlight import text
from firstlight.report.blocks import (
    Block,
    Bullets,
    Chart,
    Command,
    Heading,
    Page,
    Picture,
    Table,
    Text,
    Verdict,
    shortened,
)

MARKS = {"yes": "✓", "no": "✗", "warning": "!"}


def render_markdown(page: Page, pictures: frozenset[str]) -> str:
    """Writes baseline_results.md.

    Args:
        page: The parts.
        pictures: Paths of the pictures that exist; a link to any other would be broken.
    """
    parts = [
        f"# Baseline results: {_safe(page.name)}",
        *_verdict(page.verdict),
        "The same with interactive curves: [report.html](report.html).",
    ]
    for section in page.sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            parts += _block(block, pictures)
    return "\n\n".join(parts) + "\n"


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield f"**{verdict.verdict.upper()}** – {_safe(verdict.headline)}"
    figures = tuple((label, f"{value} {detail}".strip()) for label, value, detail in verdict.figures)
    yield _table(Table(columns=("", ""), rows=figures, numbers_from=2))
    if verdict.reasons:
        yield "\n".join(["Why:", "", *(f"- {_safe(reason)}" for reason in verdict.reasons)])
    yield "Next:"
    yield _code(verdict.next)
    if verdict.page:
        yield "Read:"
        yield _code(f"firstlight explain {verdict.page}")


def _block(block: Block, pictures: frozenset[str]) -> Iterator[str]:
    match block:
        case Text():
            mark = "**Note:** " if block.tone == "warning" else ""
            yield f"{mark}{_safe(block.text)}"
        case Heading():
            yield f"### {_safe(block.text)}"
        case Table():
            yield _table(block)
            if block.note:
                yield _safe(block.note)
        case Picture() if block.path in pictures:
            yield f"![{_safe(block.alt)}]({block.path})"
        case Chart():
            yield from _block(block.picture, pictures)
        case Bullets():
            yield "\n".join(f"- {MARKS[m] + ' ' if m else ''}{_safe(t)}" for m, t in block.items)
        case Command():
            yield _code(block.text)


def _table(table: Table) -> str:
    numbers = range(table.numbers_from, table.numbers_to)
    lines = [
        _row(table.columns),
        "|" + "|".join("--:" if i in numbers else ":--" for i in range(len(table.columns))) + "|",
        *(_row(row) for row in table.rows),
    ]
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_safe(cell) for cell in cells) + " |"


def _code(command: str) -> str:
    """An indented block: nothing in it can end it, because a command is one visible line."""
    return f"    {text.visible(command)}"


def _safe(raw: str) -> str:
    return text.markdown(shortened(raw))
