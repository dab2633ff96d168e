"""A person's learning-rate scheduler as a function of progress: it is run once beforehand, and its rates are kept.

A schedule that was written down can be resumed at any step, and bent when the budget shortens the plan.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from firstlight.errors import FirstlightError, UsageError
from firstlight.own.form import described
from firstlight.own.place import defined_at, raised_at

Maker = Callable[..., Any]
ROUNDING = 1e-6  # of a step: 0.7 of 10 steps is the seventh


def own_schedule(make: Maker, peak: float, epochs: int, steps_per_epoch: int) -> Callable[[float], float]:
    """Progress 0 to 1 -> share of the peak rate.

    Args:
        make: Optimizer -> scheduler, which is stepped once an epoch; or (optimizer, steps) -> scheduler, which is
            stepped once a step.
        peak: The learning rate that the optimizer is given with.
        epochs: Of the plan.
        steps_per_epoch: Of the plan.
    """
    each_step = _arguments(make) > 1
    number = epochs * steps_per_epoch if each_step else epochs

    @cache
    def shares() -> tuple[float, ...]:
        return _rates(make, (number,) if each_step else (), peak, number)

    def factor(progress: float) -> float:
        return shares()[min(int(progress * number + ROUNDING), number - 1)]

    return factor


def _rates(make: Maker, arguments: tuple[int, ...], peak: float, number: int) -> tuple[float, ...]:
    """The shares of the peak before each of the steps of the scheduler."""
    # Momentum, because a one-cycle policy moves it, too.
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak, momentum=0.9)
    found = []
    try:
        scheduler = make(optimizer, *arguments)
        if not hasattr(scheduler, "step"):
            raise _no_scheduler(make, scheduler)
        with warnings.catch_warnings():  # that the optimizer itself takes no step
            warnings.simplefilter("ignore")
            for _ in range(number):
                found.append(float(optimizer.param_groups[0]["lr"]) / peak)
                scheduler.step()
    except FirstlightError:
        raise
    except Exception as error:  # whatever a person's function raises
        needs = isinstance(error, TypeError) and "metrics" in str(error)
        raise UsageError(
            "the scheduler cannot be run beforehand" if needs else "the scheduler raises an error",
            f"{defined_at(make)}: {raised_at(error)}",
            "give one whose rates depend on epochs or steps alone"
            if needs
            else "it is called with the optimizer: lambda optimizer: StepLR(optimizer, 10)",
        ) from error
    return tuple(found)


def _no_scheduler(make: Maker, found: Any) -> UsageError:
    return UsageError(
        "what was given as a scheduler makes none",
        f"{defined_at(make)} gives {described(found)}",
        "return a scheduler of torch.optim.lr_scheduler",
    )


def _arguments(make: Maker) -> int:
    """Positional arguments without a default."""
    parameters = inspect.signature(make).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)
