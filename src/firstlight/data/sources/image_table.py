"""A table with a column of image paths and a column of classes: CSV, TSV, JSON lines or Parquet.

Paths are relative to the table's folder and may not leave it, through links only with `data.follow_links`.
A column named `split` (or `part`) with train,
val and test is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import PARTS, Listing, Part
from firstlight.data.images.decoding import SUFFIXES
from firstlight.data.opened import ALLOW
from firstlight.data.source import NAMES_SHOWN, Source, check_left_out, wants
from firstlight.data.tables.files.parquet import plain_types
from firstlight.data.tables.ids import unread
from firstlight.data.tables.names import existing
from firstlight.data.tables.reading import ReadTable, check_parquet, read_table
from firstlight.data.texts.decode import decode
from firstlight.errors import DataError, Undecided
from firstlight.text import count, visible

if TYPE_CHECKING:
    import polars as pl

    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress

READERS = {".csv": ",", ".tsv": "\t", ".jsonl": None, ".ndjson": None, ".parquet": None, ".pq": None}
LOOKED_AT = 200  # values of a column that are looked at to find the paths
LINES_SHOWN = 5
START_BYTES = 2**20  # in which those lines are looked for
PATHS_WANTED = 0.5  # share of them that must be paths of images
PART_COLUMNS = ("split", "part", "subset")
TARGET_NAMES = ("label", "target", "class", "y", "category")


def _matches(data: Data, path: Path) -> bool:
    if path.suffix.lower() not in READERS or not os.path.isfile(path) or not wants(data, "image"):
        return False
    return data.path_column is not None or data.task != "auto" or _names_images(path)


def _names_images(path: Path) -> bool:
    """Whether a column of the first rows holds paths of images; a table that cannot be read is none."""
    import polars as pl

    try:
        head = _head(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, DataError):
        return False
    return bool(_with_paths(head))


def _head(path: Path) -> pl.DataFrame:
    """The first rows, leniently: what is wrong with a list of images is told when it is read."""
    import polars as pl

    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq"):
        check_parquet(path)
        head = pl.scan_parquet(path, glob=False, hive_partitioning=False).head(LOOKED_AT).collect()
        return plain_types(head)[0]
    with path.open("rb") as file:
        text = decode(file.read(START_BYTES))[0]
    if READERS[suffix] is None:
        return _keys(text.splitlines()[:LOOKED_AT])
    return pl.read_csv(
        text.encode("utf-8", "replace"),
        separator=READERS[suffix] or ",",
        infer_schema=False,
        n_rows=LOOKED_AT,
        truncate_ragged_lines=True,
    )


def _keys(lines: list[str]) -> pl.DataFrame:
    """The texts of each key in lines of JSON objects; any other value is an empty one."""
    import polars as pl

    items = []
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            item = json.loads(line)
            items += [item] if isinstance(item, dict) else []
    keys = dict.fromkeys(key for item in items for key in item)
    columns = ([_text(item.get(key)) for item in items] for key in keys)
    return pl.DataFrame([pl.Series(str(i), values, pl.String) for i, values in enumerate(columns)])


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text for polars
    return None if value is None else ""


def _with_paths(table: pl.DataFrame) -> list[str]:
    """The columns of which most first values are paths of images; all are looked at in one pass."""
    import polars as pl

    texts = [name for name, dtype in table.schema.items() if dtype == pl.String]
    endings = "|".join(re.escape(suffix) for suffix in sorted(SUFFIXES))
    first = pl.col(pl.String).drop_nulls().head(LOOKED_AT)
    shares = table.select(first.str.contains(rf"(?i)[^/\\]({endings})$").mean()).row(0) if texts else ()
    return [name for name, share in zip(texts, shares, strict=True) if (share or 0) >= PATHS_WANTED]


def _read(data: Data, path: Path, progress: Progress) -> Listing:
    found = read_table(path, allowed=data.max_bad_fraction)
    left_out, table = found.left_out, found.frame
    check_left_out(left_out, len(table) + len(left_out), data.max_bad_fraction, path)
    images = _path_column(data, table, path)
    target = _target_column(data, table, images, path)
    part_column = next(
        (c for c in table.columns if c.lower() in PART_COLUMNS and c not in (images, target)), None
    )
    notes = [
        *_told(found),
        f"image paths are read from the column {visible(images)}, classes from {visible(target)}",
    ]
    whole = (table[images].is_not_null() & table[target].is_not_null()).to_numpy()
    keep = table.filter(whole)
    if len(keep) < len(table):
        lacking = found.places.take(np.flatnonzero(~whole)).ids()[:NAMES_SHOWN]
        notes.append(
            f"{count(len(table) - len(keep), 'row')} without a path or a class left out: {', '.join(lacking)}"
        )
    names = [str(v) for v in keep[images].to_list()]
    values = [str(v) for v in keep[target].to_list()]
    files = _files(names, path.parent, data.follow_links)
    classes = tuple(sorted(set(values)))
    index = {name: number for number, name in enumerate(classes)}
    return Listing(
        source=data.source or str(path),
        root=path.parent,
        ids=_ids(names),
        labels=np.array([index[v] for v in values], dtype=np.int64),
        classes=classes,
        parts=_parts(keep[part_column].to_list() if part_column else None, len(keep), notes),
        files=files,
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The images that a table names, one for each row that has a path."""

    names: tuple[str, ...]  # as written
    files: tuple[Path, ...]
    left_out: tuple[str, ...]  # lines that do not fit and rows without a path, each with its reason
    notes: tuple[str, ...]


