"""What a source kind is: a frozen record of plain functions. Each file of `data/sources` holds one as `SOURCE`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight import catalog
from firstlight.errors import DataError, UsageError
from firstlight.text import visible

if TYPE_CHECKING:
    from firstlight.config.schema import Data
    from firstlight.data.examples import Listing

NAMES_SHOWN = 20
# Files that systems and tools leave in folders; with every name that begins with a dot they are passed over.
LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "__pycache__", "@eadir", "icon\r"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A kind of data.

    Attributes:
        matches: (source as the user named it, its path) -> whether this kind can read it; cheap, reads no
            content.
        read: (data section, its path) -> the listing, with the classes in any order.
    """

    matches: Callable[[str, Path], bool]
    read: Callable[[Data, Path], Listing]


def read_listing(data: Data, base: Path) -> Listing:
    """Lists the data with the first kind that matches, the classes in the order of the config.

    Args:
        data: The data section; `source` is set.
        base: Folder that a relative path starts from.

    Raises:
        UsageError: No source, or no kind that reads it.
        DataError: The data has a class that the config does not name, or cannot be used.
    """
    if not data.source:
        raise UsageError(
            "no data is named", "data.source is empty", "name a folder, a table, an .npz or sample:digits"
        )
    path = base / os.path.expanduser(data.source)  # unlike Path's, it leaves a ~name that is no user alone
    for name in catalog.names("firstlight.data.sources"):
        source = catalog.load("firstlight.data.sources", name, "SOURCE", Source)
        if source.matches(data.source, path):
            return _ordered(source.read(data, path), data.classes)
    if not os.path.exists(path):  # unlike Path's, it knows that a name of 300 letters does not exist
        raise UsageError(
            "there is no such data", visible(f"{path} does not exist"), "check the path, or try sample:digits"
        )
    raise UsageError(
        "this kind of data is not known",
        visible(str(path)),
        "use a folder of class folders, a .csv, .tsv, .jsonl or .parquet table with image paths, or an .npz",
    )


def _ordered(listing: Listing, wanted: tuple[str, ...] | None) -> Listing:
    """The listing with its classes in the given order."""
    if "" in listing.classes or len(set(listing.classes)) < len(listing.classes):
        where = visible(f"{listing.source}: {', '.join(map(repr, listing.classes[:NAMES_SHOWN]))}")
        raise DataError("a class has no name of its own", where, "give every class another name")
    if wanted is None or wanted == listing.classes:
        return listing
    unknown = sorted({listing.classes[i] for i in np.unique(listing.labels)} - set(wanted))
    if unknown:
        raise DataError(
            "the data has classes that the config does not name",
            visible(f"data.classes lacks {', '.join(unknown[:NAMES_SHOWN])}"),
            "add them to data.classes, or leave the key out",
        )
    place = {name: number for number, name in enumerate(wanted)}
    order = np.array([place.get(name, -1) for name in listing.classes], dtype=np.int64)
    return replace(listing, classes=wanted, labels=order[listing.labels])


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden or left by a system, and no data."""
    return name.startswith(".") or name.lower() in LITTER
