"""The phases, top to bottom: read this first.

Each phase is a list of calls whose result is the next call's argument. Phase 1 looks at the data and writes the experiment folder;
phase 2 proves the machinery, measures the references, trains, reports and decides.
"""

from __future__ import annotations

import math
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.config.override import apply_overrides
from firstlight.config.read import explicit_keys, read_config
from firstlight.config.schema import Config
from firstlight.errors import FirstlightError, GateShut, ResumeRefused, TrainingFailed, UsageError
from firstlight.experiment import records_io, store
from firstlight.experiment.create import new_experiment
from firstlight.experiment.folder import Folder
from firstlight.experiment.lock import lock
from firstlight.watch.log import Both, LogFile

if TYPE_CHECKING:
    from firstlight.data.examples import Examples, Split
    from firstlight.experiment.records import CheckLine, Decision, Outcome
    from firstlight.training.interrupt import Stop
    from firstlight.training.job import Job
    from firstlight.machine.choices import Machine
    from firstlight.training.run import Clock
    from firstlight.watch.progress import Progress

LEAST_MINUTES = 0.5  # below this not even the preflight fits
PREFLIGHT_SHARE, PREFLIGHT_MOST = 0.06, 60.0  # of the budget, seconds
REFERENCES_SHARE, REFERENCES_MOST = 0.07, 60.0
REPORT_SHARE, REPORT_LEAST, REPORT_MOST = 0.03, 10.0, 30.0
RESTARTS = 1  # automatic restarts after a loss that is not finite; each is a recorded attempt
RESTART_RATE = 0.1  # of the learning rate before
RESTART_CLIP = 1.0  # total gradient norm


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the person asked for."""

    data: str
    out: Path | None = None
    minutes: float | None = None
    metric: str | None = None
    at_least: float | None = None
    overrides: tuple[str, ...] = ()
    confirmed: bool = False  # what only a person can confirm was confirmed on the command line
    started: float  # monotonic seconds at which the command began; the budget counts from there


def run(request: Request, progress: Progress) -> tuple[Folder, Decision]:
    """Phases 1 and 2 in one go."""
    folder = setup(request, progress)
    return folder, baseline(folder, resume=False, started=request.started, progress=progress)


def setup(request: Request, progress: Progress) -> Folder:
    """Phase 1: looks at the data, proposes and measures a config, writes the experiment folder, fills its checklist."""
    from firstlight.data.load import load_examples
    from firstlight.data.profile import flip_evidence, profile
    from firstlight.data.split import split as split_examples
    from firstlight.data.split import write_split
    from firstlight.machine.environment import record_environment
    from firstlight.machine.seeds import seed_everything
    from firstlight.setup.propose import propose
    from firstlight.machine.choices import machine_of

    progress.stage("setup")
    config, base = _requested(request)
    _check_budget(config)
    deadline = request.started + config.budget.minutes * 60
    with new_experiment(request.out, name=_name(config), data=_data_path(config, base)) as root:
        folder = Folder(root)
        proof = seed_everything(config.seed)
        machine = machine_of(config)
        examples = load_examples(config.data, base=base, cache=None, fallback=root / "cache", progress=progress)
        split = split_examples(examples, config.data, config.seed)
        seen = profile(examples, split)
        for warning in seen.warnings:
            progress.warn(warning)
        flip = None
        if config.augmentation.horizontal_flip == "auto":
            flip = flip_evidence(examples.pixels[split.train], examples.labels[split.train], config.seed)
        spent = time.monotonic() - request.started
        proposal = propose(
            config,
            explicit_keys(config),
            examples,
            split,
            flip,
            machine,
            folder,
            training_seconds=training_seconds(deadline - request.started, spent),
        )
        split_hash = write_split(folder.splits, split, examples)
        store.write_json(folder.profile, {**seen.to_json(), "batch_read": _read_a_batch(proposal.config, examples, split, folder)})
        environment = record_environment(folder)
        environment |= {
            "run_id": uuid.uuid4().hex,
            "seeds": list(proof),
            "data": {"source": examples.source, "fingerprint": examples.fingerprint, "rows": len(examples.ids)},
            "split": {"sha256": split_hash, "method": split.method},
            "machine": proposal.machine.described(),
        }
        store.write_json(folder.environment, environment)
        _write_config(folder, proposal.config, proposal.reasons)
        _close_setup(folder, confirmed=request.confirmed)
    return _final_folder(request, root)


def check(folder: Folder, progress: Progress) -> tuple[CheckLine, ...]:
    """The preflight of phase 2 alone; a config that was changed after setup is verified and recorded again."""
    from firstlight.experiment.status import confirm_again, write_status
    from firstlight.preflight.run import preflight

    started = time.monotonic()
    with lock(folder):
        confirm_again(folder, "setup")
        progress = Both(progress, LogFile(folder.log))
        progress.stage("preflight")
        loaded = _load(folder, started, progress)
        lines = preflight(loaded.job, deadline=started + PREFLIGHT_MOST, clock=loaded.clock, progress=progress)
        write_status(folder)
    return lines


def baseline(folder: Folder, *, resume: bool, started: float, progress: Progress) -> Decision:
    """Phase 2: preflight, references, training, report, gate, decision.

    Raises:
        GateShut: Gate 1 is shut.
        ResumeRefused: `resume` and nothing to resume, or the data or config changed.
        TrainingFailed: Training failed; the report and the diagnosis page say why.
    """
    from firstlight.preflight.run import first_failure, preflight
    from firstlight.references.run import references
    from firstlight.training.interrupt import stop_on_signals

    with lock(folder), stop_on_signals() as stop:
        _require_open(folder, "setup")
        if not resume and folder.outcome.is_file():
            raise UsageError(
                "this experiment is trained already",
                f"{folder.outcome} exists",
                "start a new one with `firstlight run DATA`, or see `firstlight status`",
            )
        progress = Both(progress, LogFile(folder.log))
        loaded = _load(folder, started, progress)
        job, clock = loaded.job, loaded.clock
        if not (resume and folder.preflight.is_file()):
            progress.stage("preflight")
            seconds = min(PREFLIGHT_MOST, PREFLIGHT_SHARE * clock.seconds)
            lines = preflight(job, deadline=time.monotonic() + seconds, clock=clock, progress=progress)
            failure = first_failure(lines)
            if failure is not None:
                _finish(folder)
                raise failure
        if not (resume and folder.references.is_file()):
            progress.stage("references")
            seconds = min(REFERENCES_MOST, REFERENCES_SHARE * clock.seconds)
            found = references(loaded.examples, loaded.split, seconds=seconds, seed=job.config.seed, progress=progress)
            records_io.write_references(folder.references, found)
        progress.stage("training")
        outcome = _train(loaded, stop, resume=resume, progress=progress)
        progress.stage("report")
        decision = _finish(folder)
        if outcome.alarm is not None:
            raise TrainingFailed(
                "training failed: " + outcome.reason,
                f"{folder.log}: {outcome.alarm_detail}",
                f"read `firstlight explain {outcome.alarm}` and {folder.results}",
            )
    return decision


def report(folder: Folder) -> tuple[Path, ...]:
    """Writes the reports again, from the files alone."""
    from firstlight.report.write import write_report

    with lock(folder):
        return write_report(folder)


def status(folder: Folder) -> dict[str, Any]:
    """Where the experiment stands, computed from its artifacts."""
    from firstlight.experiment.status import compute_status

    return compute_status(folder)


def training_seconds(budget_seconds: float, spent_seconds: float) -> float:
    """What the budget leaves for training once preflight, references and report had their shares."""
    shares = (
        min(PREFLIGHT_MOST, PREFLIGHT_SHARE * budget_seconds)
        + min(REFERENCES_MOST, REFERENCES_SHARE * budget_seconds)
        + _report_seconds(budget_seconds)
    )
    return max(1.0, budget_seconds - spent_seconds - shares)


def _report_seconds(budget_seconds: float) -> float:
    return min(REPORT_MOST, max(REPORT_LEAST, REPORT_SHARE * budget_seconds))
