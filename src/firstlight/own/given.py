"""What a person brought, from Python or from a config: the record that the own kind of data is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from firstlight.errors import UsageError
from firstlight.text import visible

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn


PREFIX = "own_"  # before the name of a metric in files and in the config, so that it is none of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric of a person's own.

    Attributes:
        function: (predictions, targets) -> number, from arrays of all validation rows. Predictions are what the
            task predicts: probabilities, numbers, or the model's outputs where the loss is a person's own.
        better: Its direction; never guessed from the name.
    """

    function: Callable[[NDArray[Any], NDArray[Any]], float]
    better: Literal["higher", "lower"] = "higher"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Everything that is a person's own in a run.

    Attributes:
        model: A module, whose weights are the start of every attempt, or a function that makes one.
        train: A data set by index, a `DataLoader` over one, or a tuple of tensors.
        val: The same; None = a part of train.
        test: The same, sealed; None = a part of train where val is not given either.
        loss: (outputs, targets) -> mean loss; None = the task's.
        metrics: Name without PREFIX -> metric.
        schedule: Optimizer -> scheduler of torch; None = the config's.
        step: (model, batch) -> loss, or (loss, outputs), or a mapping with `loss`; None = model and loss are called.
        optimizer: Parameters -> optimizer; None = the config's.
        collate: Items -> batch; None = torch's default.
        learning_rate: That of the optimizer as it was given, the peak of the schedule; None = the config's.
        classes: Names in the order of the outputs; None = the numbers.
        origin: As reports call it: `python`, or the targets of the config.
    """

    model: nn.Module | Callable[[], nn.Module]
    train: Any
    val: Any = None
    test: Any = None
    loss: Callable[[Any, Any], torch.Tensor] | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    step: Callable[[Any, Any], Any] | None = None
    optimizer: Callable[[Any], torch.optim.Optimizer] | None = None
    schedule: Callable[..., Any] | None = None
    collate: Callable[[list[Any]], Any] | None = None
    classes: tuple[str, ...] | None = None
    learning_rate: float | None = None
    origin: str = "python"


def own_metrics(functions: Mapping[str, Any], lower: Collection[str]) -> dict[str, Metric]:
    """The metrics of a person, with their directions.

    Raises:
        UsageError: A name that no file can hold, one that is not there, or something that cannot be called.
    """
    for name, function in functions.items():
        if not re.fullmatch(r"[A-Za-z0-9_]+", str(name)) or not callable(function):
            raise UsageError(
                "a metric is a name of letters, digits and _, and a function",
                visible(f"metrics[{name!r}] is {type(function).__name__}"),
                "write metrics={'f1': f1}, with f1(predictions, targets) -> number",
            )
    missing = sorted(set(lower) - set(functions))
    if missing:
        raise UsageError(
            "lower_is_better names a metric that was not given",
            visible(f"{missing[0]}; metrics has {', '.join(functions) or 'none'}"),
            "name it as in metrics",
        )
    better: dict[bool, Literal["higher", "lower"]] = {True: "lower", False: "higher"}
    return {name: Metric(function=one, better=better[name in lower]) for name, one in functions.items()}


def judged_by(metric: str | None, given: Given) -> str | None:
    """The metric as the config names it."""
    return f"{PREFIX}{metric}" if metric in given.metrics else metric


def written(value: Any) -> Any:
    """A setting as YAML reads it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else value
