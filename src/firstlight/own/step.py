"""A step of a person's own: `step(model, batch)` gives the loss, and outputs for metrics where there are such.

It may return the loss alone; the loss and outputs; or a mapping or object with `loss`, whose other fields are the
outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from firstlight.data.batch import Batch
from firstlight.errors import DataError, UsageError
from firstlight.own.form import described, fall_apart, is_loss, moved, tensors
from firstlight.own.items import under_seed
from firstlight.own.model import Adapted
from firstlight.own.place import defined_at, tell

Step = Callable[[nn.Module, Any], Any]
SEED = 0  # of the random numbers that a step draws in validation, so that it repeats itself


class Answer(NamedTuple):
    """What a step gave."""

    loss: torch.Tensor  # scalar
    outputs: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A batch as the person's collate function made it."""

    batch: Any
    rows: int
    first: int  # row of Examples; validation draws its random numbers by it

    def part(self, start: int, end: int) -> Whole:
        """The rows from `start` to before `end`."""
        some = _some(self.batch, start, end, self.rows)
        return Whole(batch=some, rows=end - start, first=self.first + start)

    def bad_rows(self) -> torch.Tensor:
        """Bool (rows,): rows that hold a number which is not finite."""
        bad = torch.zeros(self.rows, dtype=torch.bool)
        for tensor in tensors(self.batch):
            if tensor.is_floating_point() and tensor.ndim and len(tensor) == self.rows:
                bad |= ~torch.isfinite(tensor).reshape(self.rows, -1).all(dim=1).cpu()
        return bad

    def form(self) -> str:
        """The batch in words."""
        return described(self.batch)


class Stepped(Adapted):
    """The person's module under the person's step; its weights keep the person's names.

    Args:
        module: The person's.
        step: (module, batch) -> loss.
    """

    def __init__(self, module: nn.Module, step: Step) -> None:
        super().__init__(module)
        self.step = step

    def forward(self, inputs: Whole) -> Answer:  # type: ignore[override]  # a step gives more than one tensor
        """A batch -> its loss and outputs.

        In evaluation mode the random numbers are those of the batch, and the generators stand afterwards as before.

        Raises:
            UsageError: The step raises, or gives no loss; the line of the person's code is told.
        """
        if self.training:
            return self._answer(inputs)
        cuda = sorted({p.device.index for p in self.module.parameters() if p.is_cuda})
        with torch.random.fork_rng(devices=cuda):
            if cuda:
                torch.cuda.manual_seed_all(inputs.first)
            answer: Answer = under_seed(SEED, 0, inputs.first, lambda: self._answer(inputs))
        return answer

    def _answer(self, inputs: Whole) -> Answer:
        try:
            found = self.step(self.module, inputs.batch)
        except Exception as error:
            tell(
                error,
                "the step raises an error",
                thing=self.step,
                called_with=f"the model and {inputs.form()}",
                remedy="correct the step, or what the data set gives to it",
            )
        answer = answer_of(found, self.step)
        if self.training and torch.is_grad_enabled() and not answer.loss.requires_grad:
            raise UsageError(
                "the loss of the step does not depend on the weights",
                f"{defined_at(self.step)} gives a loss without a gradient",
                "return the loss before .backward(), .item() or .detach(): the update is made here",
            )
        return answer


def answer_of(found: Any, step: Step) -> Answer:
    """Loss and outputs in what a step returned.

    Raises:
        UsageError: There is no loss in it.
    """
    loss: Any = found
    outputs: Any = None
    fields = found if isinstance(found, Mapping) else getattr(found, "__dict__", {})
    if not isinstance(found, torch.Tensor) and "loss" in fields:
        loss, outputs = fields["loss"], {name: value for name, value in fields.items() if name != "loss"}
    elif isinstance(found, tuple) and found:
        loss, outputs = found[0], found[1] if len(found) == 2 else found[1:]
    if is_loss(loss):
        return Answer(loss, outputs)
    raise UsageError(
        "the step does not give one loss",
        f"{defined_at(step)} gives {described(found)}",
        "return the mean loss of the batch, a tensor without axes; or (loss, outputs); or a mapping with loss",
    )


def whole_batch(batch: Any, rows: torch.Tensor, device: torch.device) -> Batch:
    """A batch as a step gets it; its targets are for metrics alone, and empty where it has none."""
    on_device = moved(batch, device)
    whole = Whole(batch=on_device, rows=len(rows), first=int(rows[0]))
    return Batch(whole, _targets(on_device, len(rows)), rows)


def _targets(batch: Any, rows: int) -> torch.Tensor:
    try:
        target = fall_apart(batch, where="")[1]
    except DataError:
        target = None
    if isinstance(target, torch.Tensor) and target.ndim and len(target) == rows:
        return target
    return torch.empty(rows, 0)


def _some(value: Any, start: int, end: int, rows: int) -> Any:
    """Some rows of whatever has a row for each of the batch."""
    if isinstance(value, torch.Tensor):
        return value[start:end] if value.ndim and len(value) == rows else value
    if isinstance(value, Mapping):
        return {key: _some(inner, start, end, rows) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        each = [_entry(inner, start, end, rows) for inner in value]
        return type(value)(*each) if hasattr(value, "_fields") else type(value)(each)
    return value


def _entry(value: Any, start: int, end: int, rows: int) -> Any:
    """An entry of a tuple: a list of as many as there are rows is one of rows, such as the boxes of each picture."""
    return (
        value[start:end] if isinstance(value, list) and len(value) == rows else _some(value, start, end, rows)
    )
