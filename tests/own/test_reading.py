"""How items are read: with and without other processes, when there is no time for all, as measured."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from types import SimpleNamespace
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
from firstlight.setup import workers
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


@pytest.mark.parametrize(
    ("paces", "chosen"),
    [
        ({0: (0.0, 0.010, 0.02)}, 0),  # nothing waits, so nothing else is tried
        ({0: (0.0, 0.100, 0.90), 1: (1.0, 0.060, 0.5), 2: (1.5, 0.030, 0.1)}, 2),
        ({0: (0.0, 0.100, 0.90), 1: (9.0, 0.060, 0.5), 2: (18.0, 0.030, 0.1)}, 0),  # they take long to begin
        ({0: (0.0, 0.100, 0.30), 1: (0.1, 0.099, 0.3), 2: (0.1, 0.098, 0.3)}, 0),  # no clear gain
    ],
)
def test_as_many_processes_read_ahead_as_make_an_epoch_shortest(
    paces: dict[int, tuple[float, float, float]], chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pace(trial: Any, machine: Any, number: int) -> workers.Pace:
        first, step, waiting = paces[number]
        return workers.Pace(first_seconds=first, step_seconds=step, waiting=waiting)

    monkeypatch.setattr(workers, "pace", pace)
    monkeypatch.setattr(workers, "allotted_cores", lambda: 2)
    trial = SimpleNamespace(
        data=SimpleNamespace(split=SimpleNamespace(train=range(6400))),
        config=SimpleNamespace(training=SimpleNamespace(batch_size=64)),
    )
    number, reason = workers.best_workers(trial, None)  # type: ignore[arg-type]
    assert number == chosen
    assert f"{100 * paces[0][2]:.0f} % of a step waits for its items" in reason


def test_the_number_of_processes_is_measured_at_setup(run: Any, tmp_path: Path) -> None:
    run(train=rows(640), out=tmp_path / "x", settings={"parallel.workers": None, "training.epochs": 1})
    config = tmp_path / "x" / "training_config.yaml"
    assert read_config(config).config.parallel.workers is not None
    assert "of a step waits for its items" in config.read_text("utf-8")


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
    assert reading.item_seconds >= 0.01  # longer where the machine is busy
    assert reading.limit_seconds(64) > short
    assert reading.index == -1
