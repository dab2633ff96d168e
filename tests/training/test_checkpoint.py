"""Checkpoints: two generations, verified by hash, damaged ones named and set aside."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.training import checkpoint, recovery
from firstlight.training.manifest import read_manifest, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def content(step: int, **more: Any) -> dict[str, Any]:
    return {"format": 1, "step": step, "epoch": step // 10, "weights": torch.full((64,), float(step)), **more}


def save(folder: Folder, step: int, *names: str) -> None:
    places = {"best": folder.best, "last": folder.last}
    checkpoint.save(folder, [places.get(n) or folder.periodic(int(n)) for n in names], content(step))


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
    files = read_manifest(folder)["files"]
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
    found = recovery.recover(folder)
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
    recovery.recover(folder)
    assert (folder.checkpoints / "last_model.pt.damaged").read_bytes() == damaged


def test_a_lost_best_one_comes_from_a_file_of_the_same_content(folder: Folder) -> None:
    save(folder, 10, "best", "last")
    save(folder, 20, "last")
    flip(folder.best)
    found = recovery.recover(folder)
    assert (found.path, step_of(folder.best)) == (folder.last, 10)
    assert "best_model.pt is taken from previous_model.pt" in found.notes[1]


def test_a_best_one_that_nothing_can_replace_is_trained_again(folder: Folder) -> None:
    save(folder, 10, "1")
    save(folder, 20, "best", "last")
    save(folder, 30, "last")
    save(folder, 40, "last")
    flip(folder.best)
    found = recovery.recover(folder)
    assert found.path is not None
    assert step_of(found.path) == 10
    assert "goes on from before step 20" in found.notes[-1]


def test_without_a_good_one_there_is_nothing_to_go_on_from(folder: Folder) -> None:
    save(folder, 10, "last")
    save(folder, 20, "last")
    flip(folder.last)
    flip(folder.previous)
    found = recovery.recover(folder)
    assert found.path is None
    assert len(found.notes) == 2


def test_a_file_that_the_manifest_does_not_know_is_neither_read_nor_touched(folder: Folder) -> None:
    save(folder, 10, "last")
    torch.save(content(99), folder.checkpoints / "mine.pt")
    before = (folder.checkpoints / "mine.pt").read_bytes()
    assert recovery.recover(folder).path == folder.last
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


def killed(number: int, monkeypatch: pytest.MonkeyPatch, folder: Folder, step: int, *, after: bool) -> bool:
    """Saves best and last with a kill at the numbered call; whether the save came to it."""
    with monkeypatch.context() as patched:
        kill_at(number, patched, after=after)
        try:
            save(folder, step, "best", "last")
        except Killed:
            return True
    return False


def look(folder: Folder, least: int) -> None:
    """What holds at every instant: a generation that the manifest knows is not older than the last save."""
    files = read_manifest(folder)["files"]
    steps = [entry["step"] for path, entry in checkpoint.good_files(folder).items() if path != folder.best]
    assert max(steps) >= least
    unlisted = {p.name for p in folder.checkpoints.glob("*.pt")} - files.keys()
    assert not unlisted


def look_after_recovery(folder: Folder, least: int) -> None:
    """After the next start every file is the one that its own entry commits, and best is there."""
    found = recovery.recover(folder)
    assert found.path is not None
    assert step_of(found.path) == step_of(folder.last) >= least
    assert not found.notes
    for name, entry in read_manifest(folder)["files"].items():
        assert "next" not in entry
        assert store.sha256(folder.checkpoints / name) == entry["sha256"]
    assert folder.best.is_file()


@pytest.mark.requirement("P2.4")
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_every_call_leaves_a_committed_file_and_loses_no_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    for number in itertools.count(1):
        folder = Folder(tmp_path / f"{number}")
        folder.root.mkdir()
        save(folder, 10, "best", "last")
        save(folder, 20, "last")
        if not killed(number, monkeypatch, folder, 30, after=after):
            break
        look(folder, 20)
        look_after_recovery(folder, 20)
        assert checkpoint.load(folder, folder.best)["step"] in (10, 30)
    assert number > 20  # every call of a save was the last one once


@pytest.mark.requirement("P2.4")
@pytest.mark.parametrize("resumed", [True, False])
def test_two_kills_in_a_row_lose_no_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resumed: bool
) -> None:
    """The second save begins on what the first left half done: with a start in between, and without."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # not what is looked at here, and slow
    calls = next(n for n in itertools.count(1) if not killed(n, monkeypatch, new(tmp_path), 30, after=True))
    assert calls > 15  # else no kill would come inside a save
    for first, second in itertools.product(range(1, calls), range(2, calls + 8, 5)):
        folder = new(tmp_path)
        killed(first, monkeypatch, folder, 30, after=True)
        if resumed:
            look_after_recovery(folder, 20)
        killed(second + first % 5, monkeypatch, folder, 40, after=True)
        look(folder, 20)
        look_after_recovery(folder, 20)


