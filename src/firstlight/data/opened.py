"""Which files of a data set are opened: regular ones, and through links only what lies inside the data.

A stranger's data set may hold a link to a file of yours, or a pipe that never ends. What the user names on the
command line or in `data.source` may itself be a link.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from firstlight.errors import DataError
from firstlight.text import count, visible

LARGEST_FILE = 2**30  # bytes; a larger file is no image and no text of a training set
ALLOW = "--set data.follow_links=true reads them, for a folder of links to a store of your own"


def read_file(path: Path, most: int = LARGEST_FILE) -> bytes:
    """The content of a regular file; a pipe or a device is never waited for.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no regular file, or larger than `most` bytes.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        if status.st_size > most:
            raise ValueError("the file is larger than 1 GiB")
        return file.read()


def leaves(path: Path, root: Path) -> bool:
    """Whether a path leads out of `root` through links; one that leads nowhere does not."""
    try:
        return not path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return False  # a circle: opening it will fail


def refuse_leaving(paths: Iterable[Path], root: Path, follow_links: bool) -> None:
    """Refuses files that make up a data set and lie outside of it.

    Raises:
        DataError: One leads out of `root`, and links are not to be followed.
    """
    outside = [] if follow_links else [path.name for path in paths if leaves(path, root)]
    if outside:
        raise DataError(
            f"{count(len(outside), 'file')} of the data is a link that leaves the data folder"
            if len(outside) == 1
            else f"{count(len(outside), 'file')} of the data are links that leave the data folder",
            visible(f"{root}: {', '.join(sorted(outside)[:20])}"),
            f"put the files there; {ALLOW}",
        )


def within(paths: Sequence[Path], root: Path, follow_links: bool) -> tuple[Sequence[Path], tuple[str, ...]]:
    """Those that do not lead out of `root`, and a sentence about the others."""
    outside = set() if follow_links else {path for path in paths if leaves(path, root)}
    if not outside:
        return paths, ()
    names = ", ".join(visible(path.relative_to(root).as_posix()) for path in sorted(outside)[:20])
    told = (
        f"links that leave the folder were passed over ({len(outside):,}): {names}; --follow-links reads them"
    )
    return [path for path in paths if path not in outside], (told,)
