"""New texts without labels, for predictions: a file, a folder of files, or a table with a column of texts."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from firstlight.data.source import is_litter, new_file
from firstlight.data.texts.decode import decode
from firstlight.data.texts.files import SUFFIX
from firstlight.data.texts.reading import LARGEST_FILE, LONGEST, looks_like_text
from firstlight.errors import DataError
from firstlight.text import visible

if TYPE_CHECKING:
    import polars as pl


@dataclass(slots=True)
class NewTexts:
    """Texts in order, and what was left out."""

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def read_unseen(source: str, columns: tuple[str, ...], ids: tuple[str, ...] = ()) -> NewTexts:
    """Reads new texts.

    Args:
        source: As the user named it.
        columns: Those of texts in the training table; none when it was no table.
        ids: Columns that named its rows.

    Raises:
        UsageError: There is no such path.
        DataError: It cannot be read, or holds no texts.
    """
    path = Path(new_file(source))
    if path.is_dir():
        found = _below(path)
    elif path.suffix.lower() == SUFFIX:
        found = NewTexts()
        _add(found, path.name, path)
        lines = sum(text.count("\n") + 1 for text in found.texts)
        if lines > 1:
            told = f"{visible(path.name)}: {lines:,} lines, taken as one text; for one a line give a table"
            found.notes = (told,)
    else:
        found = _from_table(path, source, columns, ids)
    if not found.ids and not found.left_out:
        raise DataError(
            "there is no text", visible(source), f"give a {SUFFIX} file, a folder of them, or a table"
        )
    return found


def _below(root: Path) -> NewTexts:
    """Every text file at any depth, in the order of the paths; links to folders are not followed."""
    found = NewTexts()
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not is_litter(name))
        for name in sorted(files):
            if name.lower().endswith(SUFFIX) and not is_litter(name):
                path = Path(folder) / name
                _add(found, path.relative_to(root).as_posix(), path)
    return found


def _add(found: NewTexts, name: str, path: Path) -> None:
    try:
        if path.stat().st_size > LARGEST_FILE:
            found.left_out.append(f"{name} (the file is larger than 1 GiB)")
            return
        text, _ = decode(path.read_bytes())
    except OSError as error:
        found.left_out.append(f"{name} ({error.strerror or error})")
        return
    found.ids.append(name)
    found.texts.append(text.strip()[:LONGEST])


def _from_table(path: Path, source: str, columns: tuple[str, ...], ids: tuple[str, ...]) -> NewTexts:
    from firstlight.data.tables.ids import name_rows, unread
    from firstlight.data.tables.reading import read_table
    from firstlight.data.tables.roles import joined_texts

    table = read_table(path)
    names = _named(table.frame, source, columns)
    texts = joined_texts(table.frame, names, LONGEST)
    told = () if names == columns else (f"texts are read from the column {visible(names[0])}",)
    named = name_rows(table, [name for name in ids if name not in names])
    return NewTexts(
        ids=named.ids,
        texts=texts,
        left_out=unread(table),
        notes=(visible(f"{source}: {table.form.sentence()}"), *table.notes, *told, *named.notes),
    )


def _named(frame: pl.DataFrame, source: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of training; when there are none of them, the only column of texts that the table has.

    Raises:
        DataError: Some of the columns are missing, or it is not certain which column holds the texts.
    """
    import polars as pl

    absent = [name for name in columns if name not in frame.columns]
    if columns and not absent:
        return columns
    if len(absent) < len(columns):
        raise DataError(
            "columns of the training table are missing",
            visible(f"{source}: {', '.join(absent)}"),
            "add them; empty values are allowed",
        )
    if frame.width == 1:
        return tuple(frame.columns)
    names = [
        name
        for name in frame.columns
        if frame[name].dtype == pl.String and looks_like_text([v or "" for v in frame[name].to_list()])
    ]
    if len(names) == 1:
        return (names[0],)
    wanted = f"there is no {' and '.join(columns)}; " if columns else ""
    raise DataError(
        "which column holds the texts is not certain",
        visible(f"{source}: {wanted}columns {', '.join(frame.columns[:20])}"),
        "give the table the same columns of texts as in training, or a single column",
    )
