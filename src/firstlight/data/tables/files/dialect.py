"""What separates the values of a delimited file, found by counting.

A delimiter is right when it cuts every line into the same number of values. When several do, the one whose values
hold none of the others wins, so that `1,5;2,5` is two numbers with a decimal comma and not three values.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from firstlight.data.tables.form import DELIMITERS

SAMPLE_BYTES = 2**18  # of the start; what is decided here is checked on every line afterwards
SAMPLE_ROWS = 1_000
CONSISTENT = 0.9  # share of rows with the same number of values, without more evidence (judgement)
LIKELY = 0.5  # the same, when the first row has several values too
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How the lines are cut."""

    delimiter: str | None  # None = one column
    width: int  # values in most rows


@dataclass(frozen=True, slots=True)
class _Cut:
    delimiter: str
    width: int
    consistency: float  # 0 to 1
    rows: list[list[str]]


def find_dialect(text: bytes, *, preferred: str | None = None) -> Dialect:
    """Looks at the start of the file.

    Args:
        text: UTF-8.
        preferred: The delimiter that the file's name promises; taken when it fits as well as another.
    """
    start = text[:SAMPLE_BYTES]
    if len(start) < len(text) and b"\n" in start:
        start = start[: start.rfind(b"\n") + 1]
    sample = start.decode("utf-8", "replace")
    cuts = [
        cut for delimiter in DELIMITERS if (cut := _cut(sample, delimiter, whole=len(start) == len(text)))
    ]
    if not cuts:
        return Dialect(delimiter=None, width=1)
    others = {cut.delimiter for cut in cuts}

    def merit(cut: _Cut) -> tuple[float, bool, int]:
        return (round(cut.consistency * _clean(cut, others), 2), cut.delimiter == preferred, cut.width)

    best = max(cuts, key=merit)
    return Dialect(delimiter=best.delimiter, width=best.width)


def _cut(sample: str, delimiter: str, *, whole: bool) -> _Cut | None:
    """The sample cut by a delimiter; None when it is not plausible."""
    if delimiter not in sample:
        return None
    rows = []
    with long_fields():
        for row in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True):
            if row and (len(row) > 1 or row[0].strip()):
                rows.append(row)
            if len(rows) == SAMPLE_ROWS:
                break
        else:
            if not whole and len(rows) > 1:  # the sample may end inside quotes
                rows.pop()
    if not rows:
        return None
    widths = Counter(len(row) for row in rows)
    width, agreeing = max(widths.items(), key=lambda item: (item[1], item[0]))
    consistency = agreeing / len(rows)
    below = [len(row) == width for row in rows[1:]]  # a title may stand above
    plausible = (len(rows[0]) > 1 and consistency >= LIKELY) or (
        below and sum(below) >= CONSISTENT * len(below)
    )
    return _Cut(delimiter, width, consistency, rows) if width > 1 and plausible else None


def _clean(cut: _Cut, others: set[str]) -> float:
    """Share of the values that hold no other possible delimiter; a decimal comma is none."""
    rivals = others - {cut.delimiter}
    if not rivals:
        return 1.0
    values = [value for row in cut.rows for value in row]
    unclean = sum(
        any(rival in value for rival in rivals) and not DECIMAL_COMMA.fullmatch(value.strip())
        for value in values
    )
    return 1 - unclean / len(values)


@contextmanager
def long_fields() -> Iterator[None]:
    """Lets the csv module read values of any length; its limit of 128 KiB is one for the whole process."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)
