"""Where a run goes on: at its own checkpoint, at that of the attempt before, or at its begin; never nowhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from small_experiment import Told, copied, loaded, train_until

from firstlight.attempt import finish_new_attempt
from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.training import checkpoint
from firstlight.training.manifest import read_manifest
from firstlight.training.restart import after_archive, archive, safer, smaller_parts, standing
from firstlight.training.run import resumed_state


@pytest.fixture(scope="module")
def made(small: Folder, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Interrupted in epoch 4 of 6."""
    folder = copied(small, tmp_path_factory.mktemp("made") / "x")
    with pytest.MonkeyPatch.context() as patched:
        train_until(folder, patched, lambda state: state.epoch == 3)
    return folder


@pytest.fixture
def folder(made: Folder, tmp_path: Path) -> Folder:
    return copied(made, tmp_path / "x")


def begin_second(folder: Folder, *, diverged: bool = False) -> int:
    """Archives the attempt, as after memory ran out or after a divergence; gives the step where it stood."""
    job = loaded(folder).job
    step = int(torch.load(folder.last, weights_only=True)["step"])
    change = safer(job.config, "the loss") if diverged else smaller_parts(job.config, "memory ran out")
    assert change is not None
    archive(folder, change)
    finish_new_attempt(folder)
    return step


def flip(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.unlink()  # other names of the file stay as they are
    path.write_bytes(damaged)


def resumable(folder: Folder) -> int:
    """A new process goes on: the step at which it does."""
    return standing(loaded(folder).job, Told(), resume=True).step


def test_a_new_attempt_saves_under_its_own_config_where_it_begins(folder: Folder) -> None:
    step = begin_second(folder)
    job = loaded(folder).job
    state = after_archive(job)
    assert state is not None
    assert state.step == step
    assert checkpoint.load(folder, folder.last)["config"]["parallel"]["micro_batches"] == 2
    assert folder.best.stat().st_ino == Folder(folder.attempts / "1").best.stat().st_ino  # no byte is copied
    assert folder.periodic(2).is_file()
    assert not folder.previous.exists()
    again = resumed_state(job, Told())
    assert again is not None
    assert (again.step, again.best) == (step, state.best)


class Killed(BaseException):
    pass


def test_a_kill_anywhere_in_the_begin_of_an_attempt_leaves_it_resumable(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    step = begin_second(folder)
    for number in range(1, 20):
        copy = Folder(tmp_path / f"{number}")
        shutil.copytree(folder.root, copy.root)
        made, job = [0], loaded(copy).job

        def killing(real: Any, made: list[int] = made, number: int = number) -> Any:
            def call(*words: Any, **more: Any) -> Any:
                made[0] += 1
                if made[0] >= number:
                    raise Killed
                return real(*words, **more)

            return call

        with monkeypatch.context() as patched:
            for name in ("keep", "write_bytes"):
                patched.setattr(store, name, killing(getattr(store, name)))
            try:
                after_archive(job)
                break
            except Killed:
                pass
        assert resumable(copy) == step
        assert checkpoint.load(copy, copy.best)["step"] <= step
        assert checkpoint.load(copy, copy.last)["config"]["parallel"]["micro_batches"] == 2
    assert number > 4


def test_after_a_second_archiving_without_a_checkpoint_the_first_attempt_still_counts(folder: Folder) -> None:
    step = begin_second(folder)
    change = smaller_parts(loaded(folder).job.config, "the preflight ran out of memory")
    assert change is not None
    archive(folder, change)
    finish_new_attempt(folder)
    state = after_archive(loaded(folder).job)
    assert state is not None
    assert state.step == step
    assert state.used_seconds > 0


def test_after_a_divergence_the_newest_state_without_a_sign_of_it_is_taken(folder: Folder) -> None:
    saved = torch.load(folder.last, weights_only=True)
    calm = saved["step"]
    for more in (1, 2):
        sick = {**saved, "step": calm + more, "alarms": {**saved["alarms"], "high_steps": 7 * more}}
        if more == 2:
            sick["alarms"] |= {"high_steps": 0, "exploding": True}
        checkpoint.save(folder, [folder.last], sick)
    checkpoint.save(folder, [folder.periodic(9)], saved)
    begin_second(folder, diverged=True)
    state = after_archive(loaded(folder).job)
    assert state is not None
    assert state.step == calm
    assert state.alarms == {}


def test_a_kill_in_the_very_first_save_begins_anew_and_says_so(folder: Folder) -> None:
    entry = read_manifest(folder)["files"]["last_model.pt"]
    shutil.rmtree(folder.checkpoints)
    store.write_json(folder.manifest, {"format": 1, "files": {"last_model.pt": entry | {"next": entry}}})
    told = Told()
    assert standing(loaded(folder).job, told, resume=True).step == 0
    assert "begins anew" in told.noted[-1]


def test_a_lost_best_one_with_nothing_older_begins_anew_and_says_so(folder: Folder) -> None:
    saved = checkpoint.load(folder, folder.best)
    for path in folder.checkpoints.iterdir():
        path.unlink()
    checkpoint.save(folder, [folder.best, folder.last], saved)
    checkpoint.save(folder, [folder.last], saved | {"step": saved["step"] + 1})
    checkpoint.save(folder, [folder.last], saved | {"step": saved["step"] + 2})
    flip(folder.best)
    told = Told()
    assert standing(loaded(folder).job, told, resume=True).step == 0
    assert "begins anew" in told.warned[-1]
    assert resumable(folder) == 0  # and again, after a kill


def test_a_lost_best_one_of_an_attempt_before_comes_from_its_archive(folder: Folder) -> None:
    step = begin_second(folder)
    assert after_archive(loaded(folder).job) is not None
    flip(folder.best)
    assert resumable(folder) == step
    assert checkpoint.load(folder, folder.best)["step"] <= step


def test_where_every_checkpoint_is_damaged_a_resume_is_refused(folder: Folder) -> None:
    for path in folder.checkpoints.glob("*.pt"):
        flip(path)
    for _ in range(2):  # and it stays so: hours of work are not thrown away on the second try
        with pytest.raises(ResumeRefused, match="no good checkpoint"):
            resumable(folder)
