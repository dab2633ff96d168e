"""Settings that contradict each other, or that cannot do what they seem to promise.

**Shows** what the config will do in one sentence, and settings that were read correctly but make no sense
together.

**Thresholds** AdamW above a rate of 0.03 and SGD above 3 diverge on nearly every network (judgement). A batch
that is not smaller than the training part makes one step an epoch: gradient descent without chance, which
learns slowly.

**What to do** Change the key that the line names; a run may go on with a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from firstlight.preflight.check import Bench, Check, Finding, ok, warning
from firstlight.text import count, number

if TYPE_CHECKING:
    from firstlight.training.job import Job

ENDS_AT_ONE = frozenset({"val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_auroc", "val_r2"})
LARGEST_RATE = {"adamw": 0.03, "sgd": 3.0, "muon": 0.5}  # judgement


def run(bench: Bench) -> Finding:
    """Reads the resolved config."""
    job = bench.job
    training = job.config.training
    said = (
        f"{count(training.epochs, 'epoch')} of {count(len(job.train), 'step')}, batch {training.batch_size}, "
        f"{_update_rule(job)} at {number(training.learning_rate)}, "
        f"budget {number(job.config.budget.minutes)} min"
    )
    notices = list(_notices(job))
    if notices:
        return warning(
            f"{said}; {'; '.join(n for n, _ in notices)}",
            len(notices),
            remedy="; ".join(r for _, r in notices),
        )
    return ok(said)


def _update_rule(job: Job) -> str:
    return "an optimizer of your own" if job.own_optimizer else job.config.optimizer.name


def _notices(job: Job) -> Iterator[tuple[str, str]]:
    """(what is odd, what to do)."""
    config = job.config
    rate, name = config.training.learning_rate, config.optimizer.name
    if not job.own_optimizer and rate > LARGEST_RATE[name]:
        yield (
            f"the rate {number(rate)} is far above what {name} usually bears ({number(LARGEST_RATE[name])})",
            "lower training.learning_rate",
        )
    if config.training.batch_size >= job.train.count:
        yield (
            f"a batch of {config.training.batch_size} takes all {count(job.train.count, 'training image')}",
            "lower training.batch_size",
        )
    if config.validation.validate_every_n_epochs > config.training.epochs:
        yield "validation comes only at the very end", "lower validation.validate_every_n_epochs"
    if not config.checkpointing.save_best:
        yield "the best epoch is not kept, so nothing can be loaded again", "checkpointing.save_best: true"
    target, metric = config.acceptance.at_least, job.metric
    if target is not None and metric in ENDS_AT_ONE and target > 1:
        yield (
            f"{metric} cannot reach {number(target)}, it ends at 1",
            f"acceptance.at_least: {number(target / 100)}" if target <= 100 else "lower acceptance.at_least",
        )


CHECK = Check(run=run, order=10, share=0.2, steps=False)
