"""Seeds and deterministic operations, with the lines that prove them."""

from __future__ import annotations

import os
import random
import sys

import numpy as np

# First values of the generators for seed 42: they prove that seeding works and that the generators are the known ones.
KNOWN_SEED = 42
KNOWN_PYTHON = 0.6394267984578837
KNOWN_NUMPY = 0.3745401188473625
KNOWN_TORCH = 0.8822692632675171
KNOWN_TOLERANCE = 1e-12  # torch draws float32, which is compared at its own precision
KNOWN_TOLERANCE_TORCH = 1e-6


def prepare_process() -> tuple[str, ...]:
    """Sets what must be in the environment before torch is loaded; what the user set stands.

    CUBLAS_WORKSPACE_CONFIG makes matrix products on CUDA deterministic. OMP_WAIT_POLICY=passive lets threads sleep while
    they wait: on a shared machine spinning made a step five times slower (docs/log.md).

    Returns:
        A note for each variable that comes too late, since torch is loaded already.
    """
    wanted = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "OMP_WAIT_POLICY": "passive"}
    late = "torch" in sys.modules
    notes = []
    for name, value in wanted.items():
        if name not in os.environ:
            os.environ[name] = value
            if late:
                notes.append(f"{name}={value} was set after torch was loaded and may have no effect")
    return tuple(notes)


def seed_everything(seed: int) -> tuple[str, ...]:
    """Seeds Python, NumPy, torch and all devices; returns a proof line for each, with the next value it would draw."""
    import torch

    def seed_all() -> None:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - user code and libraries draw from the legacy generator
        torch.manual_seed(seed)  # all devices

    seed_all()
    lines = (
        f"python random: seed {seed}, first value {random.random():.16g}",
        f"numpy random: seed {seed}, first value {np.random.rand():.16g}",
        f"torch random: seed {seed}, first value {torch.rand(1).item():.9g}",
        f"torch devices seeded: {torch.cuda.device_count()} CUDA",
        "order and augmentation of batches: own generators, derived from (seed, epoch, batch)",
    )
    seed_all()
    return lines


def known_values_drawn() -> bool:
    """Whether seed 42 gives the known first values of all three generators. Leaves the generators seeded with 42."""
    import torch

    random.seed(KNOWN_SEED)
    np.random.seed(KNOWN_SEED)
    torch.manual_seed(KNOWN_SEED)
    found = (random.random(), float(np.random.rand()), torch.rand(1).item())
    seed_everything(KNOWN_SEED)
    return (
        abs(found[0] - KNOWN_PYTHON) < KNOWN_TOLERANCE
        and abs(found[1] - KNOWN_NUMPY) < KNOWN_TOLERANCE
        and abs(found[2] - KNOWN_TORCH) < KNOWN_TOLERANCE_TORCH
    )


def deterministic(on: bool) -> tuple[str, ...]:
    """Switches deterministic operations; returns the flags as they now are.

    An operation without a deterministic kernel warns and goes on: the preflight compares two starts bit for bit, which is the proof.
    Filling uninitialised memory is off: it costs time, and nothing here reads such memory.
    """
    import torch

    torch.use_deterministic_algorithms(on, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = on
    torch.backends.cudnn.benchmark = False
    return (
        f"torch.use_deterministic_algorithms: {torch.are_deterministic_algorithms_enabled()}",
        f"torch.backends.cudnn.deterministic: {torch.backends.cudnn.deterministic}",
        f"torch.backends.cudnn.benchmark: {torch.backends.cudnn.benchmark}",
        f"CUBLAS_WORKSPACE_CONFIG: {os.environ.get('CUBLAS_WORKSPACE_CONFIG', 'not set')}",
    )
