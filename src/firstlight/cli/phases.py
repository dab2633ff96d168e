"""The commands that work on an experiment: run, init, check, train, and those of later releases."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from firstlight.cli.answer import Answer
from firstlight.cli.options import (
    Decorated,
    Switches,
    experiment,
    finite,
    later,
    minutes,
    override,
    phase,
    switches,
)
from firstlight.cli.progress import choose
from firstlight.errors import FirstlightError, NotAccepted, TrainingFailed, Undecided, UsageError
from firstlight.text import count, duration, visible

if TYPE_CHECKING:
    from firstlight.experiment.folder import Folder
    from firstlight.experiment.records import CheckLine, Decision
    from firstlight.flow import Request
    from firstlight.watch.progress import Progress

Result = TypeVar("Result")

_require = click.option(
    "--require", type=click.Choice(["accept"]), help="End with exit code 9 when the verdict is another."
)
_through = click.option(
    "--through",
    type=phase,
    metavar="PHASE",
    default="baseline",
    help="Go on up to this phase: setup or baseline.",
)


def _request_options(command: Decorated) -> Decorated:
    """The options of `run` and `init`, which both begin with data."""
    for decorate in reversed(
        (
            click.argument("data"),
            click.option(
                "-o", "--out", type=click.Path(path_type=Path), help="Experiment folder; default runs/NAME-N."
            ),
            click.option(
                "--minutes", type=minutes, metavar="TIME", help="Budget for all of it: 45, 45m, 2h30."
            ),
            click.option(
                "--metric", metavar="NAME", help="Metric of the acceptance target, such as val_accuracy."
            ),
            click.option("--at-least", type=finite, metavar="X", help="Value the metric has to reach."),
            click.option("--target", metavar="COLUMN", help="Column of a table that holds the label."),
            click.option(
                "--set",
                "overrides",
                type=override,
                metavar="KEY=VALUE",
                multiple=True,
                help="Any key of the config; repeatable.",
            ),
            click.option(
                "--yes", is_flag=True, help="Take proposals, confirm what only a person can confirm."
            ),
        )
    ):
        command = decorate(command)
    return command


@click.command()
@_request_options
@_through
@_require
@switches
@click.pass_obj
def run(obj: Switches, /, *, through: str, require: str | None, yes: bool, **options: Any) -> Answer:
    """Phases 1 and 2 in one go: from DATA to a trained baseline, a report and a decision.

    DATA is a folder of images in class folders (with or without train/val/test above them), a table with a
    column of image paths, an .npz file, sample:NAME (try sample:digits), or a training_config.yaml that names
    its data.
    """
    from firstlight import flow

    if through == "setup":
        return _set_up(obj, confirmed=True, yes=yes, options=options)
    request = _request(obj, confirmed=True, options=options)
    folder, decision = _answered(flow.run, request, obj, yes=yes)
    return _decided(folder, decision, require=require)


@click.command()
@_request_options
@switches
@click.pass_obj
def init(obj: Switches, /, *, yes: bool, **options: Any) -> Answer:
    """Phase 1: look at DATA, propose a task and a config, write the experiment folder.

    DATA is what `firstlight run` takes. Read checklists/reproducibility.md, then `firstlight train`.
    """
    return _set_up(obj, confirmed=yes, yes=yes, options=options)


@click.command()
@click.argument("experiment_folder", metavar="EXPERIMENT")
@switches
@click.pass_obj
def check(obj: Switches, /, experiment_folder: str) -> Answer:
    """The preflight of phase 2 alone: about a minute, no long training."""
    from dataclasses import asdict

    folder = experiment(experiment_folder)
    from firstlight import flow
    from firstlight.preflight.run import first_failure

    with choose(quiet=obj.quiet, json=obj.json) as progress:
        lines = flow.check(folder, progress)
    failure = first_failure(lines)
    document = {
        "experiment": str(folder.root),
        "passed": failure is None,
        "lines": [asdict(line) for line in lines],
    }
    return Answer(document=document, text=_checks_text(lines), error=failure)


@click.command()
@click.argument("experiment_folder", metavar="EXPERIMENT")
@click.option("--resume", is_flag=True, help="Go on from the last step saved.")
@_through
@_require
@switches
@click.pass_obj
def train(
    obj: Switches, experiment_folder: str, *, resume: bool, through: str, require: str | None
) -> Answer:
    """Phase 2: check, train, report, decide. The settings are those of training_config.yaml in EXPERIMENT."""
    folder = experiment(experiment_folder)
    from firstlight import flow

    if through == "setup":
        raise UsageError(
            "the phase setup comes before training",
            "--through setup",
            "leave it out, or use `firstlight init DATA`",
        )
    with choose(quiet=obj.quiet, json=obj.json) as progress:
        decision = flow.baseline(folder, resume=resume, started=obj.started, progress=progress)
    return _decided(folder, decision, require=require)


diagnose = later(
    "diagnose",
    "Phase 3: causes, evidence, fixes.",
    "`firstlight explain` has a page for each fault, with the tests to make by hand",
)
optimize = later(
    "optimize",
    "Phase 4: search from the baseline.",
    "change one key with `firstlight run DATA --set section.key=value`, then `firstlight compare` the two",
)
finalize = later(
    "finalize",
    "Phase 5: final training, the one look at the test set, export.",
    "`firstlight predict EXPERIMENT FILES` uses the best checkpoint; the test part stays sealed",
)


def _request(obj: Switches, /, *, confirmed: bool, options: dict[str, Any]) -> Request:
    from firstlight.flow import Request

    target = options.pop("target")
    overrides = options.pop("overrides")
    if target is not None:
        overrides = (*overrides, _setting("data.target", target))
    return Request(**options, overrides=overrides, confirmed=confirmed, started=obj.started)


def _setting(key: str, value: str) -> str:
    """An override whose value stands as it is: a column may be called null, or begin with a bracket."""
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def _set_up(obj: Switches, /, *, confirmed: bool, yes: bool, options: dict[str, Any]) -> Answer:
    from firstlight import flow

    request = _request(obj, confirmed=confirmed, options=options)
    folder = _answered(flow.setup, request, obj, yes=yes)
    status = flow.status(folder)
    missing = status["phases"]["setup"]["gate"]["missing"]
    root = visible(str(folder.root))
    stands = (
        f"{count(len(missing), 'item')} to see to in checklists/reproducibility.md"
        if missing
        else "gate open"
    )
    return Answer(
        document={**status, "experiment": str(folder.root)},
        text=f"set up {root}: {stands}\nread  {root}/training_config.yaml\nnext  {status['next']}",
    )


def _answered(
    phase: Callable[[Request, Progress], Result], request: Request, obj: Switches, /, *, yes: bool
) -> Result:
    """Runs a phase; a question that only a person can answer is asked once, and only on a terminal."""

    def work(request: Request) -> Result:
        with choose(quiet=obj.quiet, json=obj.json) as progress:
            if request.minutes is not None:
                progress.note(f"budget {duration(60 * request.minutes)}")
            return phase(request, progress)

    try:
        return work(request)
    except Undecided as question:
        if yes and question.proposals:
            answer = question.proposals[0]
        elif sys.stdin.isatty() and sys.stderr.isatty() and not (obj.json or obj.quiet):
            answer = _ask(question)
        else:
            raise
        return work(replace(request, overrides=(*request.overrides, _setting(question.key, answer))))


def _ask(question: Undecided) -> str:
    """The answer of the person at the terminal; with proposals, the first is taken by the Enter key."""
    print(f"{visible(question.what)}\n  {visible(question.where)}", file=sys.stderr)
    # The default is shown escaped and returned as it is, since the prompt returns what it was given.
    default = question.proposals[0] if question.proposals else None
    answer: str = click.prompt(
        question.key + ("" if default is None else f" [{visible(default)}]"),
        default=default,
        show_default=False,
        err=True,
    )
    return answer


def _decided(folder: Folder, decision: Decision, *, require: str | None) -> Answer:
    """The verdict as an answer, with the exit code that goes with it."""
    from firstlight import flow
    from firstlight.gates.status import compute_gates
    from firstlight.report.summary import summary
    from firstlight.results.facts import read_facts

    reason = visible(decision.reasons[0]) if decision.reasons else "no reason recorded"
    error: FirstlightError | None = None
    if decision.verdict == "failed":
        error = TrainingFailed(
            f"the baseline failed: {reason}",
            f"{folder.results}",
            "read the diagnosis in that file and the page it names (`firstlight explain`)",
        )
    elif require == "accept" and decision.verdict != "accept":
        error = NotAccepted(
            f"the verdict is {decision.verdict}, not accept",
            f"{folder.status}: {reason}",
            f"`firstlight status {folder.root}` names the next step",
        )
    return Answer(
        document={**flow.status(folder), "experiment": str(folder.root)},
        text=summary(read_facts(folder), decision, compute_gates(folder)),
        error=error,
        verdict=decision.verdict,
    )


def _checks_text(lines: tuple[CheckLine, ...]) -> str:
    levels = [line.level for line in lines]
    warnings = count(levels.count("warning"), "warning")
    return (
        f"{count(len(lines), 'check')}: {levels.count('ok')} ok, {warnings}, {levels.count('failed')} failed"
    )
