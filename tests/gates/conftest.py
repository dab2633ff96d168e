from __future__ import annotations

from collections.abc import Callable

import pytest
from sound_experiment import write_setup, write_training

from firstlight.experiment.folder import Folder
from firstlight.gates.confirmation import confirm


@pytest.fixture
def set_up(build_experiment: Callable[..., Folder]) -> Folder:
    """Phase 1 is done and confirmed; nothing is trained."""
    folder = build_experiment("run")
    for path in (*folder.logs.iterdir(), *folder.checkpoints.iterdir()):
        path.unlink()
    write_setup(folder)
    confirm(folder)
    return folder


@pytest.fixture
def trained(build_experiment: Callable[..., Folder]) -> Folder:
    """Phases 1 and 2 are done."""
    folder = build_experiment("run")
    write_setup(folder)
    confirm(folder)
    write_training(folder)
    return folder