def new(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / f"{sum(1 for _ in tmp_path.iterdir())}")
    folder.root.mkdir()
    save(folder, 10, "best", "last")
    save(folder, 20, "last")
    return folder


def test_a_commit_that_the_disk_refused_and_then_a_kill_lose_nothing(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder, 10, "best", "last")
    save(folder, 20, "last")
    real, made = store.write_json, itertools.count(1)

    def full(path: Path, value: Any) -> str:
        if next(made) == 2:
            raise OSError(28, "No space left on device")
        return real(path, value)

    monkeypatch.setattr(store, "write_json", full)
    with pytest.raises(OSError, match="No space"):
        save(folder, 30, "best", "last")
    monkeypatch.setattr(store, "write_json", real)
    killed(30, monkeypatch, folder, 40, after=False)
    look(folder, 30)
    look_after_recovery(folder, 30)


def test_the_generation_before_is_given_up_only_for_one_that_is_on_the_disk(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder, 10, "last")
    save(folder, 20, "last")
    flip(folder.last)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            save(folder, 30, "last")
    assert checkpoint.newest(folder) == folder.previous
    save(folder, 30, "last")  # and a damaged one never becomes the generation before
    assert (step_of(folder.last), step_of(folder.previous)) == (30, 10)


def refuse(patched: pytest.MonkeyPatch, wanted: Path, error: BaseException) -> None:
    """Raises the error when this one file is written."""
    real = store.write_bytes

    def write_bytes(path: Path, *words: Any, **more: Any) -> str:
        if path == wanted:
            raise error
        return real(path, *words, **more)

    patched.setattr(store, "write_bytes", write_bytes)


def test_a_checkpoint_for_good_that_the_disk_refuses_does_not_hold_up_the_last_one(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder, 10, "best", "last")
    packed = checkpoint.pack(content(20))
    refuse(monkeypatch, folder.periodic(5), OSError(28, "No space left on device"))
    refused = checkpoint.write(folder, {folder.periodic(5): packed, folder.last: packed})
    assert list(refused) == [folder.periodic(5)]
    assert step_of(folder.last) == 20
    assert folder.periodic(5).name not in read_manifest(folder)["files"]


def test_a_checkpoint_for_good_that_a_kill_kept_from_its_name_is_made_from_the_last_one(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder, 10, "best", "last")
    packed = checkpoint.pack(content(20))
    with monkeypatch.context() as patched:
        refuse(patched, folder.periodic(5), Killed())
        with pytest.raises(Killed):
            checkpoint.write(folder, {folder.periodic(5): packed, folder.last: packed})
    assert recovery.recover(folder) == (folder.last, (), False)
    assert checkpoint.load(folder, folder.periodic(5))["step"] == 20


