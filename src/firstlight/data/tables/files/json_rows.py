"""JSON lines and JSON arrays as a frame: one object a row, each line read for itself.

A line that is no JSON, is cut, or is nested too deep for Python's reader is left out and told. Lists and objects
inside a row become JSON text. A column that mixes words and numbers is text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import Skipped
from firstlight.data.tables.files.delimited import LINES_SHOWN, MAX_BAD_FRACTION
from firstlight.errors import DataError
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

CHUNK = 20_000  # rows that are Python objects at a time
KEYS_SHOWN = 5
LARGEST_INTEGER = 2**63 - 1
EXPECTED = "write one JSON object a line, or an array of objects"
Numbered = tuple[int, dict[str, Any]]  # the number of a row, from 1, and the row


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What was found in the text."""

    frame: pl.DataFrame  # text, numbers and booleans keep their types
    array: bool  # an array, not lines
    numbers: NDArray[np.int64]  # (rows,): from 1, those left out counted, blank lines not
    left_out: tuple[Skipped, ...]
    notes: tuple[str, ...]


def read_rows(text: bytes, where: str, *, allowed: float = MAX_BAD_FRACTION) -> Rows:
    """Reads UTF-8 text, an array or lines, whatever the file is called.

    Args:
        text: The whole file.
        where: The file's name, for messages.
        allowed: Share of the lines that need be no objects; one line need never.

    Raises:
        DataError: No rows, too many lines that are no objects, or an array that is none of objects.
    """
    array = text.lstrip()[:1] == b"["
    left_out: list[Skipped] = []
    found = _from_array(text, where) if array else _from_lines(text, left_out)
    frames: list[pl.DataFrame] = []
    keys: dict[str, int] = {}
    nested: set[str] = set()
    numbers: list[int] = []
    for chunk in _chunks(found):
        numbers += [number for number, _ in chunk]
        frames.append(_frame([item for _, item in chunk], keys, nested))
    rows = len(numbers)
    total = rows + len(left_out)
    if len(left_out) > max(1, allowed * total):
        shown = "; ".join(f"{s.id}: {s.reason}" for s in left_out[:LINES_SHOWN])
        told = f"{count(len(left_out), 'line')} of {total:,} ({percent(len(left_out) / total)}): {shown}"
        raise DataError("too many lines are no JSON objects", visible(f"{where}: {told}"), EXPECTED)
    if not rows or not keys:
        raise DataError("the table has no rows", visible(where), "add rows, or name another file")
    import polars as pl

    frame = pl.concat(frames, how="diagonal_relaxed")
    return Rows(
        frame=frame,
        array=array,
        numbers=np.array(numbers, np.int64),
        left_out=tuple(left_out),
        notes=_notes(keys, nested, rows),
    )


def _from_array(text: bytes, where: str) -> Iterator[Numbered]:
    try:
        objects = json.loads(text)
    except RecursionError:
        raise DataError("the JSON is nested too deep", visible(where), EXPECTED) from None
    except ValueError as error:
        raise DataError("the JSON cannot be read", visible(f"{where}: {error}"), EXPECTED) from None
    for number, item in enumerate(objects, start=1):
        if not isinstance(item, dict):
            place = f"{where}: item {number:,} is {_kind(item)}"
            raise DataError("the JSON array does not hold objects", visible(place), EXPECTED)
        yield number, item


def _from_lines(text: bytes, left_out: list[Skipped]) -> Iterator[Numbered]:
    filled = ((n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip())
    for row, (number, line) in enumerate(filled, start=1):
        try:
            item = json.loads(line)
        except RecursionError:
            left_out.append(Skipped(id=f"line {number}", reason="nested too deep"))
            continue
        except ValueError as error:
            left_out.append(Skipped(id=f"line {number}", reason=_wrong(error)))
            continue
        if isinstance(item, dict):
            yield row, item
        else:
            left_out.append(Skipped(id=f"line {number}", reason=f"{_kind(item)}, not an object"))


def _wrong(error: ValueError) -> str:
    """What is wrong with one line; Python counts it as line 1 of a text of its own."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, character {error.pos + 1:,}"
    return str(error)


def _kind(item: object) -> str:
    names = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(item), "a number")


def _chunks(found: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    chunk: list[Numbered] = []
    for numbered in found:
        chunk.append(numbered)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _frame(chunk: list[dict[str, Any]], keys: dict[str, int], nested: set[str]) -> pl.DataFrame:
    """One chunk as columns; counts in how many rows each key is there."""
    import polars as pl

    names = dict.fromkeys(key for item in chunk for key in item)
    for item in chunk:
        for key in item:
            keys[key] = keys.get(key, 0) + 1
    return pl.DataFrame({name: _column(name, [item.get(name) for item in chunk], nested) for name in names})


def _column(name: str, items: list[Any], nested: set[str]) -> pl.Series:
    import polars as pl

    kinds = {type(item) for item in items} - {type(None)}
    if kinds & {list, dict}:
        nested.add(name)
    numbers = kinds <= {int, float} and kinds
    if kinds == {bool}:
        return pl.Series(name, items, dtype=pl.Boolean)
    if kinds == {int} and all(item is None or abs(item) <= LARGEST_INTEGER for item in items):
        return pl.Series(name, items, dtype=pl.Int64)
    if numbers and float in kinds:
        return pl.Series(
            name, [None if item is None else _float(item) for item in items], dtype=pl.Float64
        ).fill_nan(None)
    if not kinds:
        return pl.Series(name, items, dtype=pl.Null)
    texts = [item if isinstance(item, str | None) else json.dumps(item, ensure_ascii=False) for item in items]
    text = pl.Series(name, [_proper(item) for item in texts], dtype=pl.String).str.strip_chars()
    return text.set((text == "").fill_null(False), None)


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _proper(text: str | None) -> str | None:
    """Half a surrogate pair, which JSON can write and UTF-8 cannot, becomes a question mark."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")


def _notes(keys: dict[str, int], nested: set[str], rows: int) -> tuple[str, ...]:
    notes = []
    absent = {key: rows - n for key, n in keys.items() if n < rows}
    if absent:
        most = sorted(absent, key=absent.__getitem__, reverse=True)[:KEYS_SHOWN]
        shown = ", ".join(f"{visible(key)} ({absent[key]:,})" for key in most)
        notes.append(f"{count(len(absent), 'key')} missing in some rows, counted as missing values: {shown}")
    if nested:
        shown = ", ".join(visible(key) for key in sorted(nested)[:KEYS_SHOWN])
        notes.append(f"lists and objects were kept as JSON text: {shown}")
    return tuple(notes)
