"""The command line as a user runs it."""

from __future__ import annotations

import json
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


MANY = """
import contextlib, io, json, sys
from firstlight.cli.app import main
answers = []
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    answers.append([code, out.getvalue(), err.getvalue()])
json.dump(answers, sys.stdout)
"""


def one_by_one(commands: list[list[str]], cwd: Path) -> list[subprocess.CompletedProcess[str]]:
    """Many commands in one process, so that torch is loaded once."""
    done = subprocess.run(
        [sys.executable, "-c", MANY],
        input=json.dumps(commands),
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "FIRSTLIGHT_CACHE": str(cwd / "cache"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return [
        subprocess.CompletedProcess(words, code, out, err)
        for words, (code, out, err) in zip(commands, json.loads(done.stdout), strict=True)
    ]


def told(done: subprocess.CompletedProcess[str], experiment: Path) -> str:
    """What setup said while it worked, and what it wrote about the data."""
    profile = json.loads((experiment / "logs/profile.json").read_text("utf-8"))
    return "\n".join([done.stderr, *profile["notes"], *profile["warnings"]])
