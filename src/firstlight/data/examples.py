"""The records that carry data from a source to the batches.

    images             source --list--> Listing --decode--> Examples --split--> Split --> batches
    tables and texts   source --read-----------------------> Examples --split--> Split --> batches

Row ids are strings that stay the same wherever the data lies: the POSIX path below the data folder for files,
`row-N` for tables (`data/tables/places.py`) and arrays (from 0, as numpy counts), `file:line` for lines of text.
Everything downstream names a row by its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

    from firstlight.data.tables.column import Column


class Part(IntEnum):
    """The part of the data that a row belongs to; UNASSIGNED rows are split by firstlight."""

    UNASSIGNED = -1
    TRAIN = 0
    VAL = 1
    TEST = 2


# How people call the parts, in folder names and in split columns.
PARTS = {
    "train": Part.TRAIN,
    "training": Part.TRAIN,
    "val": Part.VAL,
    "valid": Part.VAL,
    "validation": Part.VAL,
    "dev": Part.VAL,
    "test": Part.TEST,
    "testing": Part.TEST,
}


# Tasks whose rows have many targets each; `Examples.targets` then is how many places of a row count, int64 (rows,).
MANY_PLACES = frozenset({"segmentation", "tokens", "language"})
UNKNOWN_TARGETS = "step"  # the task of a person's own step, of which no target is known: zeros


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A row that was left out, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a source found, before any pixel is decoded.

    Exactly one of `files` and `arrays` is set. `ignored` names files that were passed over on purpose (hidden
    files, system litter, files that are no images); `notes` are sentences for the report.
    """

    source: str  # as the user named it
    root: Path | None
    ids: tuple[str, ...]
    labels: NDArray[np.int64]  # (rows,), index into classes
    classes: tuple[str, ...]
    parts: NDArray[np.int8]  # (rows,), values of Part
    files: tuple[Path, ...] | None = None
    arrays: NDArray[np.uint8] | None = None  # (rows, height, width, channels)
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    suggested_target: tuple[str, float] | None = None  # (metric, at_least) that a bundled sample declares


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Decoded images of one size."""

    pixels: NDArray[np.uint8]  # (rows, height, width, channels); memory-mapped when it does not fit
    original_sizes: NDArray[np.int32]  # (rows, 2): height, width before resizing
    modes: dict[str, int]  # Pillow mode or array kind -> count
    kind: str = "image"
    noun: str = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a table."""

    frame: pl.DataFrame  # every column but the target
    columns: tuple[Column, ...]
    targets: tuple[str, ...]  # names of the target columns
    headline: str  # how the file was read
    group: str | None = None  # column whose values are never parted
    time: str | None = None  # column by which validation and test come after training
    set_aside: tuple[str, ...] = ()  # columns that were taken away before: dropped, or the split
    kind: str = "table"
    noun: str = "row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Texts, in order."""

    texts: tuple[str, ...]
    columns: tuple[str, ...] = ()  # of the table that they come from, joined; none when it was no table
    id_columns: tuple[str, ...] = ()  # of the table, those that name its rows
    headline: str = ""  # how the table was read
    kind: str = "text"
    noun: str = "text"


class Content(Protocol):
    """What the rows are, of one kind."""

    @property
    def kind(self) -> str:
        """The file in `kinds` that knows it."""

    @property
    def noun(self) -> str:
        """What a row is called in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The data set: every row that can be used, read or decoded."""

    source: str
    task: str  # "classification", "multilabel", "regression", one of MANY_PLACES, or UNKNOWN_TARGETS
    ids: tuple[str, ...]
    # int64 (rows,) of classes, float32 (rows, labels) of 0 and 1, or float64 (rows,) in the user's unit
    targets: NDArray[Any]
    classes: tuple[str, ...]  # none for a regression
    parts: NDArray[np.int8]  # (rows,)
    content: Content
    digests: NDArray[np.bytes_]  # (rows,), S32: hash of the content, for duplicates
    skipped: tuple[Skipped, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    fingerprint: str  # hex SHA-256 of all ids, labels and raw bytes
    suggested_target: tuple[str, float] | None = None
    weights: NDArray[np.float64] | None = None  # (rows,): how much a row counts in training, not negative
    groups: NDArray[np.int64] | None = None  # (rows,): rows of one number are never parted; -1 for no group
    times: NDArray[np.float64] | None = None  # (rows,): test comes last, val before it; NaN for no time

    @property
    def noun(self) -> str:
        """What a row is called in sentences."""
        return self.content.noun

    @property
    def table(self) -> Rows:
        """The content of a table."""
        assert isinstance(self.content, Rows)
        return self.content

    @property
    def texts(self) -> tuple[str, ...]:
        """The content of a set of texts."""
        assert isinstance(self.content, Texts)
        return self.content.texts

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns of the table that the texts come from."""
        assert isinstance(self.content, Texts)
        return self.content.columns

    @property
    def images(self) -> Images:
        """The content of a set of images."""
        assert isinstance(self.content, Images)
        return self.content


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The frozen split. Only train and val can be turned into batches before phase 5."""

    train: NDArray[np.int64]  # row positions in Examples
    val: NDArray[np.int64]
    test: NDArray[np.int64]  # positions only; the sealed part
    method: str  # "stratified", "given", "given train, val stratified from it", ...
    notes: tuple[str, ...] = ()