def read_paths(path: Path, follow_links: bool) -> Paths:
    """The image paths of a table; no classes are needed.

    Raises:
        DataError: The table cannot be read, holds no paths, or one leaves the table's folder.
    """
    from firstlight.config.schema import Data

    found = read_table(path)
    table = found.frame
    column = _path_column(Data(), table, path)
    names = tuple(str(value) for value in table[column].drop_nulls().to_list())
    without = found.places.take(np.flatnonzero(table[column].is_null().to_numpy())).ids()
    return Paths(
        names=names,
        files=_files(list(names), path.parent, follow_links),
        left_out=(*unread(found), *(f"{row} (no path)" for row in without)),
        notes=found.notes,
    )


def _told(found: ReadTable) -> list[str]:
    """What was seen while the table was read."""
    if not found.left_out:
        return list(found.notes)
    shown = "; ".join(f"{row.id}: {row.reason}" for row in found.left_out[:LINES_SHOWN])
    return [*found.notes, f"{count(len(found.left_out), 'line')} could not be read: {visible(shown)}"]


def _path_column(data: Data, table: pl.DataFrame, path: Path) -> str:
    if data.path_column is not None:
        return existing(table, data.path_column, "data.path_column")
    found = _with_paths(table)
    if found:
        return found[0]
    raise DataError(
        "no column of the table holds image paths",
        visible(f"{path}: columns {table.columns[:20]}"),
        "name it with --set data.path_column=COLUMN",
    )


def _target_column(data: Data, table: pl.DataFrame, images: str, path: Path) -> str:
    if data.target is not None:
        return existing(table, data.target, "--target")
    others = [c for c in table.columns if c != images and c.lower() not in PART_COLUMNS]
    if len(others) == 1:
        return others[0]
    if not others:
        raise DataError("the table has no column of classes", visible(f"{path}: {table.columns}"), "add one")
    obvious = [c for c in others if c.lower() in TARGET_NAMES]
    if len(obvious) == 1:
        return obvious[0]
    raise Undecided(
        "which column is the class is not certain",
        visible(f"{path}: {', '.join(others[:20])}"),
        f"name it, for example --target {visible((obvious or others[-1:])[0])}",
        key="data.target",
        proposals=tuple(dict.fromkeys([*obvious, others[-1], *others])),
    )


def _files(names: list[str], root: Path, follow_links: bool) -> tuple[Path, ...]:
    inside = root.resolve()
    files = []
    for name in names:
        path = root / name
        try:
            named = Path(os.path.normpath(name))  # without the way that links take
            stays = not named.is_absolute() and ".." not in named.parts
            linked = stays and not path.resolve().is_relative_to(inside)
        except (
            OSError,
            RuntimeError,
            ValueError,
        ) as error:  # a circle of links, a name that no disk can hold
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(
                "an image path is none", visible(f"{name}: {reason}"), "correct the table"
            ) from None
        if linked and not follow_links:
            raise DataError("an image path is a link that leaves the table's folder", visible(name), ALLOW)
        if not stays:
            raise DataError(
                "an image path leaves the table's folder",
                visible(name),
                "write paths relative to the table, to images below its folder",
            )
        files.append(path)
    return tuple(files)


def _ids(names: list[str]) -> tuple[str, ...]:
    """The path, with a number where a path is named twice."""
    seen: dict[str, int] = {}
    taken = set(names)
    ids = []
    for name in names:
        number = seen.get(name, 0)
        row = name
        while number and (row := f"{name}#{number}") in taken:
            number += 1
        seen[name] = number + 1
        taken.add(row)
        ids.append(row)
    return tuple(ids)


def _parts(values: list[Any] | None, rows: int, notes: list[str]) -> np.ndarray[Any, np.dtype[np.int8]]:
    if values is None:
        return np.full(rows, Part.UNASSIGNED, np.int8)
    parts = [PARTS.get(str(v).lower()) for v in values]
    if None in parts or Part.TRAIN not in parts:
        notes.append("the split column has other values than train, val and test and was not used")
        return np.full(rows, Part.UNASSIGNED, np.int8)
    return np.array(parts, dtype=np.int8)


SOURCE = Source(
    matches=_matches,
    read=_read,
    noun="a table of image paths",
    tasks=("image_classification",),
    settings=frozenset({"target", "path_column", "channels", "image_size", "follow_links"}),
)
