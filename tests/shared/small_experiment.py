"""A real experiment on a small table, set up in this process, and its parts that tests let run and stop."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from firstlight import flow
from firstlight.errors import Interrupted
from firstlight.experiment.folder import Folder
from firstlight.loaded import Loaded, load
from firstlight.request import Request
from firstlight.training import loop
from firstlight.training.interrupt import Stop
from firstlight.training.run import fresh_state, run_training
from firstlight.training.state import TrainingState
from firstlight.watch.progress import Silent

EPOCHS = 6
SETTINGS = (
    f"training.epochs={EPOCHS}",
    "training.batch_size=64",
    "data.target=y",
    "model.name=table_mlp",
    "checkpointing.checkpoint_every_n_epochs=2",
)


def make(place: Path) -> Folder:
    """Phase 1 on 400 rows of three numbers."""
    random = np.random.default_rng(0)
    x = random.random((400, 3))
    named = {name: x[:, i] for i, name in enumerate("abc")}
    answer = np.where(x[:, 0] + 0.3 * random.random(400) > 0.6, "yes", "no")
    pl.DataFrame({**named, "y": answer}).write_csv(place / "t.csv")
    request = Request(
        data=str(place / "t.csv"),
        out=place / "x",
        minutes=5.0,
        overrides=SETTINGS,
        confirmed=True,
        started=time.monotonic(),
    )
    return flow.setup(request, Silent())


def copied(folder: Folder, to: Path) -> Folder:
    """A copy that a test may change."""
    shutil.copytree(folder.root, to)
    return Folder(to)


def loaded(folder: Folder) -> Loaded:
    return load(folder, time.monotonic(), Silent())


class Told(Silent):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.warned: list[str] = []
        self.noted: list[str] = []

    def warn(self, message: str) -> None:
        self.warned.append(message)

    def note(self, message: str) -> None:
        self.noted.append(message)


def train_until(
    folder: Folder, patched: pytest.MonkeyPatch, stop_at: Callable[[TrainingState], bool]
) -> TrainingState:
    """Trains afresh until the end of the epoch after which `stop_at` says so; then a signal comes."""
    one, stop, real = loaded(folder), Stop(), loop._close_epoch
    state = fresh_state(one.job)

    def close(*words: Any) -> Any:
        ending = real(*words)
        if stop_at(state):
            stop.number = 15
        return ending

    with patched.context() as inner:
        inner.setattr(loop, "_close_epoch", close)
        with pytest.raises(Interrupted):
            run_training(one.job, state, one.clock, stop, Silent())
    return state
