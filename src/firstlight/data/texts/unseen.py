"""New texts without labels, for predictions: a file, a folder of files, or a table with a column of texts."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from firstlight.data.source import is_litter, new_file
from firstlight.data.texts.decode import decode
from firstlight.data.texts.files import SUFFIX
from firstlight.data.texts.reading import LARGEST_FILE, LONGEST, looks_like_text
from firstlight.errors import DataError, UsageError
from firstlight.text import visible


@dataclass(slots=True)
class NewTexts:
    """Texts in order, and what was left out."""

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def read_unseen(source: str, column: str | None) -> NewTexts:
    """Reads new texts.

    Args:
        source: As the user named it.
        column: The column of texts in the training table; None when it was no table.

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
    else:
        found = _from_table(path, source, column)
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


def _from_table(path: Path, source: str, column: str | None) -> NewTexts:
    from firstlight.data.tables.reading import read_table
    from firstlight.data.tables.values import as_text

    table = read_table(path)
    name = column if column in table.frame.columns else _only_text_column(table.frame, source, column)
    texts = as_text(table.frame[name]).fill_null("").to_list()
    told = () if name == column else (f"texts are read from the column {visible(name)}",)
    return NewTexts(
        ids=[f"row-{i + 1}" for i in range(len(texts))],
        texts=[text[:LONGEST] for text in texts],
        notes=(*table.notes, *told),
    )


def _only_text_column(frame: object, source: str, wanted: str | None) -> str:
    import polars as pl

    assert isinstance(frame, pl.DataFrame)
    names = [
        name
        for name in frame.columns
        if frame[name].dtype == pl.String and looks_like_text([v or "" for v in frame[name].to_list()])
    ]
    if len(names) == 1:
        return names[0]
    raise UsageError(
        "which column holds the texts is not certain",
        visible(
            f"{source}: the training column {wanted} is not there; columns {', '.join(frame.columns[:20])}"
        ),
        "give the table the same column of texts as in training",
    )
