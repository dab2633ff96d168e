"""A table: rows of numbers and categories, or a column of texts, and a target column.

One file, or a folder with files called train, val and test (also `adult-train.csv`), whose split is kept.
A table whose only useful column is a text is a set of texts.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import PARTS, Examples, Part, Rows, Skipped, Texts
from firstlight.data.source import Source, is_litter, wants
from firstlight.data.tables.reading import SUFFIXES, ReadTable, read_table
from firstlight.errors import DataError, UsageError
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.data.tables.column import Column
    from firstlight.data.tables.task import TargetValues, Task
    from firstlight.watch.progress import Progress

PART_COLUMNS = ("split", "part", "subset")
LONGEST_TEXT = 1_000_000  # characters of a text that are kept (judgement)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """What was read: the table, the part of each row, and a target that the files themselves tell."""

    read: ReadTable
    parts: NDArray[np.int8]
    target: str | None = None


def _matches(data: Data, path: Path) -> bool:
    if not (wants(data, "table") or wants(data, "text")):
        return False
    return _is_table(path) or (os.path.isdir(path) and bool(_part_files(path)))


def _is_table(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(SUFFIXES) and os.path.isfile(
        path
    )  # unlike Path's, it knows that no name has 300 letters


def _part_files(folder: Path) -> dict[Part, Path]:
    """Files that are called after a part; none unless one is for training."""
    found: dict[Part, Path] = {}
    for path in sorted(folder.iterdir()):
        words = path.name.lower().split(".")[0].replace("-", "_").split("_")
        part = next((PARTS[word] for word in words if word in PARTS), None)
        if part is not None and _is_table(path) and not is_litter(path.name):
            found.setdefault(part, path)
    return found if Part.TRAIN in found else {}


def _read(data: Data, path: Path, progress: Progress) -> Examples:
    from firstlight.data.tables.target import choose_target
    from firstlight.data.tables.task import decide_task

    progress.advance("reading the table", 0, 1)
    table = _table(path)
    progress.advance("reading the table", 1, 1)
    _check_left_out(table.read, data, path)
    frame = _without(table.read.frame, data.drop, path)
    target = choose_target(frame, data.target or table.target)
    values = decide_task(frame, target, _wanted(data))
    frame, parts = frame[values.rows], table.parts[values.rows]
    features, parts = _split_column(frame.drop(target.columns), parts)
    notes = [table.read.form.sentence(), *table.read.notes, *values.notes]
    skipped = (*table.read.left_out, *_without_target(values, len(table.parts)))
    base: dict[str, Any] = {
        "source": data.source or str(path),
        "task": values.task,
        "ids": tuple(f"row-{row + 1}" for row in values.rows.tolist()),
        "targets": np.array(values.values),  # a copy: polars gives memory that cannot be written
        "classes": values.classes,
        "parts": parts,
        "skipped": skipped,
        "ignored": (),
        "notes": tuple(notes[1:]),
        "fingerprint": _fingerprint(table.read.fingerprint, target.columns, data.drop),
    }
    column = _text_column(data, features)
    if column is not None:
        return _as_texts(base, features, column)
    return _as_rows(base, features, target.columns, data, table.read.form.sentence())


def _table(path: Path) -> _Table:
    from firstlight.data.tables.parts import read_parts

    if path.is_dir():
        found = read_parts(_part_files(path))
        return _Table(read=found.table, parts=found.parts, target=found.target)
    read = read_table(path)
    return _Table(read=read, parts=np.full(len(read.frame), Part.UNASSIGNED, np.int8))


def _check_left_out(read: ReadTable, data: Data, path: Path) -> None:
    total = len(read.frame) + len(read.left_out)
    allowed = max(1, int(data.max_bad_fraction * total)) if data.max_bad_fraction else 0
    if len(read.left_out) <= allowed:
        return
    shown = "; ".join(f"{s.id} ({s.reason})" for s in read.left_out[:5])
    raise DataError(
        f"{len(read.left_out):,} of {count(total, 'row')} cannot be read, {percent(data.max_bad_fraction)} are allowed",
        visible(f"{path}: {shown}"),
        "mend or remove them, or allow more with --set data.max_bad_fraction=SHARE",
    )


def _without(frame: pl.DataFrame, drop: tuple[str, ...] | None, path: Path) -> pl.DataFrame:
    absent = [name for name in drop or () if name not in frame.columns]
    if absent:
        raise UsageError(
            "there is no such column",
            visible(f"data.drop = {', '.join(absent)}; {path} has {', '.join(frame.columns[:20])}"),
            "correct data.drop",
        )
    return frame.drop(drop or ())


def _wanted(data: Data) -> Task | None:
    kind = data.task.partition("_")[2]
    return kind if kind in ("classification", "multilabel", "regression") else None  # type: ignore[return-value]


def _split_column(features: pl.DataFrame, parts: NDArray[np.int8]) -> tuple[pl.DataFrame, NDArray[np.int8]]:
    """A column called split that holds nothing but train, val and test says where the rows belong."""
    for name in features.columns:
        if name.lower() in PART_COLUMNS and (parts == Part.UNASSIGNED).all():
            words = [str(v).strip().lower() for v in features[name].to_list()]
            if set(words) <= set(PARTS) and Part.TRAIN in {PARTS[w] for w in words}:
                return features.drop(name), np.array([PARTS[w] for w in words], np.int8)
    return features, parts


def _without_target(values: TargetValues, rows: int) -> tuple[Skipped, ...]:
    absent = np.setdiff1d(np.arange(rows), values.rows)
    return tuple(Skipped(id=f"row-{row + 1}", reason="no target") for row in absent.tolist())


def _fingerprint(content: str, target: tuple[str, ...], drop: tuple[str, ...] | None) -> str:
    text = "\n".join([content, *target, "drop", *(drop or ())])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _text_column(data: Data, features: pl.DataFrame) -> str | None:
    """The column of texts, when texts are meant: named, asked for, or the only column that says something."""
    from firstlight.data.tables.columns import describe

    if data.text_column is not None:
        if data.text_column not in features.columns:
            raise UsageError(
                "there is no such column",
                visible(
                    f"data.text_column = {data.text_column}; there are {', '.join(features.columns[:20])}"
                ),
                "correct data.text_column",
            )
        return data.text_column
    if data.task.startswith("table_"):
        return None
    columns = describe(features, target=None)
    texts = [column.name for column in columns if column.kind == "text"]
    useful = [column for column in columns if column.kind in ("number", "category", "boolean", "date")]
    if data.task.startswith("text_") and len(texts) != 1:
        raise UsageError(
            "which column holds the texts is not certain",
            visible(f"text columns: {', '.join(texts) or 'none'}"),
            "name it with --set data.text_column=COLUMN",
        )
    return texts[0] if texts and (not useful or data.task.startswith("text_")) else None


def _as_texts(base: dict[str, Any], features: pl.DataFrame, column: str) -> Examples:
    from firstlight.data.tables.values import as_text

    texts = [text[:LONGEST_TEXT] for text in as_text(features[column]).fill_null("").to_list()]
    others = [name for name in features.columns if name != column]
    notes = [*base["notes"], f"texts are read from the column {visible(column)}"]
    if others:
        notes.append(f"columns that are not used: {', '.join(visible(name) for name in others[:20])}")
    content = Texts(texts=tuple(texts), column=column)
    return Examples(**(base | {"notes": tuple(notes)}), content=content, digests=text_digests(texts))


def text_digests(texts: list[str]) -> NDArray[np.bytes_]:
    """(rows,): equal for texts that are equal but for case, width and blanks."""
    from firstlight.data.texts.duplicates import same_texts

    groups = same_texts(texts)
    return np.ascontiguousarray(groups.astype("<u8")).view("S8")


def _as_rows(
    base: dict[str, Any], features: pl.DataFrame, targets: tuple[str, ...], data: Data, headline: str
) -> Examples:
    from firstlight.data.tables.columns import describe
    from firstlight.data.tables.leaks import row_keys

    for key, name in (("data.group", data.group), ("data.time", data.time)):
        if name is not None and name not in features.columns:
            raise UsageError(
                "there is no such column",
                visible(f"{key} = {name}; there are {', '.join(features.columns[:20])}"),
                f"correct {key}",
            )
    columns = describe(features, target=None)
    content = Rows(
        frame=features,
        columns=_usable(columns, data),
        targets=targets,
        headline=headline,
        group=data.group,
        time=data.time,
    )
    keys = np.ascontiguousarray(row_keys(features, columns).astype("<u8")).view("S8")
    left = [f"{visible(c.name)} ({c.kind})" for c in columns if c.kind in ("id", "constant", "empty", "text")]
    notes = base["notes"] + ((f"columns that a model does not see: {', '.join(left[:20])}",) if left else ())
    return Examples(**(base | {"notes": notes}), content=content, digests=keys)


def _usable(columns: tuple[Column, ...], data: Data) -> tuple[Column, ...]:
    """The group column only keeps rows together: a model that saw it could not be used on a new group."""
    from dataclasses import replace

    return tuple(
        replace(column, kind="id", reason="it is data.group") if column.name == data.group else column
        for column in columns
    )


SOURCE = Source(matches=_matches, read=_read, rank=2)
