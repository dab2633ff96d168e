"""Batches of texts: every row once, the same for a seed, whole rows, little padding."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch

from firstlight.data.texts.batches import TextBatches, bag, padded
from firstlight.data.texts.ragged import Ragged, offsets_of


def rows_of(lengths: list[int]) -> Ragged:
    """Row i holds its own number + 1, `lengths[i]` times."""
    numbers = np.repeat(np.arange(len(lengths), dtype=np.int32) + 1, lengths)
    return Ragged(values=numbers, offsets=offsets_of(np.array(lengths)))


def make(
    form: Literal["bag", "tokens"] = "bag", *, seed: int = 42, size: int = 7, n: int = 50
) -> TextBatches:
    lengths = (np.arange(n) * 7 % 13 + (form == "tokens")).tolist()
    return TextBatches(
        ragged=rows_of(lengths),
        targets=torch.arange(n) % 4,
        rows=torch.arange(3, n),
        size=size,
        seed=seed,
        device=torch.device("cpu"),
        form=form,
    )


def order(batches: TextBatches, epoch: int) -> list[int]:
    return torch.cat([batch.rows for batch in batches.epoch(epoch)]).tolist()


FORMS: Any = pytest.mark.parametrize("form", ["bag", "tokens"])


@FORMS
def test_an_epoch_holds_every_row_once_and_targets_follow_their_rows(form: Any) -> None:
    batches = make(form)
    seen = list(batches.epoch(0))
    rows = torch.cat([batch.rows for batch in seen])
    assert sorted(rows.tolist()) == list(range(3, 50))
    assert len(seen) == len(batches) == 7
    assert batches.count == 47
    assert torch.equal(torch.cat([batch.targets for batch in seen]), rows % 4)
    assert [len(batch.rows) for batch in seen] == [7] * 6 + [5]


@FORMS
def test_order_depends_on_seed_and_epoch_alone(form: Any) -> None:
    assert order(make(form), 1) == order(make(form), 1)
    assert order(make(form), 1) != order(make(form), 2)
    assert order(make(form, seed=1), 1) != order(make(form), 1)


@FORMS
def test_an_epoch_can_be_entered_in_the_middle(form: Any) -> None:
    whole, tail = list(make(form).epoch(3)), list(make(form).epoch(3, start=4))
    assert len(tail) == 3
    for a, b in zip(whole[4:], tail, strict=True):
        assert torch.equal(a.inputs[0], b.inputs[0])
        assert torch.equal(a.inputs[1], b.inputs[1])


def test_bags_lie_end_to_end() -> None:
    inputs = bag(rows_of([2, 0, 3]))
    assert inputs.ids.tolist() == [1, 1, 3, 3, 3]
    assert inputs.offsets.tolist() == [0, 2, 2]


def test_tokens_are_filled_up_to_the_longest_of_the_batch() -> None:
    inputs = padded(rows_of([2, 1, 3]))
    assert inputs.ids.tolist() == [[1, 1, 0], [2, 0, 0], [3, 3, 3]]
    assert inputs.mask.tolist() == [[True, True, False], [True, False, False], [True] * 3]


def test_every_batch_holds_whole_rows() -> None:
    batches = make()
    for batch in batches.ordered(9):
        taken = batches.ragged.take(batch.rows.numpy())
        assert batch.inputs[0].tolist() == taken.values.tolist()
    assert torch.cat([batch.rows for batch in batches.ordered(9)]).tolist() == list(range(3, 50))


def test_rows_of_similar_length_come_together_but_not_in_order_of_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 3_000)
    batches = TextBatches(
        ragged=rows_of(lengths.tolist()),
        targets=torch.zeros(3_000),
        rows=torch.arange(3_000),
        size=32,
        seed=0,
        device=torch.device("cpu"),
        form="tokens",
    )
    masks = [batch.inputs[1] for batch in batches.epoch(0)]
    assert np.mean([(~mask).float().mean() for mask in masks]) < 0.08  # half, when lengths are mixed
    widths = [mask.shape[1] for mask in masks]
    assert abs(np.corrcoef(widths, range(len(widths)))[0, 1]) < 0.4
