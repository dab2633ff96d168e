from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firstlight.errors import FolderInUse, ResourceError, UsageError
from firstlight.experiment.folder import Folder
from firstlight.experiment.lock import holder, lock

HOLD = """
import sys
from pathlib import Path
from firstlight.errors import FolderInUse
from firstlight.experiment.folder import Folder
from firstlight.experiment.lock import lock
try:
    with lock(Folder(Path(sys.argv[1]))):
        print("held", flush=True)
        sys.stdin.read()
except FolderInUse as error:
    print("in use", flush=True)
    sys.exit(error.exit_code)
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    """A process that takes the lock, says so, and keeps it until its input ends."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> int:
    """Lets it end, closes its pipes, gives the exit code."""
    process.communicate()
    return process.returncode


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.requirement("X01", "X02")
def test_another_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with lock(Folder(tmp_path)) as me:
        other = hold(tmp_path)
        assert first_line(other) == "in use"
        assert end(other) == 5
        with pytest.raises(FolderInUse) as caught, lock(Folder(tmp_path)):
            pass
    assert f"process {os.getpid()}" in caught.value.where
    assert me.host in caught.value.where
    assert me.started in caught.value.where


@pytest.mark.requirement("X01")
def test_of_several_starts_at_once_exactly_one_runs(tmp_path: Path) -> None:
    started = [hold(tmp_path) for _ in range(4)]
    assert sorted(first_line(p) for p in started) == ["held", "in use", "in use", "in use"]
    assert sorted(end(p) for p in started) == [0, 5, 5, 5]


@pytest.mark.requirement("X03")
def test_a_killed_process_does_not_keep_it_shut(tmp_path: Path) -> None:
    other = hold(tmp_path)
    assert first_line(other) == "held"
    found = holder(Folder(tmp_path))
    assert found is not None
    assert found.pid == other.pid
    other.send_signal(signal.SIGKILL)
    end(other)
    with lock(Folder(tmp_path)):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()


@pytest.mark.requirement("X04")
@pytest.mark.parametrize(
    "text", ["", "not json", "[]", json.dumps({"pid": os.getppid(), "host": "other"}), "\0" * 99]
)
def test_stale_text_keeps_nobody_out(tmp_path: Path, text: str) -> None:
    (tmp_path / ".lock").write_text(text)
    assert holder(Folder(tmp_path)) is None
    with lock(Folder(tmp_path)):
        assert holder(Folder(tmp_path)) is not None


def test_text_that_cannot_be_read_is_still_a_held_lock(tmp_path: Path) -> None:
    with lock(Folder(tmp_path)):
        (tmp_path / ".lock").write_text("\x1b[31mgarbage")
        with pytest.raises(FolderInUse) as caught, lock(Folder(tmp_path)):
            pass
    assert "\x1b" not in str(caught.value)


def test_it_is_free_again_after_use_and_after_an_error(tmp_path: Path) -> None:
    with contextlib.suppress(ZeroDivisionError), lock(Folder(tmp_path)):
        _ = 1 / 0
    with lock(Folder(tmp_path)):
        pass
    assert holder(Folder(tmp_path)) is None
    assert (tmp_path / ".lock").read_text() == ""


def test_a_forked_child_does_not_keep_the_lock_of_a_dead_parent(tmp_path: Path) -> None:
    with lock(Folder(tmp_path)):
        child = os.fork()
        if child == 0:
            time.sleep(20)
            os._exit(0)
    try:
        with lock(Folder(tmp_path)):
            pass
        assert holder(Folder(tmp_path)) is None
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_asking_who_holds_it_does_not_disturb_a_start(tmp_path: Path) -> None:
    with lock(Folder(tmp_path)):
        pass
    handle = os.open(tmp_path / ".lock", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    other = hold(tmp_path)
    time.sleep(0.02)
    os.close(handle)
    assert first_line(other) == "held"
    assert end(other) == 0


@pytest.mark.requirement("X05")
def test_a_file_system_without_locks_is_refused_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ResourceError) as caught, lock(Folder(tmp_path)):
        pass
    assert "No locks available" in caught.value.where


def test_a_folder_that_is_not_there_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError), lock(Folder(tmp_path / "gone")):
        pass


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("untouched")
    (tmp_path / ".lock").symlink_to(tmp_path / "target")
    with pytest.raises(UsageError), lock(Folder(tmp_path)):
        pass
    assert (tmp_path / "target").read_text() == "untouched"


def test_temporary_files_are_swept_when_the_lock_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".writing-1").write_text("half")
    with lock(Folder(tmp_path)):
        assert not (tmp_path / ".writing-1").exists()
