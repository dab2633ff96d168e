"""Images in class folders, with or without train/val/test above them.

DATA/cats/1.jpg                 classes at the top: firstlight splits
DATA/train/cats/1.jpg           parts at the top: their split is kept
DATA/test/cats/9.jpg
"""

from __future__ import annotations

import os
import stat
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import PARTS, Listing, Part
from firstlight.data.images.decoding import SUFFIXES
from firstlight.data.source import NAMES_SHOWN, Source, is_litter, wants
from firstlight.errors import DataError
from firstlight.text import count, visible

if TYPE_CHECKING:
    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress

LAYOUT = (
    "expected: DATA/CLASS/image.jpg for two classes or more, "
    "or DATA/train/CLASS/image.jpg and DATA/test/CLASS/image.jpg"
)
FEWEST_CLASSES = 2


@dataclass(slots=True)
class _Found:
    """What the walk through the folders gathers."""

    root: Path
    files: list[tuple[str, Part, str, Path]] = field(default_factory=list)  # class, part, id, path
    empty: list[str] = field(default_factory=list)  # class folders without an image
    ignored: list[str] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)  # suffix -> files that are no images by their name
    outside: list[str] = field(default_factory=list)  # images that lie in no class folder
    links: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # why not followed -> ids
    nested: dict[str, str] = field(
        default_factory=dict
    )  # class without images of its own -> first folder with some
    notes: list[str] = field(default_factory=list)


def _matches(data: Data, path: Path) -> bool:
    return os.path.isdir(path) and wants(
        data, "image"
    )  # unlike Path's, it answers for a name that is too long


def _read(data: Data, path: Path, progress: Progress) -> Listing:
    found = _Found(path)
    top = _folders(path, found)
    parts = {name: PARTS[name.lower()] for name in top if name.lower() in PARTS}
    if _divided(path, top, parts):
        for name in sorted(set(top) - set(parts)):
            found.ignored.append(name)
            found.notes.append(
                f"the folder {visible(name)} is none of train, val and test and was passed over"
            )
        for name, part in sorted(parts.items()):
            for label in _folders(path / name, found):
                _collect(path / name / label, label, part, found)
    else:
        for label in top:
            _collect(path / label, label, Part.UNASSIGNED, found)
    return _listing(data, found)


def _divided(path: Path, top: list[str], parts: dict[str, Part]) -> bool:
    """Whether the top folders are parts, and not classes of which one happens to be called `train`.

    Raises:
        DataError: Two folders are the same part.
    """
    if Part.TRAIN not in parts.values():
        return False
    trains = [name for name, part in parts.items() if part is Part.TRAIN]
    if len(parts) < len(top) and any(_holds_images(path / name) for name in trains):
        return False  # buses, cars and trains
    twice = [name for name in parts if list(parts.values()).count(parts[name]) > 1]
    if twice:
        raise DataError(
            "two folders are the same part of the data",
            visible(f"{path}: {', '.join(twice)}"),
            "keep one for each of train, val and test",
        )
    return True


def _holds_images(folder: Path) -> bool:
    return any(Path(e.name).suffix.lower() in SUFFIXES and not is_litter(e.name) for e in _entries(folder))


def _listing(data: Data, found: _Found) -> Listing:
    labels = {label for label, *_ in found.files}
    if len(labels) < FEWEST_CLASSES:
        raise _too_few(labels, found)
    classes = tuple(sorted(labels))
    rows = sorted(found.files, key=lambda row: row[2])
    index = {label: number for number, label in enumerate(classes)}
    return Listing(
        source=data.source or str(found.root),
        root=found.root,
        ids=tuple(row[2] for row in rows),
        labels=np.array([index[row[0]] for row in rows], dtype=np.int64),
        classes=classes,
        parts=np.array([row[1] for row in rows], dtype=np.int8),
        files=tuple(row[3] for row in rows),
        ignored=tuple(sorted(found.ignored)),
        notes=(*found.notes, *_told(found, labels)),
    )


def _too_few(labels: set[str], found: _Found) -> DataError:
    where = visible(f"{found.root}: {f'only {min(labels)}' if labels else 'nothing'}")
    if found.outside:
        where += f"; {count(len(found.outside), 'image')} outside of any class folder"
    if found.other:
        where += f"; no images by their names: {_kinds(found.other)}"
    if found.links:
        where += f"; {count(sum(map(len, found.links.values())), 'link')} not followed"
    remedy = LAYOUT
    if labels and found.nested:
        inner = visible(str(found.root / min(labels)))
        where += f"; its images lie in folders of their own, such as {visible(min(found.nested.values()))}"
        remedy = f"if the classes, or train and test, are the folders in it, name {inner}; {LAYOUT}"
    what = "there is only one class" if labels else "no class folder with images was found"
    return DataError(what, where, remedy)


