"""What a reference is: a simple model fitted on the training rows and asked about the validation rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from firstlight.references.features import Features


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a reference says about the validation rows.

    Attributes:
        predicted: int64 (rows,), the class of each validation row; None when the reference was not run.
        own_probability: float64 (rows,), of each row's true class; None when there are no probabilities.
        note: What was cut, or why it was not run.
    """

    predicted: NDArray[np.int64] | None
    own_probability: NDArray[np.float64] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSpec:
    """A reference.

    Attributes:
        name: As in logs/references.json.
        run: (features, seconds, seed) -> answer; keeps to about `seconds`.
        share: Weight in dividing the time; references with a small one come first.
    """

    name: str
    run: Callable[[Features, float, int], Answer]
    share: float
