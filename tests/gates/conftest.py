from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests_gates import write_setup, write_training

from firstlight.experiment.folder import Folder
from firstlight.gates.confirmation import confirm


@pytest.fixture(scope="session")
def sound(build_at: Callable[..., Folder], tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """An experiment with phases 1 and 2 done; tests get copies of it."""
    folder = build_at(tmp_path_factory.mktemp("sound") / "run")
    write_setup(folder)
    confirm(folder)
    write_training(folder)
    return folder


@pytest.fixture
def trained(sound: Folder, tmp_path: Path) -> Folder:
    """Phases 1 and 2 are done."""
    shutil.copytree(sound.root, tmp_path / "run")
    return Folder(tmp_path / "run")


@pytest.fixture
def set_up(trained: Folder) -> Folder:
    """Phase 1 is done and confirmed; nothing is trained."""
    for path in (*trained.logs.iterdir(), *trained.checkpoints.iterdir()):
        if path != trained.profile:
            path.unlink()
    trained.results.unlink()
    return trained
