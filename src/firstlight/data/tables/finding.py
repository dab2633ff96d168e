"""The record of something that was found out about a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a person should know; a warning when it may make the result worth less."""

    id: str
    level: Literal["warning", "note"]
    sentence: str
    value: float  # what was measured: a count, a share or a score
    columns: tuple[str, ...] = ()
