"""The real command line, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def firstlight() -> Command:
    """The command, as a function of its words and of environment variables."""
    return _firstlight


def _firstlight(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `python -m firstlight ARGUMENTS` with nothing on stdin."""
    return subprocess.run(
        [sys.executable, "-m", "firstlight", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )
