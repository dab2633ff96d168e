"""A person's scheduler, run beforehand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from firstlight.errors import UsageError
from firstlight.own.schedule import own_schedule


def test_one_argument_is_stepped_each_epoch() -> None:
    factor = own_schedule(lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5), 0.1, 6, 10)
    found = [factor(step / 60) for step in range(60)]
    assert found == pytest.approx([1.0] * 20 + [0.5] * 20 + [0.25] * 20)


def test_two_arguments_are_stepped_each_step_as_by_hand() -> None:
    def make(optimizer: Any, steps: int) -> Any:
        return lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=steps)

    factor = own_schedule(make, 0.1, 3, 7)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    scheduler = make(optimizer, 21)
    for step in range(20):
        assert 0.1 * factor(step / 21) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lr_scheduler.ReduceLROnPlateau, "beforehand"),
        (lambda o: 3, "makes none"),
        (lambda o: o.nothing, "raises an error"),
    ],
)
def test_what_is_no_schedule_is_refused(make: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        own_schedule(make, 0.1, 2, 2)(0.0)
