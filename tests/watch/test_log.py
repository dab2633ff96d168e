from __future__ import annotations

import re
from pathlib import Path

import pytest

from firstlight.experiment import store
from firstlight.experiment.records import CheckLine, EpochRecord
from firstlight.watch.log import Both, LogFile, Throttle

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO   |WARNING|ERROR  ) \w+ +\S.*")


def epoch(number: int) -> EpochRecord:
    return EpochRecord(
        epoch=number,
        step=100 * number,
        train_loss=1 / number,
        learning_rate=1e-3,
        grad_norm=0.9,
        grad_norm_max=2.0,
        seconds=3.0,
        validation_seconds=0.2,
        examples_per_second=1602.3,
        data_wait=0.01,
        utilization=None,
        memory_bytes=10**9,
        metrics={"val_loss": 0.4, "val_accuracy": 0.91},
    )


@pytest.mark.requirement("H17", "H09")
def test_a_hostile_name_makes_one_record_and_no_escape(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "logs" / "training.log")
    name = "cat\n2026-01-01T00:00:00Z INFO    training   epoch 1/1 validation: val_accuracy 1\x1b[2J\r\x07"
    log.stage("setup")
    log.note(f"class {name}")
    log.warn(name)
    log.check(CheckLine(id="labels", level="failed", message=name, remedy=name))
    log.advance(name, 1, 1)
    lines = log.path.read_text("utf-8").split("\n")
    assert lines.pop() == ""
    assert len(lines) == 5
    assert all(LINE.fullmatch(line) and line.isprintable() for line in lines)
    assert [line.split()[1] for line in lines] == ["INFO", "INFO", "WARNING", "WARNING", "INFO"]


def test_twenty_epochs_give_more_than_fifty_lines(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "training.log")
    log.stage("training")
    for number in range(1, 21):
        log.step(
            epoch=number,
            epochs=20,
            step=100 * number,
            steps=2000,
            loss=0.5,
            examples_per_second=1602.3,
            utilization=0.93,
            finish_seconds=100.0,
        )
        log.epoch(epoch(number), epochs=20, best=number == 20, finish_seconds=90.0)
    lines = log.path.read_text("utf-8").splitlines()
    assert len(lines) > 50
    assert "epoch 20/20 validation: val_loss 0.4, val_accuracy 0.91, best so far" in lines[-2]
    assert sum("best so far" in line for line in lines) == 1
    assert sum(", step 100/2,000, loss 0.5," in line for line in lines) == 1


@pytest.mark.requirement("K10")
def test_a_line_cut_short_by_a_crash_is_ended_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "training.log"
    path.write_bytes(b"whole\nhal")
    store.append_line(path, "next")
    store.append_line(path, "last")
    assert path.read_bytes() == b"whole\nhal\nnext\nlast\n"


@pytest.mark.requirement("F07")
def test_a_log_that_cannot_grow_is_told_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = LogFile(tmp_path / "logs" / "training.log")
    log.note("lost")
    log.note("lost too")
    assert log.failure is not None
    assert "training.log is not complete" in log.failure


def test_a_name_that_is_not_utf8_is_written_as_an_escape(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "training.log")
    log.note("Gr\udcfc\u00dfe")
    assert "Gr\\udcfcße" in log.path.read_text("utf-8")


def test_both_are_told_everything(tmp_path: Path) -> None:
    first, second = LogFile(tmp_path / "a"), LogFile(tmp_path / "b")
    both = Both(first, second)
    both.stage("training")
    both.note("note")
    both.warn("warning")
    both.advance("decoding", 2, 2)
    both.check(CheckLine(id="disk", level="ok", message="much"))
    both.step(
        epoch=1,
        epochs=1,
        step=1,
        steps=1,
        loss=1.0,
        examples_per_second=1.0,
        utilization=None,
        finish_seconds=1.0,
    )
    both.epoch(epoch(1), epochs=1, best=True, finish_seconds=1.0)
    told = [[line[21:] for line in (tmp_path / name).read_text("utf-8").splitlines()] for name in "ab"]
    assert told[0] == told[1]
    assert len(told[0]) == 9


def test_a_long_job_shows_its_start_and_its_end() -> None:
    throttle = Throttle(seconds=1000)
    assert [throttle.due("decoding", last=done == 9) for done in range(10)] == [True, *[False] * 8, True]
    assert throttle.due("another")
