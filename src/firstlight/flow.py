"""The phases, top to bottom: read this first.

Each phase is a list of calls whose result is the next call's argument. Phase 1 looks at the data and writes
the experiment folder;
phase 2 proves the machinery, measures the references, trains, reports and decides.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.config.override import apply_overrides
from firstlight.config.read import explicit_keys, read_config
from firstlight.config.schema import Config
from firstlight.config.write import render_config
from firstlight.errors import GateShut, Interrupted, ResumeRefused, UsageError
from firstlight.experiment import records_io, store
from firstlight.experiment.create import new_experiment
from firstlight.experiment.environment import write_environment
from firstlight.experiment.folder import Folder
from firstlight.experiment.lock import lock
from firstlight.watch.log import Both, LogFile

if TYPE_CHECKING:
    from firstlight.data.examples import Examples, Split
    from firstlight.experiment.records import CheckLine, Decision, Outcome, Reference
    from firstlight.machine.choices import Machine
    from firstlight.training.interrupt import Stop
    from firstlight.training.job import Job
    from firstlight.training.run import Clock
    from firstlight.watch.progress import Progress

LEAST_MINUTES = 0.5  # below this not even the preflight fits
PREFLIGHT_SHARE, PREFLIGHT_MOST = 0.06, 60.0  # of the budget, seconds
REFERENCES_SHARE, REFERENCES_MOST = 0.07, 60.0
REPORT_SHARE, REPORT_LEAST, REPORT_MOST = 0.03, 10.0, 30.0
RESTARTS = 1  # automatic restarts after a loss that is not finite; each is a recorded attempt


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
    from firstlight.gates.confirmation import confirm
    from firstlight.gates.status import write_status
    from firstlight.machine.choices import machine_of
    from firstlight.machine.environment import record_environment
    from firstlight.machine.seeds import deterministic, seed_everything
    from firstlight.setup.propose import propose

    progress.stage("setup")
    config, base = _requested(request, progress)
    with new_experiment(request.out, _name(config), data=_data_path(config)) as new:
        folder = Folder(new.root)
        log = Both(progress, LogFile(folder.log))
        proof = seed_everything(config.seed)
        machine = machine_of(config)
        examples = load_examples(config.data, base=base, fallback=folder.root / "cache", progress=progress)
        split = split_examples(examples, config.data, config.seed)
        seen = profile(examples, split)
        for warning in seen.warnings:
            log.warn(warning)
        flip = None
        if config.augmentation.horizontal_flip == "auto":
            flip = flip_evidence(examples.pixels[split.train], examples.labels[split.train], config.seed)
        left = training_seconds(config.budget.minutes * 60, time.monotonic() - request.started)
        found = propose(
            config, explicit_keys(config), examples, split, flip, machine, folder, training_seconds=left
        )
        for key, reason in found.reasons.items():
            log.note(f"{key}: {reason}")
        split_hash = write_split(folder.splits, split, examples)
        batch = _read_a_batch(found.config, examples, split, found.machine, folder)
        store.write_json(
            folder.profile, {**seen.to_json(), "split_method": split.method, "batch_read": batch}
        )
        store.write_text(folder.config, render_config(found.config, found.reasons))
        for line in deterministic(found.machine.deterministic):
            log.note(line)
        environment = {
            **record_environment(),
            "run_id": uuid.uuid4().hex,
            "command": list(sys.argv),
            "seeds": list(proof),
            "machine": found.machine.described(),
            "data": {
                "source": examples.source,
                "fingerprint": examples.fingerprint,
                "rows": len(examples.ids),
            },
            "split": {"sha256": split_hash, "method": split.method},
        }
        write_environment(folder, environment)
        if request.confirmed:
            confirm(folder)
        write_status(folder, shown=new.final)
    return Folder(new.final)


def check(folder: Folder, progress: Progress) -> tuple[CheckLine, ...]:
    """The preflight of phase 2 alone; a config that was changed after setup is verified and recorded again."""
    from firstlight.gates.status import confirm_again, write_status
    from firstlight.preflight.run import preflight

    started = time.monotonic()
    with lock(folder):
        log = Both(progress, LogFile(folder.log))
        log.stage("preflight")
        if not folder.outcome.is_file():
            confirm_again(folder, "setup")
        loaded = _load(folder, started, log)
        lines = preflight(
            loaded.job, deadline=time.monotonic() + PREFLIGHT_MOST, clock=loaded.clock, progress=log
        )
        write_status(folder)
    return lines


def baseline(folder: Folder, *, resume: bool, started: float, progress: Progress) -> Decision:
    """Phase 2: preflight, references, training, report, gate, decision.

    Raises:
        GateShut: Gate 1 is shut.
        ResumeRefused: `resume` and nothing to resume, or the data or config changed.
        DataError, ResourceError, TrainingFailed: A check of the preflight failed.
        Interrupted: A signal came; the state is saved.
    """
    from firstlight.gates.status import write_status
    from firstlight.preflight.run import first_failure, preflight
    from firstlight.references.run import references
    from firstlight.training.interrupt import stop_on_signals

    with lock(folder), stop_on_signals() as stop:
        log = Both(progress, LogFile(folder.log))
        _require_setup(folder)
        _require_untrained(folder, resume)
        loaded = _load(folder, started, log)
        job, clock = loaded.job, loaded.clock
        budget = clock.deadline - clock.started
        if not (resume and folder.preflight.is_file()):
            log.stage("preflight")
            seconds = min(PREFLIGHT_MOST, PREFLIGHT_SHARE * budget)
            lines = preflight(job, deadline=time.monotonic() + seconds, clock=clock, progress=log)
            failure = first_failure(lines)
            if failure is not None:
                write_status(folder)
                raise failure
        if not (resume and folder.references.is_file()):
            log.stage("references")
            seconds = min(REFERENCES_MOST, REFERENCES_SHARE * budget)
            found = references(
                loaded.examples, loaded.split, seconds=seconds, seed=job.config.seed, progress=progress
            )
            records_io.write_references(folder.references, found)
            for reference in found:
                log.note(_reference_line(reference, job.metric))
        log.stage("training")
        try:
            _train(loaded, stop, resume=resume, progress=log)
        except Interrupted:
            write_status(folder)  # it names the command that goes on
            raise
        log.stage("report")
        return _finish(folder)


def report(folder: Folder) -> tuple[Path, ...]:
    """Writes the reports again, from the files alone."""
    from firstlight.gates.status import write_status
    from firstlight.report.write import write_report

    with lock(folder):
        paths = write_report(folder)
        write_status(folder)
    return paths


def status(folder: Folder) -> dict[str, Any]:
    """Where the experiment stands, computed from its artifacts."""
    from firstlight.gates.status import compute_status

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """An experiment read back from its folder, ready for phase 2."""

    job: Job
    examples: Examples
    split: Split
    clock: Clock


def _requested(request: Request, progress: Progress) -> tuple[Config, Path]:
    """The config as the person asked for it, and the folder that its paths start from."""
    path = Path(request.data)
    if path.suffix in (".yaml", ".yml"):
        parsed = read_config(path)
        for notice in parsed.notices:
            progress.note(notice)
        config, base = parsed.config, path.resolve().parent
    else:
        config, base = Config(), Path.cwd()
        config = _with(config, "data", source=request.data)
    source = config.data.source
    if source and not source.startswith("sample:"):
        absolute = os.path.abspath(base / Path(source).expanduser())  # the experiment lies in another folder
        config = _with(config, "data", source=absolute)
    if request.minutes is not None:
        config = _with(config, "budget", minutes=request.minutes)
    if request.metric is not None or request.at_least is not None:
        wanted = {"metric": request.metric, "at_least": request.at_least}
        config = _with(config, "acceptance", **{k: v for k, v in wanted.items() if v is not None})
    config = apply_overrides(config, request.overrides)
    if config.budget.minutes < LEAST_MINUTES:
        raise UsageError(
            "the budget is too small",
            f"budget.minutes = {config.budget.minutes:g}",
            f"give at least {LEAST_MINUTES:g} minutes: the checks and the report need some of it",
        )
    return config, base


def _with(config: Config, section: str, **values: Any) -> Config:
    """The config with some keys of a section set, checked, and counted as written by the user."""
    return apply_overrides(config, [f"{section}.{key}={value}" for key, value in values.items()])


def _data_path(config: Config) -> Path | None:
    """The folder or file of the data; None for a sample."""
    source = config.data.source
    return Path(source) if source and not source.startswith("sample:") else None


def _name(config: Config) -> str:
    """What the experiment is called after."""
    source = config.data.source or "experiment"
    return config.experiment.name or Path(source.removeprefix("sample:")).resolve().stem


def _read_a_batch(
    config: Config, examples: Examples, split: Split, machine: Machine, folder: Folder
) -> dict[str, Any]:
    """Reads one training batch as training will, for the first gate."""
    import torch

    from firstlight.training.job import build_job

    batch = next(iter(build_job(config, examples, split, machine, folder).train.epoch(0)))
    finite = bool(torch.isfinite(batch.inputs).all())
    return {"rows": len(batch.rows), "shape": list(batch.inputs.shape), "finite": finite}


def _require_setup(folder: Folder) -> None:
    """Refuses phase 2 while gate 1 is shut."""
    from firstlight.gates.status import compute_gates, write_status

    gate = compute_gates(folder)[0]
    if gate.open:
        return
    write_status(folder)
    raise GateShut(
        "the setup is not complete, so training is refused",
        "; ".join(f"{i.id}: {i.value}" for i in gate.items if i.id in gate.missing),
        f"read {folder.checklists / 'reproducibility.md'}; after a change run firstlight check {folder.root}",
    )


def _require_untrained(folder: Folder, resume: bool) -> None:
    """A finished run is never trained over, a half-finished one only on request."""
    if folder.outcome.is_file():
        raise UsageError(
            "this experiment is trained already",
            f"{folder.outcome} exists",
            f"see firstlight status {folder.root}, or start a new experiment with firstlight run DATA",
        )
    if not resume and folder.last.is_file():
        raise UsageError(
            "this experiment was interrupted",
            f"{folder.last} exists",
            f"go on with firstlight train {folder.root} --resume, or start a new experiment",
        )


def _load(folder: Folder, started: float, progress: Progress) -> _Loaded:
    """Reads config, data and split back, checks that the data is the same, seeds everything."""
    from firstlight.data.load import load_examples
    from firstlight.data.split import read_split
    from firstlight.machine.choices import machine_of
    from firstlight.machine.seeds import seed_everything
    from firstlight.training.job import build_job
    from firstlight.training.run import Clock

    parsed = read_config(folder.config)
    config = parsed.config
    for notice in parsed.notices:
        progress.note(notice)
    machine = machine_of(config)
    for line in (*seed_everything(config.seed), *(f"{k}: {v}" for k, v in machine.described().items())):
        progress.note(line)
    examples = load_examples(config.data, base=folder.root, fallback=folder.root / "cache", progress=progress)
    split = read_split(folder.splits, examples)
    recorded = store.read_json(folder.environment)["data"]["fingerprint"]
    if examples.fingerprint != recorded:
        raise ResumeRefused(
            "the data changed since setup",
            f"fingerprint {examples.fingerprint[:16]}, at setup {recorded[:16]}: a file has another content",
            "restore the data, or start a new experiment with it",
        )
    job = build_job(config, examples, split, machine, folder)
    progress.note(f"train {job.train.count} examples in {len(job.train)} batches, val {job.val.count}")
    seconds = config.budget.minutes * 60
    clock = Clock(started=started, deadline=started + seconds, reserve=_report_seconds(seconds))
    return _Loaded(job=job, examples=examples, split=split, clock=clock)


def _train(loaded: _Loaded, stop: Stop, *, resume: bool, progress: Progress) -> Outcome:
    """Trains; after a loss that is not finite, once more from the last good checkpoint as a new attempt."""
    from firstlight.experiment.attempts import archive_attempt, archived
    from firstlight.gates.status import confirm_again
    from firstlight.training.restart import restarted
    from firstlight.training.run import fresh_state, recorded_changes, resumed_state, run_training

    job = loaded.job
    state = (
        resumed_state(job)
        if resume and job.folder.last.is_file()
        else fresh_state(job, recorded_changes(job))
    )
    while True:
        outcome = run_training(job, state, loaded.examples, loaded.clock, stop, progress)
        repairable = outcome.alarm in ("nan_loss", "exploding_gradients")
        if not repairable or len(archived(job.folder)) >= RESTARTS:
            return outcome
        number = archive_attempt(job.folder, outcome.alarm_detail or outcome.reason)
        progress.warn(
            f"attempt {number} failed: {outcome.alarm_detail}; a new attempt begins with a tenth of the rate"
        )
        job, state = restarted(job, loaded.examples, loaded.split, number)
        confirm_again(job.folder, "setup")


def _finish(folder: Folder) -> Decision:
    """Decides from the files, writes decision, reports and status."""
    from firstlight.decision.rules import Evidence, decide
    from firstlight.gates.status import write_status
    from firstlight.report.write import write_report
    from firstlight.results.evidence import evidence
    from firstlight.results.facts import read_facts

    decision = decide(Evidence(**evidence(read_facts(folder))))
    records_io.write_decision(folder.decision, decision)
    write_report(folder)
    write_status(folder)
    return decision


def _reference_line(reference: Reference, metric: str) -> str:
    value = reference.metrics.get(metric)
    shown = f"{metric} {value:.4f}" if value is not None else "not run"
    return f"reference {reference.name}: {shown}{f' ({reference.note})' if reference.note else ''}"
