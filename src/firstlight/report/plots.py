"""The plots of a report, as PNG bytes drawn from the facts.

Class names are drawn as plain text (no formulas), shortened, and with a box for what the font lacks.
Colours are those of Okabe and Ito, which colour-blind readers tell apart.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.gates.post_baseline import UTILIZATION_TARGET
from firstlight.report import words
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
from firstlight.results.classification import confusion_matrix
from firstlight.results.facts import Facts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_MATRIX_CLASSES = 30  # above, only the most confused are drawn
FEWER_MATRIX_CLASSES = 20  # how many then
MOST_CELL_NUMBERS = 20  # classes up to which a cell has room for its number
DARK_SHARE = 0.6  # of the darkest colour, above which white is read better than black
LEAST_DARK = 10.0  # per cent; the darkest colour stands for at least this, so that small errors look small
GRID_COLUMNS = 6
LABEL_LENGTH = 16  # characters of a class name beside an axis
TITLE_LENGTH = 18  # and over a small image


def plots(facts: Facts) -> dict[str, bytes]:
    """Every plot that the facts allow: file name below plots/ -> PNG."""
    wanted: dict[str, tuple[bool, Callable[[Facts], Figure]]] = {
        "curves.png": (bool(facts.epochs), curves),
        "throughput.png": (bool(facts.epochs), throughput),
        "confusion.png": (_has_matrix(facts), confusion),
        "calibration.png": (facts.classification is not None, calibration),
        "worst_examples.png": (bool(facts.worst and len(facts.worst.ids)), worst_examples),
    }
    done = {}
    for name, (possible, draw) in wanted.items():
        if possible:
            with canvas():
                buffer = io.BytesIO()
                draw(facts).savefig(buffer, format="png")
            done[name] = buffer.getvalue()
    return done


def _has_matrix(facts: Facts) -> bool:
    """Whether there is a matrix to draw: of all classes when they are few, else of the confused ones."""
    figures = facts.classification
    return figures is not None and (figures.classes <= MOST_MATRIX_CLASSES or bool(figures.confused))


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

    name = facts.metric if facts.metric != "val_loss" else "val_accuracy"
    plain_axes(right, words.metric(name).capitalize(), "epoch")
    right.plot(at, _values(facts, name), color=ORANGE, marker=_marker(at), label="this model")
    _mark_best(right, facts, name)
    for reference, style in zip(facts.references, ("--", "-.", ":"), strict=False):
        if math.isfinite(reference.metrics.get(name, math.nan)):
            label = drawable(words.reference(reference.name), LABEL_LENGTH * 2)
            right.axhline(reference.metrics[name], color=GREY, linestyle=style, label=label)
    target = facts.config.acceptance.at_least if facts.config and name == facts.metric else None
    if target is not None:
        right.axhline(target, color=GREEN, label="target")
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


def confusion(facts: Facts) -> Figure:
    """Where the rows of each class went, in per cent of the class; only the most confused of many classes."""
    from matplotlib.figure import Figure

    figures, predictions = facts.classification, facts.predictions
    assert figures is not None  # plots() asks first
    assert predictions is not None
    chosen = np.arange(figures.classes)
    title = "Where the rows of each class went, %"
    if figures.classes > MOST_MATRIX_CLASSES:
        order = dict.fromkeys(c for pair in figures.confused for c in (pair.actual, pair.predicted))
        chosen = np.sort(np.array(list(order)[:FEWER_MATRIX_CLASSES]))
        title += f" ({len(chosen)} most confused of {figures.classes:,} classes)"
    matrix = confusion_matrix(predictions.targets, predictions.values.argmax(axis=1), chosen)
    support = np.array([figures.per_class[c].support for c in chosen])
    shares = 100 * matrix / np.maximum(support, 1)[:, None]
    # The right ones would drown the rest: they stay without colour, so that every confusion is seen.
    wrong = np.where(np.eye(len(chosen), dtype=bool), np.nan, shares)
    most = max(float(np.nanmax(wrong)) if len(chosen) > 1 else 0.0, LEAST_DARK)
    side = min(9.0, 3.2 + 0.36 * len(chosen))
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(wrong, cmap="YlOrBr", vmin=0, vmax=most)
    axes.set_facecolor("#e8edf2")
    names = [drawable(facts.class_name(int(c)), LABEL_LENGTH, index=int(c)) for c in chosen]
    axes.set_xticks(range(len(chosen)), names, rotation=90)
    axes.set_yticks(range(len(chosen)), names)
    axes.set(xlabel="predicted", ylabel="labelled")
    axes.set_title(title, loc="left")
    if len(chosen) <= MOST_CELL_NUMBERS:
        for (y, x), share in np.ndenumerate(shares):
            if matrix[y, x]:
                dark = x != y and share > DARK_SHARE * most
                axes.text(x, y, _cell(share), ha="center", va="center", color="white" if dark else "black")
    figure.colorbar(image, ax=axes, shrink=0.7, label="wrong, % of the labelled class")
    return figure


def calibration(facts: Facts) -> Figure:
    """Accuracy of rows of similar confidence, with intervals, beside the line where both are equal."""
    from matplotlib.figure import Figure

    assert facts.classification is not None  # plots() asks first
    found = facts.classification.calibration
    figure = Figure(figsize=(5.4, 4.6), layout="constrained")
    axes = figure.subplots()
    plain_axes(axes, "Accuracy of rows of similar confidence", "confidence")
    axes.set_ylabel("accuracy")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="perfectly calibrated")
    x = np.array([b.confidence for b in found.bins])
    y = np.array([b.accuracy for b in found.bins])
    ends = np.array([b.interval for b in found.bins])
    spread = np.maximum(np.stack([y - ends[:, 0], ends[:, 1] - y]), 0)
    axes.errorbar(
        x, y, yerr=spread, fmt="o", color=BLUE, ecolor=BLUE, capsize=3, label="this model, 95 % interval"
    )
    axes.set(xlim=(min(0.95, x.min() - 0.05), 1.02), ylim=(-0.02, 1.03))
    axes.legend(loc="lower right")
    return figure


def worst_examples(facts: Facts) -> Figure:
    """The images with the highest loss, each with label, prediction and confidence."""
    from matplotlib.figure import Figure

    assert facts.worst is not None  # plots() asks first
    examples = {}
    if facts.classification is not None and facts.predictions is not None:
        examples = {str(facts.predictions.ids[e.row]): e for e in facts.classification.worst}
    count = min(len(facts.worst.ids), 4 * GRID_COLUMNS)
    columns = min(GRID_COLUMNS, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(1.75 * columns, 2.15 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for place in grid.flat:
        place.set_axis_off()
    for place, name, image in zip(grid.flat, facts.worst.ids, facts.worst.images, strict=False):
        place.imshow(image[..., 0] if image.shape[2] == 1 else image, cmap="gray", vmin=0, vmax=255)
        example = examples.get(name)
        if example is not None:
            is_ = drawable(facts.class_name(example.actual), TITLE_LENGTH, index=example.actual)
            called = drawable(facts.class_name(example.predicted), TITLE_LENGTH - 5, index=example.predicted)
            place.set_title(
                f"is {is_}\n→ {called} {100 * example.confidence:.0f} %", fontsize=8, fontweight="normal"
            )
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


def _cell(share: float) -> str:
    return "<1" if share < 0.5 else f"{share:.0f}"
