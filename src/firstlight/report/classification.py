"""What the report shows of a classification: classes, confusions, calibration, worst examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from firstlight import text
from firstlight.report import words
from firstlight.report.blocks import Block, Heading, Picture, Table, Text
from firstlight.report.drawing import BLUE, GREY, drawable, plain_axes
from firstlight.results.classification import ClassFigures, Classification, confusion_matrix
from firstlight.results.facts import Facts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 30  # rows of the per-class table; the weakest are shown (judgement: one screen)
MOST_PAIRS = 15  # confused pairs
MOST_MATRIX_CLASSES = 30  # above, only the most confused are drawn
FEWER_MATRIX_CLASSES = 20  # how many then
MOST_CELL_NUMBERS = 20  # classes up to which a cell has room for its number
DARK_SHARE = 0.6  # of the darkest colour, above which white is read better than black
LEAST_DARK = 10.0  # per cent; the darkest colour stands for at least this, so that small errors look small
GRID_COLUMNS = 6
LABEL_LENGTH = 16  # characters of a class name beside an axis
TITLE_LENGTH = 18  # and over a small image


def blocks(facts: Facts, figures: Classification) -> Iterator[Block]:
    """The part of section 2 that only classes have."""
    yield Heading(text="Each class")
    yield class_table(facts, figures.per_class, "Class")
    yield from _confusions(facts, figures)
    yield from _calibration(figures)
    yield from _worst(facts, figures)


def plots(facts: Facts, figures: Classification) -> dict[str, Callable[[], Figure]]:
    """File name below plots/ -> how it is drawn."""
    wanted: dict[str, Callable[[], Figure]] = {"calibration.png": lambda: calibration(figures)}
    # Of all classes when they are few, else of the confused ones.
    if figures.classes <= MOST_MATRIX_CLASSES or figures.confused:
        wanted["confusion.png"] = lambda: confusion(facts, figures)
    if facts.worst is not None and len(facts.worst.ids):
        wanted["worst_examples.png"] = lambda: worst_examples(facts, figures)
    return wanted


def class_table(facts: Facts, every: tuple[ClassFigures, ...], noun: str) -> Table:
    """Precision, recall and F1 of each class or label that occurs; of many only the weakest."""
    counted = [c for c in every if c.support]
    shown, note = counted, ""
    if len(counted) > MOST_CLASSES:
        shown = sorted(counted, key=lambda c: (c.f1, -c.support))[:MOST_CLASSES]
        several = text.count(len(counted), noun.lower()).split(maxsplit=1)[1]
        note = (
            f"The {MOST_CLASSES} {several} with the lowest F1 of {len(counted):,}; "
            "all predictions are in logs/predictions_val.npz."
        )
    rows = tuple(
        (
            facts.class_name(c.index),
            f"{c.support:,}",
            text.percent(c.recall),
            words.percent_span(c.recall_interval),
            text.percent(c.precision) if c.claimed else words.NOT_KNOWN,
            words.percent_span(c.precision_interval) if c.claimed else words.NOT_KNOWN,
            words.value(c.f1),
            words.span(c.f1_interval),
        )
        for c in shown
    )
    columns = (noun, "Rows", "Recall", "95 %", "Precision", "95 %", "F1", "95 %")
    return Table(columns=columns, rows=rows, note=note)


def _confusions(facts: Facts, figures: Classification) -> Iterator[Block]:
    yield Heading(text="Most confused")
    if not figures.confused:
        yield Text(text="No validation row is wrong.")
        return
    wrong = sum(pair.rows for pair in figures.confused)
    rows = tuple(
        (facts.class_name(p.actual), facts.class_name(p.predicted), f"{p.rows:,}", text.percent(p.share))
        for p in figures.confused[:MOST_PAIRS]
    )
    left = len(figures.confused) - len(rows)
    yield Table(
        columns=("Is", "Taken for", "Rows", "Of that class"),
        rows=rows,
        numbers_from=2,
        note=f"{text.count(wrong, 'row')} of {figures.rows:,} {'is' if wrong == 1 else 'are'} wrong"
        + (f"; {text.count(left, 'more pair')} not shown." if left else "."),
    )
    yield Picture(path="plots/confusion.png", alt="Confusion matrix of the validation part")


def _calibration(figures: Classification) -> Iterator[Block]:
    found = figures.calibration
    yield Heading(text="Can the confidence be believed?")
    lean = "more" if found.confidence > found.accuracy else "less"
    yield Text(
        text=f"Mean confidence is {text.percent(found.confidence)}, accuracy {text.percent(found.accuracy)}: "
        f"the model is {lean} sure than it is right. The calibration error over "
        f"{text.count(len(found.bins), 'bin')} of equal mass is {words.value(found.error)}; a perfectly "
        f"calibrated model would show about {words.value(found.error_by_luck)} with so many rows."
    )
    if found.note:
        yield Text(text=f"{found.note}.", tone="note")
    yield Picture(path="plots/calibration.png", alt="Accuracy against confidence")


def _worst(facts: Facts, figures: Classification) -> Iterator[Block]:
    yield Heading(text="Examples that the model gets most wrong")
    if facts.predictions is None:
        return
    if not figures.worst:
        yield Text(text="None: no validation row is wrong.")
        return
    rows = tuple(
        (
            str(facts.predictions.ids[e.row]),
            facts.class_name(e.actual),
            facts.class_name(e.predicted),
            text.percent(e.confidence),
            words.value(e.loss),
        )
        for e in figures.worst
    )
    yield Picture(path="plots/worst_examples.png", alt="The images that the model gets most wrong")
    yield Table(
        columns=("Row", "Labelled", "Predicted", "Confidence", "Loss"),
        rows=rows,
        numbers_from=3,
        note="Look here for wrong labels first: firstlight explain data_quality.",
    )


def confusion(facts: Facts, figures: Classification) -> Figure:
    """Where the rows of each class went, in per cent of the class; only the most confused of many classes."""
    from matplotlib.figure import Figure

    predictions = facts.predictions
    assert predictions is not None  # the figures come from them
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


def calibration(figures: Classification) -> Figure:
    """Accuracy of rows of similar confidence, with intervals, beside the line where both are equal."""
    from matplotlib.figure import Figure

    found = figures.calibration
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


def worst_examples(facts: Facts, figures: Classification) -> Figure:
    """The images with the highest loss, each with label, prediction and confidence."""
    from matplotlib.figure import Figure

    assert facts.worst is not None  # plots() asks first
    examples = {}
    if facts.predictions is not None:
        examples = {str(facts.predictions.ids[e.row]): e for e in figures.worst}
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


def _cell(share: float) -> str:
    return "<1" if share < 0.5 else f"{share:.0f}"
