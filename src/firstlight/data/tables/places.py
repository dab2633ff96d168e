"""Where each row of a table stands in its file, so that a person finds it there.

Rows are counted from 1, the first one below the header. Blank lines do not count, as in other readers of tables;
rows that are left out and repeated headers do, so that one bad line does not shift the numbers after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The file and the number of every row."""

    numbers: NDArray[np.int64]  # (rows,), from 1 in each file
    files: tuple[str, ...] = ()  # names, where the table has several
    sources: NDArray[np.int64] | None = None  # (rows,): places in `files`

    def take(self, rows: NDArray[np.int64]) -> Places:
        """Those of some rows."""
        sources = None if self.sources is None else self.sources[rows]
        return Places(numbers=self.numbers[rows], files=self.files, sources=sources)

    def ids(self) -> tuple[str, ...]:
        """(rows,): `row-7`, and `test.csv:row-7` where the table has several files."""
        names = [f"row-{number}" for number in self.numbers.tolist()]
        if self.sources is None:
            return tuple(names)
        files = (self.files[source] for source in self.sources.tolist())
        return tuple(f"{file}:{name}" for file, name in zip(files, names, strict=True))

    def said(self, row: int) -> str:
        """One of them in a sentence: `row 1,007`, `row 7 of test.csv`."""
        shown = f"row {self.numbers[row]:,}"
        return shown if self.sources is None else f"{shown} of {self.files[self.sources[row]]}"


def counted(rows: int) -> Places:
    """Those of a table whose every row was read."""
    return Places(numbers=np.arange(1, rows + 1))


def joined(parts: Sequence[tuple[str, Places]]) -> Places:
    """Those of several files, one below the other."""
    return Places(
        numbers=np.concatenate([places.numbers for _, places in parts]),
        files=tuple(name for name, _ in parts),
        sources=np.repeat(np.arange(len(parts)), [len(places.numbers) for _, places in parts]),
    )
