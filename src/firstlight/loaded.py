"""An experiment read back from its folder, ready for phase 2, and the time that its budget leaves for each part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstlight.config.read import read_config
from firstlight.errors import ResumeRefused, UsageError
from firstlight.experiment.environment import read_environment
from firstlight.text import visible

if TYPE_CHECKING:
    from firstlight.config.schema import Config
    from firstlight.data.examples import Examples
    from firstlight.experiment.folder import Folder
    from firstlight.training.job import Job
    from firstlight.training.run import Clock
    from firstlight.watch.progress import Progress

PREFLIGHT_SHARE, PREFLIGHT_MOST = 0.06, 60.0  # of the budget, seconds
REFERENCES_SHARE, REFERENCES_MOST = 0.07, 60.0
REPORT_SHARE, REPORT_LEAST, REPORT_MOST = 0.03, 10.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An experiment read back from its folder, ready for phase 2."""

    job: Job
    clock: Clock


def load(folder: Folder, started: float, progress: Progress, examples: Examples | None = None) -> Loaded:
    """Reads config, data and split back, checks that the data is the same, seeds everything.

    Args:
        folder: Of the experiment.
        started: Monotonic seconds at which the budget began.
        progress: Told what was found.
        examples: A person's own data, read already; None = read what the config names.
    """
    from firstlight.data.load import load_examples
    from firstlight.data.split import read_split
    from firstlight.kinds.kind import dataset
    from firstlight.machine.choices import machine_of
    from firstlight.machine.seeds import seed_everything
    from firstlight.training.job import build_job
    from firstlight.training.run import Clock

    parsed = read_config(folder.config)
    config = parsed.config
    for notice in parsed.notices:
        progress.note(notice)
    check_supported(config)
    machine = machine_of(config)
    for line in (*seed_everything(config.seed), *(f"{k}: {v}" for k, v in machine.described().items())):
        progress.detail(line)
    if examples is None:
        _refuse_python(config, folder)
        examples = load_examples(
            config.data, base=folder.root, fallback=folder.root / "cache", progress=progress
        )
    split = read_split(folder.splits, examples)
    recorded = _recorded_fingerprint(folder)
    if examples.fingerprint != recorded:
        raise ResumeRefused(
            "the data changed since setup",
            f"fingerprint {examples.fingerprint[:16]}, at setup {recorded[:16]}: a file has another content",
            "restore the data, or start a new experiment with it",
        )
    job = build_job(config, dataset(examples, split), machine, folder)
    progress.detail(f"train {job.train.count} examples in {len(job.train)} batches, val {job.val.count}")
    seconds = config.budget.minutes * 60
    clock = Clock(started=started, deadline=started + seconds, reserve=report_seconds(seconds))
    return Loaded(job=job, clock=clock)


def _recorded_fingerprint(folder: Folder) -> str:
    """The fingerprint of the data at setup.

    Raises:
        ResumeRefused: environment.json is damaged, or holds none.
    """
    data = read_environment(folder).get("data")
    recorded = data.get("fingerprint") if isinstance(data, dict) else None
    if not isinstance(recorded, str):
        raise ResumeRefused(
            "the environment record cannot be read",
            f"{folder.environment}: data.fingerprint is {visible(repr(recorded)[:60])}",
            "restore the file, or set the experiment up anew",
        )
    return recorded


def _refuse_python(config: Config, folder: Folder) -> None:
    if config.data.task.startswith("own"):
        raise UsageError(
            "model and data of this experiment were given from Python",
            f"data.task = {config.data.task} in {folder.config}",
            f"go on there: fl.baseline(model, train=..., out={str(folder.root)!r}, resume=True)",
        )


def check_supported(config: Config) -> None:
    """Refuses what the schema knows and this task cannot do, before anything slow.

    Raises:
        UsageError: A metric that is not measured, a setting without a use here, or no best checkpoint.
    """
    from firstlight.training.job import load_task

    if config.data.task == "auto":
        return  # nothing is known before the data are read
    measured = load_task(config.data.task.partition("_")[2]).measured(len(config.data.classes or ()))
    for key, metric in (
        ("acceptance.metric", config.acceptance.metric),
        ("validation.metric", config.validation.metric),
    ):
        own = metric is not None and metric.startswith("own_") and config.data.task.startswith("own_")
        if metric is not None and metric not in measured and not own:
            raise UsageError(
                f"{config.data.task.replace('_', ' ')} does not measure this metric",
                f"{key} = {metric}",
                f"use one of {', '.join(measured)}",
            )
    if config.parallel.workers and not config.data.task.startswith("own_"):
        raise UsageError(
            "only items of your own are read by other processes",
            f"parallel.workers = {config.parallel.workers}, data.task = {config.data.task}",
            "leave it away: these data are decoded once and lie in memory",
        )
    if not config.checkpointing.save_best:
        raise UsageError(
            "the baseline needs its best checkpoint",
            "checkpointing.save_best = false",
            "leave it at true: report, prediction and the later phases use it",
        )


def preflight_seconds(budget_seconds: float) -> float:
    """What the preflight may take of a budget."""
    return min(PREFLIGHT_MOST, PREFLIGHT_SHARE * budget_seconds)


def reference_seconds(budget_seconds: float) -> float:
    """What the references may take of a budget."""
    return min(REFERENCES_MOST, REFERENCES_SHARE * budget_seconds)


def report_seconds(budget_seconds: float) -> float:
    """What is kept for the last evaluation and the report."""
    return min(REPORT_MOST, max(REPORT_LEAST, REPORT_SHARE * budget_seconds))


def training_seconds(budget_seconds: float, spent_seconds: float) -> float:
    """What the budget leaves for training once preflight, references and report had their shares."""
    shares = (
        preflight_seconds(budget_seconds) + reference_seconds(budget_seconds) + report_seconds(budget_seconds)
    )
    return max(1.0, budget_seconds - spent_seconds - shares)
