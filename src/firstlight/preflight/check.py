"""What a check is, and what it is given and gives back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firstlight.experiment.records import Fault, Level
    from firstlight.preflight.timing import Timing
    from firstlight.training.job import Job

SMALL_BATCH = 32  # rows of the checks that take many steps: enough for batch normalisation, quick everywhere


class OutOfTime(Exception):
    """A check's time is up; the text says how far it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of a check; its id and its time are added where it is run."""

    level: Level
    message: str
    value: float | str | None = None
    remedy: str | None = None
    page: str | None = None
    fault: Fault | None = None


@dataclass(slots=True, kw_only=True)
class Bench:
    """What a check works with. Only `deadline` and the measurements change.

    Attributes:
        job: The run as it will be started.
        deadline: Monotonic seconds at which the present check must end.
        started: Monotonic seconds at which the command began.
        training_deadline: Monotonic seconds at which training must be over; None when no budget is known.
        timings: Times and sizes of a real step, measured by the first check that needs them.
        save_seconds: Of one checkpoint, measured by the round trip; 0 before it.
    """

    job: Job
    deadline: float
    started: float
    training_deadline: float | None = None
    timings: list[Timing] = field(default_factory=list)
    save_seconds: float = 0.0

    @property
    def seconds_left(self) -> float:
        """For the present check."""
        return self.deadline - time.monotonic()

    def keep_time(self, done: str) -> None:
        """Ends the check when its time is up; `done` says how far it came.

        Raises:
            OutOfTime: The deadline has passed.
        """
        if self.seconds_left <= 0:
            raise OutOfTime(done)

    def timing(self) -> Timing:
        """Times and sizes of a real training step, measured once."""
        from firstlight.preflight.timing import measure

        if not self.timings:
            self.timings.append(measure(self))
        return self.timings[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check of the preflight; the name of its file is its id, the file's docstring its page.

    Attributes:
        run: Looks at one thing, within `bench.deadline`.
        order: Position in the preflight, lowest first.
        share: Weight in dividing the time.
        steps: It looks at training steps, which a model that is fitted as a whole does not take.
    """

    run: Callable[[Bench], Finding]
    order: int
    share: float
    steps: bool = True


def ok(message: str, value: float | str | None = None) -> Finding:
    """Nothing to worry about."""
    return Finding(level="ok", message=message, value=value)


def warning(
    message: str, value: float | str | None = None, *, remedy: str, page: str | None = None
) -> Finding:
    """The run may go on; a person should know."""
    return Finding(level="warning", message=message, value=value, remedy=remedy, page=page)


def failed(
    message: str,
    value: float | str | None = None,
    *,
    remedy: str,
    page: str | None = None,
    fault: Fault = "training",
) -> Finding:
    """The run must not go on."""
    return Finding(level="failed", message=message, value=value, remedy=remedy, page=page, fault=fault)


def not_applicable(reason: str) -> Finding:
    """Nothing was looked at, and why."""
    return Finding(level="not_applicable", message=reason)
