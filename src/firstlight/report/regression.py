"""What the report shows of a regression: how large the errors are, where they are, and the worst rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight import text
from firstlight.report import words
from firstlight.report.blocks import Block, Heading, Picture, Table, Text
from firstlight.report.drawing import BLUE, GREY, ORANGE, RED, plain_axes
from firstlight.results.facts import Facts
from firstlight.results.regression import CLOSE, Band, Regression

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

MOST_POINTS = 2000  # rows; more are drawn as counts in hexagons, because points would hide one another
HEXAGONS = 60  # across the width
EDGE = 0.03  # of the range that is drawn, free at both ends
ROOM = 0.25  # of the range of the true numbers: predictions further out are counted, not drawn


def blocks(facts: Facts, figures: Regression) -> Iterator[Block]:
    """The part of section 2 that only numbers have."""
    yield Heading(text="How large the errors are")
    yield Text(text=_bias(figures))
    yield Table(columns=("", "Absolute error"), rows=tuple(_sizes(figures)))
    yield Picture(path="plots/predicted_true.png", alt="Predicted numbers and their errors")
    yield Heading(text="Where the errors are")
    yield _bands(figures)
    yield Picture(path="plots/error_by_target.png", alt="Mean error along the true numbers")
    yield Heading(text="Rows with the largest errors")
    yield _worst(facts, figures)


def plots(facts: Facts, figures: Regression) -> dict[str, Callable[[], Figure]]:
    """File name below plots/ -> how it is drawn."""
    found = facts.predictions
    assert found is not None  # the figures come from them
    return {
        "predicted_true.png": lambda: predicted_true(found.targets, found.values),
        "error_by_target.png": lambda: error_by_target(figures.bands),
    }


def _bias(figures: Regression) -> str:
    found = figures.residuals
    low, high = found.bias_interval
    span = f"{words.signed(found.bias)} (predicted minus true, 95 % interval {words.signed_span(low, high)})"
    if not (low > 0 or high < 0):  # also without an interval, where all rows are of one group
        return f"The mean error is {span}: no lean to one side is shown."
    side = "too high" if found.bias > 0 else "too low"
    return f"The mean error is {span}: on average the predictions are {side}."


def _sizes(figures: Regression) -> Iterator[tuple[str, str]]:
    found = figures.residuals
    for share, size in found.quantiles:
        label = "largest" if share == 1 else f"{100 * share:.0f} % of the rows are below"
        yield label, words.value(size)
    if found.close is not None and found.close_interval is not None:
        span = words.percent_span(found.close_interval)
        yield f"rows within {100 * CLOSE:.0f} % of the truth", f"{text.percent(found.close)} ({span})"


def _bands(figures: Regression) -> Table:
    rows = tuple(
        (
            f"{text.number(band.low)} to {text.number(band.high)}",
            f"{band.rows:,}",
            words.signed(band.bias),
            words.value(band.mae),
            words.span(band.mae_interval),
            words.value(band.rmse),
        )
        for band in figures.bands
    )
    return Table(
        columns=("True number", "Rows", "Mean error", "MAE", "95 % interval", "RMSE"),
        rows=rows,
        note="Parts of about as many rows, by the true number. Predictions lean towards the middle wherever the "
        "columns do not say enough: too high for small true numbers, too low for large ones.",
    )


def _worst(facts: Facts, figures: Regression) -> Table:
    assert facts.predictions is not None  # the figures come from them
    ids = facts.predictions.ids
    rows = tuple(
        (
            str(ids[miss.row]),
            text.number(miss.actual),
            text.number(miss.predicted),
            words.signed(miss.error),
        )
        for miss in figures.worst
    )
    return Table(
        columns=("Row", "True", "Predicted", "Error"),
        rows=rows,
        note="Look here for wrong numbers in the data first: firstlight explain data_quality.",
    )


def predicted_true(actual: NDArray[np.floating], predicted: NDArray[np.floating]) -> Figure:
    """Predicted over true numbers, and errors over predicted ones, each with the line of no error."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    low, high = _range(actual, predicted)
    plain_axes(left, "Predicted against true", "true")
    left.set_ylabel("predicted")
    _cloud(left, actual, predicted, (low, high), (low, high))
    left.plot([low, high], [low, high], color=RED, linestyle="--", linewidth=1.2, label="predicted = true")
    left.legend(loc="upper left")
    plain_axes(right, "Errors over what is predicted", "predicted")
    right.set_ylabel("error: predicted minus true")
    errors = predicted - actual
    most = min(float(np.abs(errors).max()) or 1.0, high - low)
    drawn = _cloud(right, predicted, errors, (low, high), (-1.05 * most, 1.05 * most))
    right.axhline(0, color=RED, linestyle="--", linewidth=1.2)
    if drawn is not None:
        figure.colorbar(drawn, ax=right, shrink=0.7, label="rows in a hexagon", format="{x:,.0f}")
    return figure


def error_by_target(bands: tuple[Band, ...]) -> Figure:
    """Mean absolute error and mean error of rows of similar true numbers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 4.2), layout="constrained")
    axes = figure.subplots()
    plain_axes(axes, "Error of rows with similar true numbers", "true number")
    at = np.arange(len(bands))
    mae = np.array([band.mae for band in bands])
    ends = np.array([band.mae_interval for band in bands])
    spread = np.maximum(np.nan_to_num(np.stack([mae - ends[:, 0], ends[:, 1] - mae])), 0)
    axes.bar(at, mae, color=BLUE, alpha=0.75, width=0.7, label="mean absolute error, 95 % interval")
    axes.errorbar(at, mae, yerr=spread, fmt="none", ecolor=GREY, capsize=3)
    axes.plot(at, [band.bias for band in bands], color=ORANGE, marker="o", label="mean error")
    axes.axhline(0, color=GREY, linewidth=0.8)
    names = [f"{text.number(band.low)}\nto {text.number(band.high)}" for band in bands]
    axes.set_xticks(at, names, fontsize=8)
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_ylabel("in the unit of the target")
    axes.legend()
    return figure


def _range(actual: NDArray[np.floating], predicted: NDArray[np.floating]) -> tuple[float, float]:
    """Of all numbers, but of predictions only as far as ROOM allows; of one number alone a range around it."""
    low, high = float(actual.min()), float(actual.max())
    room = ROOM * (high - low) or abs(low) or 1.0
    low, high = max(low - room, float(predicted.min())), min(high + room, float(predicted.max()))
    low, high = min(low, float(actual.min())), max(high, float(actual.max()))
    edge = EDGE * (high - low) or room
    return low - edge, high + edge


def _cloud(
    axes: Axes,
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> PolyCollection | None:
    """Points when they are few, else counts, which are returned for a colour bar.

    One wild prediction must not press all others into a line, so what lies outside the ranges is only counted.
    """
    inside = (x >= x_range[0]) & (x <= x_range[1]) & (y >= y_range[0]) & (y <= y_range[1])
    counts = None
    if len(x) <= MOST_POINTS:
        axes.scatter(x[inside], y[inside], s=12, alpha=0.5, color=BLUE, linewidths=0)
    else:
        extent: Any = (*x_range, *y_range)
        counts = axes.hexbin(
            x[inside], y[inside], gridsize=HEXAGONS, bins="log", mincnt=1, cmap="viridis_r", extent=extent
        )
    axes.set(xlim=x_range, ylim=y_range)
    axes.locator_params(nbins=6)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
    outside = int((~inside).sum())
    if outside:
        note = f"{text.count(outside, 'row')} outside"
        axes.text(0.98, 0.02, note, transform=axes.transAxes, ha="right", color=GREY)
    return counts
