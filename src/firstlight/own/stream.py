"""An iterable data set, read once into memory, so that any of its items can be had again.

A stream has no index. An epoch in another order, a resume in its midst and a batch looked at twice all need one. What
a baseline is trained on nearly always fits into memory; what does not, or never ends, is refused with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from firstlight.errors import DataError, FirstlightError, UsageError
from firstlight.own.place import defined_at, raised_at
from firstlight.own.reading import ITEM_SECONDS
from firstlight.text import size

MOST_BYTES = 2 * 1024**3  # judgement: a third of the memory of a small machine
SMALL_OBJECT = 64  # bytes of whatever is no array


def kept(given: Any, name: str) -> Any:
    """A list of the items of a stream; anything else as it is.

    Args:
        given: What was given as a part of the data.
        name: Of the part.

    Raises:
        DataError: The stream raises.
        UsageError: It is too large for memory, or does not end in time.
    """
    from torch.utils.data import IterableDataset

    stream = isinstance(given, IterableDataset) or (
        hasattr(given, "__iter__") and not (hasattr(given, "__getitem__") and hasattr(given, "__len__"))
    )
    return _collected(given, name) if stream else given


def _collected(given: Any, name: str) -> list[Any]:
    items: list[Any] = []
    taken, began = 0, time.monotonic()
    try:
        for item in given:
            items.append(item)
            taken += _bytes(item)
            if taken > MOST_BYTES or time.monotonic() - began > ITEM_SECONDS:
                raise UsageError(
                    "an iterable data set is kept in memory, and this one does not fit or does not end",
                    f"{name} is {defined_at(given)}: {len(items):,} items, {size(taken)} so far",
                    "give a data set with __getitem__ and __len__, or let the iterable one end earlier",
                )
    except FirstlightError:
        raise
    except (Exception, SystemExit) as error:  # whatever a person's stream raises
        raise DataError(
            "the data set raises an error",
            f"{name}, item {len(items)}: {raised_at(error)}",
            f"correct {defined_at(given)}",
        ) from error
    return items


def _bytes(item: Any) -> int:
    """What an item holds, roughly."""
    if isinstance(item, Mapping):
        return sum(_bytes(value) for value in item.values())
    if isinstance(item, list | tuple):
        return sum(_bytes(value) for value in item)
    return int(getattr(item, "nbytes", SMALL_OBJECT))
