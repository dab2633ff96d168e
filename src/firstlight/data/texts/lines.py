"""Texts line by line: pairs of files, one with texts and one with labels, or lines of a label and a text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from firstlight.data.examples import PARTS, Part
from firstlight.data.opened import refuse_leaving
from firstlight.data.texts.decode import decode
from firstlight.errors import DataError
from firstlight.text import visible

TEXTS, LABELS, MAPPING = "_text.txt", "_labels.txt", "mapping.txt"
# A label in front of a text that nothing else is: a small number, fastText's mark, TREC's DESC:manner.
FORMS = tuple(map(re.compile, (r"\d{1,3}", r"__label__\S+", r"[A-Z]+:\w+")))
LOOKED_AT_BYTES = 200_000
FEWEST_LINES = 10  # that a file of labels and texts has at least
MOST_CLASSES = 200
EACH = 2  # lines that a label has on average at least, or it is no label


@dataclass(slots=True)
class Lines:
    """Rows as they lie in the files; an empty label is a missing one."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)  # file:line, from 1
    parts: list[Part] = field(default_factory=list)
    encodings: list[str] = field(default_factory=list)  # one for each file
    notes: list[str] = field(default_factory=list)


def pairs(root: Path) -> dict[Part, str]:
    """The parts whose files train_text.txt and train_labels.txt, or the like, are there: part -> name."""
    found: dict[Part, str] = {}
    if not root.is_dir():
        return found
    for path in sorted(root.iterdir()):
        name = path.name.removesuffix(TEXTS)
        if name != path.name and name.lower() in PARTS and (root / (name + LABELS)).is_file():
            found.setdefault(PARTS[name.lower()], name)
    return found if Part.TRAIN in found else {}


def read_pairs(root: Path, follow_links: bool = False) -> Lines:
    """All pairs of a folder, the labels by their names in mapping.txt where there is one.

    Raises:
        DataError: Two files of a pair have different numbers of lines, or one lies outside of the folder.
    """
    lines = Lines()
    named = [root / (name + end) for name in pairs(root).values() for end in (TEXTS, LABELS)]
    refuse_leaving([*named, root / MAPPING], root, follow_links)
    for part, name in sorted(pairs(root).items()):
        texts, labels = (_lines_of(root / (name + end), lines) for end in (TEXTS, LABELS))
        if len(texts) != len(labels):
            raise DataError(
                "texts and labels do not belong together",
                visible(f"{root}: {name}{TEXTS} has {len(texts):,} lines, {name}{LABELS} {len(labels):,}"),
                "one line of each for every row",
            )
        _add(lines, name + TEXTS, part, texts, [label.strip() for label in labels])
    names = _mapping(root / MAPPING, lines)
    unknown = sorted(set(lines.labels) - set(names) - {""})
    if names and unknown:
        lines.notes.append(f"{MAPPING} does not name {visible(unknown[0])}, so labels stay as they are")
    elif names:
        lines.labels = [names.get(label, "") for label in lines.labels]
    return lines


def is_labelled(path: Path) -> bool:
    """Whether lines are a label of one form, a blank and a text; looks at both ends of a file."""
    try:
        found = _ends(path)
    except OSError:
        return False
    labels = [line.split(" ", 1)[0] for line in found]
    return (
        len(found) >= FEWEST_LINES
        and all(" " in line.strip() for line in found)
        and any(all(form.fullmatch(label) for label in labels) for form in FORMS)
        and 1 < len(set(labels)) <= min(MOST_CLASSES, len(labels) / EACH)
    )


def _ends(path: Path) -> list[str]:
    """Filled lines at the beginning and at the end: files sorted by label begin with one label alone."""
    with path.open("rb") as file:
        head = file.read(LOOKED_AT_BYTES)
        if len(head) < LOOKED_AT_BYTES:
            return [line for line in _cut(decode(head)[0]) if line]
        file.seek(-LOOKED_AT_BYTES, 2)
        tail = file.read()
    return [line for line in [*_cut(decode(head)[0])[:-1], *_cut(decode(tail)[0])[1:]] if line]


def read_labelled(path: Path, follow_links: bool = False) -> Lines:
    """Lines of a label and a text, and of the files beside it that are named alike but for the part.

    Raises:
        DataError: A line of these files is no label and text, or a file beside it lies elsewhere.
    """
    lines = Lines()
    refuse_leaving((file for _, file in _siblings(path) if file != path), path.parent, follow_links)
    for part, file in _siblings(path):
        labels, texts = [], []
        for number, line in enumerate(_lines_of(file, lines), start=1):
            label, _, text = line.partition(" ")
            if line.strip() and not any(form.fullmatch(label) for form in FORMS):
                raise DataError(
                    "a line does not begin with a label",
                    visible(f"{file} line {number}: {line[:60]}"),
                    "every line is a label, a blank and a text",
                )
            labels.append(label.removeprefix("__label__"))
            texts.append(text)
        _add(lines, file.name, part, texts, labels)
    if len(lines.encodings) > 1:
        names = ", ".join(visible(file.name) for _, file in _siblings(path))
        lines.notes.append(f"the parts of the data are the files {names}")
    return lines


def _siblings(path: Path) -> list[tuple[Part, Path]]:
    """name.train with name.dev and name.test; the file alone when it is not the training part."""
    words = re.split(r"([._-])", path.name)
    place = next((i for i, word in enumerate(words) if PARTS.get(word.lower()) is Part.TRAIN), None)
    if place is None:
        return [(Part.UNASSIGNED, path)]
    found = {Part.TRAIN: path}
    for word, part in PARTS.items():
        other = path.with_name("".join([*words[:place], word, *words[place + 1 :]]))
        if part is not Part.TRAIN and part not in found and other.is_file() and is_labelled(other):
            found[part] = other
    return sorted(found.items()) if len(found) > 1 else [(Part.UNASSIGNED, path)]


def _add(lines: Lines, name: str, part: Part, texts: list[str], labels: list[str]) -> None:
    lines.texts += texts
    lines.labels += labels
    lines.ids += [f"{name}:{number}" for number in range(1, len(texts) + 1)]
    lines.parts += [part] * len(texts)


def _mapping(path: Path, lines: Lines) -> dict[str, str]:
    """Label to name: the first and the last filled column of each line."""
    if not path.is_file():
        return {}
    rows = [[cell.strip() for cell in line.split("\t") if cell.strip()] for line in _lines_of(path, lines)]
    names = {row[0]: row[-1] for row in rows if len(row) > 1}
    if len(set(names.values())) < len(names):
        lines.notes.append(f"{visible(path.name)} gives two labels one name and was not used")
        return {}
    return names


def _lines_of(path: Path, lines: Lines) -> list[str]:
    try:
        text, encoding = decode(path.read_bytes())
    except OSError as error:
        raise DataError(
            "a file of the data cannot be read",
            visible(f"{path}: {error.strerror}"),
            "give yourself the right",
        ) from None
    lines.encodings.append(encoding)
    return _cut(text)


def _cut(text: str) -> list[str]:
    """Lines by line feeds alone: other breaks may stand inside a text."""
    found = [line.removesuffix("\r") for line in text.split("\n")]
    return found[:-1] if found[-1] == "" else found
