"""Checkpoints on disk: written whole, listed with their hash, verified before they are read.

`checkpoints/manifest.json` says for each name which content may lie there: the committed one, and while a save
is under way the one that comes `next`. A save goes

    settle            what an earlier save left half done becomes what really lies on the disk
    announce          the manifest says what comes
    best_model.pt     replaced
    last_model.pt     the new one is written beside it and synced; then the old one gets the second name
                      previous_model.pt, and the new one takes its place
    commit            the manifest says what is there
    the rest          a checkpoint of every so many epochs; the disk may refuse it, and the save has succeeded

so that at every instant a file is there that the manifest knows, and it is never older than the last save that was
told of. A file whose hash the manifest does not know under its name is damaged, or not ours: it never becomes
previous_model.pt, and it is never read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.machine.memory import out_of_memory
from firstlight.text import visible
from firstlight.training.manifest import (
    FORMAT,
    NEXT,
    Entry,
    committed,
    known,
    of_name,
    read_manifest,
    settle,
    write_manifest,
)

if TYPE_CHECKING:
    from firstlight.experiment.folder import Folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A checkpoint as the bytes of its file."""

    content: memoryview
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A checkpoint that lies on the disk already and gets a second name."""

    path: Path
    entry: Entry


class _Memory(io.BytesIO):
    """Remembers that it could not grow, which torch tells in words of its file format (`unexpected pos`)."""

    refused = False

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except MemoryError:
            self.refused = True
            raise


def save(folder: Folder, paths: Iterable[Path], checkpoint: dict[str, Any]) -> str:
    """Writes one checkpoint under each of the names; returns its SHA-256."""
    packed = pack(checkpoint)
    write(folder, dict.fromkeys(paths, packed))
    return str(packed.entry["sha256"])


def pack(checkpoint: dict[str, Any]) -> Packed:
    """The bytes of a checkpoint's file, with their hash.

    Raises:
        MemoryError: The memory does not suffice.
    """
    import torch

    buffer = _Memory()
    try:
        torch.save(checkpoint, buffer)
    except RuntimeError as error:
        if buffer.refused or out_of_memory(error):
            raise MemoryError(str(error).partition("\n")[0]) from error
        raise
    content = buffer.getbuffer()
    entry = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "step": checkpoint["step"],
        "epoch": checkpoint["epoch"],
    }
    return Packed(content=content, entry=entry)


def write(folder: Folder, packed: Mapping[Path, Packed | Linked]) -> dict[Path, OSError]:
    """Writes checkpoints under their names and commits them together, the last one at the end.

    Returns:
        Those of every so many epochs that the disk refused, which come after the others.

    Raises:
        OSError: The disk refused best or last; what the manifest committed before is still there.
    """
    files = settle(folder)
    spare = {path: one for path, one in packed.items() if isinstance(one, Packed) and _periodic(folder, path)}
    coming = {path.name: one.entry for path, one in packed.items()}
    kept = _whole_last(folder, files) if folder.last in packed else None
    if kept is not None:
        coming[folder.previous.name] = kept
    announced = {name: committed(files.get(name, entry)) | {NEXT: entry} for name, entry in coming.items()}
    write_manifest(folder, files | announced)
    for path in sorted(packed.keys() - spare.keys(), key=lambda p: p == folder.last):
        _put(path, packed[path], folder.previous if kept is not None and path == folder.last else None)
    waiting = {path.name: announced[path.name] for path in spare}
    write_manifest(folder, files | coming | waiting)
    return _write_spare(folder, spare)


def _write_spare(folder: Folder, spare: Mapping[Path, Packed]) -> dict[Path, OSError]:
    """Writes what a run can do without; gives what the disk refused."""
    refused = {}
    for path, one in spare.items():
        try:
            store.write_bytes(path, one.content)
        except OSError as error:
            refused[path] = error
    if spare:
        with contextlib.suppress(OSError):  # then the next save settles it
            settle(folder)
    return refused


def _periodic(folder: Folder, path: Path) -> bool:
    return path not in (folder.best, folder.last)


def _put(path: Path, one: Packed | Linked, kept: Path | None) -> None:
    if isinstance(one, Linked):
        store.keep(one.path, path)
    else:
        store.write_bytes(path, one.content, kept=kept)


def _whole_last(folder: Folder, files: dict[str, Entry]) -> Entry | None:
    """The entry of the last checkpoint if its file is whole: a damaged one must not replace the generation before."""
    entry = files.get(folder.last.name)
    if entry is None or not folder.last.is_file():
        return None
    return entry if store.sha256(folder.last) == entry["sha256"] else None


def load(folder: Folder, path: Path) -> dict[str, Any]:
    """Reads a checkpoint after its hash was found in the manifest under its name.

    Raises:
        ResumeRefused: No such file, not in the manifest, damaged, or of another format.
    """
    import torch

    where = visible(str(path))
    # Once more when they do not agree: a run that saves may have come between manifest and file.
    content = _verified(folder, path) or _verified(folder, path)
    if content is None:
        raise ResumeRefused(
            "the checkpoint is damaged",
            f"{where}: its SHA-256 is not the one in {folder.manifest.name}",
            f"firstlight train {visible(str(folder.root))} --resume goes on from the one before, if there is one",
        )
    try:
        checkpoint: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (
        Exception
    ) as error:  # torch raises errors of many kinds, some of modules that nothing here may import
        raise ResumeRefused(
            "the checkpoint holds more than tensors and plain values, or is no checkpoint",
            f"{where}: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}",
            "use a checkpoint that firstlight wrote",
        ) from error
    if not isinstance(checkpoint, dict) or checkpoint.get("format") != FORMAT:
        raise ResumeRefused(
            "the checkpoint has another format",
            f"{where}: this version reads format {FORMAT}",
            "use the version of firstlight that wrote it",
        )
    return checkpoint


def _verified(folder: Folder, path: Path) -> bytes | None:
    """The bytes of a file that are in the manifest under its name; None when they are not."""
    where = visible(str(path))
    if not path.is_file():
        raise ResumeRefused("there is no checkpoint", f"{where} does not exist", "start without --resume")
    files = read_manifest(folder)["files"]
    if path.name not in files:
        raise ResumeRefused(
            "the checkpoint is not in the manifest", where, "use a checkpoint that firstlight wrote here"
        )
    content = path.read_bytes()  # hashed and read from the same bytes: nobody can change them in between
    return (
        content if hashlib.sha256(content).hexdigest() in known(of_name(folder, files, path.name)) else None
    )


def newest(folder: Folder) -> Path | None:
    """The good checkpoint with the most steps, by the content of the files and not by their times."""
    return newest_of(folder, good_files(folder))


def good_files(folder: Folder) -> dict[Path, Entry]:
    """The files that hold a content which the manifest knows under their name, each with the entry of that content."""
    files = read_manifest(folder)["files"]
    found = {}
    for name in files:
        path = folder.checkpoints / name
        contents = known(of_name(folder, files, name))
        entry = contents.get(store.sha256(path)) if path.is_file() else None
        if entry is not None:
            found[path] = entry
    return found


def newest_of(folder: Folder, good: dict[Path, Entry]) -> Path | None:
    """The one with the most steps; of equals, the last one."""
    return max(good, key=lambda path: (good[path]["step"], path == folder.last), default=None)
