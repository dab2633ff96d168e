"""The plots of a report, as PNG bytes drawn from the facts: curves here, the rest with its task.

Class names are drawn as plain text (no formulas), shortened, and with a box for what the font lacks.
Colours are those of Okabe and Ito, which colour-blind readers tell apart.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.gates.post_baseline import UTILIZATION_TARGET
from firstlight.report import added_up, classification, multilabel, regression, words
from firstlight.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    canvas,
    drawable,
    plain_axes,
)
from firstlight.report.levels import TARGET, levels_of
from firstlight.results.added_up import AddedUp
from firstlight.results.classification import Classification
from firstlight.results.facts import Facts
from firstlight.results.first import as_first
from firstlight.results.multilabel import Multilabel
from firstlight.results.regression import Regression

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABEL_LENGTH = 32  # characters of a name in a legend


def plots(facts: Facts) -> dict[str, bytes]:
    """Every plot that the facts allow: file name below plots/ -> PNG."""
    wanted: dict[str, Callable[[], Figure]] = {}
    if facts.epochs:
        wanted |= {"curves.png": lambda: curves(facts), "throughput.png": lambda: throughput(facts)}
    wanted |= _of_task(as_first(facts))
    done = {}
    for name, draw in wanted.items():
        with canvas():
            buffer = io.BytesIO()
            draw().savefig(buffer, format="png")
        done[name] = buffer.getvalue()
    return done


def _of_task(facts: Facts) -> dict[str, Callable[[], Figure]]:
    match facts.figures:
        case Classification() as figures:
            return classification.plots(facts, figures)
        case Multilabel() as figures:
            return multilabel.plots(facts, figures)
        case Regression() as figures:
            return regression.plots(facts, figures)
        case AddedUp() as figures:
            return added_up.plots(facts, figures)
    return {}


def curves(facts: Facts) -> Figure:
    """Loss, judged metric and learning rate over the epochs; references and target as lines."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    left, right, rate = figure.subplots(1, 3, width_ratios=(1, 1, 0.55))
    at = [e.epoch for e in facts.epochs]
    plain_axes(left, "Loss", "epoch")
    left.plot(at, [e.train_loss for e in facts.epochs], color=BLUE, marker=_marker(at), label="training")
    left.plot(at, _values(facts, "val_loss"), color=ORANGE, marker=_marker(at), label="validation")
    _mark_best(left, facts, "val_loss")
    _legend_below(left)

    name = facts.drawn_metric
    plain_axes(right, words.title(name), "epoch")
    right.plot(at, _values(facts, name), color=ORANGE, marker=_marker(at), label="this model")
    _mark_best(right, facts, name)
    styles = itertools.cycle(("--", "-.", ":"))
    for label, value in levels_of(facts):
        look = {"color": GREEN} if label == TARGET else {"color": GREY, "linestyle": next(styles)}
        right.axhline(value, label=drawable(label, LABEL_LENGTH), **look)
    _legend_below(right)

    plain_axes(rate, "Learning rate", "epoch")
    rate.plot(at, [e.learning_rate for e in facts.epochs], color=GREY, marker=_marker(at))
    rate.set_ylim(bottom=0)
    for axes in (left, right, rate):
        _whole_epochs(axes)
    return figure


def throughput(facts: Facts) -> Figure:
    """Examples per second, utilization and data wait of each epoch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    speed, busy = figure.subplots(1, 2)
    at = [e.epoch for e in facts.epochs]
    plain_axes(speed, "Training speed, examples per second", "epoch")
    speed.plot(at, [e.examples_per_second for e in facts.epochs], color=BLUE, marker=_marker(at))
    speed.set_ylim(0, 1.1 * max(1e-9, *(e.examples_per_second for e in facts.epochs)))
    plain_axes(busy, "Share of the time, %", "epoch")
    used = [math.nan if e.utilization is None else 100 * e.utilization for e in facts.epochs]
    if np.isfinite(used).any():
        busy.plot(at, used, color=GREEN, marker=_marker(at), label="utilization")
        busy.axhline(100 * UTILIZATION_TARGET, color=GREY, linestyle="--", label="utilization target")
    busy.plot(
        at, [100 * e.data_wait for e in facts.epochs], color=RED, marker=_marker(at), label="waiting for data"
    )
    busy.set_ylim(-2, 104)
    _legend_below(busy)
    for axes in (speed, busy):
        _whole_epochs(axes)
    return figure


def _values(facts: Facts, name: str) -> list[float]:
    return [e.metrics.get(name, math.nan) for e in facts.epochs]


def _mark_best(axes: Axes, facts: Facts, name: str) -> None:
    best = facts.best
    if best is not None and math.isfinite(best.metrics.get(name, math.nan)):
        axes.plot(
            best.epoch,
            best.metrics[name],
            marker="o",
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=RED,
            markeredgewidth=2,
            linestyle="none",
            label=f"best, epoch {best.epoch}",
        )


def _whole_epochs(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def _legend_below(axes: Axes) -> None:
    """Under the plot, where it hides no curve."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def _marker(at: list[Any]) -> str:
    return "o" if len(at) <= 40 else ""
