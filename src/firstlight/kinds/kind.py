"""What a kind of data is: a frozen record of plain functions that tie its stages together.

    Examples, Split --fit--> Dataset --pipeline--> Pipeline (batches, shape) --model, loop-->

Each file of this folder with a `KIND` is one kind; its name is what `data.task` begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from firstlight import catalog
from firstlight.data.examples import Examples, Split

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from firstlight.config.schema import Config
    from firstlight.data.batch import Loader
    from firstlight.machine.choices import Machine
    from firstlight.models.model import Shape
    from firstlight.tasks.task import Goal, Objective
    from firstlight.watch.progress import Progress

PACKAGE = "firstlight.kinds"


class Profile(Protocol):
    """What setup saw in the data."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that a person should not miss."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about how the data was read."""

    def headline(self) -> str:
        """The data in a line: `1,797 images, 8x8 grey, 10 classes`."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for logs/profile.json; `shown` is the table of the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Examples, their split, and what was fitted on the training rows."""

    kind: Kind
    examples: Examples
    split: Split
    fitted: Any

    def known(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the rows whose target is known before training: all but items that setup had no time to read."""
        return self.kind.known(self, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The data as a model sees it.

    Attributes:
        train: Shuffled, augmented.
        val: In order.
        shape: What goes into the model and comes out.
        views: Inputs -> the forms of it over which a prediction is averaged, the inputs themselves first.
        meta: Plain values from which `Kind.unseen` makes the same inputs of new data.
        optimizer: A person's own, for the model; None = the config's.
        schedule: A person's own: progress 0 to 1 -> share of the peak rate; None = the config's.
    """

    train: Loader
    val: Loader
    shape: Shape
    views: Views
    meta: dict[str, Any]
    optimizer: Callable[[nn.Module], torch.optim.Optimizer] | None = None
    schedule: Callable[[float], float] | None = None


Views = Callable[[Any], tuple[Any, ...]]


def only(inputs: Any) -> tuple[Any, ...]:
    """The inputs as they are."""
    return (inputs,)


class Portion(NamedTuple):
    """Some new rows, ready for the model."""

    ids: list[str]
    inputs: Any
    unreadable: list[str]  # rows that are left out, each with its reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """New data without targets."""

    total: int
    portions: Iterator[Portion]
    notes: tuple[str, ...] = ()  # how it was read
    differences: tuple[str, ...] = ()  # from the training data; a person should not miss them


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of data.

    Attributes:
        name: What `data.task` begins with.
        noun: What a row is called.
        profile: data set -> what setup saw.
        fit: (examples, split) -> what the training rows determine: scalings, vocabularies.
        pipeline: (config, dataset, outputs of the model, machine) -> batches and shape.
        shape: (meta, outputs) -> the shape, for a model that is loaded.
        views: meta -> the views of the pipeline.
        unseen: (meta, path as the user named it, machine, progress, whether links may leave that folder) -> new
            data.
        goal: (what a task is bound to, data set) -> the same with what only this kind knows.
        objective: (the task, data set) -> what is trained and judged by; the task itself unless the kind has a say.
        known: (data set, rows) -> those of the rows whose target is known.
    """

    name: str
    noun: str
    profile: Callable[[Dataset], Profile]
    fit: Callable[[Examples, Split], Any]
    pipeline: Callable[[Config, Dataset, int, Machine], Pipeline]
    shape: Callable[[Mapping[str, Any], int], Shape]
    views: Callable[[Mapping[str, Any]], Views]
    unseen: Callable[[Mapping[str, Any], str, Machine, Progress, bool], Unseen]
    goal: Callable[[Goal, Dataset], Goal] = lambda goal, data: goal
    objective: Callable[[Objective, Dataset], Objective] = lambda task, data: task
    known: Callable[[Dataset, NDArray[np.int64]], NDArray[np.int64]] = lambda data, rows: rows


def weights_of(data: Dataset) -> NDArray[np.float64] | None:
    """(rows,): the weights with a mean of 1 over the training rows, so that the loss keeps its size."""
    weights = data.examples.weights
    if weights is None:
        return None
    mean = float(weights[data.split.train].mean())
    return weights / mean if mean > 0 else np.ones(len(weights))


def kind_named(name: str) -> Kind:
    """The kind of that name."""
    found: Kind = catalog.load(PACKAGE, name, "KIND", Kind)
    return found


def kind_of(examples: Examples) -> Kind:
    """The kind of these examples."""
    return kind_named(examples.content.kind)


def dataset(examples: Examples, split: Split) -> Dataset:
    """The data set with what is fitted on its training rows."""
    kind = kind_of(examples)
    return Dataset(kind=kind, examples=examples, split=split, fitted=kind.fit(examples, split))
