"""Targets with a class for each of many places: which task they are, and what setup keeps of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from firstlight.cli.progress import choose
from firstlight.data.examples import Examples
from firstlight.errors import DataError, FirstlightError, UsageError
from firstlight.own.given import Given
from firstlight.own.read import read_given


def read(train: Any, *, task: str = "auto", **more: Any) -> Examples:
    given = Given(model=nn.Identity(), train=train, **more)
    with choose(quiet=True, json=False) as progress:
        return read_given(given, task=task, seconds=60, seed=0, progress=progress)


def some(high: int, *shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, high, shape, generator=torch.Generator().manual_seed(seed))


x, ids = torch.rand(20, 3, 4, 4), some(9, 20, 8)
ragged = [(torch.rand(length, 3), some(5, length)) for length in (3, 5, 2, 7)]


@pytest.mark.parametrize(
    ("train", "more", "task"),
    [
        ((x, some(3, 20, 4, 4)), {}, "segmentation"),
        ((x, some(2, 20, 4, 4)), {}, "segmentation"),
        ((x, some(2, 20, 1, 4, 4).to(torch.uint8)), {}, "segmentation"),
        ((x, some(2, 20, 1, 4, 4).float()), {"loss": nn.BCEWithLogitsLoss()}, "segmentation"),
        ((x, some(4, 20, 4, 4).float()), {"task": "segmentation"}, "segmentation"),
        ((torch.rand(20, 8, 3), some(5, 20, 8)), {}, "tokens"),
        (ragged, {}, "tokens"),
        ((torch.rand(20, 8, 3), some(2, 20, 8)), {"task": "tokens"}, "tokens"),
        ((torch.rand(20, 8), some(2, 20, 8)), {}, "multilabel"),
        ((ids, some(9, 20, 8, seed=1)), {}, "tokens"),
        ((ids[:, :-1], ids[:, 1:]), {}, "language"),
        ((ids, ids), {}, "language"),
        ([{"input_ids": i, "attention_mask": torch.ones(8), "labels": i} for i in ids], {}, "language"),
        ((ids, some(9, 20, 8, seed=1)), {"task": "language"}, "language"),
        ((ids, some(30_000, 20, 8).masked_fill(ids > 1, -100)), {}, "language"),
    ],
)
def test_the_form_of_the_targets_tells_the_task(train: Any, more: dict[str, Any], task: str) -> None:
    found = read(train, **more)
    assert found.task == task


@pytest.mark.parametrize(("train", "shifted"), [((ids[:, :-1], ids[:, 1:]), False), ((ids, ids), True)])
def test_a_language_tells_whether_its_targets_are_moved_already(train: Any, shifted: bool) -> None:
    assert read(train).content.shifted == shifted  # type: ignore[attr-defined]


def test_classes_are_counted_for_each_row_and_what_does_not_count_is_left_out() -> None:
    targets = some(3, 20, 4, 4)
    targets[0] = 255
    targets[1, 0, :] = -100
    found = read((x, targets))
    counts = found.content.counts  # type: ignore[attr-defined]
    assert found.targets.tolist() == [0, 12, *[16] * 18]
    kept = targets[(targets >= 0) & (targets < 255)]
    assert counts.total(np.arange(20), 3).tolist() == torch.bincount(kept, minlength=3).tolist()
    assert counts.each(np.array([5, 1]), 3).sum(axis=1).ravel().tolist() == [[16, 12]]
    assert found.classes == ("0", "1", "2")


def test_the_first_token_is_no_target_where_the_inputs_are_the_targets() -> None:
    found = read((ids, ids))
    assert set(found.targets.tolist()) == {7}
    counts = found.content.counts  # type: ignore[attr-defined]
    assert (
        counts.total(np.arange(20), 9).tolist() == torch.bincount(ids[:, 1:].flatten(), minlength=9).tolist()
    )


def test_a_data_set_is_asked_by_numbers_of_python() -> None:
    class Picky(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            assert type(index) is int
            return super().__getitem__(index)

    assert len(read(Picky(ragged)).ids) == 4


def test_a_changed_target_changes_the_fingerprint() -> None:
    targets = some(3, 20, 4, 4)
    first = read((x, targets)).fingerprint
    targets[3, 0, 0] = (targets[3, 0, 0] + 1) % 3
    assert read((x, targets)).fingerprint != first


@pytest.mark.parametrize(
    ("train", "more", "said"),
    [
        ((x, some(3, 20, 2, 4, 4)), {}, "no task of their own"),
        ((x, some(2, 20, 4, 4).float()), {}, "no task of their own"),
        ((x, torch.rand(20, 4, 4)), {"task": "segmentation"}, "no class"),
        ((x, some(9, 20, 8)), {"task": "segmentation"}, "form of the task segmentation"),
        ((x, some(3, 20, 4, 4)), {"task": "tokens"}, "form of the task tokens"),
        ((x, some(3, 20, 4, 4)), {"task": "classification"}, "form of the task classification"),
        ((x, some(3, 20, 4, 4) - 2), {}, "no class"),
        ((x, some(3, 20, 4, 4)), {"classes": ("a", "b")}, "no class"),
        ((x, torch.full((20, 4, 4), 255)), {}, "no target has a place that counts"),
    ],
)
def test_targets_that_are_none_are_told(train: Any, more: dict[str, Any], said: str) -> None:
    with pytest.raises((DataError, UsageError), match=said) as caught:
        read(train, **more)
    assert isinstance(caught.value, FirstlightError)
    assert len(caught.value.lines()) == 3
