"""What the model reaches before its first step: the only thing to hold a person's own step against.

What chance reaches is not known of a loss that only the step knows. A trained model that is not better than it was at
the start has learnt nothing that shows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from firstlight.experiment.records import Reference
from firstlight.references.run import Measured
from firstlight.training.evaluate import evaluate

if TYPE_CHECKING:
    from firstlight.training.job import Job

NAME = "untrained"


def untrained(job: Job) -> Measured:
    """The fresh model on the validation part."""
    began = time.perf_counter()
    metrics, sums, _ = evaluate(job.make_model(), job)
    note = "the model before its first step"
    seconds = time.perf_counter() - began
    return Measured(record=Reference(name=NAME, metrics=metrics, seconds=seconds, note=note), answers=sums)
