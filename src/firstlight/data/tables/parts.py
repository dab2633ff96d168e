"""Several files that are the train, val and test rows of one table."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import Part, Skipped
from firstlight.data.tables.decimals import comma_columns
from firstlight.data.tables.files.delimited import MAX_BAD_FRACTION
from firstlight.data.tables.places import joined
from firstlight.data.tables.reading import ReadTable, read_named, read_table
from firstlight.errors import DataError
from firstlight.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadParts:
    """One table from several files."""

    table: ReadTable  # the rows of all files, in the order train, val, test
    parts: NDArray[np.int8]  # (rows,), values of Part
    target: str | None  # the one column that a test file lacks, when there is such a file


def read_parts(paths: dict[Part, Path], *, allowed: float = MAX_BAD_FRACTION) -> ReadParts:
    """Reads the files.

    The names in the header of one file count for those without. A test file that lacks one column has no target:
    it is left out with a note, since nothing can be measured on it, and tells which column the target is.

    Args:
        paths: The file of each part.
        allowed: Share of the lines of a file that need not fit; one line need never.

    Raises:
        DataError: A file cannot be read, or its columns are others than those of the first.
    """
    tables = _read_all(dict(sorted(paths.items())), allowed)
    first = next(iter(tables))
    columns = set(tables[first].frame.columns)
    target, notes = None, []
    for part in list(tables)[1:]:
        differing = columns ^ set(tables[part].frame.columns)
        if part == Part.TEST and len(differing) == 1 and differing <= columns:
            (target,) = differing
            del tables[part]
            notes.append(
                f"{visible(paths[part].name)} has no column {visible(target)}: left out, use predict on it"
            )
        elif differing:
            shown = ", ".join(visible(name) for name in sorted(differing))
            place = f"only one of {visible(paths[first].name)} and {visible(paths[part].name)} has {shown}"
            raise DataError("the files have different columns", place, "give all files the same columns")
    sizes = [len(table.frame) for table in tables.values()]
    numbers = np.array([int(part) for part in tables], np.int8)
    return ReadParts(table=_joined(tables, paths, notes), parts=np.repeat(numbers, sizes), target=target)


def _read_all(paths: dict[Part, Path], allowed: float) -> dict[Part, ReadTable]:
    """Every file; one without a header takes the names of one that has one."""
    tables = {part: read_table(path, allowed=allowed) for part, path in paths.items()}
    named = [table for table in tables.values() if table.form.header]
    if not named or len(named) == len(tables):
        return tables
    names = tuple(named[0].frame.columns)
    return {
        part: table if table.form.header else read_named(paths[part], names, allowed=allowed)
        for part, table in tables.items()
    }


def _joined(tables: dict[Part, ReadTable], paths: dict[Part, Path], notes: list[str]) -> ReadTable:
    import polars as pl

    first = next(iter(tables.values()))
    frame = pl.concat(
        (table.frame.select(first.frame.columns) for table in tables.values()), how="vertical_relaxed"
    )
    said = [f"{visible(paths[part].name)}: {note}" for part, table in tables.items() for note in table.notes]
    commas = comma_columns(frame, together=first.form.columns_agree)
    notes += [
        f"{visible(paths[part].name)} seems to have another mark of decimals in {', '.join(map(visible, sorted(odd)))}"
        for part, table in tables.items()
        if (odd := table.form.commas - commas)
    ]
    left_out = tuple(
        Skipped(id=f"{paths[part].name} {skipped.id}", reason=skipped.reason)
        for part, table in tables.items()
        for skipped in table.left_out
    )
    whole = hashlib.sha256("".join(f"{part.name} {t.fingerprint}\n" for part, t in tables.items()).encode())
    return ReadTable(
        frame=frame,
        form=dataclasses.replace(first.form, rows=len(frame), commas=commas),
        places=joined([(paths[part].name, table.places) for part, table in tables.items()]),
        left_out=left_out,
        notes=(*said, *notes),
        fingerprint=whole.hexdigest(),
    )
