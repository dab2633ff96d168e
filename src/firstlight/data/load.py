"""From the data section of a config to examples: find the source, read or decode it, see that it can be learnt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import Examples, Listing
from firstlight.data.source import read_source
from firstlight.errors import DataError
from firstlight.text import count, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress

FEWEST_CLASSES = 2
NAMES_SHOWN = 20


def load_examples(
    data: Data, *, base: Path, cache_folder: Path | None = None, fallback: Path, progress: Progress
) -> Examples:
    """Every row of the data that can be used.

    Args:
        data: The data section of the config.
        base: Folder that a relative source starts from.
        cache_folder: Where decoded pixels are kept; None = the user's cache folder.
        fallback: Used when no cache folder can be written.
        progress: Told how far it is.

    Raises:
        UsageError: The source is not there or not known, or what is to be predicted was not said.
        DataError: Too many rows are broken, or there is nothing to learn.
    """
    found = read_source(data, base, progress)
    if isinstance(found, Listing):
        from firstlight.data.images.load import decode_listing

        found = decode_listing(found, data, cache_folder=cache_folder, fallback=fallback, progress=progress)
    if found.task != "regression":
        _check_classes(found, data)
    return found


def _check_classes(examples: Examples, data: Data) -> None:
    """Two classes, and in each as many rows as the config asks for; a label may have none unless it asks for more."""
    if examples.task == "multilabel":
        present = examples.targets.sum(axis=0).astype(np.int64)
        if data.min_per_class > 1:
            _check_sizes(examples, present, data.min_per_class)
        return
    present = np.bincount(examples.targets, minlength=len(examples.classes))
    if np.count_nonzero(present) < FEWEST_CLASSES:
        names = ", ".join(visible(examples.classes[i]) for i in np.flatnonzero(present)) or "nothing"
        raise DataError(
            "there is only one class", f"{visible(examples.source)}: {names}", "two are needed at least"
        )
    _check_sizes(examples, present, data.min_per_class)


def _check_sizes(examples: Examples, present: NDArray[np.int64], fewest: int) -> None:
    few = [name for name, n in zip(examples.classes, present, strict=True) if n < fewest]
    if few:
        names = ", ".join(visible(n) for n in few[:NAMES_SHOWN])
        raise DataError(
            f"{count(len(few), 'class')} with fewer than {count(fewest, 'readable example')}",
            f"{names} in {visible(examples.source)}",
            "add examples, or take the class out of the data",
        )
