"""What is being read just now, for how long it may take, and how long it took: one record for each part of the data.

A person's `__getitem__` that waits for ever would hold the run for ever, with nothing to see. An alarm of the
operating system ends it and names the item; where there is none (outside the main thread, on Windows) nothing ends it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.errors import DataError
from firstlight.text import duration

if TYPE_CHECKING:
    import torch

ITEM_SECONDS = 60.0  # that an item may take beyond what items take (judgement: a slow network disk answers)
TIMES_USUAL = 20.0  # that the items of a batch may be slower than those before
NOTHING = -1  # index while no item is read


@dataclass(slots=True)
class Reading:
    """Of one part, in one process.

    Attributes:
        index: Of the item that is read.
        item_seconds: Mean time of an item so far.
        shared: int64 (), seen by the process that started this one; None in the process that trains.
    """

    index: int = NOTHING
    item_seconds: float = 0.0
    items: int = 0
    shared: torch.Tensor | None = None

    def at(self, index: int) -> None:
        """An item begins, or NOTHING."""
        self.index = index
        if self.shared is not None:
            self.shared.fill_(index)

    def limit_seconds(self, count: int) -> float:
        """For so many items."""
        return ITEM_SECONDS + TIMES_USUAL * self.item_seconds * count

    @contextlib.contextmanager
    def of(self, name: str, count: int) -> Iterator[None]:
        """Reads a batch of so many items of the part `name`, within the time limit.

        Raises:
            DataError: The time is over; the item is told.
        """
        began, seconds = time.monotonic(), self.limit_seconds(count)
        try:
            with _alarm(seconds, lambda: too_long(f"{name}[{self.index}]", seconds)):
                yield
        finally:
            self.at(NOTHING)
        self.items += count
        self.item_seconds += (time.monotonic() - began - self.item_seconds * count) / self.items


def too_long(where: str, seconds: float) -> DataError:
    """The error of an item that does not come to an end."""
    return DataError(
        "reading an item takes too long",
        f"{where}: not there after {duration(seconds)}",
        "see what its __getitem__ waits for: a network, a lock, a loop without end",
    )


@contextlib.contextmanager
def _alarm(seconds: float, error: Any) -> Iterator[None]:
    """Raises `error()` in the block after so many seconds."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: Any) -> None:
        raise error()

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
