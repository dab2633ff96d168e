"""Every generator seeded, with proof; operations with one order of additions; the variables both need."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# First values for seed 42: Python and NumPy as commonly printed (and stable by promise of both), torch's
# processor generator as torch 2.13 gives it, in float32.
FIRST_VALUES = {"Python": 0.6394267984578837, "NumPy": 0.3745401188473625, "torch": 0.8822692632675171}
KNOWN_SEED, TOLERANCE = 42, 1e-7

# Set before torch is loaded; a value that the user set stands.
PROCESS_ENVIRONMENT = {
    # cuBLAS picks one of several orders of additions unless its workspace is fixed before the first CUDA
    # call.
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    # A thread that spins while it waits takes the core of whoever it waits for: beside one busy core a step
    # took 2,412 ms as it comes and 435 ms with passive waiting (docs: speed on a shared machine).
    "OMP_WAIT_POLICY": "passive",
}


def prepare_process() -> tuple[str, ...]:
    """Sets the variables that torch reads when it is loaded.

    Returns:
        A sentence for each variable that could not take effect any more, because torch is loaded already.
    """
    late = "torch" in sys.modules
    notes = []
    for name, value in PROCESS_ENVIRONMENT.items():
        if name in os.environ:
            continue
        os.environ[name] = value
        if late:
            notes.append(f"{name}={value} was set after torch was loaded and may have no effect")
    return tuple(notes)


def seed_everything(seed: int) -> tuple[str, ...]:
    """Seeds Python, NumPy and torch on every device.

    Args:
        seed: 0 to 4,294,967,295.

    Returns:
        A line of proof for each generator, with the first value that it will draw.
    """
    import random

    import numpy as np
    import torch

    def seed_all() -> None:
        random.seed(seed)
        np.random.seed(seed)  # user code and libraries draw from the legacy generator
        torch.manual_seed(seed)  # the processor and every accelerator, those not yet initialised too

    seed_all()
    lines = [
        f"Python: seed {seed}, first value {random.random():.16g}",
        f"NumPy: seed {seed}, first value {np.random.rand():.16g}",
        f"torch: seed {seed}, first value {torch.rand(1).item():.9g}",
        f"CUDA devices: seed {seed} on {torch.cuda.device_count()}",
        "data order and augmentation: own generators, from seed, epoch and batch number; no workers",
    ]
    seed_all()
    return tuple(lines)


def known_values_drawn() -> bool:
    """Whether seeding with 42 makes the global generators give the values that belong to it.

    This shows that nothing between us and the generators (a patched module, another release) changes them.
    Their states are put back, so a run is not disturbed.
    """
    import random

    import numpy as np
    import torch

    with _states_kept():
        seed_everything(KNOWN_SEED)
        found = {"Python": random.random(), "NumPy": float(np.random.rand()), "torch": torch.rand(1).item()}
    return all(abs(found[name] - value) < TOLERANCE for name, value in FIRST_VALUES.items())


def deterministic(on: bool) -> tuple[str, ...]:
    """Makes operations take one order of additions, or lets them be fast.

    Operations without such a kernel warn and are named (they would otherwise stop a run at hour one); the
    preflight's two identical starts then show whether it matters.

    Args:
        on: Deterministic or not.

    Returns:
        A line for each switch.
    """
    import torch

    torch.use_deterministic_algorithms(on, warn_only=True)
    torch.backends.cudnn.deterministic = on
    torch.backends.cudnn.benchmark = False  # it picks kernels by timing, so two runs may get different ones
    # Filling memory that is about to be overwritten costs time and only helps to find reads before writes.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG", "not set")
    return (
        f"deterministic algorithms: {_word(on)}",
        f"cuDNN deterministic: {_word(on)}, benchmark: off",
        "uninitialised memory is not filled: it costs time and changes no result",
        f"CUBLAS_WORKSPACE_CONFIG: {workspace}",
    )


def _word(on: bool) -> str:
    return "on" if on else "off"


@contextmanager
def _states_kept() -> Iterator[None]:
    import random

    import numpy as np
    import torch

    python, legacy, processor = random.getstate(), np.random.get_state(), torch.get_rng_state()
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    metal = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.set_rng_state(processor)
        if devices:
            torch.cuda.set_rng_state_all(devices)
        if metal is not None:
            torch.mps.set_rng_state(metal)
