"""Checkpoints on disk: written whole, listed with their hash, verified before they are read.

`checkpoints/manifest.json` says for each name which content may lie there: the committed one, and while a save
is under way the one that comes `next`. A save goes

    last_model.pt gets the second name previous_model.pt   the generation before stays until the next save
    the manifest announces what comes
    the files are replaced, last_model.pt at the end
    the manifest commits

so that at every instant a file is there that the manifest commits, and it is never older than the last save that was
told of. A file whose hash the manifest does not know is damaged, or not ours: it is named, never read and never
deleted.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.manifest import NEXT, is_entry
from firstlight.text import visible
from firstlight.training.stored import read_stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from firstlight.experiment.folder import Folder

FORMAT = 1
ASIDE = ".damaged"  # what is added to the name of a damaged file that would be in the way


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A checkpoint as the bytes of its file."""

    content: memoryview
    entry: dict[str, Any]  # of the manifest: sha256, bytes, step, epoch


class Recovered(NamedTuple):
    """Where a run can go on, and what was found on the way there."""

    path: Path | None  # the newest good checkpoint
    notes: tuple[str, ...]  # one sentence for each file that is damaged or gone


def save(folder: Folder, paths: Iterable[Path], checkpoint: dict[str, Any]) -> str:
    """Writes one checkpoint under each of the names; returns its SHA-256."""
    packed = pack(checkpoint)
    write(folder, dict.fromkeys(paths, packed))
    return str(packed.entry["sha256"])


def pack(checkpoint: dict[str, Any]) -> Packed:
    """The bytes of a checkpoint's file, with their hash."""
    import torch

    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    content = buffer.getbuffer()
    entry = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "step": checkpoint["step"],
        "epoch": checkpoint["epoch"],
    }
    return Packed(content=content, entry=entry)


def write(folder: Folder, packed: dict[Path, Packed]) -> None:
    """Writes checkpoints under their names, the last one at the end, and commits them together.

    Raises:
        OSError: The disk refused; what the manifest committed before is still there.
    """
    manifest = read_manifest(folder)
    files = manifest["files"]
    store.make_parent(folder.manifest)
    if folder.last in packed and folder.last.name in files and folder.last.is_file():
        store.keep(folder.last, folder.previous)
        files[folder.previous.name] = _committed(files[folder.last.name])
    for path, one in packed.items():
        files[path.name] = _committed(files.get(path.name, one.entry)) | {NEXT: one.entry}
    store.write_json(folder.manifest, manifest)
    for path in sorted(packed, key=lambda p: p == folder.last):
        store.write_bytes(path, packed[path].content)
        files[path.name] = packed[path].entry
    store.write_json(folder.manifest, manifest)


def load(folder: Folder, path: Path) -> dict[str, Any]:
    """Reads a checkpoint after its hash was found in the manifest.

    Raises:
        ResourceError: It does not fit the memory.
        ResumeRefused: No such file, not in the manifest, damaged, or of another format.
    """
    where = visible(str(path))
    if not path.is_file():
        raise ResumeRefused("there is no checkpoint", f"{where} does not exist", "start without --resume")
    files = read_manifest(folder)["files"]
    if path.name not in files:
        raise ResumeRefused(
            "the checkpoint is not in the manifest", where, "use a checkpoint that firstlight wrote here"
        )
    content = path.read_bytes()  # hashed and read from the same bytes: nobody can change them in between
    if hashlib.sha256(content).hexdigest() not in known(files):
        raise ResumeRefused(
            "the checkpoint is damaged",
            f"{where}: its SHA-256 is not the one in {folder.manifest.name}",
            f"firstlight train {visible(str(folder.root))} --resume goes on from the one before, if there is one",
        )
    checkpoint = read_stored(content, path)
    if checkpoint.get("format") != FORMAT:
        raise ResumeRefused(
            "the checkpoint has another format",
            f"{where}: this version reads format {FORMAT}",
            "use the version of firstlight that wrote it",
        )
    return checkpoint


def newest(folder: Folder) -> Path | None:
    """The good checkpoint with the most steps, by the content of the files and not by their times."""
    return _newest(folder, _good(folder))


