"""A table with a column of image paths and a column of classes: CSV, TSV, JSON lines or Parquet.

Paths are relative to the table's folder and may not leave it. A column named `split` (or `part`) with train,
val and test is kept.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import PARTS, Listing, Part
from firstlight.data.images.decoding import SUFFIXES
from firstlight.data.source import NAMES_SHOWN, Source, wants
from firstlight.data.tables.names import existing
from firstlight.errors import DataError, Undecided
from firstlight.text import count, visible

if TYPE_CHECKING:
    import polars as pl

    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress

READERS = {".csv": ",", ".tsv": "\t", ".jsonl": None, ".ndjson": None, ".parquet": None, ".pq": None}
LOOKED_AT = 200  # values of a column that are looked at to find the paths
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
        if path.suffix.lower() in (".parquet", ".pq"):
            head = pl.scan_parquet(path).head(LOOKED_AT).collect()
        elif READERS[path.suffix.lower()] is None:
            head = pl.read_ndjson(path, n_rows=LOOKED_AT, infer_schema_length=LOOKED_AT)
        else:
            # Leniently: what is wrong with a list of images is told when it is read.
            head = pl.read_csv(
                path,
                separator=READERS[path.suffix.lower()] or ",",
                infer_schema=False,
                n_rows=LOOKED_AT,
                encoding="utf8-lossy",
                truncate_ragged_lines=True,
            )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        return False
    return bool(_with_paths(head))


def _with_paths(table: pl.DataFrame) -> list[str]:
    """The columns of which most first values are paths of images; all are looked at in one pass."""
    import polars as pl

    texts = [name for name, dtype in table.schema.items() if dtype == pl.String]
    endings = "|".join(re.escape(suffix) for suffix in sorted(SUFFIXES))
    first = pl.col(texts).drop_nulls().head(LOOKED_AT)
    shares = table.select(first.str.contains(rf"(?i)[^/\\]({endings})$").mean()).row(0) if texts else ()
    return [name for name, share in zip(texts, shares, strict=True) if (share or 0) >= PATHS_WANTED]


def _read(data: Data, path: Path, progress: Progress) -> Listing:
    import polars as pl

    table = _table(path)
    if not len(table):
        raise DataError("the table has no rows", str(path), "add rows, or name another file")
    images = _path_column(data, table, path)
    target = _target_column(data, table, images, path)
    part_column = next(
        (c for c in table.columns if c.lower() in PART_COLUMNS and c not in (images, target)), None
    )
    notes = [f"image paths are read from the column {visible(images)}, classes from {visible(target)}"]
    keep = table.filter(table[images].is_not_null() & table[target].is_not_null())
    if len(keep) < len(table):
        lacking = table.select(pl.any_horizontal(pl.col(images, target).is_null())).to_series()
        shown = _rows(lacking)[:NAMES_SHOWN]
        notes.append(
            f"{count(len(table) - len(keep), 'row')} without a path or a class left out: {', '.join(shown)}"
        )
    names = [str(v) for v in keep[images].to_list()]
    values = [str(v) for v in keep[target].to_list()]
    files = _files(names, path.parent)
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


def _rows(chosen: pl.Series) -> list[str]:
    """The rows for which this holds, counted from 1."""
    return [f"row-{row + 1}" for row in chosen.arg_true().to_list()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The images that a table names, one for each row that has a path."""

    names: tuple[str, ...] = ()  # as written
    files: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()  # rows without a path


def read_paths(path: Path) -> Paths:
    """The image paths of a table; no classes are needed.

    Raises:
        DataError: The table cannot be read, holds no paths, or one leaves the table's folder.
    """
    from firstlight.config.schema import Data

    table = _table(path)
    if not len(table):
        return Paths()
    column = _path_column(Data(), table, path)
    names = tuple(str(value) for value in table[column].drop_nulls().to_list())
    return Paths(
        names=names,
        files=_files(list(names), path.parent),
        left_out=tuple(f"{row} (no path)" for row in _rows(table[column].is_null())),
    )


def _table(path: Path) -> pl.DataFrame:
    import polars as pl

    suffix = path.suffix.lower()
    try:
        if suffix in (".parquet", ".pq"):
            return pl.read_parquet(path)
        if suffix in (".jsonl", ".ndjson"):
            return pl.read_ndjson(path, infer_schema_length=None)
        # Everything stays text: a class 007 or 1.0 is a name, not a number.
        return pl.read_csv(path, separator=READERS[suffix] or ",", infer_schema=False, encoding="utf8")
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            "the table cannot be read", visible(f"{path}: {first}"), "save it as UTF-8 with a header"
        ) from None


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


def _files(names: list[str], root: Path) -> tuple[Path, ...]:
    inside = root.resolve()
    files = []
    for name in names:
        path = root / name
        try:
            stays = not Path(name).is_absolute() and path.resolve().is_relative_to(inside)
        except (
            OSError,
            RuntimeError,
            ValueError,
        ) as error:  # a circle of links, a name that no disk can hold
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(
                "an image path is none", visible(f"{name}: {reason}"), "correct the table"
            ) from None
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
    settings=frozenset({"target", "path_column", "channels", "image_size"}),
)
