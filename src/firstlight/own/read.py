"""Reads a person's items once at setup: targets, form, digests, speed, and the first item that fails.

Validation first, then training, as far as the time goes; what was not read is read for the first time in training. The
test part is counted and stays sealed.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import Examples, Part
from firstlight.errors import DataError
from firstlight.own.counts import Counted, Counts, counted, ignored, many_places
from firstlight.own.form import described, fall_apart, tensors
from firstlight.own.items import Items, items_of, under_seed
from firstlight.own.places import Follows, has_places, target_of_places
from firstlight.own.target import Target, fitting, target_of, unknown_target
from firstlight.text import count, duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.own.given import Given
    from firstlight.watch.progress import Progress

PARTS = (Part.TRAIN, Part.VAL, Part.TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The content of a person's own data: where its items are read, and what was seen of them.

    Attributes:
        given: What the person brought.
        items: Train, val and test, those that there are; their rows follow each other in Examples.
        form: Of an item, in words.
        item_seconds: Mean time to read one.
        read: bool (rows,): those whose target is known.
        counts: Of targets with many places a row.
        shifted: Targets of a language are its inputs.
    """

    given: Given
    items: tuple[Items, ...]
    form: str
    item_seconds: float
    read: NDArray[np.bool_]
    counts: Counts | None = None
    shifted: bool = False
    kind: str = "own"
    noun: str = "item"

    def first_row(self, items: Items) -> int:
        """The row of Examples at which a part begins."""
        return sum(part.count for part in self.items[: self.items.index(items)])

    def items_of_row(self, row: int) -> Items:
        """The part that a row belongs to as it was given."""
        return next(part for part in reversed(self.items) if self.first_row(part) <= row)


def read_given(given: Given, *, task: str, seconds: float, seed: int, progress: Progress) -> Examples:
    """The items that were given, as rows.

    Args:
        given: Data sets and what goes with them.
        task: What is to be predicted; `auto` = by the targets.
        seconds: For reading; what is not read then stays unknown, and a note says how much that is.
        seed: Under which items are read.
        progress: Told how far it is.

    Raises:
        UsageError: What was given is no data set by index.
        DataError: An item cannot be read, or targets are of no known form.
    """
    named = ((given.train, "train"), (given.val, "val"), (given.test, "test"))
    items = tuple(items_of(part, name, given.collate) for part, name in named if part is not None)
    began = time.monotonic()
    seen = _Seen.of(items, given)
    for part in sorted((p for p in items if p.name != "test"), key=lambda p: p.name != "val"):
        _read_part(part, seen, began + seconds, seed, progress)
    spent, done = time.monotonic() - began, int(seen.read.sum())
    target = _target(seen, task, given)
    own = Own(
        given=given,
        items=items,
        form=seen.form,
        item_seconds=spent / max(done, 1),
        read=seen.read,
        counts=target.counts,
        shifted=target.shifted,
    )
    return Examples(
        source=given.origin,
        task=target.task,
        ids=tuple(f"{part.name}[{i}]" for part in items for i in range(part.count)),
        targets=target.filled(seen.rows, seen.read),
        classes=target.classes,
        parts=_parts(items, given),
        content=own,
        digests=seen.digests,
        skipped=(),
        ignored=(),
        notes=_notes(own, target, seen, spent),
        fingerprint=_fingerprint(items, seen),
    )


def _target(seen: _Seen, task: str, given: Given) -> Target:
    """The task by what the targets are, or as it was said."""
    if given.step is not None:
        return unknown_target(np.array(sorted(seen.targets), dtype=np.int64))
    if has_places(seen.targets, task, seen.follows):
        return target_of_places(seen.targets, task=task, given=given, follows=seen.follows)
    for row, target in seen.targets.items():
        if isinstance(target, Counted):  # another task was named
            raise DataError(
                f"a target does not have the form of the task {task}",
                f"row {row}: {target.said}",
                "leave task out, or name segmentation, tokens or language",
            )
    return target_of(seen.targets, task=task, given=given)


