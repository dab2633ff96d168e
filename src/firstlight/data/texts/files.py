"""Texts in class folders, with or without train/val/test above them: which files there are."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from firstlight.data.examples import PARTS, Part
from firstlight.data.opened import ALLOW
from firstlight.data.source import NAMES_SHOWN, is_litter
from firstlight.errors import DataError
from firstlight.text import count, visible

SUFFIX = ".txt"


@dataclass(slots=True)
class Tree:
    """What the walk through the folders gathers."""

    root: Path
    follow: bool = False  # links to folders, and those that leave the data, too
    entered: set[Path] = field(default_factory=set)  # folders that were read, by their real path
    files: list[tuple[str, Part, Path]] = field(default_factory=list)  # class, part, file
    links: list[str] = field(default_factory=list)  # not followed: they leave the data, or lead to a folder
    outside: list[str] = field(default_factory=list)  # texts that lie in no class folder
    other: Counter[str] = field(default_factory=Counter)  # suffix -> files that are no texts by their name
    notes: list[str] = field(default_factory=list)


def has_class_folders(root: Path, follow_links: bool = False) -> bool:
    """Whether some folder below `root` holds a text; looks two folders deep."""
    tree = Tree(root, follow=follow_links)
    return any(
        _holds_text(path) or any(map(_holds_text, _folders(path, tree))) for path in _folders(root, tree)
    )


def walk(root: Path, follow_links: bool = False) -> Tree:
    """Every text in a class folder, at any depth, in the order of the paths.

    Args:
        root: The data.
        follow_links: Links to folders, and links that leave the data, are followed too.

    Raises:
        DataError: Two folders are the same part, or one cannot be read.
    """
    tree = Tree(root, follow=follow_links)
    tree.outside = [e.name for e in _entries(root) if _is_text(e)]
    top = _folders(root, tree)
    parts = {path.name: PARTS[path.name.lower()] for path in top if path.name.lower() in PARTS}
    if Part.TRAIN in parts.values() and not _is_a_class(top, parts):
        _check_once(root, parts)
        for path in top:
            if path.name in parts:
                for folder in _folders(path, tree):
                    _collect(folder, folder.name, parts[path.name], tree)
            else:
                tree.notes.append(
                    f"the folder {visible(path.name)} is none of train, val and test: passed over"
                )
    else:
        for folder in top:
            _collect(folder, folder.name, Part.UNASSIGNED, tree)
    tree.files.sort(key=lambda row: row[2].as_posix())
    tree.notes += _told(tree)
    return tree


def _is_a_class(top: list[Path], parts: dict[str, Part]) -> bool:
    """Whether `train` stands beside other classes and holds texts itself: buses, cars and trains."""
    return len(parts) < len(top) and any(_holds_text(p) for p in top if parts.get(p.name) is Part.TRAIN)


def _check_once(root: Path, parts: dict[str, Part]) -> None:
    twice = [name for name, part in parts.items() if list(parts.values()).count(part) > 1]
    if twice:
        raise DataError(
            "two folders are the same part of the data",
            visible(f"{root}: {', '.join(sorted(twice))}"),
            "keep one for each of train, val and test",
        )


def _collect(folder: Path, label: str, part: Part, tree: Tree) -> None:
    real = folder.resolve()
    if real in tree.entered:
        tree.links.append(folder.relative_to(tree.root).as_posix())
        return
    tree.entered.add(real)
    for entry in _entries(folder):
        path = Path(entry.path)
        if entry.is_symlink() and not _may_follow(path, tree):
            tree.links.append(path.relative_to(tree.root).as_posix())
        elif entry.is_dir():
            _collect(path, label, part, tree)
        elif _is_text(entry):
            tree.files.append((label, part, path))
        else:
            tree.other[path.suffix.lower()] += 1


def _may_follow(link: Path, tree: Tree) -> bool:
    """Links to files inside the data only, unless more is allowed; never back above itself."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return False
    if tree.follow:
        return not link.parent.resolve().is_relative_to(target)
    return target.is_file() and target.is_relative_to(tree.root.resolve())


def _told(tree: Tree) -> list[str]:
    told = []
    if tree.links:
        allow = "" if tree.follow else f"; {ALLOW}"
        told.append(f"{count(len(tree.links), 'link')} passed over: {_named(tree.links)}{allow}")
    if tree.outside:
        told.append(
            f"{count(len(tree.outside), 'text')} outside of any class folder not used: {_named(tree.outside)}"
        )
    if tree.other:
        kinds = ", ".join(f"{n:,} {visible(s) or 'without a suffix'}" for s, n in tree.other.most_common(5))
        told.append(f"files that are no texts by their names were passed over: {kinds}")
    return told


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(visible(name) for name in sorted(names)[:NAMES_SHOWN]) + more


def _holds_text(folder: Path) -> bool:
    return any(map(_is_text, _entries(folder)))


def _is_text(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(SUFFIX) and entry.is_file()


def _folders(folder: Path, tree: Tree) -> list[Path]:
    return sorted(
        Path(e.path)
        for e in _entries(folder)
        if e.is_dir(follow_symlinks=tree.follow)
        and not (e.is_symlink() and not _may_follow(Path(e.path), tree))
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, without hidden files and litter."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not is_litter(entry.name)]
    except OSError as error:
        raise DataError(
            "a folder of the data cannot be read",
            visible(f"{folder}: {error.strerror}"),
            "give yourself the right to read it, or move it out of the data",
        ) from None