def test_a_lost_best_one_with_nothing_older_lets_the_run_begin_anew(folder: Folder) -> None:
    save(folder, 20, "best", "last")
    save(folder, 30, "last")
    save(folder, 40, "last")
    flip(folder.best)
    found = recovery.recover(folder)
    assert found.path is None
    assert "begins anew, since none is from before step 20" in found.notes[-1]
    assert read_manifest(folder)["files"] == {}
    assert step_of(folder.checkpoints / "last_model.pt.later") == 40  # nothing is deleted
    assert not list(folder.checkpoints.glob("*.pt"))


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_in_the_very_first_save_leaves_that_save_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    for number in itertools.count(1):
        folder = Folder(tmp_path / f"{number}")
        folder.root.mkdir()
        if not killed(number, monkeypatch, folder, 10, after=after):
            break
        found = recovery.recover(folder)
        assert found.notes == ()
        assert bool(read_manifest(folder)["files"]) == (found.path is not None)
        assert found.path is None or {step_of(folder.best), step_of(folder.last)} == {10}


@pytest.mark.parametrize(
    "name", ["/tmp/mine", "../../mine", ".bashrc", "best_model.pt/../x", "last_model.pt\n", "mine.pt"]
)
def test_a_manifest_that_names_another_file_is_refused_and_the_file_left_alone(
    folder: Folder, name: str
) -> None:
    save(folder, 10, "last")
    files = read_manifest(folder)["files"]
    write_manifest(folder, files | {name: files["last_model.pt"]})
    for ask in (recovery.recover, checkpoint.newest):
        with pytest.raises(ResumeRefused, match="cannot be read"):
            ask(folder)


def test_a_file_of_another_name_is_not_taken_for_the_best_one(folder: Folder) -> None:
    save(folder, 10, "best", "last")
    save(folder, 20, "last")
    folder.best.write_bytes(folder.last.read_bytes())
    with pytest.raises(ResumeRefused, match="damaged"):
        checkpoint.load(folder, folder.best)
    assert "best_model.pt is damaged" in recovery.recover(folder).notes[0]
    assert step_of(folder.best) == 10


def test_a_reader_between_manifest_and_file_reads_once_more(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder, 10, "best")
    real, saved = checkpoint.read_manifest, []

    def slow(asked: Folder) -> Any:
        manifest = real(asked)
        if not saved:
            saved.append(True)
            monkeypatch.setattr(checkpoint, "read_manifest", real)
            save(folder, 20, "best")
        return manifest

    monkeypatch.setattr(checkpoint, "read_manifest", slow)
    assert checkpoint.load(folder, folder.best)["step"] == 20


LIMITED = """
import resource, sys
import psutil, torch
from firstlight.training import checkpoint
state = {"step": 1, "epoch": 1, "weights": [torch.zeros(1 << 20) for _ in range(10)]}
checkpoint.pack({"step": 1, "epoch": 1})
resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + (12 << 20), -1))
try:
    checkpoint.pack(state)
except MemoryError as error:
    print("memory:", type(error.__cause__).__name__)
"""


@pytest.mark.requirement("P2.11")
def test_memory_that_runs_out_in_a_save_is_told_as_memory() -> None:
    """torch tells it as a RuntimeError with words about its file format (`unexpected pos`)."""
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("memory: "), done.stderr


def test_a_kill_between_best_and_last_makes_last_the_newest_again(folder: Folder) -> None:
    """Found by random kills: a run that went on from the best checkpoint of its last step left an older last one."""
    save(folder, 1, "last")
    newer = checkpoint.pack(content(2))
    manifest = read_manifest(folder)
    manifest["files"][folder.best.name] = {**newer.entry, "next": newer.entry}
    store.write_json(folder.manifest, manifest)
    store.write_bytes(folder.best, newer.content)  # and here the process died
    assert recovery.recover(folder).path == folder.best
    assert checkpoint.load(folder, folder.last)["step"] == 2
    assert checkpoint.load(folder, folder.previous)["step"] == 1
