"""YAML text to plain values, each with the line it stands on.

The text is not trusted. Only ruamel.yaml's parser is used, never its constructors: this module builds
text, numbers, true, false, null, lists and mappings itself, by the core schema of YAML 1.2, and nothing else.
Tags are refused. An alias may stand for a single value, never for a collection, so nothing expands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml import events as ev
from ruamel.yaml.error import MarkedYAMLError

from firstlight.text import visible

# Judgement: a config with 10,000 class names has 0.4 MB, is parsed in 0.6 s and is 3 levels deep.
MAX_BYTES = 1_000_000
MAX_NODES = 100_000
MAX_DEPTH = 10
MAX_DIGITS = 400  # a longer number is left as text; Python refuses to convert beyond 4,300 digits
SHOWN = 60  # characters of a found value in a message

Place = tuple[str | int, ...]
Problem = tuple[str, str, str]  # what, where with the value found, what to do

# The core schema, YAML 1.2.2 section 10.3.2: 1e-3 is a number; yes, no, on and 1:30 are text.
_NULL = re.compile(r"(?:~|null|Null|NULL)?")
_BOOL = re.compile(r"(true|True|TRUE)|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAB_INDENT = re.compile(r" *\t")
_COLLECTION = object()  # what an anchor on a list or mapping is remembered as


@dataclass(slots=True, kw_only=True)
class Tree:
    """A parsed file: plain values, and for each place in them its line and what was written there."""

    name: str
    root: Any = None
    lines: dict[Place, int] = field(default_factory=dict)  # counted from 1
    written: dict[Place, str] = field(default_factory=dict)  # scalars as they stand in the file
    problems: list[tuple[int, Problem]] = field(default_factory=list)  # with their line
    refused: set[Place] = field(default_factory=set)  # has its problem already; the value is not to be judged
    complete: bool = True  # false when the reading had to stop

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest place around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def add(self, line: int, what: str, found: str, remedy: str) -> None:
        """Notes a problem with the place where it was found."""
        self.problems.append((line, (what, f"{self.name}:{line}: {shown(found)}", remedy)))


class _StopReading(Exception):
    """The rest of the text is not read; the problem is noted already."""


def shown(text: str) -> str:
    """Text from the file for a message: visible, and not too long."""
    return visible(text if len(text) <= SHOWN else f"{text[:SHOWN]} ...")


def plain_value(written: str) -> Any:
    """What a scalar without quotes means in YAML 1.2."""
    if _NULL.fullmatch(written):
        return None
    if found := _BOOL.fullmatch(written):
        return found[1] is not None
    if len(written) > MAX_DIGITS:
        return written
    if _INT.fullmatch(written):
        bases = {"0o": 8, "0x": 16}
        return int(written[2:], bases[written[:2]]) if written[:2] in bases else int(written)
    if _FLOAT.fullmatch(written) or _NOT_FINITE.fullmatch(written):
        return float(re.sub(r"\.(?=[iInN])", "", written))
    return written


def parse_tree(content: str | bytes, *, name: str) -> Tree:
    """Reads one YAML document; whatever is wrong with it is listed in the tree.

    Args:
        content: The file's bytes, or its text.
        name: How the file is called in messages.

    Returns:
        The tree. Its `root` is None for an empty document, and also when the reading had to stop.
    """
    tree = Tree(name=visible(name))
    try:
        text = _checked_text(tree, content)
        tree.root = _Builder(tree, _events(tree, text)).document()
    except _StopReading:
        tree.complete = False
    return tree


def _checked_text(tree: Tree, content: str | bytes) -> str:
    if len(content) > MAX_BYTES:
        tree.add(
            1,
            "the config is too large",
            f"more than {MAX_BYTES:,} characters",
            "give the config, not the data; a config has a few thousand characters",
        )
        raise _StopReading
    if isinstance(content, str):
        text = content
    else:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
            found = "UTF-16" if utf16 else f"byte 0x{content[error.start]:02x}"
            line = 1 if utf16 else content.count(b"\n", 0, error.start) + 1
            tree.add(line, "the config is not UTF-8", found, "save the file as UTF-8")
            raise _StopReading from None
    text = text.removeprefix("\ufeff")
    if strange := _NOT_YAML.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        found = f"character U+{ord(strange[0]):04X}"
        tree.add(line, "the config holds a character that YAML does not allow", found, "remove the character")
        raise _StopReading
    return text


def _events(tree: Tree, text: str) -> Iterator[ev.Event]:
    """The parser's events; a text that it cannot take ends the reading with a problem."""
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        number = mark.line + 1 if mark else 1
        lines = text.splitlines() or [""]
        line = lines[min(number, len(lines)) - 1]
        tabbed = [n for n, each in enumerate(lines, 1) if _TAB_INDENT.match(each)]
        if _TAB_INDENT.match(line) or "\\t" in str(error.problem):
            found = f"lines {', '.join(map(str, tabbed))}" if len(tabbed) > 1 else line
            tree.add(number, "a tab cannot indent YAML", found, "indent with spaces")
        else:
            reason = error.problem or error.context or "it cannot be parsed"
            tree.add(
                number, f"this is not YAML: {shown(reason)}", line, "correct this line or the one before"
            )
        raise _StopReading from None
    except _StopReading:
        raise
    except Exception as error:  # The parser is not ours and the text may be anything.
        tree.add(1, "this is not YAML", f"{type(error).__name__}: {error}", "start again from the template")
        raise _StopReading from None


