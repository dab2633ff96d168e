"""What the report shows where a class was given to each pixel or token: each class, and the worst rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from firstlight import text
from firstlight.report import words
from firstlight.report.blocks import Block, Heading, Picture, Table
from firstlight.report.drawing import BLUE, GREY, drawable, plain_axes
from firstlight.results.added_up import PLACE, AddedUp, ClassFigure
from firstlight.results.facts import Facts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 40  # of table and plot, the weakest (judgement: longer is scrolled past)
LABEL_LENGTH = 32  # characters of a name in the plot
SCORE = {"segmentation": "IoU", "tokens": "F1"}


def blocks(facts: Facts, figures: AddedUp) -> Iterator[Block]:
    """The part of section 2 that only these tasks have."""
    if figures.per_class:
        place = PLACE[figures.task]
        yield Heading(text=f"Each class, over all {place}s")
        yield _classes(facts, figures, place)
        yield Picture(path="plots/class_scores.png", alt=f"{SCORE[figures.task]} of each class")
    if figures.worst:
        yield Heading(text="Rows with the highest loss")
        yield _worst(facts, figures)


def plots(facts: Facts, figures: AddedUp) -> dict[str, Callable[[], Figure]]:
    """File name below plots/ -> how it is drawn."""
    return {"class_scores.png": lambda: class_bars(facts, figures)} if figures.per_class else {}


def weakest(figures: AddedUp) -> list[ClassFigure]:
    """The classes that are shown, the weakest first."""
    return sorted(figures.per_class, key=lambda c: (c.score, c.places))[:MOST_CLASSES]


def _classes(facts: Facts, figures: AddedUp, place: str) -> Table:
    rows = tuple(
        (
            facts.class_name(c.index),
            f"{c.places:,}",
            words.value(c.score),
            words.span(c.interval),
            words.value(c.precision),
            words.value(c.recall),
        )
        for c in weakest(figures)
    )
    left = len(figures.per_class) - len(rows)
    return Table(
        columns=("Class", f"{place.title()}s", SCORE[figures.task], "95 % interval", "Precision", "Recall"),
        rows=rows,
        note=f"{text.count(left, 'more class')} with a higher one." if left else "The weakest first.",
    )


def _worst(facts: Facts, figures: AddedUp) -> Table:
    assert facts.predictions is not None  # the figures come from them
    ids = facts.predictions.ids
    rows = tuple(
        (str(ids[one.row]), words.value(one.loss), words.value(one.accuracy)) for one in figures.worst
    )
    return Table(
        columns=("Row", f"Loss of a {PLACE[figures.task]}", "Accuracy"),
        rows=rows,
        note="Look here for wrong targets first: firstlight explain data_quality.",
    )


def class_bars(facts: Facts, figures: AddedUp) -> Figure:
    """The score of each class that occurs, the best at the top, with its interval."""
    from matplotlib.figure import Figure

    shown, name = weakest(figures), SCORE[figures.task]
    figure = Figure(figsize=(7.5, 1.2 + 0.28 * len(shown)), layout="constrained")
    axes = figure.subplots()
    plain_axes(axes, f"{name} of each class, 95 % interval", name)
    at, scores = np.arange(len(shown)), np.array([c.score for c in shown])
    ends = np.array([c.interval or (c.score, c.score) for c in shown])
    spread = np.maximum(np.stack([scores - ends[:, 0], ends[:, 1] - scores]), 0)
    axes.barh(at, scores, color=BLUE, alpha=0.75, height=0.7)
    axes.errorbar(scores, at, xerr=spread, fmt="none", ecolor=GREY, capsize=2)
    axes.set_yticks(at, [drawable(facts.class_name(c.index), LABEL_LENGTH, index=c.index) for c in shown])
    axes.set(xlim=(0, 1.02), ylim=(-0.6, len(shown) - 0.4))
    axes.grid(visible=False, axis="y")
    return figure
