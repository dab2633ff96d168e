"""logs/training.log: a line for each event, with its time; the sentences that terminal and log share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from firstlight import text
from firstlight.experiment import store

if TYPE_CHECKING:
    from firstlight.experiment.records import CheckLine, EpochRecord
    from firstlight.watch.progress import Progress

# Between two lines of a job that only goes on: 45 minutes then give 270 lines (judgement).
SECONDS_BETWEEN_LINES = 10.0

_last: list[Path] = []


def last_log() -> Path | None:
    """The log that this process opened last; an internal error is written there."""
    return _last[-1] if _last else None


class LogFile:
    """Appends what happens to a file; when the disk refuses, training goes on and `failure` says so (F07).

    Names from the data are escaped, so that one event is one line and no name can forge another (H17).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: str | None = None
        self._throttle = Throttle()
        self._stage = "start"
        _last[:] = [path]

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._stage = name
        self._write("INFO", f"stage {name} begins")

    def note(self, message: str) -> None:
        """A sentence."""
        self._write("INFO", message)

    def detail(self, message: str) -> None:
        """A sentence for the log."""
        self._write("INFO", message)

    def warn(self, message: str) -> None:
        """A warning."""
        self._write("WARNING", message)

    def trace(self, traceback: str) -> None:
        """A traceback, each of its lines a record."""
        for line in traceback.splitlines():
            self._write("ERROR", line)

    def advance(self, what: str, done: int, total: int) -> None:
        """A countable job: its start, its end, and a line now and then between."""
        if self._throttle.due(what, last=done >= total):
            self._write("INFO", advance_line(what, done, total))

    def check(self, line: CheckLine) -> None:
        """A line of the preflight."""
        self._write("INFO" if line.level in ("ok", "not_applicable") else "WARNING", check_line(line))

    def step(
        self,
        *,
        epoch: int,
        epochs: int,
        step: int,
        steps: int,
        loss: float,
        examples_per_second: float,
        utilization: float | None,
        finish_seconds: float,
    ) -> None:
        """A line now and then."""
        if self._throttle.due("step"):
            shown = step_line(epoch, epochs, step, steps, loss)
            speed = speed_line(examples_per_second, utilization, finish_seconds)
            self._write("INFO", f"{shown}, {speed}")

    def epoch(self, record: EpochRecord, *, epochs: int, best: bool, finish_seconds: float) -> None:
        """Three lines: what was learnt, what validation says, what it cost."""
        head = f"epoch {record.epoch}/{epochs}"
        norms = f"{text.number(record.grad_norm)} (max {text.number(record.grad_norm_max)})"
        self._write(
            "INFO",
            f"{head} training: step {record.step:,}, train_loss {text.number(record.train_loss)}, "
            f"learning_rate {text.number(record.learning_rate)}, grad_norm {norms}",
        )
        metrics = ", ".join(f"{name} {text.number(value)}" for name, value in record.metrics.items())
        self._write("INFO", f"{head} validation: {metrics}{', best so far' if best else ''}")
        spans = (
            f"training {text.duration(record.seconds)}, validation {text.duration(record.validation_seconds)}"
        )
        load = f"waited for data {text.percent(record.data_wait)}, memory {text.size(record.memory_bytes)}"
        speed = speed_line(record.examples_per_second, record.utilization, finish_seconds)
        self._write("INFO", f"{head} cost: {spans}, {load}, {speed}")

    def _write(self, level: str, message: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            store.append_line(self.path, f"{stamp} {level:<7} {self._stage:<10} {text.visible(message)}")
        except OSError as error:
            self.failure = self.failure or f"{self.path.name} is not complete: {error.strerror or error}"


class Both:
    """Tells two onlookers, one after the other."""

    def __init__(self, first: Progress, second: Progress) -> None:
        self._all = (first, second)

    def stage(self, name: str) -> None:
        """To both."""
        for one in self._all:
            one.stage(name)

    def note(self, message: str) -> None:
        """To both."""
        for one in self._all:
            one.note(message)

    def detail(self, message: str) -> None:
        """To both."""
        for one in self._all:
            one.detail(message)

    def warn(self, message: str) -> None:
        """To both."""
        for one in self._all:
            one.warn(message)

    def advance(self, what: str, done: int, total: int) -> None:
        """To both."""
        for one in self._all:
            one.advance(what, done, total)

    def check(self, line: CheckLine) -> None:
        """To both."""
        for one in self._all:
            one.check(line)

    def step(
        self,
        *,
        epoch: int,
        epochs: int,
        step: int,
        steps: int,
        loss: float,
        examples_per_second: float,
        utilization: float | None,
        finish_seconds: float,
    ) -> None:
        """To both."""
        for one in self._all:
            one.step(
                epoch=epoch,
                epochs=epochs,
                step=step,
                steps=steps,
                loss=loss,
                examples_per_second=examples_per_second,
                utilization=utilization,
                finish_seconds=finish_seconds,
            )

    def epoch(self, record: EpochRecord, *, epochs: int, best: bool, finish_seconds: float) -> None:
        """To both."""
        for one in self._all:
            one.epoch(record, epochs=epochs, best=best, finish_seconds=finish_seconds)


class Throttle:
    """Lets the first and the last event of a job through, and one every few seconds between."""

    def __init__(self, seconds: float = SECONDS_BETWEEN_LINES) -> None:
        self._seconds = seconds
        self._shown: dict[str, float] = {}

    def due(self, job: str, *, last: bool = False) -> bool:
        """Whether this event should be shown."""
        now = time.monotonic()
        if last:
            self._shown.pop(job, None)
            return True
        if now - self._shown.get(job, float("-inf")) < self._seconds:
            return False
        self._shown[job] = now
        return True


def check_line(line: CheckLine) -> str:
    """A line of the preflight: its mark, its sentence, and what to do when it is not ok."""
    remedy = f"; to do: {line.remedy}" if line.remedy and line.level in ("warning", "failed") else ""
    return f"{mark(line.level)} {line.id}: {line.message}{remedy}"


def mark(level: str) -> str:
    """The word for a level, padded to one width."""
    return f"{'n/a' if level == 'not_applicable' else level:<7}"


def advance_line(what: str, done: int, total: int) -> str:
    """`decoding images 1,200 of 50,000`."""
    return f"{what} {done:,} of {total:,}"


def step_line(epoch: int, epochs: int, step: int, steps: int, loss: float) -> str:
    """`epoch 3/20, step 1,200/9,000, loss 0.5312`."""
    return f"epoch {epoch}/{epochs}, step {step:,}/{steps:,}, loss {text.number(loss)}"


def speed_line(examples_per_second: float, utilization: float | None, finish_seconds: float) -> str:
    """`1,602 examples/s, utilization 93.0 %, ends in 12 min 05 s`; what was not measured is left out."""
    used = "" if utilization is None else f", utilization {text.percent(utilization)}"
    left = text.duration(max(finish_seconds, 0))
    return f"{text.number(examples_per_second)} examples/s{used}, ends in {left}"


def epoch_line(record: EpochRecord, epochs: int, best: bool) -> str:
    """An epoch in one line: `epoch 3/20: train_loss 0.53, val_loss 0.49, val_accuracy 0.83, best so far`."""
    metrics = "".join(f", {name} {text.number(value)}" for name, value in record.metrics.items())
    ending = ", best so far" if best else ""
    return f"epoch {record.epoch}/{epochs}: train_loss {text.number(record.train_loss)}{metrics}{ending}"
