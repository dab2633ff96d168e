"""The preflight: every check once, in order, inside the time there is, each line told as soon as it is known.

A check that raises is a failed line, never a crash; one that runs out of time says so. No check changes the
run: the random states are put back after each, models and optimizers are thrown away.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from firstlight import catalog
from firstlight.errors import DataError, FirstlightError, ResourceError, TrainingFailed
from firstlight.experiment.records import CheckLine
from firstlight.experiment.records_io import write_preflight
from firstlight.machine.memory import out_of_memory
from firstlight.preflight.check import Bench, Check, Finding, OutOfTime, failed, not_applicable
from firstlight.text import visible

if TYPE_CHECKING:
    from firstlight.training.job import Job
    from firstlight.training.run import Clock
    from firstlight.watch.progress import Progress

PACKAGE = "firstlight.preflight.checks"
FITTED = not_applicable("the model is fitted as a whole and takes no training steps")
FAULTS: dict[str, type[FirstlightError]] = {
    "data": DataError,
    "resource": ResourceError,
    "memory": ResourceError,
}
LEAST_SECONDS = 0.05  # a check is begun as long as so much is left for it


def preflight(
    job: Job, *, deadline: float, clock: Clock | None, progress: Progress, record: bool = True
) -> tuple[CheckLine, ...]:
    """Runs every check.

    Args:
        job: The run as it will be started.
        deadline: Monotonic seconds at which the preflight should be over; a step under way is finished.
        clock: The budget of the command; without it no finish is predicted.
        progress: Told of every line.
        record: Write logs/preflight.json.

    Returns:
        One line a check, in order; also written to logs/preflight.json.
    """
    started = time.monotonic()
    bench = Bench(
        job=job,
        deadline=deadline,
        started=clock.started if clock else started,
        training_deadline=clock.training_deadline if clock else None,
    )
    planned = checks()
    lines: list[CheckLine] = []
    for number, (name, check) in enumerate(planned):
        left = deadline - time.monotonic()
        shares = sum(c.share for _, c in planned[number:])
        bench.deadline = time.monotonic() + max(left * check.share / shares, LEAST_SECONDS)
        line = _line(name, check, bench)
        lines.append(line)
        progress.check(line)
    if record:
        write_preflight(job.folder.preflight, tuple(lines), time.monotonic() - started)
    return tuple(lines)


def checks() -> tuple[tuple[str, Check], ...]:
    """Every check with its name, in the order of the preflight."""
    found = [(name, catalog.load(PACKAGE, name, "CHECK", Check)) for name in catalog.names(PACKAGE)]
    return tuple(sorted(found, key=lambda pair: pair[1].order))


def first_failure(lines: tuple[CheckLine, ...]) -> FirstlightError | None:
    """The error that stops the run: of the first failed line, None when there is none."""
    for line in lines:
        if line.level == "failed":
            error = FAULTS.get(line.fault or "", TrainingFailed)
            page = f" (firstlight explain {line.page})" if line.page else ""
            return error(
                f"the preflight check {line.id} failed",
                line.message,
                f"{line.remedy or 'see logs/training.log'}{page}",
            )
    return None


def memory_failure(lines: tuple[CheckLine, ...]) -> str | None:
    """What the first failed line says, when it is that memory ran out or will not suffice."""
    failed = next((line for line in lines if line.level == "failed"), None)
    return failed.message if failed is not None and failed.fault == "memory" else None


def _line(name: str, check: Check, bench: Bench) -> CheckLine:
    """One check, whatever happens inside it."""
    from firstlight.training.state import random_states, set_random_states

    began = time.monotonic()
    before = random_states()
    try:
        finding = FITTED if check.steps and bench.job.fitted else check.run(bench)
    except OutOfTime as late:
        finding = not_applicable(f"no time left: {late}")
    except Exception as error:  # whatever a model or a data set raises is a finding, not a crash
        finding = _raised(error)
    set_random_states(before)
    seconds = time.monotonic() - began
    value = finding.value
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)  # JSON has no NaN
    return CheckLine(
        id=name,
        level=finding.level,
        message=finding.message,
        value=value,
        seconds=seconds,
        remedy=finding.remedy,
        page=finding.page,
        fault=finding.fault,
    )


def _raised(error: Exception) -> Finding:
    """An exception as a failed line."""
    if isinstance(error, FirstlightError):
        fault = {DataError: "data", ResourceError: "resource"}.get(type(error), "training")
        return Finding(
            level="failed",
            message=visible(f"{error.what}: {error.where}"),
            remedy=error.remedy,
            fault=fault,  # type: ignore[arg-type]
        )
    text = visible(
        f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
    )
    if out_of_memory(error):
        return failed(
            f"memory ran out: {text}",
            remedy="halve training.batch_size, or choose a narrower model.width",
            page="crashes",
            fault="memory",
        )
    if isinstance(error, OSError):
        return failed(text, remedy="see that the experiment folder can be written and read", fault="resource")
    return failed(text, remedy="correct the model or the data that raise this", page="crashes")
