"""What a person brought, from Python or from a config: the record that the own kind of data is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn


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
        metrics: Name without `val_` -> metric.
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
    optimizer: Callable[[Any], torch.optim.Optimizer] | None = None
    collate: Callable[[list[Any]], Any] | None = None
    classes: tuple[str, ...] | None = None
    learning_rate: float | None = None
    origin: str = "python"