@dataclass(slots=True)
class _Seen:
    """What reading has found so far."""

    rows: int
    first: dict[str, int]
    read: NDArray[np.bool_]
    digests: NDArray[np.bytes_]
    targets: dict[
        int, Any
    ]  # row -> target as a tensor without the axis of the batch, or as counts; None of a step
    form: str = ""
    follows: Follows = field(default_factory=Follows)
    alone: bool = False  # a step gets the items as they are

    @classmethod
    def of(cls, items: tuple[Items, ...], given: Given) -> _Seen:
        """Nothing yet."""
        rows = sum(part.count for part in items)
        starts = np.cumsum([0, *(part.count for part in items)]).tolist()
        first = {part.name: start for part, start in zip(items, starts, strict=False)}
        # An item that is not read is nobody's copy: its row stands for its content.
        unread = np.array([f"row {row}".encode() for row in range(rows)], dtype="S32")
        return cls(rows, first, np.zeros(rows, dtype=bool), unread, {}, alone=given.step is not None)

    def add(self, row: int, batch: Any, where: str) -> None:
        """One item, as a batch of one."""
        values, form = batch, described(batch)
        self.targets[row] = None
        if not self.alone:
            inputs, target = fall_apart(batch, where=where)
            values, form = inputs.values, inputs.form()
            alone = _alone(target, where)
            self.follows.look(inputs, target)
            self.targets[row] = counted(alone) if many_places(alone) else alone
        self.form = self.form or form
        digest = hashlib.blake2b(digest_size=16)
        for tensor in tensors(values):
            digest.update(tensor.contiguous().cpu().numpy().tobytes())
        self.digests[row] = digest.hexdigest().encode()
        self.read[row] = True


def _read_part(part: Items, seen: _Seen, deadline: float, seed: int, progress: Progress) -> None:
    """Reads the items spread evenly when there is no time for all of them, each of them once."""
    order = _spread(part.count)
    for number, index in enumerate(order.tolist()):  # a person's data set gets Python's numbers
        if number % 64 == 0:
            if time.monotonic() > deadline and number:
                return
            progress.advance(f"reading {part.name}", number, part.count)
        batch = under_seed(seed, 0, index, lambda index=index: part.read([index]))  # type: ignore[misc]
        seen.add(seen.first[part.name] + index, batch, f"{part.name}[{index}]")


def read_rest(examples: Examples, rows: NDArray[np.int64], *, seed: int) -> None:
    """Reads the targets of those rows that setup had no time for; they are put into `examples`.

    Raises:
        DataError: An item cannot be read, or its target is of another form than the others.
    """
    own: Own = examples.content  # type: ignore[assignment]
    for row in rows[~own.read[rows]].tolist():
        items = own.items_of_row(row)
        index = row - own.first_row(items)
        where = f"{items.name}[{index}]"
        batch = under_seed(seed, 0, index, lambda items=items, index=index: items.read([index]))  # type: ignore[misc]
        if own.given.step is None:
            target = _alone(fall_apart(batch, where=where)[1], where)
            examples.targets[row] = _fitting(target, row, examples, where)
        own.read[row] = True


def _fitting(target: Any, row: int, examples: Examples, where: str) -> Any:
    """A target that is read later, as `Examples.targets` has it."""
    own: Own = examples.content  # type: ignore[assignment]
    if own.counts is None:
        return fitting(target.numpy(), examples, where)
    return own.counts.add(row, counted(target), ignored(examples.task), from_second=own.shifted)


def _spread(count: int) -> NDArray[np.int64]:
    """0 to count - 1 so that any beginning is spread over the whole: golden-section steps."""
    step = max(1, round(count * 0.6180339887))
    while np.gcd(step, count) != 1:
        step += 1
    return np.arange(count) * step % count


def _alone(target: Any, where: str) -> Any:
    """The target of a batch of one, without the axis of the batch."""
    import torch

    if isinstance(target, torch.Tensor):
        return target[0].cpu()
    raise DataError(
        "a target is no tensor",
        f"{where}: {described(target)}",
        "return numbers or tensors as targets; for anything else give a step",
    )


def _parts(items: tuple[Items, ...], given: Given) -> NDArray[np.int8]:
    """The parts as given; where only train is there, all is to be divided."""
    as_given = {
        "train": Part.UNASSIGNED if given.val is None else Part.TRAIN,
        "val": Part.VAL,
        "test": Part.TEST,
    }
    return np.concatenate([np.full(part.count, as_given[part.name], np.int8) for part in items])


def _notes(own: Own, target: Target, seen: _Seen, spent: float) -> tuple[str, ...]:
    notes = [f"targets: {target.said}"]
    unread = [
        f"{part.name}: {done:,} of {count(part.count, 'item')} read at setup in {duration(spent)}"
        for part in own.items
        if part.name != "test"
        and (done := int(seen.read[own.first_row(part) :][: part.count].sum())) < part.count
    ]
    return (*notes, *unread)


def _fingerprint(items: tuple[Items, ...], seen: _Seen) -> str:
    """Of lengths, and of the items spread over the parts that are read whatever the time."""
    digest = hashlib.sha256()
    for part in items:
        digest.update(f"{part.name} {part.count}\n".encode())
        if part.name != "test":
            for index in _spread(part.count)[:64]:
                row = seen.first[part.name] + int(index)
                digest.update(bytes(seen.digests[row]) + _bytes(seen.targets[row]))
    return digest.hexdigest()


def _bytes(target: Any) -> bytes:
    if isinstance(target, Counted):
        return target.digest
    return b"" if target is None else bytes(target.numpy().tobytes())
