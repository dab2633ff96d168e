"""What a source kind is: a frozen record of plain functions. Each file of `data/sources` holds one as `SOURCE`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight import catalog
from firstlight.data.examples import Examples, Listing
from firstlight.errors import DataError, UsageError
from firstlight.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress

PACKAGE = "firstlight.data.sources"
Found = Listing | Examples
NAMES_SHOWN = 20
# Files that systems and tools leave in folders; with every name that begins with a dot they are passed over.
LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "__pycache__", "@eadir", "icon\r"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A kind of data.

    Attributes:
        matches: (data section, path of the source) -> whether this kind reads it; looks at names, and at the
            beginning of a file at most.
        read: (data section, its path, progress) -> a listing of images, or the examples of another kind; the
            classes in any order.
        rank: Of those that match, the one with the lowest reads it.
    """

    matches: Callable[[Data, Path], bool]
    rank: int = 0
    read: Callable[[Data, Path, Progress], Found]


def read_source(data: Data, base: Path, progress: Progress) -> Found:
    """Reads the data with the first kind that matches, the classes in the order of the config.

    Args:
        data: The data section; `source` is set.
        base: Folder that a relative path starts from.
        progress: Told how far it is.

    Raises:
        UsageError: No source, or no kind that reads it.
        DataError: The data has a class that the config does not name, or cannot be used.
    """
    if not data.source:
        raise UsageError(
            "no data is named", "data.source is empty", "name a folder, a table, an .npz or sample:digits"
        )
    path = base / os.path.expanduser(data.source)  # unlike Path's, it leaves a ~name that is no user alone
    known = [catalog.load(PACKAGE, name, "SOURCE", Source) for name in catalog.names(PACKAGE)]
    for source in sorted(known, key=lambda one: one.rank):
        if source.matches(data, path):
            return _ordered(source.read(data, path, progress), data.classes)
    if not os.path.exists(path):  # unlike Path's, it knows that a name of 300 letters does not exist
        raise UsageError(
            "there is no such data", visible(f"{path} does not exist"), "check the path, or try sample:digits"
        )
    raise UsageError(
        "this kind of data is not known",
        visible(str(path)),
        "use a folder of images or texts in class folders, a .csv, .tsv, .jsonl or .parquet table, or an .npz",
    )


def _ordered(found: Found, wanted: tuple[str, ...] | None) -> Found:
    """What was found, with its classes in the given order."""
    if isinstance(found, Listing):
        classes, labels = _in_order(found.source, found.classes, found.labels, wanted)
        return replace(found, classes=classes, labels=labels)
    if found.task != "classification":
        return found
    classes, labels = _in_order(found.source, found.classes, found.targets, wanted)
    return replace(found, classes=classes, targets=labels)


def _in_order(
    source: str, classes: tuple[str, ...], labels: NDArray[np.int64], wanted: tuple[str, ...] | None
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    if "" in classes or len(set(classes)) < len(classes):
        where = visible(f"{source}: {', '.join(map(repr, classes[:NAMES_SHOWN]))}")
        raise DataError("a class has no name of its own", where, "give every class another name")
    if wanted is None or wanted == classes:
        return classes, labels
    unknown = sorted({classes[i] for i in np.unique(labels)} - set(wanted))
    if unknown:
        raise DataError(
            "the data has classes that the config does not name",
            visible(f"data.classes lacks {', '.join(unknown[:NAMES_SHOWN])}"),
            "add them to data.classes, or leave the key out",
        )
    place = {name: number for number, name in enumerate(wanted)}
    order = np.array([place.get(name, -1) for name in classes], dtype=np.int64)
    return wanted, order[labels]


def wants(data: Data, kind: str) -> bool:
    """Whether the config leaves it open that the data is of this kind."""
    return data.task == "auto" or data.task.startswith(f"{kind}_")


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden or left by a system, and no data."""
    return name.startswith(".") or name.lower() in LITTER


def new_file(source: str) -> str:
    """The path of new data.

    Raises:
        UsageError: There is no such path.
    """
    path = os.path.expanduser(source)
    if not os.path.exists(path):
        raise UsageError("there are no such inputs", visible(f"{source} does not exist"), "check the path")
    return path
