"""A data set of a person's own, read by index: the same item again under the same seed.

A `DataLoader` is taken apart: its data set, collate function, batch size and sampler are kept, the order is ours. So
any batch can be made again without those before it, which is what an exact resume rests on.
"""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.errors import DataError, FirstlightError, UsageError
from firstlight.own.form import described
from firstlight.own.place import defined_at, raised_at
from firstlight.own.reading import Reading
from firstlight.own.stream import kept

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """One part of the data.

    Attributes:
        name: `train`, `val` or `test`.
        dataset: Has `__getitem__` and `__len__`.
        count: Of its items.
        collate: Items -> batch.
        sampler: Gives the order of an epoch; None = shuffled by us.
        batch_size: Of the loader that was given; None = of the config.
        drop_last: An incomplete batch at the end of an epoch is left out.
        workers: Processes of the loader that was given; None = measured.
        reading: What is read just now.
    """

    name: str
    dataset: Any
    count: int
    collate: Callable[[list[Any]], Any]
    sampler: Iterable[int] | None = None
    batch_size: int | None = None
    drop_last: bool = False
    workers: int | None = None
    reading: Reading = field(default_factory=Reading, compare=False)

    def read(self, indices: Sequence[int]) -> Any:
        """The batch of these items.

        Raises:
            DataError: The data set raises, or gives nothing; the index and the line of the person's code are told.
        """
        whole = _whole_tensors(self)
        if whole is not None:
            return tuple(tensor[list(indices)] for tensor in whole)
        with self.reading.of(self.name, len(indices)):
            return self._collated(self._each(indices), indices)

    def _each(self, indices: Sequence[int]) -> list[Any]:
        """The items one by one: the inmost loop, so no more is called in it than must be."""
        dataset, begin = self.dataset, self.reading.at
        values = []
        try:
            for index in indices:
                begin(index)
                values.append(dataset[index])
        except FirstlightError:
            raise
        except (Exception, SystemExit) as error:  # whatever a person's data set raises
            raise DataError(
                "the data set raises an error",
                f"{self.name}[{index}]: {raised_at(error)}",
                f"correct {defined_at(dataset)}, or leave this item out",
            ) from error
        for index, value in zip(indices, values, strict=True):
            if value is None:
                raise DataError(
                    "the data set gives nothing for an item",
                    f"{self.name}[{index}] is None",
                    f"return the item in {defined_at(dataset)}, or leave it out of the data set",
                )
        return values

    def _collated(self, values: list[Any], indices: Sequence[int]) -> Any:
        try:
            return self.collate(values)
        except Exception as error:
            odd = _odd_one(values)
            seen = f"{self.name}[{indices[odd]}] is {described(values[odd])}, {self.name}[{indices[0]}] is "
            raise DataError(
                "items do not go together into a batch",
                f"{seen}{described(values[0])}: {raised_at(error)}",
                "give every item the same shapes and types, or a collate function",
            ) from error


def items_of(given: Any, name: str, collate: Callable[[list[Any]], Any] | None = None) -> Items:
    """What was given as a part of the data, as items.

    Args:
        given: A data set by index, a `DataLoader` over one, or a tuple of tensors or arrays of one length.
        name: Of the part.
        collate: Items -> batch, before that of a loader; None = torch's default.

    Raises:
        UsageError: It is none of these.
        DataError: It has no items.
    """
    from torch.utils.data import DataLoader, default_collate

    if not isinstance(given, DataLoader):
        given = kept(given, name)

    if isinstance(given, DataLoader):
        return _of_loader(given, name, collate)
    if isinstance(given, tuple | list) and given and all(hasattr(part, "shape") for part in given):
        given = _tensor_dataset(given, name)
    if not hasattr(given, "__getitem__") or not hasattr(given, "__len__"):
        raise UsageError(
            "this is no data set by index",
            f"{name} is {defined_at(given)}, without __getitem__ or __len__",
            "give a data set with both, an iterable one, a DataLoader over one, or a tuple of tensors",
        )
    return Items(name=name, dataset=given, count=_count(given, name), collate=collate or default_collate)


def under_seed(seed: int, epoch: int, number: int, work: Callable[[], Any]) -> Any:
    """Does the work under random numbers of its own; torch's generator stands afterwards as before.

    Python's and NumPy's global generators are set, too, and left where the work left them: nothing else in a run
    draws from them.
    """
    import torch

    # A hash, because SeedSequence takes twenty times as long, which shows in small steps.
    spread = hashlib.blake2b(struct.pack("<3q", seed, epoch, number), digest_size=12).digest()
    states = struct.unpack("<3I", spread)
    before = torch.get_rng_state()
    random.seed(states[0])
    np.random.seed(states[1])
    torch.default_generator.manual_seed(states[2])
    try:
        return work()
    finally:
        torch.set_rng_state(before)


def _of_loader(loader: DataLoader[Any], name: str, collate: Callable[[list[Any]], Any] | None) -> Items:
    from torch.utils.data import BatchSampler, IterableDataset, RandomSampler, SequentialSampler

    dataset = kept(loader.dataset, name)
    stream = isinstance(loader.dataset, IterableDataset)
    if not stream and type(loader.batch_sampler) not in (BatchSampler, type(None)):
        raise UsageError(
            "batches by a sampler of their own are not read",
            f"{name} is a DataLoader over {defined_at(dataset)} with batch_sampler {defined_at(loader.batch_sampler)}",
            "give a sampler and a batch size, or the data set alone",
        )
    plain = stream or type(loader.sampler) in (SequentialSampler, RandomSampler)
    return Items(
        name=name,
        dataset=dataset,
        count=_count(dataset, name),
        collate=collate or loader.collate_fn,
        sampler=None if plain else loader.sampler,
        batch_size=loader.batch_size,
        drop_last=loader.drop_last,
        workers=loader.num_workers or None,
    )


def _count(dataset: Any, name: str) -> int:
    count = len(dataset)
    if count == 0:
        raise DataError(
            "a part of the data has no items",
            f"{name} is {defined_at(dataset)} of length 0",
            "see how it is made",
        )
    return count


def _tensor_dataset(parts: Sequence[Any], name: str) -> Any:
    import torch
    from torch.utils.data import TensorDataset

    tensors = [torch.as_tensor(part) for part in parts]
    lengths = {len(tensor) for tensor in tensors}
    if len(lengths) != 1:
        raise DataError(
            "tensors of one part have different lengths",
            f"{name}: {', '.join(str(len(tensor)) for tensor in tensors)}",
            "give as many targets as inputs",
        )
    return TensorDataset(*tensors)


def _whole_tensors(items: Items) -> tuple[torch.Tensor, ...] | None:
    """The tensors of a plain tensor data set, of which a batch is picked at once."""
    from torch.utils.data import TensorDataset, default_collate

    plain = type(items.dataset) is TensorDataset and items.collate is default_collate
    return items.dataset.tensors if plain else None


def _odd_one(values: list[Any]) -> int:
    """The first item that looks different from the first one; 0 when none does."""
    looks = [described(value) for value in values]
    return next((number for number, look in enumerate(looks) if look != looks[0]), 0)
