"""Where a run can go on: damaged checkpoints are named and set aside, and what is left is made fit to go on from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from firstlight.experiment import store
from firstlight.training.checkpoint import Linked, Packed, good_files, newest_of, write
from firstlight.training.manifest import NEXT, Entry, read_manifest, settle, write_manifest

if TYPE_CHECKING:
    from firstlight.experiment.folder import Folder

ASIDE = ".damaged"  # what is added to the name of a damaged file that would be in the way
LATER = ".later"  # and to that of a good one whose steps will be done again


class Recovered(NamedTuple):
    """Where a run can go on, and what was found on the way there."""

    path: Path | None  # the newest good checkpoint
    notes: tuple[str, ...]  # one sentence for each file that is damaged or gone
    adopted: bool = False  # it was saved by an earlier attempt, and nothing by this one


def recover(folder: Folder) -> Recovered:
    """Finds where a run can go on, and makes the folder fit for it: nothing damaged is left under a name that is read.

    A damaged file is renamed, never deleted. When the best checkpoint is lost, it is taken from another file of
    the same content, or the run goes on from before it, so that it comes again: from an older checkpoint, or anew,
    and then the manifest is empty. Afterwards last_model.pt is the newest.

    Raises:
        ResumeRefused: The manifest cannot be read.
        OSError: The disk refused.
    """
    _complete(folder)
    files = settle(folder)
    good = good_files(folder)
    some = bool(good)
    lost = [name for name in sorted(files) if folder.checkpoints / name not in good]
    notes = [_set_aside(folder.checkpoints / name) for name in lost]
    for name in lost:
        same = next((other for other in good if good[other]["sha256"] == files[name]["sha256"]), None)
        if same is not None:
            store.write_bytes(folder.checkpoints / name, same.read_bytes())
            good[folder.checkpoints / name] = files[name]
            notes.append(f"{name} is taken from {same.name}, which has the same content")
    if some and folder.best.name in files and folder.best not in good:
        notes.append(_go_back(good, files[folder.best.name]["step"]))
    if lost and some:
        kept = {name: entry for name, entry in files.items() if folder.checkpoints / name in good}
        write_manifest(folder, kept)
    path = newest_of(folder, good)
    if path is not None and path != folder.last:  # a kill came between the files of one save
        content = path.read_bytes()
        write(folder, {folder.last: Packed(content=memoryview(content), entry=good[path])})
    return Recovered(path, tuple(notes), adopted=path is not None and bool(good[path].get("adopted")))


def _complete(folder: Folder) -> None:
    """Gives what an interrupted save had announced and not yet made its name, when another file has the content."""
    good = good_files(folder)
    for name, entry in read_manifest(folder)["files"].items():
        path = folder.checkpoints / name
        if NEXT in entry and not path.is_file():
            digest = entry[NEXT]["sha256"]
            same = next((other for other in good if good[other]["sha256"] == digest), None)
            if same is not None:
                store.keep(same, path)


def _go_back(good: dict[Path, Entry], step: int) -> str:
    """Takes away what is not from before the step at which the lost best checkpoint was saved; says so."""
    for path in [path for path, entry in good.items() if entry["step"] >= step]:
        store.move(path, path.with_name(path.name + LATER))
        del good[path]
    again = (
        f"goes on from before step {step}" if good else f"begins anew, since none is from before step {step}"
    )
    return f"training {again}, so that best_model.pt comes again; its steps are repeated as they were"


def _set_aside(path: Path) -> str:
    """Takes a damaged file's name away; says what was found."""
    if not path.is_file():
        return f"{path.name} is gone"
    aside = path.with_name(path.name + ASIDE)
    store.move(path, aside)
    return f"{path.name} is damaged: its SHA-256 is not in the manifest; it is kept as {aside.name}"


def adopt(folder: Folder, archive: Folder, last: Packed) -> None:
    """Begins an attempt where an earlier one stood, in one save: its checkpoints up to there, and `last`.

    What is adopted is marked so: until `last` is written, nothing is of this attempt, and the next start begins
    again here.

    Args:
        folder: Of the new attempt.
        archive: Of the earlier one, with the files, which get a second name and stay.
        last: Where the new attempt begins, under its own config.

    Raises:
        OSError: The disk refused.
    """
    gone = (archive.last.name, archive.previous.name)
    taken: dict[Path, Packed | Linked] = {
        folder.checkpoints / path.name: Linked(path=path, entry=entry | {"adopted": True})
        for path, entry in good_files(archive).items()
        if path.name not in gone and entry["step"] <= last.entry["step"]
    }
    write(folder, taken | {folder.last: last})
