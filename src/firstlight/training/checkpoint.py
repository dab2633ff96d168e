"""Checkpoints on disk: written whole, listed with their hash, verified before they are read.

`checkpoints/manifest.json` names for each file the hash that is about to be there and the one that was there
before. It is written
first, the file second: whichever of the two a crash leaves behind, its hash is in the manifest.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.errors import ResumeRefused
from firstlight.experiment import store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from firstlight.experiment.folder import Folder

FORMAT = 1


def save(folder: Folder, paths: Iterable[Path], checkpoint: dict[str, Any]) -> str:
    """Writes one checkpoint under each of the names; returns its SHA-256."""
    import hashlib

    import torch

    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    content = buffer.getbuffer()
    digest = hashlib.sha256(content).hexdigest()
    manifest = read_manifest(folder)
    paths = tuple(paths)
    for path in paths:
        # The hash of what lies there now; after a save that failed it is not the one that was announced.
        before = store.sha256(path) if path.is_file() else None
        manifest["files"][path.name] = {
            "sha256": digest,
            "previous": before,
            "bytes": len(content),
            "step": checkpoint["step"],
            "epoch": checkpoint["epoch"],
        }
    store.write_json(folder.manifest, manifest)
    for path in paths:
        store.write_bytes(path, content)
    return digest


def load(folder: Folder, path: Path) -> dict[str, Any]:
    """Reads a checkpoint after its hash was found in the manifest.

    Raises:
        ResumeRefused: No such file, not in the manifest, damaged, or of another format.
    """
    import torch

    where = str(path)
    if not path.is_file():
        raise ResumeRefused("there is no checkpoint", f"{where} does not exist", "start without --resume")
    entry = read_manifest(folder)["files"].get(path.name)
    if entry is None:
        raise ResumeRefused(
            "the checkpoint is not in the manifest", where, "use a checkpoint that firstlight wrote here"
        )
    if store.sha256(path) not in (entry["sha256"], entry["previous"]):
        raise ResumeRefused(
            "the checkpoint is damaged",
            f"{where}: its SHA-256 is not the one in {folder.manifest.name}",
            "resume from another checkpoint in the folder, or start again",
        )
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
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


def newest(folder: Folder) -> Path | None:
    """The good checkpoint with the most steps, by the manifest."""
    files: dict[str, dict[str, Any]] = read_manifest(folder)["files"]
    for name in sorted(files, key=lambda n: (files[n]["step"], n == folder.last.name), reverse=True):
        path = folder.checkpoints / name
        if path.is_file() and store.sha256(path) in (files[name]["sha256"], files[name]["previous"]):
            return path
    return None


def adopt(folder: Folder, archive: Folder) -> None:
    """Copies the good checkpoints of an earlier attempt, all but the last one, with their entries in the manifest."""
    manifest = read_manifest(folder)
    files = read_manifest(archive)["files"]
    for name, entry in files.items():
        path = archive.checkpoints / name
        good = path.is_file() and store.sha256(path) in (entry["sha256"], entry["previous"])
        if name == archive.last.name or not good:
            continue
        manifest["files"][name] = entry
        store.write_json(folder.manifest, manifest)
        store.write_bytes(folder.checkpoints / name, path.read_bytes())


def read_manifest(folder: Folder) -> dict[str, Any]:
    """The manifest; an empty one when there is none.

    Raises:
        ResumeRefused: It is there and cannot be read.
    """
    if not folder.manifest.is_file():
        return {"format": FORMAT, "files": {}}
    try:
        manifest = store.read_json(folder.manifest)
        if manifest["format"] == FORMAT and isinstance(manifest["files"], dict):
            return dict(manifest)
    except (ValueError, KeyError, TypeError) as error:
        reason = repr(error)
    else:
        reason = f"format = {manifest['format']!r}, this version reads {FORMAT}"
    raise ResumeRefused(
        "the list of checkpoints cannot be read",
        f"{folder.manifest}: {reason}",
        "restore the file, or start again in a new folder",
    )
