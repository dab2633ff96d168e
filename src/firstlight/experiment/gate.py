"""How a gate is computed: items from artifacts, and hashes that shut it again when an artifact changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.experiment.records import Item

Files = TypeVar("Files")
Phase = Literal["setup", "baseline"]
SETUP_FILES = ("training_config.yaml", "environment.json", "splits.npz")  # with which training begins


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSpec:
    """A gate: one file in `gates/`, named as its checklist."""

    phase: Phase
    name: str  # of checklists/NAME.md and of the handbook page
    title: str
    items: Callable[[Folder], tuple[Item, ...]]  # computed from the files of the experiment alone
    artifacts: Callable[[Folder], tuple[str, ...]]  # what it rests on: POSIX paths below the root


def item(name: str, passed: bool, value: object, evidence: str, note: str = "") -> Item:
    """An item that was computed."""
    state: Literal["passed", "failed"] = "passed" if passed else "failed"
    return Item(id=name, state=state, value=str(value), evidence=evidence, note=note)


def not_applicable(name: str, reason: str, evidence: str) -> Item:
    """An item that does not apply here, with the reason."""
    return Item(id=name, state="not_applicable", value=reason, evidence=evidence, note=reason)


def items_of(checks: Iterable[Callable[[Files], Item]], files: Files, folder: Folder) -> tuple[Item, ...]:
    """The item of each check, named as its function; a record of another form fails its item and stops nothing.

    Files are named from the experiment on, so that an item stays the same when the folder is moved.
    """
    found = []
    for check in checks:
        try:
            found.append(check(files))
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            reason = f"a record does not have the form in which it was written: {error}"
            found.append(item(check.__name__, False, "not readable", "see note", reason))
    root = f"{folder.root}{os.sep}"
    return tuple(replace(i, value=i.value.replace(root, ""), note=i.note.replace(root, "")) for i in found)


def hashes(folder: Folder, artifacts: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of each artifact that exists."""
    return {name: store.sha256(folder.root / name) for name in artifacts if (folder.root / name).is_file()}


def changed_since(folder: Folder, recorded: dict[str, str]) -> tuple[str, ...]:
    """What became of the artifacts on which a passed gate rested, a phrase for each change."""
    phrases = []
    for name, digest in sorted(recorded.items()):
        path = folder.root / name
        if not path.is_file():
            phrases.append(f"{name} is gone")
        elif store.sha256(path) != digest:
            phrases.append(f"{name} has changed")
    return tuple(phrases)
