"""In what form a table was written: what was found out about the file, and the sentence that tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firstlight.text import count, visible

Format = Literal["delimited", "json_lines", "json", "parquet"]

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
FORMATS = {"json_lines": "JSON lines", "json": "a JSON array", "parquet": "Parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What was found; the fields that a format does not have keep their defaults."""

    format: Format
    rows: int = 0  # read, without those left out
    columns: int = 0
    compressed: bool = False
    encoding: str = ""  # "UTF-8", "UTF-8 with mark", "UTF-16 LE", ...
    delimiter: str | None = None  # None = one column
    commas: frozenset[str] = frozenset()  # columns of text whose numbers have a decimal comma
    header: bool = True  # False = the columns are called column_1, column_2, ...

    @property
    def columns_agree(self) -> bool:
        """Whether a column that does not show its mark of decimals has that of the others."""
        return self.format == "delimited" and self.delimiter != ","

    def sentence(self) -> str:
        """One line for the person: `344 rows, 7 columns: separated by commas, UTF-8, with a header`."""
        told = [self._layout()]
        if self.encoding:
            told.append(self.encoding)
        if self.format == "delimited":
            told.append(
                "with a header" if self.header else "no header, columns are called column_1 and so on"
            )
        if self.commas:
            told.append("decimal comma")
        if self.compressed:
            told.append("gzip")
        return f"{count(self.rows, 'row')}, {count(self.columns, 'column')}: {', '.join(told)}"

    def _layout(self) -> str:
        if self.format != "delimited":
            return FORMATS[self.format]
        if self.delimiter is None:
            return "one value a line"
        return f"separated by {DELIMITERS.get(self.delimiter, visible(self.delimiter))}"
