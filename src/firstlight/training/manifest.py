"""`checkpoints/manifest.json`: for each name of a checkpoint, which content may lie there.

That is the committed one, and while a save is under way the one that comes `next`. A save that was killed, or that
the disk refused, leaves its announcement; `settle` ends it by what really lies on the disk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from firstlight.experiment.folder import Folder

FORMAT = 1
NEXT = "next"  # key of what a save that is under way will put there
# The only names that a manifest may hold: a changed one must not point to any other file of the user.
NAMES = re.compile(r"(best|last|previous)_model\.pt|checkpoint_epoch_\d{1,9}\.pt", re.ASCII)

Entry = dict[
    str, Any
]  # of the manifest: sha256, bytes, step, epoch; `adopted` when it is of an earlier attempt


def settle(folder: Folder) -> dict[str, Entry]:
    """Ends a save that stopped half way: what lies on the disk is what the manifest commits.

    Returns:
        The entries by name, each with its committed content alone.

    Raises:
        ResumeRefused: The manifest cannot be read.
        OSError: The disk refused.
    """
    files: dict[str, Entry] = read_manifest(folder)["files"]
    settled = {name: _settled(folder, name, entry) for name, entry in files.items()}
    found = {name: entry for name, entry in settled.items() if entry is not None}
    if found != files:
        write_manifest(folder, found)
    return found


def _settled(folder: Folder, name: str, entry: Entry) -> Entry | None:
    """The content that lies under a name, by its hash; None when the save had not come to the name's first one."""
    following, before, path = entry.get(NEXT), committed(entry), folder.checkpoints / name
    if following is None:
        return entry
    if path.is_file():
        return dict(following) if store.sha256(path) == following["sha256"] else before
    first = following["sha256"] == before["sha256"] or path == folder.previous
    return None if first else before


def read_manifest(folder: Folder) -> dict[str, Any]:
    """The manifest; an empty one when there is none.

    Raises:
        ResumeRefused: It is there and cannot be read, or names a file that is no checkpoint.
    """
    if not folder.manifest.is_file():
        return {"format": FORMAT, "files": {}}
    try:
        manifest = store.read_json(folder.manifest)
        strange = next((name for name in manifest["files"] if not NAMES.fullmatch(name)), None)
        if strange is not None:
            reason = f"{strange!r} is no name of a checkpoint"
        elif manifest["format"] == FORMAT and all(_is_entry(e) for e in manifest["files"].values()):
            return dict(manifest)
        else:
            reason = f"format = {manifest['format']!r}, this version reads {FORMAT}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = repr(error)
    raise ResumeRefused(
        "the list of checkpoints cannot be read",
        f"{visible(str(folder.manifest))}: {visible(reason)}",
        "restore the file, or start again in a new folder",
    )


def newest_listed(folder: Folder) -> tuple[Path, Entry] | None:
    """The checkpoint with the most steps by the manifest alone, for messages: no file is read; None without any.

    Raises:
        ResumeRefused: The manifest cannot be read.
    """
    files: dict[str, Entry] = read_manifest(folder)["files"]
    name = max(files, key=lambda name: (files[name]["step"], name == folder.last.name), default=None)
    return None if name is None else (folder.checkpoints / name, files[name])


def write_manifest(folder: Folder, files: Mapping[str, Entry]) -> None:
    """Replaces the manifest.

    Raises:
        OSError: The disk refused; the one before is still there.
    """
    store.write_json(folder.manifest, {"format": FORMAT, "files": dict(files)})


def known(files: dict[str, Any]) -> dict[str, Entry]:
    """Every content that these entries name, by its SHA-256."""
    both = [entry for listed in files.values() for entry in (listed.get(NEXT), committed(listed)) if entry]
    return {entry["sha256"]: entry for entry in both}


def of_name(folder: Folder, files: dict[str, Entry], name: str) -> dict[str, Entry]:
    """The entries whose content may lie under a name: its own; the generation before may be the last one's too."""
    names = (name, folder.last.name) if name == folder.previous.name else (name,)
    return {own: files[own] for own in names if own in files}


def committed(entry: Entry) -> Entry:
    """What is there, without what comes next."""
    return {key: value for key, value in entry.items() if key != NEXT}


def _is_entry(entry: dict[str, Any]) -> bool:
    named = (
        isinstance(entry["sha256"], str)
        and isinstance(entry["step"], int)
        and isinstance(entry["epoch"], int)
    )
    return named and (NEXT not in entry or _is_entry(entry[NEXT]))
