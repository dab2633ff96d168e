"""The phases, top to bottom: read this first.

Each phase is a list of calls whose result is the next call's argument. Phase 1 looks at the data and writes the
experiment folder; phase 2 proves the machinery, measures the references, trains, reports and decides.
"""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.config.read import explicit_keys
from firstlight.config.write import render_config
from firstlight.errors import GateShut, Interrupted, UsageError
from firstlight.experiment import records_io, store
from firstlight.experiment.create import new_experiment
from firstlight.experiment.environment import write_environment
from firstlight.experiment.folder import Folder
from firstlight.experiment.lock import lock
from firstlight.loaded import (
    PREFLIGHT_MOST,
    Loaded,
    check_supported,
    load,
    reference_seconds,
    training_seconds,
)
from firstlight.request import Request, data_path, name_of, requested
from firstlight.watch.log import Both, LogFile

if TYPE_CHECKING:
    from firstlight.data.examples import Examples
    from firstlight.experiment.records import CheckLine, Decision, Outcome, Reference
    from firstlight.kinds.kind import Dataset
    from firstlight.references.run import Measured
    from firstlight.setup.propose import Proposal
    from firstlight.training.job import Job
    from firstlight.watch.progress import Progress

__all__ = ["Request", "baseline", "check", "report", "run", "setup", "status"]


def run(request: Request, progress: Progress) -> tuple[Folder, Decision]:
    """Phases 1 and 2 in one go."""
    folder = setup(request, progress)
    return folder, baseline(
        folder, resume=False, started=request.started, progress=progress, examples=request.examples
    )