class _Builder:
    """Turns events into values, with limits on number and depth."""

    def __init__(self, tree: Tree, events: Iterator[ev.Event]) -> None:
        self.tree = tree
        self.events = events
        self.anchors: dict[str, Any] = {}  # name -> what was written, or _COLLECTION
        self.nodes = 0

    def document(self) -> Any:
        next(self.events)  # start of the stream
        root = None
        if isinstance(next(self.events), ev.DocumentStartEvent):
            root = self.node(next(self.events), ())
            next(self.events)  # end of the document
            following = next(self.events)
            if isinstance(following, ev.DocumentStartEvent):
                line = following.start_mark.line + 1
                self.tree.add(line, "the file holds several YAML documents", "---", "keep one document")
        return root

    def node(self, event: ev.Event, place: Place) -> Any:
        line = event.start_mark.line + 1
        self.tree.lines.setdefault(place, line)
        self.nodes += 1
        if self.nodes > MAX_NODES or len(place) > MAX_DEPTH:
            limit = f"{MAX_DEPTH} levels" if len(place) > MAX_DEPTH else f"{MAX_NODES:,} values"
            self.tree.add(line, "the config is no sensible config", f"more than {limit}", "remove this part")
            raise _StopReading
        if isinstance(event, ev.AliasEvent):
            return self.alias(event, place)
        if (tag := getattr(event, "tag", None)) is not None:
            self.refuse(place, line, "a config takes no YAML tags", f"tag {tag}", "remove the tag")
        if isinstance(event, ev.ScalarEvent):
            return self.scalar(event, place)
        if anchor := getattr(event, "anchor", None):
            self.anchors[anchor] = _COLLECTION
        return self.sequence(place) if isinstance(event, ev.SequenceStartEvent) else self.mapping(place)

    def scalar(self, event: ev.ScalarEvent, place: Place) -> Any:
        value = plain_value(event.value) if event.style in (None, "") and event.implicit[0] else event.value
        self.tree.written.setdefault(place, event.value)
        if event.anchor is not None:
            self.anchors[event.anchor] = (event.value, value)
        return value

    def alias(self, event: ev.AliasEvent, place: Place) -> Any:
        line = event.start_mark.line + 1
        target = self.anchors.get(event.anchor)
        if target is None or target is _COLLECTION:
            what = "an alias may stand for a single value only" if target else "an alias without its anchor"
            self.refuse(place, line, what, f"*{event.anchor}", "write the value out")
            return None
        written, value = target
        self.tree.written.setdefault(place, written)
        return value

    def sequence(self, place: Place) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self.events), ev.SequenceEndEvent):
            values.append(self.node(event, (*place, len(values))))
        return values

    def mapping(self, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self.events), ev.MappingEndEvent):
            line = event.start_mark.line + 1
            key = self.key(event, place)
            inner: Place = (*place, key)
            first = self.tree.lines.setdefault(inner, line)
            value = self.node(next(self.events), inner)
            if key in values:
                dotted = ".".join(map(str, inner))
                what = f"the key {shown(dotted)} stands twice, in lines {first} and {line}"
                self.tree.add(line, what, f"{dotted} again", f"keep one of the lines {first} and {line}")
            else:
                values[key] = value
        return values

    def key(self, event: ev.Event, place: Place) -> str:
        """A key as it is written; a list or mapping as a key is refused."""
        line = event.start_mark.line + 1
        if isinstance(event, ev.ScalarEvent) and event.tag is None:
            self.nodes += 1
            return str(event.value)
        inner: Place = (*place, f"? line {line}")
        self.node(event, inner)
        self.refuse(
            inner, line, "a key must be plain text", "a list, mapping, tag or alias as key", "name the key"
        )
        return str(inner[-1])

    def refuse(self, place: Place, line: int, what: str, found: str, remedy: str) -> None:
        self.tree.add(line, what, found, remedy)
        self.tree.refused.add(place)
