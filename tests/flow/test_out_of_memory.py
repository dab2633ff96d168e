"""Memory that runs out: batches are computed in more parts, as a recorded attempt with the same update (P2.11)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests_flow import error_lines, firstlight

from firstlight.config.read import read_config

# The command line with a network that runs out of memory above MOST rows, from the FROM-th step of training on.
STARVED = """
import sys
most, first = int(sys.argv[1]), int(sys.argv[2])
import torch
from firstlight.cli.app import main
from firstlight.models import table_mlp
from firstlight.training import loop
taken = []
real, steps = table_mlp.TableMlp.forward, loop._steps
def forward(self, inputs):
    taken.append(len(taken) if {always} or getattr(loop, "begun", False) else -1)
    if len(inputs.numbers) > most and self.training and sum(t >= 0 for t in taken) > first:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")
    return real(self, inputs)
def begun(*words):
    loop.begun = True
    return steps(*words)
table_mlp.TableMlp.forward, loop._steps = forward, begun
sys.exit(main(sys.argv[3:]))
"""
SETTINGS = ("--set", "training.epochs=3", "--set", "training.batch_size=64", "--minutes", "5", "--yes")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    random = np.random.default_rng(0)
    x = random.random((800, 3))
    frame = pl.DataFrame(
        {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": np.where(x[:, 0] > 0.5, "yes", "no")}
    )
    frame.write_csv(folder / "t.csv")
    return folder / "t.csv"


def starved(
    table: Path, cwd: Path, most: int, first: int, *, always: bool
) -> subprocess.CompletedProcess[str]:
    source = STARVED.replace("{always}", str(always))
    words = ["run", str(table), "-o", "x", "--target", "y", *SETTINGS]
    return subprocess.run(
        [sys.executable, "-c", source, str(most), str(first), *words],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "FIRSTLIGHT_CACHE": str(cwd / "cache")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_setup_chooses_as_many_parts_as_the_memory_takes(table: Path, tmp_path: Path) -> None:
    done = starved(table, tmp_path, 20, 0, always=True)
    assert done.returncode == 0, done.stderr
    config = (tmp_path / "x/training_config.yaml").read_text("utf-8")
    assert "micro_batches: 4" in config
    assert "memory ran out in a step" in config
    assert not (tmp_path / "x/attempts").exists()


@pytest.mark.requirement("P2.11")
def test_a_batch_is_computed_in_parts_and_the_attempt_is_recorded(table: Path, tmp_path: Path) -> None:
    done = starved(table, tmp_path, 40, 15, always=False)
    assert done.returncode == 0, done.stderr
    config = read_config(tmp_path / "x/training_config.yaml").config
    assert (config.parallel.micro_batches, config.training.batch_size) == (2, 64)
    record = json.loads((tmp_path / "x/attempts/1/attempt.json").read_text("utf-8"))
    assert record["cause"] == "crashes"
    assert "memory ran out in training: CUDA out of memory" in record["reason"]
    before = read_config(tmp_path / "x/attempts/1/training_config.yaml").config
    assert before.parallel.micro_batches == 1
    assert "a batch of 64 is computed in 2 parts" in done.stderr
    status = json.loads(firstlight("status", "x", "--json", cwd=tmp_path).stdout)
    assert status["phases"]["setup"]["gate"]["open"]
    assert status["phases"]["baseline"]["gate"]["open"]
    saved = torch.load(tmp_path / "x/checkpoints/last_model.pt", weights_only=True)
    assert saved["config"]["parallel"]["micro_batches"] == 2
    steps = [entry["step"] for entry in json.loads((tmp_path / "x/logs/metrics.json").read_text())["epochs"]]
    assert steps == sorted({*steps})
    assert (
        len(steps) == 3
    )  # those of the first attempt, whose last checkpoint the second goes on from, among them


def test_where_a_single_row_is_too_much_it_ends_with_exit_4(table: Path, tmp_path: Path) -> None:
    done = starved(table, tmp_path, 0, 0, always=True)
    assert done.returncode == 4, done.stderr
    assert "memory" in error_lines(done)[-2]
