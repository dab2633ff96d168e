"""A new experiment folder: claimed at once, built aside, moved into place whole, or not there at all.

    runs/digits-3          claimed by an empty folder, so that eight starts at once get eight numbers
    runs/.digits-3.partial phase 1 writes here; a rename replaces the empty folder at the end

Both lie side by side, so a path relative to the one is right in the other.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firstlight.errors import UsageError
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.experiment.lock import UNKNOWN, holder, in_use, lock, remove_abandoned
from firstlight.text import visible

RUNS = Path("runs")
LONGEST_NAME = 60  # characters of the data's name in the folder's name (judgement)
MOST_RUNS = 100_000  # numbers tried before giving up
_PARTIAL = re.compile(r"\.(?P<name>.+)\.partial", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExperiment:
    """A folder that is being made."""

    root: Path  # where phase 1 writes
    final: Path  # where the experiment will be when all went well

    def __fspath__(self) -> str:
        return str(self.root)


@contextlib.contextmanager
def new_experiment(out: Path | None, name: str, *, data: Path | None = None) -> Iterator[NewExperiment]:
    """Makes an experiment; any error inside leaves nothing behind.

    Args:
        out: The folder that the user named; None for `runs/NAME-N`, the first N that is free.
        name: Of the data; characters that make trouble in a path are replaced.
        data: The data folder, which the experiment may neither be nor lie in.

    Raises:
        UsageError: There is an experiment already, or the folder is not one that may be taken.
        FolderInUse: Another process is making this experiment.
    """
    wanted = Path.cwd() / RUNS / "1" if out is None else Path(os.path.abspath(out.expanduser()))
    absent = [parent for parent in wanted.parents if not parent.exists()]
    final = _numbered(name, data) if out is None else _named(out, data)
    _remove_abandoned(final.parent)
    root = _begin(final)
    try:
        with lock(Folder(root)):
            _refuse_experiment(final)  # another process may have finished between our first look and our turn
            for part in (Folder(root).logs, Folder(root).checkpoints, Folder(root).checklists):
                part.mkdir()
            yield NewExperiment(root=root, final=final)
            _move_into_place(root, final)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        with contextlib.suppress(OSError):  # each only when it is empty, which is our claim
            for folder in (final, *absent):
                folder.rmdir()
        raise


def safe_name(name: str) -> str:
    """A folder name from the name of the data: letters and digits of any script, and `.-_`."""
    kept = "".join(
        c if c.isalnum() or c in "._-" else "-" for c in unicodedata.normalize("NFC", visible(name))
    )
    return re.sub(r"-{2,}", "-", kept).strip("-.")[:LONGEST_NAME].rstrip("-.") or "experiment"


def _numbered(name: str, data: Path | None) -> Path:
    """Claims the first free `runs/NAME-N`."""
    runs = Path.cwd() / RUNS
    _refuse_place(runs / "1", data)
    try:
        runs.mkdir(exist_ok=True)
        for number in range(1, MOST_RUNS):
            path = runs / f"{safe_name(name)}-{number}"
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                return path
    except OSError as error:
        raise _not_writable(runs, error) from None
    raise UsageError("no number is free", f"{runs} has {MOST_RUNS:,} experiments", "name a folder with -o")


def _named(out: Path, data: Path | None) -> Path:
    """Claims the folder that the user named."""
    final = Path(os.path.abspath(out.expanduser()))
    _refuse_place(final, data)
    _refuse_experiment(final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        final.mkdir(exist_ok=True)
        occupied = next(final.iterdir(), None)
    except FileExistsError:
        shown = visible(str(out))
        raise UsageError("an experiment is a folder", f"{shown} is a file", "choose another -o") from None
    except OSError as error:
        raise _not_writable(final, error) from None
    if occupied is not None:
        raise _not_empty(final, occupied.name)
    return final


def _begin(final: Path) -> Path:
    """Makes the folder in which this process, and no other, builds the experiment."""
    root = final.parent / f".{final.name}.partial"
    try:
        root.mkdir(mode=0o755)
    except FileExistsError:
        found = holder(Folder(root)) or UNKNOWN
        raise in_use(final, found) from None
    except OSError as error:
        raise _not_writable(final, error) from None
    return root


def _refuse_experiment(final: Path) -> None:
    shown = visible(str(final))
    for file in (Folder(final).config, Folder(final).status):
        if file.exists():
            raise UsageError(
                "the folder holds an experiment already, and nothing is overwritten",
                f"{shown} has a {file.name}",
                f"go on with `firstlight train {shown} --resume`, or choose another folder with -o",
            )


def _refuse_place(final: Path, data: Path | None) -> None:
    real = Path(os.path.realpath(final))
    places = {
        Path(real.anchor): "the root of the disk",
        Path(os.path.realpath(Path.home())): "your home folder",
    }
    if real in places:
        raise UsageError(
            f"{places[real]} cannot become an experiment", str(final), "name a new folder with -o"
        )
    if data is None or not data.is_dir():
        return
    source = Path(os.path.realpath(data))
    if real == source or source in real.parents:
        raise UsageError(
            "the experiment would lie in its own data",
            f"{visible(str(final))} is {'' if real == source else 'inside '}{visible(str(data))}",
            "name a folder outside of the data with -o",
        )


def _move_into_place(root: Path, final: Path) -> None:
    try:
        os.rename(root, final)  # replaces an empty folder in one step; refuses one that is not
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise _not_empty(final, next(iter(sorted(p.name for p in final.iterdir())), "?")) from None
        raise
    store.sync_folder(final.parent)


def _remove_abandoned(parent: Path) -> None:
    """Removes what killed processes left half-made beside the new experiment, and their claims."""
    with contextlib.suppress(OSError):
        for path in tuple(parent.iterdir()):
            found = _PARTIAL.fullmatch(path.name)
            if found is not None and not path.is_symlink() and remove_abandoned(path):
                with contextlib.suppress(OSError):
                    (parent / found["name"]).rmdir()


def _not_empty(final: Path, name: str) -> UsageError:
    return UsageError(
        "the folder is not empty and holds no experiment",
        f"{visible(str(final))} holds {visible(name)}",
        "choose a new or empty folder with -o",
    )


def _not_writable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        "the experiment folder cannot be made",
        f"{visible(str(path))}: {error.strerror}",
        "choose a folder where you may write with -o",
    )
