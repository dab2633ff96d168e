"""The record of a hostile run, see conftest.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fuzz_server import Result


@dataclass(frozen=True)
class Hostile:
    """A whole run on data in which every name is hostile, and a prediction with it."""

    data: Path
    exp: Path
    run: Result
    predicted: Result
    predictions: Path