def recover(folder: Folder) -> Recovered:
    """Finds where a run can go on, and makes the folder fit for it: nothing damaged is left under a name that is read.

    A damaged file is renamed, never deleted. When the best checkpoint is lost, it is taken from another file of
    the same content, or the run goes on from before it, so that it comes again. Afterwards last_model.pt is the
    newest.
    """
    files = read_manifest(folder)["files"]
    good = _good(folder)
    begun = {name for name in files if NEXT in files[name] and not (folder.checkpoints / name).is_file()}
    lost = [name for name in sorted(files.keys() - begun) if folder.checkpoints / name not in good]
    notes = [_set_aside(folder.checkpoints / name) for name in lost]
    for path in (folder.checkpoints / name for name in lost):
        entry = files[path.name]
        same = next((other for other in good if good[other]["sha256"] == entry["sha256"]), None)
        if same is not None:
            store.write_bytes(path, same.read_bytes())
            good[path] = entry
            notes.append(f"{path.name} is taken from {same.name}, which has the same content")
        elif path == folder.best:
            good = {other: found for other, found in good.items() if found["step"] < entry["step"]}
            notes.append(
                f"training goes on from before step {entry['step']}, so that {path.name} comes again"
            )
    if lost and good:
        kept = {name: entry for name, entry in files.items() if folder.checkpoints / name in good}
        store.write_json(folder.manifest, {"format": FORMAT, "files": kept})
    path = _newest(folder, good)
    if path is not None and path != folder.last:  # a kill came between the files of one save
        content = path.read_bytes()
        write(folder, {folder.last: Packed(content=memoryview(content), entry=_committed(good[path]))})
    return Recovered(path, tuple(notes))


def _set_aside(path: Path) -> str:
    """Takes a damaged file's name away; says what was found."""
    if not path.is_file():
        return f"{path.name} is gone"
    aside = path.with_name(path.name + ASIDE)
    store.move(path, aside)
    return f"{path.name} is damaged: its SHA-256 is not in the manifest; it is kept as {aside.name}"


def adopt(folder: Folder, archive: Folder) -> None:
    """Copies the good checkpoints of an earlier attempt, all but where it stood last, with their entries."""
    manifest = read_manifest(folder)
    for path, entry in _good(archive).items():
        if path.name in (archive.last.name, archive.previous.name):
            continue
        manifest["files"][path.name] = entry
        store.write_json(folder.manifest, manifest)
        store.write_bytes(folder.checkpoints / path.name, path.read_bytes())


def read_manifest(folder: Folder) -> dict[str, Any]:
    """The manifest; an empty one when there is none.

    Raises:
        ResumeRefused: It is there and cannot be read.
    """
    if not folder.manifest.is_file():
        return {"format": FORMAT, "files": {}}
    try:
        manifest = store.read_json(folder.manifest)
        if manifest["format"] == FORMAT and all(is_entry(e) for e in manifest["files"].values()):
            return dict(manifest)
        entries = "an entry of it is none" if manifest["format"] == FORMAT else ""
        reason = entries or f"format = {manifest['format']!r}, this version reads {FORMAT}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = repr(error)
    raise ResumeRefused(
        "the list of checkpoints cannot be read",
        f"{visible(str(folder.manifest))}: {visible(reason)}",
        "restore the file, or start again in a new folder",
    )


def known(files: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every content that the manifest knows, by its SHA-256."""
    both = [entry for listed in files.values() for entry in (listed.get(NEXT), _committed(listed)) if entry]
    return {entry["sha256"]: entry for entry in both}


def _good(folder: Folder) -> dict[Path, dict[str, Any]]:
    """The files that hold a content which the manifest knows, each with the entry of that content."""
    files = read_manifest(folder)["files"]
    contents = known(files)
    found = {}
    for name in files:
        path = folder.checkpoints / name
        entry = contents.get(store.sha256(path)) if path.is_file() else None
        if entry is not None:
            found[path] = entry
    return found


def _newest(folder: Folder, good: dict[Path, dict[str, Any]]) -> Path | None:
    return max(good, key=lambda path: (good[path]["step"], path == folder.last), default=None)


def _committed(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != NEXT}
