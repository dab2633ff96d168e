"""A table: rows of numbers and categories, or columns of texts, and a target column.

One file, or a folder with files called train, val and test (also `adult-train.csv`), whose split is kept.
A table in which only texts say something is a set of texts.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import PARTS, Examples, Part, Rows, Skipped, Texts
from firstlight.data.source import Source, check_left_out, is_litter, wants
from firstlight.data.tables.reading import SUFFIXES, ReadTable, read_table
from firstlight.errors import DataError, UsageError
from firstlight.text import visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.data.tables.column import Column, Kind
    from firstlight.data.tables.places import Places
    from firstlight.data.tables.task import TargetValues, Task
    from firstlight.data.tables.values import Mark
    from firstlight.watch.progress import Progress

LONGEST_TEXT = 1_000_000  # characters of a text that are kept (judgement)
NAMES_SHOWN = 20
TASKS = ("classification", "multilabel", "regression")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """What was read: the table, the part of each row, and a target that the files themselves tell."""

    read: ReadTable
    parts: NDArray[np.int8] | None = None
    target: str | None = None


def _matches(data: Data, path: Path) -> bool:
    if not (wants(data, "table") or wants(data, "text")):
        return False
    return _is_table(path) or (os.path.isdir(path) and Part.TRAIN in _part_files(path))


def _is_table(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    # Unlike Path's own, it knows that no file has a name of 300 letters.
    return name.endswith(SUFFIXES) and os.path.isfile(path)


def _part_files(folder: Path) -> dict[Part, list[Path]]:
    """Files that are called after a part."""
    found: dict[Part, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        words = path.name.lower().split(".")[0].replace("-", "_").split("_")
        part = next((PARTS[word] for word in words if word in PARTS), None)
        if part is not None and _is_table(path) and not is_litter(path.name):
            found.setdefault(part, []).append(path)
    return found


def _read(data: Data, path: Path, progress: Progress) -> Examples:
    from firstlight.data.tables import roles
    from firstlight.data.tables.columns import describe, typed
    from firstlight.data.tables.target import choose_target
    from firstlight.data.tables.task import decide_task

    progress.advance("reading the table", 0, 1)
    table = _table(path, data.max_bad_fraction)
    progress.advance("reading the table", 1, 1)
    left_out, places = table.read.left_out, table.read.places
    check_left_out(left_out, len(table.read.frame) + len(left_out), data.max_bad_fraction, path)
    roles.check_apart(table.read.frame, data)
    frame = roles.without(table.read.frame, data.drop)
    target = choose_target(frame, data.target or table.target)
    commas = table.read.form.commas
    values = decide_task(frame, target, _wanted(data), places=places, commas=commas)
    kept = places.take(values.rows)
    notes = [*table.read.notes, *values.notes]
    features, parts = frame.drop(target.columns)[values.rows], table.parts
    if parts is None:
        features, parts = roles.split_column(features, notes)
    else:
        parts = parts[values.rows]
    base = {
        "source": data.source or str(path),
        "task": values.task,
        "ids": kept.ids(),
        "targets": np.array(values.values),  # a copy: polars gives memory that cannot be written
        "classes": values.classes,
        "parts": parts,
        "skipped": (*left_out, *_without_target(values, places)),
        "ignored": (),
        "fingerprint": _fingerprint(table.read.fingerprint, target.columns, data.drop),
        **_order(features, data, kept, commas, notes),
    }
    columns = _with_roles(describe(features, target=None, places=kept, commas=commas), data)
    texts = roles.text_columns(features, columns, data.text_column, data.task)
    headline = table.read.form.sentence()
    if texts:
        ids = tuple(column.name for column in columns if column.kind == "id" and column.name not in texts)
        return _as_texts(base, features, Texts(
            texts=(),
            columns=texts,
            id_columns=ids,
            headline=headline,
        ), notes)  # fmt: skip
    return _as_rows(base, Rows(
        frame=typed(features, columns),
        columns=columns,
        targets=target.columns,
        headline=headline,
        group=data.group,
        time=data.time,
        set_aside=tuple(n for n in table.read.frame.columns if n not in (*features.columns, *target.columns)),
    ), notes)  # fmt: skip


def _table(path: Path, allowed: float) -> _Table:
    from firstlight.data.tables.parts import read_parts

    if not path.is_dir():
        return _Table(read=read_table(path, allowed=allowed))
    files = _part_files(path)
    twice = [file.name for several in files.values() if len(several) > 1 for file in several]
    if twice:
        raise DataError(
            "several files are the same part of the data",
            visible(f"{path}: {', '.join(twice[:NAMES_SHOWN])}"),
            "keep one for each of train, val and test, or name a single file",
        )
    found = read_parts({part: file for part, (file,) in files.items()}, allowed=allowed)
    return _Table(read=found.table, parts=found.parts, target=found.target)


def _wanted(data: Data) -> Task | None:
    kind = data.task.partition("_")[2]
    return kind if kind in TASKS else None  # type: ignore[return-value]


def _without_target(values: TargetValues, places: Places) -> tuple[Skipped, ...]:
    absent = np.setdiff1d(np.arange(len(places.numbers)), values.rows)
    return tuple(Skipped(id=row, reason="no target") for row in places.take(absent).ids())


def _fingerprint(content: str, target: tuple[str, ...], drop: tuple[str, ...] | None) -> str:
    text = "\n".join([content, *target, "drop", *(drop or ())])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _order(
    features: pl.DataFrame, data: Data, places: Places, commas: frozenset[str], notes: list[str]
) -> dict[str, Any]:
    """Groups, times and weights of the rows, where they are named."""
    from firstlight.data.tables import roles
    from firstlight.data.tables.names import existing

    found: dict[str, Any] = {}
    if data.group is not None:
        series = features[existing(features, data.group, "data.group")]
        found["groups"] = roles.groups_of(series, notes)
    if data.time is not None:
        series = features[existing(features, data.time, "data.time")]
        found["times"] = roles.times_of(series, _mark(data.time, commas), notes)
    if data.weight is not None:
        series = features[existing(features, data.weight, "data.weight")]
        found["weights"] = roles.weights_of(series, _mark(data.weight, commas), places, notes)
    return found


def _mark(name: str, commas: frozenset[str]) -> Mark:
    return "," if name in commas else "."


def _with_roles(columns: tuple[Column, ...], data: Data) -> tuple[Column, ...]:
    """Columns of groups, times and weights are no features, and no ids, however different their values are.

    New rows come from new groups, later times, and without a weight: what is learnt from these says nothing of them.
    """
    kinds: dict[str | None, Kind] = {data.weight: "weight", data.time: "time", data.group: "group"}
    return tuple(
        replace(column, kind=kind, reason=f"it is data.{kind}")
        if (kind := kinds.get(column.name))
        else column
        for column in columns
    )


def _as_texts(base: dict[str, Any], features: pl.DataFrame, content: Texts, notes: list[str]) -> Examples:
    """The examples of a table of texts; `content` says all but the texts."""
    from firstlight.data.tables.roles import joined_texts

    if base.get("weights") is not None:
        raise UsageError(
            "rows of texts all count alike",
            "data.weight is set, and the table is a set of texts",
            "leave data.weight away, or ask for --set data.task=table_classification",
        )
    names = content.columns
    texts = joined_texts(features, names, LONGEST_TEXT)
    shown = ", ".join(visible(name) for name in names)
    notes.append(f"texts are read from the {'columns' if len(names) > 1 else 'column'} {shown}")
    others = [visible(name) for name in features.columns if name not in names]
    if others:
        notes.append(f"columns that are not used: {', '.join(others[:NAMES_SHOWN])}")
    content = replace(content, texts=tuple(texts))
    return Examples(**base, notes=tuple(notes), content=content, digests=text_digests(texts))


def text_digests(texts: list[str]) -> NDArray[np.bytes_]:
    """(rows,): equal for texts that are equal but for case, width and blanks."""
    from firstlight.data.texts.duplicates import same_texts

    groups = same_texts(texts)
    return np.ascontiguousarray(groups.astype("<u8")).view("S8")


def _as_rows(base: dict[str, Any], rows: Rows, notes: list[str]) -> Examples:
    from firstlight.data.tables.leaks import row_keys
    from firstlight.data.tables.roles import USEFUL

    notes += [f"{visible(c.name)}: {c.taken_as_missing}" for c in rows.columns if c.taken_as_missing]
    left = [f"{visible(c.name)} ({c.kind})" for c in rows.columns if c.kind not in USEFUL]
    if left:
        notes.append(f"columns that a model does not see: {', '.join(left[:NAMES_SHOWN])}")
    if any(column.kind == "text" for column in rows.columns):
        notes.append(
            "to learn from the texts instead: --set data.task=text_classification or text_regression"
        )
    keys = np.ascontiguousarray(row_keys(rows.frame, rows.columns).astype("<u8")).view("S8")
    return Examples(**base, notes=tuple(notes), content=rows, digests=keys)


SOURCE = Source(
    matches=_matches,
    read=_read,
    noun="a table",
    tasks=tuple(f"{kind}_{task}" for kind in ("table", "text") for task in TASKS),
    settings=frozenset({"target", "text_column", "group", "time", "weight", "drop"}),
    rank=2,
)