def setup(request: Request, progress: Progress) -> Folder:
    """Phase 1: looks at the data, proposes and measures a config, writes the experiment folder, fills its checklist."""
    from firstlight.data.load import load_examples
    from firstlight.data.split import split as split_examples
    from firstlight.data.split import write_split
    from firstlight.gates.confirmation import confirm
    from firstlight.gates.status import write_status
    from firstlight.kinds.kind import dataset
    from firstlight.machine.choices import machine_of
    from firstlight.machine.environment import record_environment, recorded_arguments
    from firstlight.machine.seeds import deterministic, seed_everything
    from firstlight.setup.propose import propose, summary

    progress.stage("setup")
    config, base = requested(request, progress)
    with new_experiment(request.out, name_of(config), data=data_path(config)) as new:
        folder = Folder(new.root)
        log = Both(progress, LogFile(folder.log))
        proof = seed_everything(config.seed)
        machine = machine_of(config)
        examples = request.examples or load_examples(
            config.data, base=base, fallback=folder.root / "cache", progress=progress
        )
        split = split_examples(examples, config.data, config.seed)
        data = dataset(examples, split)
        seen = data.kind.profile(data)
        for note in seen.notes:
            if note not in seen.warnings:
                log.note(note)
        for warning in seen.warnings:
            log.warn(warning)
        left = training_seconds(config.budget.minutes * 60, time.monotonic() - request.started)
        found = propose(config, explicit_keys(config), data, machine, folder, training_seconds=left)
        check_supported(found.config)
        for key, reason in found.reasons.items():
            log.detail(f"{key}: {reason}")
        for line in summary(found, seen, split):
            log.note(line)
        split_hash = write_split(folder.splits, split, examples)
        batch = _read_a_batch(found, data, folder)
        store.write_json(
            folder.profile, {**seen.to_json(), "split_method": split.method, "batch_read": batch}
        )
        store.write_text(folder.config, render_config(found.config, found.reasons))
        for line in deterministic(found.machine.deterministic):
            log.detail(line)
        environment = {
            **record_environment(),
            "run_id": uuid.uuid4().hex,
            "command": recorded_arguments(sys.argv),
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


def check(folder: Folder, progress: Progress, *, examples: Examples | None = None) -> tuple[CheckLine, ...]:
    """The preflight of phase 2 alone; a config that was changed after setup is verified and recorded again."""
    from firstlight.attempt import finish_new_attempt
    from firstlight.gates.status import confirm_again, write_status
    from firstlight.preflight.run import preflight

    started = time.monotonic()
    with lock(folder):
        finish_new_attempt(folder)  # it may move the log
        log = Both(progress, LogFile(folder.log))
        log.stage("preflight")
        if not folder.outcome.is_file():
            confirm_again(folder, "setup")
        loaded = load(folder, started, log, examples)
        lines = preflight(
            loaded.job,
            deadline=time.monotonic() + PREFLIGHT_MOST,
            clock=loaded.clock,
            progress=log,
            record=not folder.outcome.is_file(),  # a finished run keeps the preflight that it was trained after
        )
        write_status(folder)
    return lines


def baseline(
    folder: Folder, *, resume: bool, started: float, progress: Progress, examples: Examples | None = None
) -> Decision:
    """Phase 2: preflight, references, training, report, gate, decision.

    Args:
        folder: Of the experiment.
        resume: Go on from the last state saved.
        started: Monotonic seconds at which the budget began.
        progress: Told of everything.
        examples: A person's own data, read already; None = read what the config names.

    Raises:
        GateShut: Gate 1 is shut.
        ResumeRefused: `resume` and no checkpoint is good, or the data or config changed.
        DataError, ResourceError, TrainingFailed: A check of the preflight failed.
        Interrupted: A signal came during training; the state is saved.
    """
    from firstlight.attempt import finish_new_attempt, proven, train
    from firstlight.gates.status import write_status
    from firstlight.references.run import write_references
    from firstlight.training.interrupt import stop_on_signals

    with lock(folder):
        finish_new_attempt(folder)  # it may move the log
        log = Both(progress, LogFile(folder.log))
        _require_setup(folder)
        if folder.outcome.is_file() and not _reported(folder):
            # Training ended, and a kill came before the last page: only that is missing.
            return _finish(folder)
        _require_untrained(folder, resume)
        loaded = load(folder, started, log, examples)
        job, clock = loaded.job, loaded.clock
        budget = clock.deadline - clock.started
        if not (resume and _preflight_passed(folder)):
            log.stage("preflight")
            loaded = proven(loaded, log)
            job, clock = loaded.job, loaded.clock
        if not (resume and folder.references.is_file()):
            log.stage("references")
            found = _beside(job, reference_seconds(budget), progress)
            write_references(job, found)
            for one in found:
                _tell_reference(one, job.metric, log)
        log.stage("training")
        try:
            with (
                stop_on_signals() as stop
            ):  # until here a signal ends the command at once, with nothing to save
                if job.fitted:
                    _fit(loaded, log)
                else:
                    train(loaded, stop, resume=resume, progress=log)
            if stop.requested:
                raise Interrupted(
                    "a signal came when training was over",
                    f"{folder.outcome} is written, the report is not",
                    f"go on with: firstlight train {folder.root} --resume",
                    exit_code=stop.exit_code,
                )
        except KeyboardInterrupt:  # the second SIGINT: nothing more is saved
            raise _left_at_once(folder) from None
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


def _read_a_batch(found: Proposal, data: Dataset, folder: Folder) -> dict[str, Any]:
    """Reads one training batch as training will, for the first gate."""
    from firstlight.data.batch import bad_rows, form
    from firstlight.training.job import build_job

    batch = next(iter(build_job(found.config, data, found.machine, folder).train.epoch(0)))
    finite = not bool(bad_rows(batch.inputs).any())
    return {"rows": len(batch.rows), "form": form(batch.inputs), "finite": finite}


def _preflight_passed(folder: Folder) -> bool:
    """Whether the recorded preflight let the run begin."""
    from firstlight.preflight.run import first_failure

    return folder.preflight.is_file() and first_failure(records_io.read_preflight(folder.preflight)) is None


def _reported(folder: Folder) -> bool:
    """Whether the last files of phase 2 are there: the page, and after it the status with the decision."""
    from firstlight.gates.status import decided

    return folder.results.is_file() and decided(folder)


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
    from firstlight.training.checkpoint import newest

    if folder.outcome.is_file():
        raise UsageError(
            "this experiment is trained already",
            f"{folder.outcome} exists",
            f"see firstlight status {folder.root}, or start a new experiment with firstlight run DATA",
        )
    if not resume and newest(folder) is not None:
        raise UsageError(
            "this experiment was interrupted",
            f"there is a checkpoint in {folder.checkpoints}",
            f"go on with firstlight train {folder.root} --resume, or start a new experiment",
        )


def _left_at_once(folder: Folder) -> Interrupted:
    from firstlight.training.manifest import newest_listed

    newest = newest_listed(folder)
    saved = f"saved up to step {newest[1]['step']:,}" if newest else "nothing is saved yet"
    return Interrupted(
        "left at once",
        f"{folder.checkpoints}: {saved}",
        f"go on with: firstlight train {folder.root} --resume",
        exit_code=130,
    )


def _fit(loaded: Loaded, progress: Progress) -> Outcome:
    """Fits a model that takes no steps, in the time that is left."""
    from firstlight.references.run import fit_model
    from firstlight.training.fitted import run_fit

    job, clock = loaded.job, loaded.clock
    seconds = max(clock.training_deadline - time.monotonic(), 1.0)
    name, seed = job.config.model.name, job.config.seed
    return run_fit(
        job, lambda: fit_model(job.data, job.objective, name, seconds=seconds, seed=seed), clock, progress
    )


def _beside(job: Job, seconds: float, progress: Progress) -> tuple[Measured, ...]:
    """The simple models on the same split; of a step, whose targets nobody knows, the model before its first step."""
    from firstlight.data.examples import UNKNOWN_TARGETS
    from firstlight.references.run import references
    from firstlight.references.untrained import untrained

    if job.data.examples.task == UNKNOWN_TARGETS:
        return (untrained(job),)
    return references(
        job.data,
        job.objective,
        seconds=seconds,
        seed=job.config.seed,
        progress=progress,
        without=job.config.model.name,
    )


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


def _tell_reference(one: Measured, metric: str, progress: Progress) -> None:
    """What a reference reaches; of one that raised an error that, with the traceback in the log."""
    if not one.record.error:
        progress.note(_reference_line(one.record, metric))
        return
    progress.warn(f"reference {one.record.name} failed, the run goes on without it: {one.record.error}")
    for line in one.trace.splitlines():
        progress.detail(line)


def _reference_line(reference: Reference, metric: str) -> str:
    value = reference.metrics.get(metric)
    shown = f"{metric} {value:.4f}" if value is not None else "not run"
    return f"reference {reference.name}: {shown}{f' ({reference.note})' if reference.note else ''}"
