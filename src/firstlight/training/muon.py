"""Muon: momentum whose update is made orthogonal, for weight matrices and convolution filters.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024, in the form that the
airbench recipe for CIFAR-10
uses: a weight is kept at the norm sqrt(outputs), the update has that norm too, so the learning rate is the
relative change of a weight in
one step. Both are written here from the description; the coefficients of the iteration are the published
ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor

# Quintic Newton-Schulz iteration that drives every singular value towards 1 (about 0.7 to 1.2 after a few
# rounds).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ROUNDS = 3  # enough for training small networks; 5 changes nothing measurable there
SMALLEST_NORM = 1e-7


def orthogonalised(matrix: Tensor, rounds: int = ROUNDS) -> Tensor:
    """The nearest (semi-)orthogonal matrix, roughly: U V^T of the singular value decomposition of (rows, columns)."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + SMALLEST_NORM)
    for _ in range(rounds):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.T if tall else x
    return result


class Muon(torch.optim.Optimizer):
    """Muon with weights of fixed norm.

    Args:
        parameters: Weights of two or more axes, the first one being the outputs.
        lr: Relative change of a weight in one step.
        momentum: Of the gradient, with Nesterov's look ahead.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        for group in self.param_groups:
            for weight in group["params"]:
                _rescale(weight)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Updates every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group)
        return None

    def _update(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        average = state["momentum"].mul_(group["momentum"]).add_(gradient)
        ahead = gradient.add(average, alpha=group["momentum"])
        matrix = ahead.flatten(1)
        # U V^T has norm sqrt(min(rows, columns)); the factor brings it to the norm of the weight, sqrt(rows).
        scale = math.sqrt(matrix.shape[0] / min(matrix.shape))
        _rescale(weight)
        weight.add_(orthogonalised(matrix).view_as(weight), alpha=-group["lr"] * scale)


@torch.no_grad()
def _rescale(weight: Tensor) -> None:
    """Brings the weight to the norm sqrt(outputs); a normalisation follows it, so its scale has no effect."""
    weight.mul_(math.sqrt(len(weight)) / (weight.norm() + SMALLEST_NORM))
