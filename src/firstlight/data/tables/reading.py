"""A table from a file: CSV, TSV, JSON lines, a JSON array or Parquet, and gzip of the text ones.

What the file is, is seen in its bytes; its name only helps. Values of text formats stay text, so that 007 is kept
and no row decides the type of a column. What was found out is told by `Form.sentence` and `notes`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from firstlight.data.examples import Skipped
from firstlight.data.tables.decimals import comma_columns
from firstlight.data.tables.files.content import read_content
from firstlight.data.tables.files.delimited import MAX_BAD_FRACTION, Delimited, read_delimited
from firstlight.data.tables.files.json_rows import Rows, read_rows
from firstlight.data.tables.files.parquet import plain_types
from firstlight.data.tables.form import Form
from firstlight.data.tables.places import Places, counted
from firstlight.errors import DataError
from firstlight.experiment import store
from firstlight.text import visible

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")
PARQUET = b"PAR1"
# What people name by mistake, by its first bytes.
NO_TABLES = {
    b"PK\x03\x04": "an Excel or zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PARE": "an encrypted Parquet file",
    b"BZh": "a bzip2 file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\xfd7zXZ": "an xz file",
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"SQLite format 3": "an SQLite database",
    b"ARROW1": "an Arrow file",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
}
EXPECTED = "save it as CSV, TSV, JSON lines or Parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTable:
    """A table as it was read.

    `frame` has only String columns when it comes from a delimited file, outer blanks stripped and empty values
    null; other formats keep text, numbers, booleans, dates and times.
    """

    frame: pl.DataFrame
    form: Form
    places: Places  # of the rows
    left_out: tuple[Skipped, ...]  # lines that do not fit, by their line in the file
    notes: tuple[str, ...]
    fingerprint: str  # hex SHA-256 of the file's bytes


def read_table(path: Path, *, allowed: float = MAX_BAD_FRACTION) -> ReadTable:
    """Reads one file.

    Args:
        path: The file.
        allowed: Share of its lines that need not fit; one line need never.

    Raises:
        DataError: It is no table, is damaged, has no rows, or too many of its lines do not fit.
        ResourceError: It does not fit the memory.
    """
    return read_named(path, None, allowed=allowed)


def read_named(path: Path, names: tuple[str, ...] | None, *, allowed: float = MAX_BAD_FRACTION) -> ReadTable:
    """The same, for a file whose columns are known from another file of the table; needed where it has no header."""
    start = _start(path)
    for magic, what in NO_TABLES.items():
        if start.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(magic.lower()):
            raise DataError(f"the file is {what}", visible(str(path)), EXPECTED)
    fingerprint = store.sha256(path)
    if start.startswith(PARQUET):
        return _from_parquet(path, fingerprint)
    if path.suffix.lower() in (".parquet", ".pq"):
        raise DataError("the file is no Parquet", visible(f"{path}: it starts with {start[:4]!r}"), EXPECTED)
    return _from_text(path, fingerprint, names, allowed)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as error:
        raise DataError(
            "the file cannot be read", visible(f"{path}: {error.strerror}"), "name a file that can be read"
        ) from None


def _suffix(path: Path) -> str:
    """The suffix in lower case, that of `table.csv.gz` being `.csv`."""
    return (Path(path.stem) if path.suffix.lower() == ".gz" else path).suffix.lower()


def _from_text(path: Path, fingerprint: str, names: tuple[str, ...] | None, allowed: float) -> ReadTable:
    content = read_content(path)
    suffix = _suffix(path)
    objects = content.utf8.lstrip()[:1] == b"{" or suffix in (".jsonl", ".ndjson", ".json")
    found: Delimited | Rows
    if objects:
        found = read_rows(content.utf8, str(path), allowed=allowed)
        form = Form(format="json" if found.array else "json_lines", encoding=content.encoding)
    else:
        preferred = "\t" if suffix in (".tsv", ".tab") else ","
        found = read_delimited(content.utf8, str(path), preferred=preferred, names=names, allowed=allowed)
        form = Form(
            format="delimited",
            encoding=content.encoding,
            delimiter=found.delimiter,
            header=found.header,
        )
    frame = found.frame
    return ReadTable(
        frame=frame,
        form=dataclasses.replace(
            form,
            rows=len(frame),
            columns=frame.width,
            compressed=content.compressed,
            commas=comma_columns(frame, together=form.columns_agree),
        ),
        places=Places(numbers=found.numbers),
        left_out=found.left_out,
        notes=content.notes + found.notes,
        fingerprint=fingerprint,
    )


def _from_parquet(path: Path, fingerprint: str) -> ReadTable:
    import polars as pl

    try:
        frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    # Polars panics on some damaged files, and its PanicException is no Exception.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        first = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(
            "the Parquet file is damaged", visible(f"{path}: {first}"), "write it again"
        ) from None
    if not len(frame) or not frame.width:
        raise DataError("the table has no rows", visible(str(path)), "add rows, or name another file")
    frame, notes = plain_types(frame)
    commas = comma_columns(frame, together=False)
    return ReadTable(
        frame=frame,
        form=Form(format="parquet", rows=len(frame), columns=frame.width, commas=commas),
        places=counted(len(frame)),
        left_out=(),
        notes=notes,
        fingerprint=fingerprint,
    )
