"""The preflight as a whole: order, time, errors, and that it leaves no trace."""

from __future__ import annotations

import dataclasses
import re
import time

import pytest
import torch
from preflight_jobs import with_model
from torch import nn

from firstlight import catalog
from firstlight.errors import DataError, ResourceError, TrainingFailed
from firstlight.experiment import store
from firstlight.experiment.records import CheckLine
from firstlight.preflight.run import PACKAGE, checks, first_failure, preflight
from firstlight.training.run import Clock
from firstlight.training.state import random_states
from firstlight.watch.progress import Silent


class Listener(Silent):
    def __init__(self) -> None:
        self.lines: list[CheckLine] = []

    def check(self, line: CheckLine) -> None:
        self.lines.append(line)


def all_lines(job, *, seconds=60.0, listener=None):
    now = time.monotonic()
    clock = Clock(started=now, deadline=now + 600, reserve=20)
    return preflight(job, deadline=now + seconds, clock=clock, progress=listener or Silent())


@pytest.mark.requirement("P1.7", "P1.8", "P1.9", "P2.8", "P2.16")
def test_a_healthy_job_passes_every_check_in_a_few_seconds(job):
    listener = Listener()
    lines = all_lines(job, listener=listener)
    assert [line.id for line in lines if line.level in ("failed", "not_applicable")] == []
    assert first_failure(lines) is None
    assert tuple(listener.lines) == lines
    assert sum(line.seconds for line in lines) < 30


def test_the_lines_are_written_whole(job):
    lines = all_lines(job)
    stored = store.read_json(job.folder.preflight)
    assert stored["format"] == 1
    assert [CheckLine(**line) for line in stored["lines"]] == list(lines)
    assert stored["seconds"] > 0
    assert sorted(p.name for p in job.folder.root.rglob("*")) == ["logs", "preflight.json"]


def test_random_states_and_thread_count_are_left_as_they_were(job):
    before, threads = random_states(), torch.get_num_threads()
    all_lines(job)
    after = random_states()
    assert torch.equal(before.pop("torch"), after.pop("torch"))
    assert before == after
    assert torch.get_num_threads() == threads


class Raises(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError("the user's code \x1b[31mis wrong\nand says so")


def test_a_check_that_raises_is_a_failed_line_and_the_others_still_run(job):
    lines = {line.id: line for line in all_lines(with_model(job, Raises))}
    assert lines["finite_step"].level == "failed"
    assert lines["finite_step"].message == r"ValueError: the user's code \x1b[31mis wrong"
    assert lines["leakage"].level == "ok"
    assert len(lines) == len(checks())
    assert isinstance(first_failure(tuple(lines.values())), TrainingFailed)


class Starved(Raises):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.empty(2**60, dtype=torch.uint8)


def test_memory_that_runs_out_in_a_step_is_a_fault_of_memory(job):
    lines = {line.id: line for line in all_lines(with_model(job, Starved))}
    assert (lines["memory"].level, lines["memory"].fault) == ("failed", "memory")
    assert "training.batch_size" in lines["memory"].remedy
    assert isinstance(first_failure((lines["memory"],)), ResourceError)


class Slow(nn.Module):
    """A tenth of a second for a forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.1)
        return self.layer(x.flatten(1))


def test_without_time_slow_checks_say_so_and_quick_ones_still_run(job):
    began = time.monotonic()
    lines = {line.id: line for line in all_lines(with_model(job, Slow), seconds=0.0)}
    assert time.monotonic() - began < 10
    assert lines["labels"].level == "ok"
    late = [line for line in lines.values() if line.level == "not_applicable"]
    assert {"one_batch", "input_used", "repeatable"} <= {line.id for line in late}
    assert all(line.message.startswith("no time left: ") for line in late)


def test_the_first_failed_line_decides_the_error_and_its_remedy():
    fine = CheckLine(id="config", level="warning", message="odd", remedy="look")
    bad = CheckLine(
        id="leakage",
        level="failed",
        message="3 pictures",
        remedy="remove them",
        page="data_quality",
        fault="data",
    )
    later = CheckLine(id="disk", level="failed", message="full", remedy="free some", fault="resource")
    error = first_failure((fine, bad, later))
    assert isinstance(error, DataError)
    assert error.lines() == (
        "error: the preflight check leakage failed",
        "  where: 3 pictures",
        "  to do: remove them (firstlight explain data_quality)",
    )
    assert isinstance(first_failure((fine, later)), ResourceError)
    assert first_failure((fine,)) is None


def test_checks_run_in_the_order_of_the_contract():
    names = [name for name, _ in checks()]
    contract = ["config", "data_reads", "labels", "leakage", "finite_step", "loss_at_start", "one_batch"]
    contract += [
        "checkpoint_round_trip",
        "repeatable",
        "memory",
        "disk",
        "loader_speed",
        "device",
        "finish_time",
    ]
    assert [name for name in names if name in contract] == contract
    orders = [check.order for _, check in checks()]
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("name", catalog.names(PACKAGE))
def test_every_check_has_a_page_with_the_three_parts(name):
    page = catalog.page(PACKAGE, name)
    assert re.findall(r"^\*\*(.+?)\*\*", page, re.M) == ["Shows", "Thresholds", "What to do"]


@pytest.mark.parametrize("name", catalog.names(PACKAGE))
def test_handbook_pages_that_a_check_names_exist(name):
    source = catalog._file(PACKAGE, name).read_text("utf-8")
    pages = set(re.findall(r'page="(\w+)"', source)) | set(re.findall(r'^PAGE = "(\w+)"', source, re.M))
    there = {
        p.stem for p in (catalog._file("firstlight.models", "model").parents[1] / "handbook").rglob("*.md")
    }
    assert pages <= there


def test_a_value_that_json_cannot_hold_is_written_as_text(job):
    broken = dataclasses.replace(
        job, loss=lambda outputs, targets, weights=None: outputs.sum() * float("nan")
    )
    lines = {line.id: line for line in all_lines(broken)}
    assert (lines["finite_step"].level, lines["finite_step"].value) == ("failed", "nan")
