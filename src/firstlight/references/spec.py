"""What a reference is: a simple model fitted on the training rows and asked about the validation rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

TASKS = ("classification", "multilabel", "regression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a reference says about the validation rows.

    Attributes:
        predicted: What the measure of the task takes: probabilities (rows, classes), or numbers (rows,); int64
            (rows,) of classes from a model that knows no probabilities; None when it was not run.
        note: What was chosen, what was cut, or why it was not run.
        model: The fitted model as a module, inputs of a batch -> raw scores, when it can be shipped.
    """

    predicted: NDArray[Any] | None
    note: str = ""
    model: nn.Module | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSpec:
    """A reference for one kind of data.

    Attributes:
        name: As in logs/references.json.
        tasks: Those of TASKS that it is for.
        run: (what `features` of its kind gives, seconds, seed) -> answer; keeps to about `seconds`.
        share: Weight in dividing the time; references with a small one come first.
    """

    name: str
    tasks: tuple[str, ...]
    run: Callable[[Any, float, int], Answer]
    share: float
