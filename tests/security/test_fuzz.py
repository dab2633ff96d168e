"""The short version of `make fuzz`, and faults planted in the product that it has to see."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import fuzz
import pytest
from hostile_runs import Hostile
from served import Served

pytestmark = pytest.mark.xdist_group("hostile")
INPUTS = 60
MINUTES = 0.7  # after which a slow machine stops


def test_mutated_inputs_show_no_defect(tmp_path: Path) -> None:
    program = Path(fuzz.__file__)
    words = [
        program,
        "--inputs",
        str(INPUTS),
        "--seed",
        "20",
        "--minutes",
        str(MINUTES),
        "--keep",
        tmp_path / "kept",
    ]
    places = os.pathsep.join([str(program.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": places},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = int(done.stdout.splitlines()[-1].split()[1])
    assert counted > 0
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("keyerror", "exit code 1"),
        ("hang", "hang"),
        ("outside", "touched work/outside"),
        ("control", "control characters"),
    ],
)
def test_a_planted_fault_is_seen(served: Served, hostile: dict[str, Hostile], fault: str, seen: str) -> None:
    exp = hostile["text"].exp
    place = served.root / "work" / "inside"
    place.mkdir(exist_ok=True)
    plant = {"firstlight.config.read.parse_config": fault}
    result = served.run("check", exp, cwd=place, plant=plant, writes=(place, exp), seconds=5)
    assert seen in result.defects
    (served.root / "work" / "outside").unlink(missing_ok=True)


def test_what_is_sound_shows_no_defect(served: Served, hostile: dict[str, Hostile]) -> None:
    assert served.run("status", hostile["text"].exp, writes=(hostile["text"].exp,)).defects == ()
