"""What the report shows of a multi-label classification: each label, and the rows that are most wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from firstlight import text
from firstlight.report import words
from firstlight.report.blocks import Block, Heading, Picture, Table, Text
from firstlight.report.classification import class_table
from firstlight.report.drawing import BLUE, GREY, drawable, plain_axes
from firstlight.results.facts import Facts
from firstlight.results.multilabel import Multilabel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 30  # labels; of more the weakest are drawn (judgement: names stay readable)
MOST_NAMES = 6  # labels named in a cell
LABEL_LENGTH = 24  # characters of a name beside an axis


def blocks(facts: Facts, figures: Multilabel) -> Iterator[Block]:
    """The part of section 2 that only label sets have."""
    yield Heading(text="Each label")
    have, get = figures.labels_per_row
    yield Text(
        text=f"A row has {words.value(have)} labels on average and gets {words.value(get)}; a label is "
        "predicted when its probability is at least one half."
    )
    yield class_table(facts, figures.per_label, "Label")
    yield Picture(path="plots/label_f1.png", alt="F1 of each label with its 95 % interval")
    yield from _worst(facts, figures)


def plots(facts: Facts, figures: Multilabel) -> dict[str, Callable[[], Figure]]:
    """File name below plots/ -> how it is drawn."""
    possible = any(label.support for label in figures.per_label)
    return {"label_f1.png": lambda: label_bars(facts, figures)} if possible else {}


def _worst(facts: Facts, figures: Multilabel) -> Iterator[Block]:
    yield Heading(text="Rows that the model gets most wrong")
    if not figures.worst:
        yield Text(text="None: every validation row has all its labels and no other.")
        return
    assert facts.predictions is not None  # the figures come from them
    rows = tuple(
        (
            str(facts.predictions.ids[wrong.row]),
            _names(facts, wrong.missed),
            _names(facts, wrong.added),
            words.value(wrong.loss),
        )
        for wrong in figures.worst
    )
    yield Table(
        columns=("Row", "Has, not predicted", "Predicted, has not", "Loss"),
        rows=rows,
        numbers_from=3,
        note="Look here for wrong labels first: firstlight explain data_quality.",
    )


def _names(facts: Facts, labels: tuple[int, ...]) -> str:
    shown = ", ".join(facts.class_name(label) for label in labels[:MOST_NAMES])
    left = len(labels) - MOST_NAMES
    return f"{shown} and {left} more" if left > 0 else shown or words.NOT_KNOWN


def label_bars(facts: Facts, figures: Multilabel) -> Figure:
    """F1 of each label that occurs, the best at the top, with its interval and its rows."""
    from matplotlib.figure import Figure

    counted = sorted((c for c in figures.per_label if c.support), key=lambda c: (c.f1, c.support))
    shown, title = counted[:MOST_BARS], "F1 of each label, 95 % interval"
    if len(counted) > MOST_BARS:
        title += f" ({MOST_BARS} weakest of {len(counted):,})"
    figure = Figure(figsize=(7.5, 1.2 + 0.28 * len(shown)), layout="constrained")
    axes = figure.subplots()
    plain_axes(axes, title, "F1")
    at, f1 = np.arange(len(shown)), np.array([c.f1 for c in shown])
    ends = np.array([c.f1_interval for c in shown])
    spread = np.maximum(np.stack([f1 - ends[:, 0], ends[:, 1] - f1]), 0)
    axes.barh(at, f1, color=BLUE, alpha=0.75, height=0.7)
    axes.errorbar(f1, at, xerr=spread, fmt="none", ecolor=GREY, capsize=2)
    names = [drawable(facts.class_name(c.index), LABEL_LENGTH, index=c.index) for c in shown]
    rows = (text.count(c.support, "row") for c in shown)
    axes.set_yticks(at, [f"{name} ({count})" for name, count in zip(names, rows, strict=True)])
    axes.set(xlim=(0, 1.02), ylim=(-0.6, len(shown) - 0.4))
    axes.grid(visible=False, axis="y")
    return figure
