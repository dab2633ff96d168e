"""How the tests of the preflight run one check, and swap the model of a job."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import torch

from firstlight.preflight.check import Bench, Check, Finding
from firstlight.training.job import Job


def bench_of(job: Job, seconds: float = 60.0, training_seconds: float | None = 600.0) -> Bench:
    now = time.monotonic()
    until = None if training_seconds is None else now + training_seconds
    return Bench(job=job, deadline=now + seconds, started=now, training_deadline=until)


def run_check(check: Check, job: Job, seconds: float = 60.0) -> Finding:
    return check.run(bench_of(job, seconds))


def with_model(job: Job, build: Callable[[], torch.nn.Module]) -> Job:
    """The same job with another model, seeded as the real ones are."""

    def make() -> torch.nn.Module:
        torch.manual_seed(job.config.seed)
        return build()

    return dataclasses.replace(job, make_model=make)


def with_data(job: Job, **changes: object) -> Job:
    """The job with other examples or another split, and everything else as it was."""
    return dataclasses.replace(job, data=dataclasses.replace(job.data, **changes))
