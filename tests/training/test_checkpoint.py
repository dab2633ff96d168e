"""Checkpoints: two generations, verified by hash, damaged ones named and set aside."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.training import checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def content(step: int, **more: Any) -> dict[str, Any]:
    return {"format": 1, "step": step, "epoch": step // 10, "weights": torch.full((64,), float(step)), **more}


def save(folder: Folder, step: int, *names: str) -> None:
    checkpoint.save(folder, [folder.checkpoints / f"{name}_model.pt" for name in names], content(step))


def step_of(path: Path) -> int:
    return torch.load(path, weights_only=True)["step"]


def flip(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)


@pytest.mark.requirement("P2.3")
def test_the_generation_before_stays_until_the_next_save(folder: Folder) -> None:
    save(folder, 10, "best", "last")
    assert not folder.previous.exists()
    save(folder, 20, "last")
    assert (step_of(folder.last), step_of(folder.previous), step_of(folder.best)) == (20, 10, 10)
    save(folder, 30, "last")
    assert (step_of(folder.last), step_of(folder.previous)) == (30, 20)
    files = checkpoint.read_manifest(folder)["files"]
    assert {name: entry["step"] for name, entry in files.items()} == {
        "best_model.pt": 10,
        "last_model.pt": 30,
        "previous_model.pt": 20,
    }
    for name, entry in files.items():
        assert store.sha256(folder.checkpoints / name) == entry["sha256"]


def test_without_hard_links_the_generation_before_is_a_copy(folder: Folder, monkeypatch: Any) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    save(folder, 10, "last")
    save(folder, 20, "last")
    assert (step_of(folder.last), step_of(folder.previous)) == (20, 10)


@pytest.mark.parametrize("damage", [flip, Path.unlink, lambda path: os.truncate(path, 100)])
def test_a_damaged_last_one_is_named_and_the_one_before_is_used(folder: Folder, damage: Any) -> None:
    save(folder, 10, "last")
    save(folder, 20, "last")
    damage(folder.last)
    with pytest.raises(ResumeRefused):
        checkpoint.load(folder, folder.last)
    found = checkpoint.recover(folder)
    assert found.path == folder.previous
    assert "last_model.pt is" in found.notes[0]
    assert checkpoint.load(folder, folder.last)["step"] == 10  # with the content of the one before
    save(folder, 30, "last")  # the damaged one never becomes the generation before
    assert checkpoint.newest(folder) == folder.last
    assert step_of(folder.previous) == 10


def test_a_damaged_file_is_kept_under_another_name(folder: Folder) -> None:
    save(folder, 10, "last")
    save(folder, 20, "last")
    flip(folder.last)
    damaged = folder.last.read_bytes()
    checkpoint.recover(folder)
    assert (folder.checkpoints / "last_model.pt.damaged").read_bytes() == damaged


def test_a_lost_best_one_comes_from_a_file_of_the_same_content(folder: Folder) -> None:
    save(folder, 10, "best", "last")
    save(folder, 20, "last")
    flip(folder.best)
    found = checkpoint.recover(folder)
    assert (found.path, step_of(folder.best)) == (folder.last, 10)
    assert "best_model.pt is taken from previous_model.pt" in found.notes[1]


def test_a_best_one_that_nothing_can_replace_is_trained_again(folder: Folder) -> None:
    save(folder, 10, "checkpoint_epoch_1")
    save(folder, 20, "best", "last")
    save(folder, 30, "last")
    save(folder, 40, "last")
    flip(folder.best)
    found = checkpoint.recover(folder)
    assert found.path is not None
    assert step_of(found.path) == 10
    assert "goes on from before step 20" in found.notes[1]


def test_without_a_good_one_there_is_nothing_to_go_on_from(folder: Folder) -> None:
    save(folder, 10, "last")
    save(folder, 20, "last")
    flip(folder.last)
    flip(folder.previous)
    found = checkpoint.recover(folder)
    assert found.path is None
    assert len(found.notes) == 2


def test_a_file_that_the_manifest_does_not_know_is_neither_read_nor_touched(folder: Folder) -> None:
    save(folder, 10, "last")
    torch.save(content(99), folder.checkpoints / "mine.pt")
    before = (folder.checkpoints / "mine.pt").read_bytes()
    assert checkpoint.recover(folder).path == folder.last
    with pytest.raises(ResumeRefused, match="not in the manifest"):
        checkpoint.load(folder, folder.checkpoints / "mine.pt")
    assert (folder.checkpoints / "mine.pt").read_bytes() == before


class Killed(BaseException):
    pass


CALLS = ("open", "write", "fsync", "close", "replace", "link", "unlink")


def kill_at(number: int, patched: pytest.MonkeyPatch, *, after: bool) -> None:
    """Makes the numbered call of the write layer the last thing the process does; a dead process cleans nothing up."""
    made = itertools.count(1)

    def killing(real: Any) -> Any:
        def call(*words: Any, **more: Any) -> Any:
            count = next(made)
            if count > number or (count == number and not after):
                raise Killed
            result = real(*words, **more)
            if count == number:
                raise Killed
            return result

        return call

    for name in CALLS:
        patched.setattr(os, name, killing(getattr(os, name)))


@pytest.mark.requirement("P2.4")
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_every_call_leaves_a_committed_file_and_loses_no_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    for number in itertools.count(1):
        folder, finished = Folder(tmp_path / f"{number}"), False
        folder.root.mkdir()
        save(folder, 10, "best", "last")
        save(folder, 20, "last")
        with monkeypatch.context() as patched:
            kill_at(number, patched, after=after)
            try:
                save(folder, 30, "best", "last")
                finished = True
            except Killed:
                pass
        if finished:
            break
        manifest = store.read_json(folder.manifest)["files"]
        committed = [
            manifest[path.name]["step"]
            for path in (folder.last, folder.previous)
            if store.sha256(path) == manifest[path.name]["sha256"]
        ]
        assert max(committed) >= 20, number
        newest = checkpoint.recover(folder).path
        assert newest is not None
        assert step_of(newest) >= 20
        assert checkpoint.load(folder, folder.best)["step"] in (10, 30)
    assert number > 20  # every call of a save was the last one once


def test_a_kill_between_best_and_last_makes_last_the_newest_again(folder: Folder) -> None:
    """Found by random kills: a run that went on from the best checkpoint of its last step left an older last one."""
    save(folder, 1, "last")
    newer = checkpoint.pack(content(2))
    manifest = checkpoint.read_manifest(folder)
    manifest["files"][folder.best.name] = {**newer.entry, "next": newer.entry}
    store.write_json(folder.manifest, manifest)
    store.write_bytes(folder.best, newer.content)  # and here the process died
    assert checkpoint.recover(folder).path == folder.best
    assert checkpoint.load(folder, folder.last)["step"] == 2
    assert checkpoint.load(folder, folder.previous)["step"] == 1