def _told(found: _Found, labels: set[str]) -> list[str]:
    """What was passed over, a sentence for each kind, however many they are."""
    told = [
        f"the class folder {visible(label)} holds no image and was left out"
        for label in sorted(set(found.empty) - labels)[:NAMES_SHOWN]
    ]
    if found.nested:
        told.append(
            "class folders whose images all lie in folders below them, such as "
            f"{visible(min(found.nested.values()))}; each is one class: {_named(list(found.nested))}"
        )
    for why, names in sorted(found.links.items()):
        told.append(f"links passed over, because they {why} ({len(names):,}): {_named(names)}")
    if found.outside:
        told.append(
            f"{count(len(found.outside), 'image')} outside of any class folder not used: {_named(found.outside)}"
        )
    if found.other:
        told.append(f"files that are no images by their names were passed over: {_kinds(found.other)}")
    for part in sorted({row[1] for row in found.files} - {Part.UNASSIGNED}):
        missing = sorted(labels - {row[0] for row in found.files if row[1] == part})
        if missing:
            told.append(f"the part {part.name.lower()} has no image of: {_named(missing)}")
    return told


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(visible(n) for n in sorted(names)[:NAMES_SHOWN]) + more


def _kinds(suffixes: Counter[str]) -> str:
    return ", ".join(
        f"{n:,} {visible(suffix) or 'without a suffix'}" for suffix, n in suffixes.most_common(5)
    )


def _folders(folder: Path, found: _Found) -> list[str]:
    """Names of the folders below `folder`, which holds no images of its own."""
    names = []
    for entry in _entries(folder):
        path = Path(entry.path)
        if is_litter(entry.name):
            found.ignored.append(_identity(path, found.root))
        elif entry.is_dir(follow_symlinks=False):
            names.append(entry.name)
        elif entry.is_symlink() and not path.is_file():
            if _may_follow(path, found):
                names.append(entry.name)
        else:
            found.ignored.append(_identity(path, found.root))
            if path.suffix.lower() in SUFFIXES:
                found.outside.append(_identity(path, found.root))
    return sorted(names)


def _collect(folder: Path, label: str, part: Part, found: _Found) -> None:
    """All images below a class folder, at any depth; a folder that links lead to again is not read again."""
    before = len(found.files)
    waiting, entered = [folder], {folder.resolve()}
    while waiting:
        for entry in sorted(_entries(waiting.pop()), key=lambda e: e.name):
            path = Path(entry.path)
            if is_litter(entry.name):
                found.ignored.append(_identity(path, found.root))
            elif entry.is_symlink() and not _may_follow(path, found):
                continue
            elif entry.is_dir():
                target = path.resolve()
                if target not in entered:
                    entered.add(target)
                    waiting.append(path)
                else:
                    _pass_over(path, "lead to a folder that was read already", found)
            elif path.suffix.lower() not in SUFFIXES or not stat.S_ISREG(entry.stat().st_mode):
                found.ignored.append(_identity(path, found.root))
                found.other[path.suffix.lower()] += 1
            else:
                found.files.append((label, part, _identity(path, found.root), path))
    own = found.files[before:]
    if not own:
        found.empty.append(label)
    elif all(path.parent != folder for *_, path in own):
        found.nested[label] = _identity(min(path for *_, path in own).parent, found.root)


def _may_follow(link: Path, found: _Found) -> bool:
    """Whether a link stays inside the data and does not lead back above itself."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return _pass_over(link, "lead nowhere or in a circle", found)
    if not target.is_relative_to(found.root.resolve()):
        return _pass_over(link, "leave the data folder", found)
    if link.parent.resolve().is_relative_to(target):
        return _pass_over(link, "lead back into themselves", found)
    return True


def _pass_over(link: Path, why: str, found: _Found) -> bool:
    found.ignored.append(_identity(link, found.root))
    found.links[why].append(_identity(link, found.root))
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


SOURCE = Source(
    matches=_matches,
    read=_read,
    noun="a folder of images",
    tasks=("image_classification",),
    settings=frozenset({"channels", "image_size"}),
    rank=3,
)
