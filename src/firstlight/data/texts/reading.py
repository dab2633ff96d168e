"""Texts from a folder or a file, in the forms that are told apart without a question.

DATA/sports/1.txt                          class folders; firstlight splits
DATA/train/sports/1.txt                    parts at the top: their split is kept
DATA/train_text.txt, train_labels.txt      line by line, with val_ and test_ beside them (TweetEval)
DATA.train                                 lines of a label and a text, with DATA.dev and DATA.test beside it
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight.data.examples import Part, Skipped
from firstlight.data.fingerprint import fingerprint
from firstlight.data.opened import read_file
from firstlight.data.texts import files, lines
from firstlight.data.texts.decode import decode
from firstlight.errors import DataError
from firstlight.text import count, percent, visible

LONGEST = 1_000_000  # characters of a text that are kept (judgement)
NAMES_SHOWN = 5
FEWEST_CLASSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTexts:
    """Texts as they were read; rows without a text or a label are left out."""

    texts: list[str]
    labels: list[str]  # names of classes
    ids: tuple[str, ...]  # the path below the folder, or file:line
    parts: NDArray[np.int8]  # (rows,), values of Part
    left_out: tuple[Skipped, ...]
    notes: tuple[str, ...]
    fingerprint: str  # hex SHA-256 of ids, labels, parts and texts


@dataclass(slots=True)
class _Rows:
    """What the forms have in common, while it is gathered."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    left_out: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cut: int = 0

    def add(self, row: str, label: str, part: Part, text: str) -> None:
        """Takes a row, or says why it is left out."""
        text = text.strip()
        if not text or not label:
            self.left_out.append(Skipped(id=row, reason="no text" if label else "no label"))
            return
        self.cut += len(text) > LONGEST
        self.texts.append(text[:LONGEST])
        self.labels.append(label)
        self.ids.append(row)
        self.parts.append(part)


def matches(path: Path, follow_links: bool = False) -> bool:
    """Whether `read_texts` can read this; looks at names and at the beginning of a file."""
    if os.path.isdir(path):  # unlike Path's, it knows that no name has 300 letters
        return bool(lines.pairs(path)) or files.has_class_folders(path, follow_links)
    return os.path.isfile(path) and lines.is_labelled(path)


def read_texts(path: Path, *, follow_links: bool = False) -> ReadTexts:
    """Every row with a text and a label.

    Args:
        path: A folder, or a file of labels and texts, for which `matches` is true.
        follow_links: Read files outside of the folder that links in it lead to.

    Raises:
        DataError: There are fewer than two classes, or the files do not fit together.
    """
    rows = _Rows()
    if path.is_dir() and not lines.pairs(path):
        _from_files(path, rows, follow_links)
    elif path.is_dir():
        _from_lines(lines.read_pairs(path, follow_links), rows)
    else:
        _from_lines(lines.read_labelled(path, follow_links), rows)
    _check(path, rows)
    rows.notes += _told(rows)
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in rows.texts]
    return ReadTexts(
        texts=rows.texts,
        labels=rows.labels,
        ids=tuple(rows.ids),
        parts=np.array(rows.parts, dtype=np.int8),
        left_out=tuple(rows.left_out),
        notes=tuple(rows.notes),
        fingerprint=fingerprint(rows.ids, rows.labels, [int(p) for p in rows.parts], digests),
    )


def _from_files(root: Path, rows: _Rows, follow_links: bool) -> None:
    tree = files.walk(root, follow_links)
    rows.notes += tree.notes
    encodings: Counter[str] = Counter()
    for label, part, path in tree.files:
        row = path.relative_to(root).as_posix()
        try:
            text, encoding = decode(read_file(path))
        except (OSError, ValueError) as error:
            rows.left_out.append(Skipped(id=row, reason=getattr(error, "strerror", None) or str(error)))
            continue
        encodings[encoding] += 1
        rows.add(row, label, part, text)
    _tell_encodings(encodings, rows)


def _from_lines(found: lines.Lines, rows: _Rows) -> None:
    rows.notes += found.notes
    for row in zip(found.ids, found.labels, found.parts, found.texts, strict=True):
        rows.add(*row)
    _tell_encodings(Counter(found.encodings), rows)


def _tell_encodings(encodings: Counter[str], rows: _Rows) -> None:
    for name, files_read in sorted(encodings.items()):
        if name != "UTF-8":
            rows.notes.append(f"{count(files_read, 'file')} read as {name}")


def _check(path: Path, rows: _Rows) -> None:
    classes = sorted(set(rows.labels))
    if len(classes) >= FEWEST_CLASSES:
        return
    found = visible(f"{path}: {f'only {classes[0]}' if classes else 'no text with a label'}")
    if rows.left_out:
        first = rows.left_out[0]
        found += visible(
            f"; {count(len(rows.left_out), 'row')} left out, such as {first.id} ({first.reason})"
        )
    raise DataError(
        "there is only one class" if classes else "there is nothing to classify",
        found,
        "expected: DATA/CLASS/text.txt for two classes or more, or train_text.txt with train_labels.txt",
    )


def _told(rows: _Rows) -> list[str]:
    told = []
    total = len(rows.texts) + len(rows.left_out)
    for reason, number in sorted(Counter(skipped.reason for skipped in rows.left_out).items()):
        names = ", ".join(visible(s.id) for s in rows.left_out if s.reason == reason)
        shown = names if number <= NAMES_SHOWN else ", ".join(names.split(", ")[:NAMES_SHOWN]) + ", ..."
        told.append(f"{count(number, 'row')} left out ({percent(number / total)}), {reason}: {shown}")
    if rows.cut:
        told.append(f"{count(rows.cut, 'text')} cut after {LONGEST:,} characters")
    return told
