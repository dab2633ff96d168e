"""The command line as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SHORT = ("--set", "training.epochs=4", "--set", "model.width=0.25", "--minutes", "5")


def firstlight(*words: str, cwd: Path, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a user does."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "FIRSTLIGHT_CACHE": str(cwd / "cache"),
        "NO_COLOR": "1",
        "PYTHONWARNINGS": "error::UserWarning:firstlight",
    }
    return subprocess.run(
        [sys.executable, "-m", "firstlight", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def error_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The three lines of an error; fails when there is a traceback."""
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith(("error:", "  where:", "  to do:"))]
