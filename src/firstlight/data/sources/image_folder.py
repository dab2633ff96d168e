"""Images in class folders, with or without train/val/test above them.

DATA/cats/1.jpg                 classes at the top: firstlight splits
DATA/train/cats/1.jpg           parts at the top: their split is kept
DATA/test/cats/9.jpg
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import PARTS, Listing, Part
from firstlight.data.images import SUFFIXES
from firstlight.data.source import Source, is_litter
from firstlight.errors import DataError
from firstlight.text import count, visible

if TYPE_CHECKING:
    from firstlight.config.schema import Data

LAYOUT = (
    "expected: DATA/CLASS/image.jpg for two classes or more, "
    "or DATA/train/CLASS/image.jpg and DATA/test/CLASS/image.jpg"
)
FEWEST_CLASSES = 2


@dataclass(slots=True)
class _Found:
    """Files of one class and part, in order."""

    files: list[tuple[str, Part, str, Path]] = field(default_factory=list)  # class, part, id, path
    empty: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _matches(source: str, path: Path) -> bool:
    return path.is_dir()


def _read(data: Data, path: Path) -> Listing:
    found = _Found()
    top = _folders(path, path, found)
    parts = {name: PARTS[name.lower()] for name in top if name.lower() in PARTS}
    by_part = bool(parts) and Part.TRAIN in parts.values()
    if by_part:
        for name in set(top) - set(parts):
            found.ignored.append(name)
            found.notes.append(
                f"the folder {visible(name)} is none of train, val and test and was passed over"
            )
        for name, part in sorted(parts.items()):
            for label in _folders(path / name, path, found):
                _collect(path, path / name / label, label, part, found)
    else:
        for label in top:
            _collect(path, path / label, label, Part.UNASSIGNED, found)
    return _listing(data, path, found)


def _listing(data: Data, root: Path, found: _Found) -> Listing:
    labels = {label for label, *_ in found.files}
    for label in sorted(set(found.empty) - labels):
        found.notes.append(f"the class folder {visible(label)} holds no image and was left out")
    classes = _classes(data, labels, root)
    _check_parts(found, labels)
    rows = sorted(found.files, key=lambda row: row[2])
    index = {label: number for number, label in enumerate(classes)}
    return Listing(
        source=data.source or str(root),
        root=root,
        ids=tuple(row[2] for row in rows),
        labels=np.array([index[row[0]] for row in rows], dtype=np.int64),
        classes=classes,
        parts=np.array([row[1] for row in rows], dtype=np.int8),
        files=tuple(row[3] for row in rows),
        ignored=tuple(sorted(found.ignored)),
        notes=tuple(found.notes),
    )


def _classes(data: Data, labels: set[str], root: Path) -> tuple[str, ...]:
    if len(labels) < FEWEST_CLASSES:
        loose = sum(1 for p in root.iterdir() if p.suffix.lower() in SUFFIXES and not is_litter(p.name))
        what = "no class folder with images was found" if not labels else "there is only one class"
        where = f"{root}: {count(loose, 'image')} at the top" if loose else f"{root}: {sorted(labels)}"
        raise DataError(what, visible(where), LAYOUT)
    if data.classes is None:
        return tuple(sorted(labels))
    unknown = sorted(labels - set(data.classes))
    if unknown:
        raise DataError(
            "the data has classes that the config does not name",
            visible(f"data.classes lacks {unknown[:20]}"),
            "add them to data.classes, or leave the key out",
        )
    return data.classes


def _check_parts(found: _Found, labels: set[str]) -> None:
    """A class that is missing in a part is told; one that cannot be learnt is too."""
    for part in sorted({row[1] for row in found.files} - {Part.UNASSIGNED}):
        missing = sorted(labels - {row[0] for row in found.files if row[1] == part})
        if missing:
            names = ", ".join(visible(m) for m in missing[:20])
            found.notes.append(f"the part {part.name.lower()} has no image of: {names}")


def _folders(folder: Path, root: Path, found: _Found) -> list[str]:
    """Names of the folders below `folder`; a link that leaves the data or closes a loop is told and not followed."""
    names = []
    for entry in _entries(folder):
        if is_litter(entry.name):
            found.ignored.append(_identity(Path(entry.path), root))
        elif entry.is_dir() and (not entry.is_symlink() or _may_follow(Path(entry.path), root, found)):
            names.append(entry.name)
    return sorted(names)


def _collect(root: Path, folder: Path, label: str, part: Part, found: _Found) -> None:
    """All images below a class folder, at any depth."""
    before = len(found.files)
    waiting = [folder]
    while waiting:
        for entry in sorted(_entries(waiting.pop()), key=lambda e: e.name):
            path = Path(entry.path)
            if is_litter(entry.name):
                found.ignored.append(_identity(path, root))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.is_symlink() and not _may_follow(path, root, found):
                continue
            elif entry.is_symlink() and path.is_dir():
                waiting.append(path)
            elif path.suffix.lower() not in SUFFIXES or not stat.S_ISREG(entry.stat().st_mode):
                found.ignored.append(_identity(path, root))
            else:
                found.files.append((label, part, _identity(path, root), path))
    if len(found.files) == before:
        found.empty.append(label)


def _may_follow(link: Path, root: Path, found: _Found) -> bool:
    """Whether a link stays inside the data and does not lead back above itself."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        found.ignored.append(_identity(link, root))
        found.notes.append(
            f"the link {visible(_identity(link, root))} leads nowhere or in a circle and was passed over"
        )
        return False
    inside = target.is_relative_to(root.resolve())
    if inside and not link.parent.resolve().is_relative_to(target):
        return True
    why = "leads back into itself" if inside else "leaves the data folder"
    found.ignored.append(_identity(link, root))
    found.notes.append(f"the link {visible(_identity(link, root))} {why} and was not followed")
    return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise DataError(
            "a folder of the data cannot be read",
            visible(f"{folder}: {error.strerror}"),
            "give yourself the right to read it, or move it out of the data",
        ) from None


def _identity(path: Path, root: Path) -> str:
    """POSIX path below the data folder: the same wherever the folder lies."""
    return path.relative_to(root).as_posix()


SOURCE = Source(matches=_matches, read=_read)
