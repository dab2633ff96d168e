"""Where a number stops being finite."""

from __future__ import annotations

import torch

from firstlight.config.schema import Config
from firstlight.data.batch import Batch
from firstlight.machine.choices import machine_of
from firstlight.watch.locate import first_bad_place


def test_an_input_is_named_by_the_id_of_its_row() -> None:
    inputs = torch.ones(3, 2)
    inputs[1, 0] = torch.nan
    batch = Batch(inputs=inputs, targets=torch.zeros(3), rows=torch.tensor([0, 2, 1]))
    machine = machine_of(Config.model_validate({"parallel": {"device": "cpu"}}))
    place = first_bad_place(
        torch.nn.Linear(2, 1),
        batch,
        lambda outputs, targets: (outputs[:, 0] - targets).square().sum(),
        machine,
        ("row-1", "row-2", "row-4\n"),
    )
    assert place == "the input of row-4\\n"
