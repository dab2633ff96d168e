"""The record of what a column holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firstlight.data.tables.values import Mark

Kind = Literal[
    "number", "category", "boolean", "date", "text", "id", "constant", "empty", "group", "time", "weight"
]
UNSEEN: frozenset[Kind] = frozenset(
    {"id", "constant", "empty", "group", "time", "weight"}
)  # that say nothing of a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What was found in a column."""

    name: str
    kind: Kind
    reason: str  # for the person
    missing: int  # rows without a value
    distinct: int  # different values
    missing_as: tuple[str, ...] = ()  # lower-case spellings that mean missing here, beside the empty value
    date_format: str | None = None  # of dates that are text
    mark: Mark = "."  # of decimals, where numbers are text
    taken_as_missing: str = ""  # a sentence about values that fit no other value of the column
