from __future__ import annotations

import errno
import json
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from firstlight.errors import ResourceError
from firstlight.experiment import store


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole_and_its_hash_given(tmp_path: Path) -> None:
    store.write_text(tmp_path / "a.txt", "old")
    digest = store.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert digest == store.sha256(tmp_path / "a.txt")
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.requirement("H12")
def test_a_planted_link_is_replaced_and_its_target_untouched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("untouched")
    (tmp_path / "logs").mkdir()
    for name in ("best_model.pt", "training.log", "dangling"):
        (tmp_path / "logs" / name).symlink_to(tmp_path / "nowhere" if name == "dangling" else secret)
    store.write_bytes(tmp_path / "logs" / "best_model.pt", b"weights")
    store.write_bytes(tmp_path / "logs" / "dangling", b"weights")
    store.append_line(tmp_path / "logs" / "training.log", "line")
    assert secret.read_text() == "untouched"
    assert not any(path.is_symlink() for path in (tmp_path / "logs").iterdir())
    assert (tmp_path / "logs" / "training.log").read_text() == "line\n"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.requirement("P05")
@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o000, 0o644), (0o022, 0o644)])
def test_files_have_the_mode_that_the_umask_allows_and_are_never_group_writable(
    tmp_path: Path, mask: int, mode: int
) -> None:
    before = os.umask(mask)
    try:
        store.write_text(tmp_path / "a.txt", "x")
        store.append_line(tmp_path / "a.log", "x")
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("a.txt", "a.log")] == [mode, mode]


def test_writing_never_touches_the_umask_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("another thread would see another umask"))
    store.write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").exists()


@pytest.mark.requirement("F04", "F08")
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_when_the_disk_refuses_the_old_file_stays_and_no_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store.write_text(tmp_path / "a.txt", "old")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OSError, match="No space left"):
        store.write_text(tmp_path / "a.txt", "new")
    monkeypatch.undo()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.requirement("X06")
def test_a_moved_experiment_is_not_made_again(tmp_path: Path) -> None:
    for write in (
        lambda: store.write_text(tmp_path / "run" / "logs" / "a.json", "{}"),
        lambda: store.append_line(tmp_path / "run" / "logs" / "training.log", "line"),
    ):
        with pytest.raises(ResourceError) as caught:
            write()
        assert caught.value.exit_code == 4
    assert names(tmp_path) == []


@pytest.mark.requirement("X07")
def test_a_reader_always_finds_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    store.write_json(path, {"values": [0] * 5000})
    done = threading.Event()

    def write() -> None:
        for number in range(40):
            store.write_json(path, {"values": [number] * 5000})
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    reads = 0
    while not done.is_set():
        assert len(set(json.loads(path.read_text())["values"])) == 1
        reads += 1
    thread.join()
    assert reads > 0


def test_the_temporary_files_of_a_killed_process_are_swept(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    left = [tmp_path / ".writing-ab", tmp_path / "checkpoints" / ".writing-cd"]
    for path in left:
        path.write_text("half")
    (tmp_path / "checkpoints" / "best_model.pt").write_text("whole")
    assert sorted(store.sweep(tmp_path)) == sorted(left)
    assert names(tmp_path / "checkpoints") == ["best_model.pt"]


@pytest.mark.requirement("K10")
def test_a_line_that_a_crash_cut_is_ended_before_the_next(tmp_path: Path) -> None:
    log = tmp_path / "training.log"
    log.write_bytes(b"whole\nhal")
    store.append_line(log, "next")
    store.append_line(log, "after")
    assert log.read_text() == "whole\nhal\nnext\nafter\n"


def test_arrays_come_back_and_equal_arrays_give_equal_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = {"ids": np.array(["a", "b\udc80"]), "rows": np.arange(3), "file": np.zeros((2, 0))}
    first = store.write_npz(tmp_path / "a.npz", arrays)
    monkeypatch.setattr("time.time", lambda: 4e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2030, 1, 1, 0, 0, 0, 0, 1, 0))
    assert store.write_npz(tmp_path / "b.npz", arrays) == first
    back = store.read_npz(tmp_path / "a.npz")
    assert back.keys() == arrays.keys()
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)


@pytest.mark.requirement("H13")
def test_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}], dtype=object)
    with pytest.raises(ValueError, match="pickle"):
        store.write_npz(tmp_path / "a.npz", {"x": objects})
    np.savez(tmp_path / "b.npz", x=objects)
    with pytest.raises(ValueError, match="pickle"):
        store.read_npz(tmp_path / "b.npz")
    assert names(tmp_path) == ["b.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY\x01\x00", b"text"])
def test_a_damaged_npz_is_an_error_that_can_be_caught(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises((ValueError, OSError)):
        store.read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("text", ["NaN", "[1e999]", "[" * 100_000, "{", '{"a": -Infinity}', "\udcff"])
def test_only_strict_json_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"JSON|deeply|large|Expecting|decode"):
        store.read_json(tmp_path / "a.json")


def test_a_number_that_json_does_not_have_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert names(tmp_path) == []


def test_a_name_that_is_not_utf8_survives_json(tmp_path: Path) -> None:
    store.write_json(tmp_path / "a.json", {"name": "b\udc80"})
    assert store.read_json(tmp_path / "a.json") == {"name": "b\udc80"}
