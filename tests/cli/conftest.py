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


@pytest.fixture
def on_a_terminal() -> Callable[..., str]:
    """What a Python script shows on a terminal of its own, given what is typed and environment variables."""
    return _on_a_terminal


def _on_a_terminal(script: str, *, typed: bytes = b"", **environment: str) -> str:
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **environment},
    ) as process:
        os.close(theirs)
        os.write(ours, typed)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux: the other side is closed
                break
            if not part:
                break
            shown += part
        assert process.wait() == 0, shown
    os.close(ours)
    return shown.decode("utf-8")
