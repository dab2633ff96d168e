"""How items are read: with and without other processes, when there is no time for all, as measured."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_things import Items, net, rows

from firstlight.config.read import read_config
from firstlight.own.batches import OwnBatches
from firstlight.own.given import Given
from firstlight.own.items import items_of
from firstlight.own.read import read_given, read_rest
from firstlight.own.reading import Reading
from firstlight.watch.progress import Silent


def noisy(index: int, x: torch.Tensor, y: torch.Tensor) -> Any:
    """An augmentation that draws from every generator there is."""
    return x + torch.rand(()) + random.random() + float(np.random.rand()), y


def batches(workers: int, make: Any = noisy) -> OwnBatches:
    return OwnBatches(
        items=items_of(Items(make), "train"),
        first=0,
        rows=torch.arange(160),
        size=16,
        seed=3,
        device=torch.device("cpu"),
        workers=workers,
    )


@pytest.mark.parametrize("start", [0, 4])
def test_workers_change_no_bit(start: int) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    alone, ahead = (list(batches(workers).epoch(2, start=start)) for workers in (0, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert len(alone) == len(ahead) == 10 - start
    for one, other in zip(alone, ahead, strict=True):
        assert torch.equal(one.inputs.values[0], other.inputs.values[0])
        assert torch.equal(one.targets, other.targets)
        assert torch.equal(one.rows, other.rows)


def test_two_epochs_differ_and_one_is_the_same_again() -> None:
    part = batches(0)
    first, again, second = (torch.cat([b.inputs.values[0] for b in part.epoch(e)]) for e in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_items_that_setup_has_no_time_for_are_nobodys_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Given(model=net, train=Items())
    examples = read_given(given, task="auto", seconds=-1, seed=0, progress=Silent())
    own: Any = examples.content
    assert 0 < own.read.sum() < 160
    assert len(set(examples.digests.tolist())) == 160
    unread = np.flatnonzero(~own.read)[:5]
    assert (examples.targets[unread] == -1).all()
    read_rest(examples, unread, seed=0)
    assert examples.targets[unread].tolist() == rows()[1][unread].tolist()


def test_slow_items_are_read_by_other_processes_and_quick_ones_are_not(run: Any, tmp_path: Path) -> None:
    def slow(index: int, x: torch.Tensor, y: torch.Tensor) -> Any:
        time.sleep(0.002)
        return x, y

    for name, make in (("slow", slow), ("quick", lambda i, x, y: (x, y))):
        out = tmp_path / name
        train = Items(make, 640) if name == "slow" else rows(640)
        run(train=train, out=out, settings={"parallel.workers": None, "training.epochs": 1})
        workers = read_config(out / "training_config.yaml").config.parallel.workers
        assert (workers or 0) > 0 if name == "slow" else workers == 0
        assert "of a step waits for its items" in (out / "training_config.yaml").read_text("utf-8")


def test_a_slow_item_is_shown_with_its_share_of_the_step(run: Any) -> None:
    def slow(index: int, x: torch.Tensor, y: torch.Tensor) -> Any:
        time.sleep(0.002)
        return x, y

    result = run(train=Items(slow), settings={"training.epochs": 1})
    assert result.metrics["data_wait"][0] > 0.5
    lines = json.loads((result.folder / "logs" / "preflight.json").read_text("utf-8"))["lines"]
    speed = next(line for line in lines if line["id"] == "loader_speed")
    assert speed["level"] == "warning"
    assert "__getitem__" in speed["remedy"]
    assert "Waiting for data" in (result.folder / "baseline_results.md").read_text("utf-8")


def test_the_time_limit_grows_with_what_items_take() -> None:
    reading = Reading()
    short = reading.limit_seconds(64)
    with reading.of("train", 2):
        time.sleep(0.02)
    assert reading.item_seconds == pytest.approx(0.01, rel=0.5)
    assert reading.limit_seconds(64) > short
    assert reading.index == -1
