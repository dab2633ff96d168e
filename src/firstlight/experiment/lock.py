"""One process at a time works in an experiment.

The lock of the operating system, held open, decides; it goes away with its process, however that ends. The
text in the file only explains who holds it: it may be stale, and nobody is ever shut out because of it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import platform
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from firstlight.errors import FolderInUse, ResourceError, UsageError
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.text import visible

TRIES, PAUSE_SECONDS = 6, 0.02  # a reader that looks who holds the lock has it for microseconds
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_held: set[int] = set()  # handles of this process, for children that are forked while they are open


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds the lock, as it wrote itself down."""

    host: str
    boot_id: str
    pid: int
    started: str  # UTC, for people
    id: str  # random: tells two holders with one PID apart


UNKNOWN = Holder(host="?", boot_id="?", pid=0, started="?", id="?")


@contextlib.contextmanager
def lock(folder: Folder) -> Iterator[Holder]:
    """Holds the experiment; temporary files that a killed process left are removed first.

    Raises:
        FolderInUse: Another process, or another call in this one, holds it.
        ResourceError: The file system has no locks.
        UsageError: The folder cannot be written.
    """
    handle = _acquire(folder)
    _held.add(handle)
    try:
        me = _myself()
        os.ftruncate(handle, 0)
        os.pwrite(handle, (json.dumps(asdict(me)) + "\n").encode(), 0)
        store.sweep(folder.root)
        yield me
    finally:
        _held.discard(handle)
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
        os.close(handle)


def holder(folder: Folder) -> Holder | None:
    """Who holds the experiment now; None when nobody does."""
    try:
        handle = os.open(folder.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return _read(handle) if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    else:
        return None
    finally:
        os.close(handle)


def in_use(root: Path, found: Holder) -> FolderInUse:
    """The error that names who holds an experiment."""
    who = f"host {visible(found.host)}, process {found.pid}, since {visible(found.started)}"
    return FolderInUse(
        "another process works in this experiment",
        f"{visible(str(root))}: {who}",
        "wait for it or stop it, or choose another folder with -o",
    )


def remove_abandoned(root: Path) -> bool:
    """Removes a half-made experiment whose maker died; leaves it alone while a maker may be alive.

    The text in the lock is written once the lock is held: without it the maker may only just have begun.
    """
    path = Folder(root).lock
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(handle, path) or os.fstat(handle).st_size == 0:
            return False
        shutil.rmtree(root)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _acquire(folder: Folder) -> int:
    """An open handle that has the lock of the file which is at the path now."""
    found = UNKNOWN
    for _ in range(TRIES):
        handle = _open(folder)
        if not _locked(handle, folder):
            found = _read(handle)
        elif _is_at(handle, folder.lock):
            return handle  # otherwise the folder was replaced while it was opened
        os.close(handle)
        time.sleep(PAUSE_SECONDS)
    raise in_use(folder.root, found)


def _locked(handle: int, folder: Folder) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        os.close(handle)
        raise _without_locks(folder, error) from None
    return True


def _open(folder: Folder) -> int:
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(folder.lock, flags, store.FILE_MODE)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE):
            raise
        raise UsageError(
            "the experiment folder cannot be written",
            f"{folder.lock}: {error.strerror}",
            "give yourself the right to write there, or use another folder",
        ) from None


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


def _read(handle: int) -> Holder:
    try:
        fields = json.loads(os.pread(handle, 4096, 0))
        return Holder(**{k: type(getattr(UNKNOWN, k))(v) for k, v in fields.items()})
    except (ValueError, TypeError, AttributeError, OSError):
        return UNKNOWN


def _myself() -> Holder:
    try:
        boot = _BOOT_ID.read_text("ascii").strip()
    except OSError:
        boot = "?"
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Holder(
        host=platform.node(), boot_id=boot, pid=os.getpid(), started=started, id=secrets.token_hex(8)
    )


def _without_locks(folder: Folder, error: OSError) -> ResourceError:
    return ResourceError(
        "the file system cannot lock a file, so two runs could spoil each other",
        f"{folder.lock}: {error.strerror}",
        "choose a folder on another disk with -o",
    )


def _close_in_child() -> None:
    """A forked child would hold the lock after its parent died."""
    for handle in _held:
        with contextlib.suppress(OSError):
            os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)
