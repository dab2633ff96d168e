"""A disk that refuses: training goes on, what waits is written later, and only the end of the run is an error."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from firstlight.config.schema import Config
from firstlight.errors import ResourceError
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.training import checkpoint, saving
from firstlight.watch.progress import Silent


class State:
    used_seconds = 0.0

    def __init__(self, step: int) -> None:
        self.step = step
        self.model = torch.nn.Linear(2, 2)

    def to_checkpoint(self, config: Any, meta: Any) -> dict[str, Any]:
        return {"format": 1, "step": self.step, "epoch": 0, "weights": torch.full((64,), float(self.step))}


class Told(Silent):
    def __init__(self) -> None:
        self.warned: list[str] = []
        self.details: list[str] = []

    def warn(self, message: str) -> None:
        self.warned.append(message)

    def detail(self, message: str) -> None:
        self.details.append(message)


@pytest.fixture
def saver(tmp_path: Path) -> saving.Saver:
    job: Any = SimpleNamespace(folder=Folder(tmp_path), config=Config(), meta={})
    return saving.Saver(job=job, started=0.0, progress=Told())


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number in the list is the errno of every write; an empty list lets them through."""
    real, refused = os.write, [errno.ENOSPC]

    def write(*words: Any) -> int:
        if refused:
            raise OSError(refused[0], os.strerror(refused[0]))
        return real(*words)

    monkeypatch.setattr(os, "write", write)
    return refused


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO])
def test_what_the_disk_refuses_is_written_once_it_can_be(
    saver: saving.Saver, full: list[int], number: int
) -> None:
    folder, told = saver.job.folder, saver.progress
    full.clear()
    assert saver.save(State(10), ("best", "last")) is None  # type: ignore[arg-type]
    full.append(number)
    saver.save(State(20), ("best", "20", "last"))  # type: ignore[arg-type]
    saver.save(State(30), ("last",))  # type: ignore[arg-type]
    assert os.strerror(number) in told.warned[-1]
    assert "saved before: step 10" in told.warned[-1]
    assert checkpoint.newest(folder) in (folder.last, folder.best)
    assert not [p for p in folder.checkpoints.iterdir() if p.name.startswith(".writing")]
    full.clear()
    saver.save(State(40), ("last",))  # type: ignore[arg-type]
    steps = {p.name: torch.load(p, weights_only=True)["step"] for p in folder.checkpoints.glob("*.pt")}
    assert steps == {
        "best_model.pt": 20,
        "checkpoint_epoch_20.pt": 20,
        "last_model.pt": 40,
        "previous_model.pt": 10,
    }
    assert told.details[-1].startswith("saved step 40 in ")
    saver.finish()


def test_at_the_end_it_is_an_error_and_the_old_checkpoint_stands(
    saver: saving.Saver, full: list[int]
) -> None:
    folder = saver.job.folder
    full.clear()
    saver.save(State(10), ("best", "last"))  # type: ignore[arg-type]
    full.append(errno.ENOSPC)
    saver.save(State(20), ("best", "last"))  # type: ignore[arg-type]
    with pytest.raises(ResourceError) as caught:
        saver.finish()
    assert caught.value.exit_code == 4
    assert "saved before: step 10" in caught.value.where
    assert checkpoint.load(folder, folder.last)["step"] == 10
    full.clear()
    saver.finish()
    assert checkpoint.load(folder, folder.last)["step"] == 20


def test_a_sync_that_failed_once_is_not_trusted_and_the_file_is_written_anew(
    saver: saving.Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failed = os.fsync, []

    def fsync(handle: int) -> None:
        if not failed:
            failed.append(handle)
            raise OSError(errno.EIO, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    saver.save(State(10), ("last",))  # type: ignore[arg-type]
    assert failed
    assert not saver.progress.warned
    assert checkpoint.load(saver.job.folder, saver.job.folder.last)["step"] == 10


def test_a_disk_that_gets_full_is_told_of_once(saver: saving.Saver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=1, f_frsize=4096))
    for step in (10, 20):
        saver.save(State(step), ("last",))  # type: ignore[arg-type]
    assert len(saver.progress.warned) == 1
    assert "the disk is nearly full: 4.0 KiB free" in saver.progress.warned[0]


def test_a_state_inside_an_epoch_is_due_after_half_a_minute(saver: saving.Saver) -> None:
    assert not saver.due(saver.tried + 29.9)
    assert saver.due(saver.tried + 30.0)
    saver.job.config = Config.model_validate({"checkpointing": {"save_last": False}})
    assert not saver.due(saver.tried + 60)


def test_weights_that_are_not_finite_are_never_saved(saver: saving.Saver) -> None:
    saver.save(State(10), ("best", "last"))  # type: ignore[arg-type]
    spoiled = State(20)
    with torch.no_grad():
        spoiled.model.weight[0, 0] = torch.inf
    alarm = saver.save(spoiled, ("best", "last"))  # type: ignore[arg-type]
    assert alarm is not None
    assert (alarm.page, alarm.step) == ("nan_loss", 20)
    assert checkpoint.load(saver.job.folder, saver.job.folder.last)["step"] == 10


def test_while_the_disk_refuses_few_checkpoints_wait_in_memory(saver: saving.Saver, full: list[int]) -> None:
    for epoch in range(1, 21):
        names = ("best",) * (epoch == 3) + (str(epoch),) * (epoch % 5 == 0) + ("last",)
        saver.save(State(epoch), names)  # type: ignore[arg-type]
    assert {path.name for path in saver._waiting} == {
        "best_model.pt",
        "checkpoint_epoch_20.pt",
        "last_model.pt",
    }
    left_out = [line for line in saver.progress.warned if "left out" in line]
    assert [line.split()[0] for line in left_out] == [f"checkpoint_epoch_{n}.pt" for n in (5, 10, 15)]
    full.clear()
    saver.finish()
    assert checkpoint.load(saver.job.folder, saver.job.folder.periodic(20))["step"] == 20


def test_only_a_checkpoint_for_good_that_is_refused_to_the_end_is_no_error(
    saver: saving.Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real = saver.job.folder, store.write_bytes

    def write(path: Path, *words: Any, **more: Any) -> str:
        if path == folder.periodic(5):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *words, **more)

    monkeypatch.setattr(store, "write_bytes", write)
    saver.save(State(10), ("best", "5", "last"))  # type: ignore[arg-type]
    saver.save(State(20), ("last",))  # type: ignore[arg-type]
    saver.finish()
    assert checkpoint.load(folder, folder.last)["step"] == 20
    assert saver.progress.warned[-1].startswith("checkpoint_epoch_5.pt is left out")


@pytest.mark.requirement("P2.11")
@pytest.mark.parametrize("times", [1, 2])
def test_memory_that_runs_out_in_a_save_is_freed_once_and_then_told(
    saver: saving.Saver, full: list[int], monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    saver.save(State(10), ("best", "last"))  # type: ignore[arg-type]
    real, waiting = checkpoint.pack, []

    def pack(content: dict[str, Any]) -> checkpoint.Packed:
        waiting.append({path.name for path in saver._waiting})
        if len(waiting) <= times:
            raise MemoryError
        return real(content)

    monkeypatch.setattr(checkpoint, "pack", pack)
    if times == 1:
        saver.save(State(20), ("last",))  # type: ignore[arg-type]
        assert saver._waiting[saver.job.folder.last].entry["step"] == 20
    else:
        with pytest.raises(ResourceError, match="memory does not suffice"):
            saver.save(State(20), ("last",))  # type: ignore[arg-type]
    assert waiting == [{"best_model.pt", "last_model.pt"}, {"best_model.pt"}]
