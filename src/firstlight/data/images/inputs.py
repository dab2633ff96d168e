"""New images without classes, for predictions: a file, a folder, a table with a column of paths, or an .npz."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from firstlight.data.images.decoding import SUFFIXES
from firstlight.data.source import is_litter
from firstlight.errors import DataError, UsageError
from firstlight.text import visible

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What to predict on, in order: either files or arrays, one for each id."""

    source: str  # as the user named it
    ids: tuple[str, ...]
    files: tuple[Path, ...] = ()
    arrays: NDArray[np.uint8] | None = None  # (rows, height, width, channels)
    left_out: tuple[str, ...] = ()  # rows of a table that name no image, each with its reason


def read_inputs(source: str) -> Inputs:
    """Lists the images that a path names; nothing is decoded.

    Raises:
        UsageError: There is no such path, or it is of no known kind.
        DataError: It holds no image.
    """
    from firstlight.data.sources import arrays, image_table

    path = Path(source)
    if path.is_dir():
        found = _below(path, source)
    elif not path.exists():
        raise UsageError("there are no such inputs", visible(f"{source} does not exist"), "check the path")
    elif path.suffix.lower() in SUFFIXES:
        found = Inputs(source=source, ids=(source,), files=(path,))
    elif path.suffix.lower() in image_table.READERS:
        table = image_table.read_paths(path)
        found = Inputs(source=source, ids=table.names, files=table.files, left_out=table.left_out)
    elif path.suffix.lower() == ".npz":
        ids, images = arrays.read_images(path)
        found = Inputs(source=source, ids=ids, arrays=images)
    else:
        raise UsageError(
            "this kind of input is not known",
            visible(source),
            f"give an image ({', '.join(sorted(SUFFIXES))}), a folder, a table of paths, or an .npz",
        )
    if not found.ids:
        raise DataError("there is no image", visible(source), "give a folder or table that names images")
    return found


def _below(folder: Path, source: str) -> Inputs:
    """Every image below a folder, by its path; hidden files, system litter and links to folders are passed over."""
    files = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_litter(name))
        files += [
            Path(place) / n for n in sorted(names) if Path(n).suffix.lower() in SUFFIXES and not is_litter(n)
        ]
    ids = tuple(path.relative_to(folder).as_posix() for path in files)
    return Inputs(source=source, ids=ids, files=tuple(files))
