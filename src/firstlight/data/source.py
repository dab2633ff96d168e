"""What a source kind is: a frozen record of plain functions. Each file of `data/sources` holds one as `SOURCE`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from firstlight import catalog
from firstlight.errors import UsageError
from firstlight.text import visible

if TYPE_CHECKING:
    from firstlight.config.schema import Data
    from firstlight.data.examples import Listing

# Files that systems and tools leave in folders; with every name that begins with a dot they are passed over.
LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "__pycache__", "@eadir", "icon\r"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A kind of data.

    Attributes:
        matches: (source as the user named it, its path) -> whether this kind can read it; cheap, reads no
            content.
        read: (data section, its path) -> the listing.
    """

    matches: Callable[[str, Path], bool]
    read: Callable[[Data, Path], Listing]


def read_listing(data: Data, base: Path) -> Listing:
    """Lists the data with the first kind that matches.

    Args:
        data: The data section; `source` is set.
        base: Folder that a relative path starts from.

    Raises:
        UsageError: No source, or no kind that reads it.
    """
    if not data.source:
        raise UsageError(
            "no data is named", "data.source is empty", "name a folder, a table, an .npz or sample:digits"
        )
    path = base / Path(data.source).expanduser()
    for name in catalog.names("firstlight.data.sources"):
        source = catalog.load("firstlight.data.sources", name, "SOURCE", Source)
        if source.matches(data.source, path):
            return source.read(data, path)
    if not path.exists():
        raise UsageError(
            "there is no such data", visible(f"{path} does not exist"), "check the path, or try sample:digits"
        )
    raise UsageError(
        "this kind of data is not known",
        visible(str(path)),
        "use a folder of class folders, a .csv, .tsv, .jsonl or .parquet table with image paths, or an .npz",
    )


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden or left by a system, and no data."""
    return name.startswith(".") or name.lower() in LITTER
