"""A batch in parts: every row once, in order, and no part too small for batch normalisation."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from firstlight.data.batch import Batch


def batch(rows: int) -> Batch:
    numbers = torch.arange(rows)
    return Batch(numbers.float()[:, None].repeat(1, 3), numbers, numbers, numbers.float())


@given(rows=st.integers(1, 40), number=st.integers(1, 50))
def test_the_parts_are_the_rows_in_order_two_at_least(rows: int, number: int) -> None:
    parts = list(batch(rows).parts(number))
    assert torch.equal(torch.cat([part.rows for part in parts]), torch.arange(rows))
    assert torch.equal(torch.cat([part.inputs for part in parts])[:, 0], torch.arange(rows).float())
    assert all(torch.equal(part.targets, part.rows) for part in parts)
    assert len(parts) <= number
    assert rows == 1 or min(len(part.rows) for part in parts) >= 2


def test_batch_normalisation_takes_every_part() -> None:
    layer = nn.BatchNorm1d(3).train()
    for rows in (2, 3, 5, 33):
        for part in batch(rows).parts(32):
            assert layer(part.inputs).shape == part.inputs.shape
