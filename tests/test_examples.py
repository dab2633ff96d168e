"""The programs of docs/own_models.md and of examples/ run, each as a person runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "own_models.md").read_text("utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def run(program: Path, *words: str, cwd: Path) -> str:
    """What it prints; the same random numbers each time, where the program itself sets no seed."""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_of_the_page_runs(number: int, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"import torch\n\ntorch.manual_seed(0)\n{PROGRAMS[number]}", "utf-8")
    assert run(program, cwd=tmp_path)
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / "report.html").is_file()


def test_the_page_has_a_program_for_each_task() -> None:
    assert len(PROGRAMS) == 6


def test_the_segmentation_example(tmp_path: Path) -> None:
    words = ("--pictures", "120", "--out", str(tmp_path / "shapes"))
    assert "<accept" in run(ROOT / "examples" / "segmentation.py", *words, cwd=tmp_path)


def test_the_language_example_reads_a_file_and_writes(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text((ROOT / "LICENSE").read_text("utf-8"), "utf-8")
    words = (str(text), "--out", str(tmp_path / "text"))
    said = run(ROOT / "examples" / "character_language_model.py", *words, cwd=tmp_path)
    assert "<accept" in said
    assert len(said.split("report.html>")[1]) > 200
