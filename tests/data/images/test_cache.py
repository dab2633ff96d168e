"""The cache: where it lies, entries whole or absent, the oldest removed first."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest

from firstlight.data.images import cache


def entry(root: Path, name: str, value: int = 0) -> None:
    with cache.writing(root, name, (4, 5, 5, 1)) as (pixels, index):
        pixels[:] = value
        index["problems"] = {}


def names(root: Path) -> set[str]:
    return {p.name for p in root.iterdir()}


def test_an_entry_is_read_back(tmp_path):
    entry(tmp_path, "a", 7)
    found = cache.read(tmp_path, "a")
    assert (np.asarray(found.pixels) == 7).all()
    assert found.pixels.shape == (4, 5, 5, 1)
    assert found.index["problems"] == {}
    assert cache.read(tmp_path, "b") is None


def test_an_entry_of_no_rows(tmp_path):
    with cache.writing(tmp_path, "a", (0, 5, 5, 1)) as (_, index):
        index["problems"] = {}
    assert cache.read(tmp_path, "a").pixels.shape == (0, 5, 5, 1)


def test_an_error_while_writing_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), cache.writing(tmp_path, "a", (4, 5, 5, 1)):
        raise RuntimeError
    assert names(tmp_path) == set()


def test_a_full_disk_is_an_error_and_no_bus_error(tmp_path, monkeypatch):
    def full(handle, offset, length):  # what the system says when the space cannot be had
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        entry(tmp_path, "a")
    assert names(tmp_path) == set()


def test_the_space_is_taken_at_the_start(tmp_path):
    with cache.writing(tmp_path, "a", (100, 100, 100, 1)):
        (path,) = tmp_path.glob("*/pixels.npy")
        assert path.stat().st_blocks * 512 >= 1_000_000


def test_a_later_entry_replaces_one_of_the_same_name(tmp_path):
    entry(tmp_path, "a", 1)
    entry(tmp_path, "a", 2)
    assert (np.asarray(cache.read(tmp_path, "a").pixels) == 2).all()
    assert names(tmp_path) == {"a"}


def test_the_key_depends_on_all_that_changes_the_pixels():
    keys = {
        cache.key("f", (8, 8), 3, "d"),
        cache.key("g", (8, 8), 3, "d"),
        cache.key("f", (8, 9), 3, "d"),
        cache.key("f", (9, 8), 3, "d"),
        cache.key("f", (8, 8), 1, "d"),
        cache.key("f", (8, 8), 3, "e"),
    }
    assert len(keys) == 6
    assert cache.key("f", (8, 8), 3, "d") in keys


def test_the_entries_unused_for_longest_are_removed(tmp_path):
    for age, name in ((300, "old"), (200, "middle"), (100, "new")):
        entry(tmp_path, name)
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    assert cache.read(tmp_path, "old") is not None  # used: it is the newest now
    size = sum(f.stat().st_size for f in (tmp_path / "new").iterdir())
    cache.prune(tmp_path, keep="new", largest=2 * size + 10)
    assert names(tmp_path) == {"old", "new"}
    cache.prune(tmp_path, keep="new", largest=0)
    assert names(tmp_path) == {"new"}


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path):
    for name, age in ((".writing-old", 90_000), (".writing-now", 10)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pixels.npy").write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    (tmp_path / "not ours").mkdir()
    entry(tmp_path, "a")
    assert names(tmp_path) == {"a", ".writing-now", "not ours"}


def test_the_first_place_that_can_be_written_is_taken(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    blocked = str(tmp_path / "file" / "x")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("FIRSTLIGHT_CACHE", raising=False)
    fallback = tmp_path / "run" / "cache"
    assert cache.cache_root(tmp_path / "given", fallback) == tmp_path / "given"
    assert cache.cache_root(None, fallback) == tmp_path / "home" / ".cache" / "firstlight"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_root(None, fallback) == tmp_path / "xdg" / "firstlight"
    monkeypatch.setenv("FIRSTLIGHT_CACHE", str(tmp_path / "own"))
    assert cache.cache_root(Path(blocked), fallback) == tmp_path / "own"
    for variable in ("FIRSTLIGHT_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(variable, blocked)
    assert cache.cache_root(None, fallback) == fallback
    assert fallback.is_dir()
