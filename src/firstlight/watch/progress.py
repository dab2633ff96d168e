"""What onlookers are told while a phase works. They look; they never steer."""

from __future__ import annotations

from typing import Protocol

from firstlight.experiment.records import CheckLine, EpochRecord


class Progress(Protocol):
    """Receives what happens, in order. The terminal, the log and trackers implement it."""

    def stage(self, name: str) -> None:
        """A stage begins: "setup", "preflight", "references", "training", "report"."""

    def note(self, message: str) -> None:
        """A sentence for the person."""

    def detail(self, message: str) -> None:
        """A sentence for the log: it answers a question that few have while the command runs."""

    def warn(self, message: str) -> None:
        """A sentence that the person should not miss."""

    def advance(self, what: str, done: int, total: int) -> None:
        """A countable job goes on, such as decoding images."""

    def check(self, line: CheckLine) -> None:
        """One line of the preflight is known."""

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
        """A few times a second while training; `finish_seconds` is the predicted time to the end of the command."""

    def epoch(self, record: EpochRecord, *, epochs: int, best: bool, finish_seconds: float) -> None:
        """An epoch was validated."""


class Silent:
    """Tells nobody."""

    def stage(self, name: str) -> None: ...
    def note(self, message: str) -> None: ...
    def detail(self, message: str) -> None: ...
    def warn(self, message: str) -> None: ...
    def advance(self, what: str, done: int, total: int) -> None: ...
    def check(self, line: CheckLine) -> None: ...
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
    ) -> None: ...
    def epoch(self, record: EpochRecord, *, epochs: int, best: bool, finish_seconds: float) -> None: ...
