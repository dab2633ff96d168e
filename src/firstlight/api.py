"""firstlight from Python: a baseline of a person's own model and data, through the same phases as the commands."""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, get_args

from firstlight.errors import Interrupted
from firstlight.experiment.folder import Folder
from firstlight.own.given import PREFIX, Given, judged_by, own_metrics, written
from firstlight.request import Request

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure
    from torch import nn

    from firstlight.data.examples import Examples
    from firstlight.experiment.records import CheckLine, Decision
    from firstlight.watch.progress import Progress

CHECK_MINUTES = 45.0  # budget under which a check looks at a run
KEYBOARD = 130  # exit code of an interruption from the keyboard
READING_SHARE, READING_MOST = 0.05, 60.0  # of the budget, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A baseline that was trained.

    Attributes:
        folder: Of the experiment: report, config, checkpoints, logs.
        verdict: `accept`, `optimize` or `failed`.
        reasons: Why, in sentences with their numbers.
        model: A new module with the weights of the best epoch, in evaluation mode; the one that was given is as it was.
    """

    folder: Path
    verdict: str
    reasons: tuple[str, ...]
    model: nn.Module

    @property
    def metrics(self) -> pl.DataFrame:
        """One row for each validated epoch, as in logs/metrics.json."""
        import polars as pl

        from firstlight.experiment import store

        return pl.DataFrame(store.read_json(Folder(self.folder).metrics)["epochs"])

    @property
    def report(self) -> Path:
        """The report as a page for the browser."""
        return self.folder / "report.html"

    def plot(self, path: str | Path | None = None) -> Figure:
        """Loss and metric of training and validation along the epochs.

        Args:
            path: Of a PNG to write, too.
        """
        from firstlight.experiment import store
        from firstlight.report.drawing import canvas
        from firstlight.report.plots import curves
        from firstlight.results.facts import read_facts

        with canvas():
            figure = curves(read_facts(Folder(self.folder)))
            if path is not None:
                content = io.BytesIO()
                figure.savefig(content, format="png")
                store.write_bytes(Path(path), content.getbuffer())
            return figure

    def __repr__(self) -> str:
        reason = f": {self.reasons[0]}" if self.reasons else ""
        return f"<{self.verdict}{reason} Report: {self.report}>"

    def _repr_html_(self) -> str:
        from html import escape

        reasons = "".join(f"<li>{escape(reason)}</li>" for reason in self.reasons)
        return (
            f"<p><b>{escape(self.verdict)}</b></p><ul>{reasons}</ul>"
            f"<p><code>{escape(str(self.report))}</code></p>{self.metrics._repr_html_()}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The preflight of a model and its data."""

    lines: tuple[CheckLine, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(line.level != "failed" for line in self.lines)

    def __str__(self) -> str:
        return "\n".join(f"{line.level:<14} {line.id}: {line.message}" for line in self.lines)


Task = Literal["classification", "multilabel", "regression", "segmentation", "tokens", "language"]


class Options(TypedDict, total=False):
    """What `baseline` and `check` take beside model, data and budget.

    Attributes:
        loss: (outputs, targets) -> mean loss; without it that of the task.
        task: What is to be predicted, where the targets do not tell: `classification`, `multilabel`, `regression`,
            `segmentation`, `tokens` or `language`.
        step: (model, batch) -> loss, or (loss, outputs), or a mapping with `loss`: for what is none of these tasks.
        metrics: Name -> (predictions, targets) -> number, from arrays of all validation rows; higher is better. In the
            files they are called `own_NAME`.
        lower_is_better: Names of those metrics of which less is better.
        optimizer: Parameters -> optimizer; its rate is the peak of the schedule. Without it AdamW.
        scheduler: Optimizer -> scheduler of torch, stepped once an epoch; or (optimizer, steps) -> scheduler, stepped
            once a step. Without it a warm-up and a cosine.
        collate: List of items -> batch; without it torch's.
        classes: Names in the order of the outputs.
        settings: Keys of the config: `{"training.batch_size": 64}`.
        quiet: Print nothing.
    """

    loss: Callable[[Any, Any], Any]
    task: Task
    step: Callable[[Any, Any], Any]
    metrics: Mapping[str, Callable[[Any, Any], float]]
    lower_is_better: Collection[str]
    optimizer: Callable[[Any], Any]
    scheduler: Callable[..., Any]
    collate: Callable[[list[Any]], Any]
    classes: Sequence[str]
    settings: Mapping[str, Any]
    quiet: bool


def baseline(
    model: nn.Module | Callable[[], nn.Module],
    *,
    train: Any,
    val: Any = None,
    test: Any = None,
    minutes: float = 45.0,
    metric: str | None = None,
    at_least: float | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    **options: Unpack[Options],
) -> Result:
    """Checks, trains, measures and judges a model: phases 1 and 2.

    Args:
        model: A module, whose weights are where every attempt begins, or a function that makes one.
        train: A data set with `__getitem__` and `__len__`, an iterable one that fits into memory, a `DataLoader` over
            one, or a tuple of tensors. An item is (input, target), (inputs ..., target), or a mapping or data class
            with a field `labels`, `label`, `targets`, `target` or `y`.
        val: The same; None = a tenth of train.
        test: The same; counted and sealed.
        minutes: Budget of all of it.
        metric: By which it is judged: `val_accuracy`, or a name in `metrics`; None = the task's.
        at_least: What the metric has to reach; None = better than the references.
        out: Folder of the experiment; None = runs/NAME-N.
        resume: Go on with the interrupted experiment in `out`.
        options: See `Options`.

    Raises:
        FirstlightError: With what, where and what to do; its subclass says the kind.
        KeyboardInterrupt: The run was interrupted from the keyboard or by a notebook; the state is saved.
    """
    from firstlight import flow
    from firstlight.cli.progress import choose

    started = time.monotonic()
    given = _given(model, train, val, test, options)
    with choose(quiet=options.get("quiet", False), json=False) as progress, _told_for_python():
        if resume:
            folder = _existing(out)
            examples = _read(given, minutes, progress, options)
            decision = flow.baseline(
                folder, resume=True, started=started, progress=progress, examples=examples
            )
        else:
            examples = _read(given, minutes, progress, options)
            request = _request(examples, minutes, options, out, started)
            request = replace(request, metric=judged_by(metric, given), at_least=at_least)
            folder, decision = flow.run(request, progress)
    return _result(folder, decision, given)


def check(
    model: nn.Module | Callable[[], nn.Module], *, train: Any, val: Any = None, **options: Unpack[Options]
) -> Checks:
    """The preflight alone, about a minute; nothing is left on disk. Arguments as in `baseline`."""
    from firstlight import flow
    from firstlight.cli.progress import choose

    started = time.monotonic()
    given = _given(model, train, val, None, options)
    with (
        choose(quiet=options.get("quiet", False), json=False) as progress,
        tempfile.TemporaryDirectory() as temporary,
    ):
        examples = _read(given, CHECK_MINUTES, progress, options)
        request = _request(examples, CHECK_MINUTES, options, Path(temporary) / "check", started)
        folder = flow.setup(request, progress)
        return Checks(lines=flow.check(folder, progress, examples=examples))


def _given(model: Any, train: Any, val: Any, test: Any, options: Options) -> Given:
    from firstlight.own.model import fresh
    from firstlight.own.optimizer import peak_rate

    _refuse_both(options)
    first = fresh(model)  # what cannot be made is told before anything slow
    optimizer = options.get("optimizer")
    return Given(
        model=model,
        train=train,
        val=val,
        test=test,
        loss=options.get("loss"),
        step=options.get("step"),
        metrics=own_metrics(options.get("metrics", {}), options.get("lower_is_better", ())),
        optimizer=optimizer,
        schedule=options.get("scheduler"),
        collate=options.get("collate"),
        classes=tuple(options["classes"]) if options.get("classes") else None,
        learning_rate=peak_rate(optimizer, first) if optimizer is not None else None,
    )


def _refuse_both(options: Options) -> None:
    """A task that is none, and a step beside what it does itself."""
    from firstlight.errors import UsageError

    step, task = options.get("step"), options.get("task")
    if task is not None and task not in get_args(Task):
        raise UsageError(
            "there is no such task", f"task={task!r}", f"name one of {', '.join(get_args(Task))}"
        )
    beside = next((name for name in ("loss", "task") if options.get(name) is not None), None)
    if step is not None and (beside is not None or not callable(step)):
        found = f"step is {type(step).__name__}" + (f", and {beside} is given, too" if beside else "")
        raise UsageError(
            "a step is a function that gives the loss, and has no task",
            found,
            "write step(model, batch) -> loss, without loss= and task=",
        )


def _read(given: Given, minutes: float, progress: Progress, options: Options) -> Examples:
    from firstlight.own.read import read_given

    settings = options.get("settings", {})
    seconds = min(READING_MOST, READING_SHARE * minutes * 60)
    task = options.get("task") or str(settings.get("data.task", "auto")).removeprefix("own_")
    return read_given(
        given, task=task, seconds=seconds, seed=int(settings.get("seed", 42)), progress=progress
    )


def _request(
    examples: Examples, minutes: float, options: Options, out: str | Path | None, started: float
) -> Request:
    settings = dict(options.get("settings", {}))
    lower = options.get("lower_is_better", ())
    if lower:
        settings["validation.lower_is_better"] = ",".join(f"{PREFIX}{name}" for name in lower)
    return Request(
        data=examples.source,
        out=None if out is None else Path(out),
        minutes=minutes,
        overrides=tuple(f"{key}={written(value)}" for key, value in settings.items()),
        confirmed=True,
        examples=examples,
        started=started,
    )


@contextlib.contextmanager
def _told_for_python() -> Iterator[None]:
    """An interruption as Python knows it, and its remedy as a call instead of a command."""
    try:
        yield
    except Interrupted as stopped:
        remedy = "go on with the same call and out=<this folder>, resume=True"
        error = Interrupted(stopped.what, stopped.where, remedy, exit_code=stopped.exit_code)
        if stopped.exit_code == KEYBOARD:
            raise KeyboardInterrupt(str(error)) from error
        raise error from stopped


def _existing(out: str | Path | None) -> Folder:
    from firstlight.cli.options import experiment
    from firstlight.errors import UsageError

    if out is None:
        raise UsageError(
            "resume needs the folder of the experiment", "out = None", "name it: out='runs/x', resume=True"
        )
    return experiment(str(out))


def _result(folder: Folder, decision: Decision, given: Given) -> Result:
    from firstlight.own.model import fresh
    from firstlight.training import checkpoint

    model = fresh(given.model)
    if folder.best.is_file():
        model.load_state_dict(checkpoint.load(folder, folder.best)["model"])
    return Result(
        folder=folder.root,
        verdict=decision.verdict,
        reasons=tuple(decision.reasons),
        model=model.module.eval(),
    )
