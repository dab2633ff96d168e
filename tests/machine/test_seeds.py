from __future__ import annotations

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from firstlight.machine.seeds import deterministic, known_values_drawn, prepare_process, seed_everything


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(1).item()


@pytest.mark.requirement("P1.3")
def test_every_generator_starts_again_with_its_seed() -> None:
    seed_everything(7)
    first = draw()
    seed_everything(7)
    assert draw() == first
    seed_everything(8)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


@pytest.mark.requirement("P1.3")
def test_the_proof_names_each_generator_and_the_value_it_draws_next() -> None:
    lines = seed_everything(42)
    python, numpy, pytorch = draw()
    for name, value in (
        ("Python", f"{python:.16g}"),
        ("NumPy", f"{numpy:.16g}"),
        ("torch", f"{pytorch:.9g}"),
    ):
        assert f"{name}: seed 42, first value {value}" in lines


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_whole_range_of_seeds_is_taken(seed: int) -> None:
    assert f"Python: seed {seed}" in seed_everything(seed)[0]


@pytest.mark.requirement("P1.8")
def test_the_known_first_values_are_drawn_and_the_run_is_not_disturbed() -> None:
    seed_everything(5)
    expected = draw()
    seed_everything(5)
    assert known_values_drawn()
    assert draw() == expected


@pytest.mark.requirement("P1.8")
def test_a_generator_that_was_changed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np.random, "seed", lambda *_: None)
    assert not known_values_drawn()


@pytest.mark.requirement("P1.4")
def test_deterministic_operations_are_switched_and_benchmark_stays_off() -> None:
    try:
        torch.backends.cudnn.benchmark = True
        lines = deterministic(True)
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.backends.cudnn.deterministic
        assert not torch.backends.cudnn.benchmark
        assert any("deterministic algorithms: on" in line for line in lines)
    finally:
        deterministic(False)
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark


def test_what_the_user_set_is_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    notes = prepare_process()
    assert os.environ["OMP_WAIT_POLICY"] == "active"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert len(notes) == 1  # torch is loaded in this process, and only one variable was new
    assert "after torch was loaded" in notes[0]
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")


@pytest.mark.requirement("P1.4")
def test_the_variables_are_set_before_torch_and_without_loading_it() -> None:
    code = (
        "import os, sys; from firstlight.machine.seeds import prepare_process; notes = prepare_process();"
        "print(notes, 'torch' in sys.modules, os.environ['CUBLAS_WORKSPACE_CONFIG'], os.environ['OMP_WAIT_POLICY'])"
    )
    clean = {k: v for k, v in os.environ.items() if k not in ("CUBLAS_WORKSPACE_CONFIG", "OMP_WAIT_POLICY")}
    said = subprocess.run(
        [sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["()", "False", ":4096:8", "passive"]
