"""firstlight from Python: a baseline of a person's own model and data, through the same phases as the commands."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.experiment.folder import Folder
from firstlight.own.given import Given, Metric
from firstlight.request import Request

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure
    from torch import nn

    from firstlight.data.examples import Examples
    from firstlight.experiment.records import CheckLine, Decision
    from firstlight.watch.progress import Progress

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

    def plot(self) -> Figure:
        """Loss and metric of training and validation along the epochs."""
        from firstlight.report.plots import curves_figure
        from firstlight.results.facts import read_facts

        return curves_figure(read_facts(Folder(self.folder)))

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


def baseline(
    model: nn.Module | Callable[[], nn.Module],
    *,
    train: Any,
    val: Any = None,
    test: Any = None,
    loss: Callable[[Any, Any], Any] | None = None,
    metrics: Mapping[str, Callable[[Any, Any], float] | Metric] | None = None,
    optimizer: Callable[[Any], Any] | None = None,
    collate: Callable[[list[Any]], Any] | None = None,
    classes: tuple[str, ...] | None = None,
    minutes: float = 45.0,
    metric: str | None = None,
    at_least: float | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> Result:
    """Checks, trains, measures and judges a model: phases 1 and 2.

    Args:
        model: A module, whose weights are where every attempt begins, or a function that makes one.
        train: A data set with `__getitem__` and `__len__`, a `DataLoader` over one, or a tuple of tensors. An item is
            (input, target), (inputs ..., target), or a mapping or data class with a field `labels`, `label`,
            `targets`, `target` or `y`.
        val: The same; None = a tenth of train.
        test: The same; counted and sealed.
        loss: (outputs, targets) -> mean loss; None = that of the task.
        metrics: Name -> (predictions, targets) -> number, higher is better; `Metric` for another direction.
        optimizer: Parameters -> optimizer; its rate is the peak of the schedule. None = AdamW.
        collate: List of items -> batch; None = torch's.
        classes: Names in the order of the outputs.
        minutes: Budget of all of it.
        metric: By which it is judged, such as `val_accuracy`; None = the task's.
        at_least: What the metric has to reach; None = better than guessing.
        settings: Keys of the config: `{"training.batch_size": 64}`.
        out: Folder of the experiment; None = runs/NAME-N.
        resume: Go on with the interrupted experiment in `out`.
        quiet: Print nothing.

    Raises:
        FirstlightError: With what, where and what to do; its subclass says the kind.
    """
    from firstlight import flow
    from firstlight.cli.progress import choose

    started = time.monotonic()
    given = _given(model, train, val, test, loss, metrics, optimizer, collate, classes)
    with choose(quiet=quiet, json=False) as progress:
        examples = _read(given, minutes, progress, settings or {})
        if resume:
            folder = _existing(out)
            decision = flow.baseline(
                folder, resume=True, started=started, progress=progress, examples=examples
            )
        else:
            request = _request(examples, minutes, metric, at_least, settings, out, started)
            folder, decision = flow.run(request, progress)
    return _result(folder, decision, given)


def check(
    model: nn.Module | Callable[[], nn.Module],
    *,
    train: Any,
    val: Any = None,
    loss: Callable[[Any, Any], Any] | None = None,
    optimizer: Callable[[Any], Any] | None = None,
    collate: Callable[[list[Any]], Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Checks:
    """The preflight alone, about a minute; nothing is left on disk. Arguments as in `baseline`."""
    from firstlight import flow
    from firstlight.cli.progress import choose

    started = time.monotonic()
    given = _given(model, train, val, None, loss, None, optimizer, collate, None)
    with choose(quiet=quiet, json=False) as progress, tempfile.TemporaryDirectory() as temporary:
        examples = _read(given, 45.0, progress, settings or {})
        out = Path(temporary) / "check"
        folder = flow.setup(_request(examples, 45.0, None, None, settings, out, started), progress)
        return Checks(lines=flow.check(folder, progress, examples=examples))


def _given(
    model: Any,
    train: Any,
    val: Any,
    test: Any,
    loss: Any,
    metrics: Mapping[str, Any] | None,
    optimizer: Any,
    collate: Any,
    classes: tuple[str, ...] | None,
) -> Given:
    from firstlight.own.model import fresh
    from firstlight.own.optimizer import peak_rate

    first = fresh(model)  # what cannot be made is told before anything slow
    return Given(
        model=model,
        train=train,
        val=val,
        test=test,
        loss=loss,
        metrics={n: m if isinstance(m, Metric) else Metric(function=m) for n, m in (metrics or {}).items()},
        optimizer=optimizer,
        collate=collate,
        classes=tuple(classes) if classes is not None else None,
        learning_rate=peak_rate(optimizer, first) if optimizer is not None else None,
    )


def _read(given: Given, minutes: float, progress: Progress, settings: Mapping[str, Any]) -> Examples:
    from firstlight.own.read import read_given

    seconds = min(READING_MOST, READING_SHARE * minutes * 60)
    task = str(settings.get("data.task", "auto")).removeprefix("own_")
    return read_given(
        given, task=task, seconds=seconds, seed=int(settings.get("seed", 42)), progress=progress
    )


def _request(
    examples: Examples,
    minutes: float,
    metric: str | None,
    at_least: float | None,
    settings: Mapping[str, Any] | None,
    out: str | Path | None,
    started: float,
) -> Request:
    return Request(
        data=examples.source,
        out=None if out is None else Path(out),
        minutes=minutes,
        metric=metric,
        at_least=at_least,
        overrides=tuple(f"{key}={value}" for key, value in (settings or {}).items()),
        confirmed=True,
        examples=examples,
        started=started,
    )


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
