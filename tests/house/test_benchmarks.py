"""The benchmark programs still run: they build the same records as the package does, and drift when nobody looks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT / "benchmarks",
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_loop_trains_beside_one_written_by_hand() -> None:
    assert "ratio digits" in run("loop.py", "--rounds", "1", "--threads", "1", "--workloads", "digits")


@pytest.mark.parametrize("name", ["own_loop.py", "peak.py", "startup.py", "sets.py"])
def test_the_others_can_be_imported_and_explained(name: str) -> None:
    code = f"import runpy; runpy.run_path({name!r}, run_name='imported')"
    run("-c", code)
