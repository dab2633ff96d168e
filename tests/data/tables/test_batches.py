"""Batches of a table: every row once, the same for a seed, each row with its own target."""

from __future__ import annotations

import pytest
import torch

from firstlight.data.tables.batches import TableBatches


def make(*, n=50, rows=None, size=7, seed=42, targets=None):
    return TableBatches(
        numbers=torch.arange(n * 3.0).reshape(n, 3),
        codes=torch.arange(n * 2, dtype=torch.int32).reshape(n, 2),
        targets=torch.arange(n) % 4 if targets is None else targets,
        rows=torch.arange(n) if rows is None else rows,
        size=size,
        seed=seed,
        device=torch.device("cpu"),
    )


def order(batches, epoch):
    return torch.cat([b.rows for b in batches.epoch(epoch)]).tolist()


def test_an_epoch_holds_every_row_of_the_part_once_and_its_columns_and_target_follow():
    batches = make(rows=torch.arange(3, 40))
    seen = list(batches.epoch(0))
    rows = torch.cat([b.rows for b in seen])
    assert sorted(rows.tolist()) == list(range(3, 40))
    assert (len(seen), batches.count) == (len(batches), 37) == (6, 37)
    assert torch.equal(torch.cat([b.inputs.numbers for b in seen]), batches.numbers[rows])
    assert torch.equal(torch.cat([b.inputs.codes for b in seen]), batches.codes[rows])
    assert torch.equal(torch.cat([b.targets for b in seen]), rows % 4)


def test_order_depends_on_seed_and_epoch_alone():
    assert order(make(), 1) == order(make(), 1)
    assert order(make(), 1) != order(make(), 2)
    assert order(make(seed=1), 1) != order(make(seed=2), 1)


def test_an_epoch_can_be_entered_in_the_middle():
    batches = make()
    whole, tail = list(batches.epoch(3)), list(batches.epoch(3, start=4))
    assert [b.rows.tolist() for b in whole[4:]] == [b.rows.tolist() for b in tail]


@pytest.mark.parametrize("size", [None, 1, 7, 1000])
def test_ordered_gives_the_rows_as_they_lie(size):
    rows = torch.tensor([9, 2, 30])
    seen = torch.cat([b.rows for b in make(rows=rows).ordered(size)])
    assert torch.equal(seen, rows)


def test_targets_may_be_several_labels_a_row():
    targets = torch.rand(50, 5)
    batch = next(iter(make(targets=targets).epoch(0)))
    assert torch.equal(batch.targets, targets[batch.rows])


def test_a_table_without_numbers_or_without_categories_has_empty_tensors():
    batches = TableBatches(
        numbers=torch.empty(4, 0),
        codes=torch.empty(4, 0, dtype=torch.int32),
        targets=torch.zeros(4, dtype=torch.int64),
        rows=torch.arange(4),
        size=3,
        seed=0,
        device=torch.device("cpu"),
    )
    shapes = [(b.inputs.numbers.shape, b.inputs.codes.shape) for b in batches.epoch(0)]
    assert shapes == [((3, 0), (3, 0)), ((1, 0), (1, 0))]
