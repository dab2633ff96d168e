"""Batches read ahead by processes of their own, the same bits as without them.

The seed of a batch comes from the run's seed, the epoch and the number of the batch, so it does not matter who reads
it. A process writes the index of the item at hand into memory that it shares with the training: when it dies, that item
can be named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from firstlight.errors import FirstlightError, ResourceError
from firstlight.own.reading import NOTHING, Reading, too_long

if TYPE_CHECKING:
    import torch

PREFETCH = 2  # batches that each process is ahead, as in torch
GRACE = 1.5  # times the limit of a batch, after which a process that does not even raise is given up


@dataclass(frozen=True, slots=True)
class Failed:
    """An error that a process met, as plain values: exceptions do not travel whole."""

    kind: type[FirstlightError]
    what: str
    where: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What a process does: batch number -> batch."""

    numbers: Sequence[int]
    read: Callable[[int], Any]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: int) -> Any:
        try:
            return self.read(self.numbers[place])
        except FirstlightError as error:
            return Failed(type(error), error.what, error.where, error.remedy)


def read_ahead(
    read: Callable[[int], Any],
    numbers: Sequence[int],
    *,
    workers: int,
    reading: Reading,
    name: str,
    size: int,
) -> Iterator[Any]:
    """`read(number)` for each number in turn, by other processes.

    Args:
        read: Batch number -> batch, on the processor.
        numbers: Of the batches.
        workers: Processes.
        reading: Of the part, as the processes inherit it.
        name: Of the part.
        size: Items in a batch.

    Raises:
        FirstlightError: What `read` raised.
        ResourceError: A process died.
        DataError: A process does not come to an end.
    """
    import torch
    from torch.utils.data import DataLoader

    marks = torch.full((workers,), NOTHING, dtype=torch.int64).share_memory_()
    limit = reading.limit_seconds(size)
    loader: DataLoader[Any] = DataLoader(
        _Task(numbers=numbers, read=read),  # type: ignore[arg-type]  # it has all that is asked of a data set
        batch_size=None,
        collate_fn=_unchanged,
        num_workers=workers,
        prefetch_factor=PREFETCH,
        worker_init_fn=partial(_begin, reading, marks),
        timeout=GRACE * limit,
        generator=torch.Generator(),  # its own, so that starting processes draws no number of the run
    )
    iterator = iter(loader)
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        except RuntimeError as error:
            raise _explained(error, iterator, marks, name, GRACE * limit) from error
        if isinstance(batch, Failed):
            raise batch.kind(batch.what, batch.where, batch.remedy)
        yield batch


def _begin(reading: Reading, marks: torch.Tensor, worker: int) -> None:
    reading.shared = marks[worker]


def _unchanged(batch: Any) -> Any:
    return batch


def _explained(
    error: RuntimeError, iterator: Any, marks: torch.Tensor, name: str, limit: float
) -> FirstlightError | RuntimeError:
    """The error of torch's loader, with the items that were being read."""
    said = str(error).splitlines()[0]
    if "DataLoader" not in said:
        return error
    dead = [i for i, process in enumerate(getattr(iterator, "_workers", ())) if process.exitcode is not None]
    at = [f"{name}[{int(marks[i])}]" for i in dead or range(len(marks)) if int(marks[i]) != NOTHING]
    where = " or ".join(at) or f"{name}, between two items"
    if "timed out" in said:
        return too_long(where, limit)
    return ResourceError(
        "a process that reads the data died",
        f"it was reading {where}: {said}",
        "see whether this item ends the process or needs too much memory; parallel.workers: 0 reads without others",
    )
