"""Metrics that are added up batch by batch, for answers that are too large to keep: a class for each pixel or token.

Of a validation row only sums are kept, the numerators and denominators of the metrics: float64 (rows, columns). The
sums of some rows, added up, give the metrics of these rows, so an interval comes from rows that are drawn again.

    loss | hits of each class | pixels or tokens of each class | those predicted as each class
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.errors import UsageError
from firstlight.tasks.classification import chance, class_weights
from firstlight.tasks.task import CERTAIN, Activation, Chance, Goal, LossFunction, Objective, Running

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from firstlight.config.schema import Loss

IGNORED = -100  # class of a place that does not count, as torch's cross-entropy has it
TABLES = 3  # hits, actual, claimed


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the answers of a model lie.

    Attributes:
        places: (outputs, targets) of a batch -> logits (rows, classes, places) and classes int64 (rows, places),
            IGNORED where nothing counts.
        perfect: (targets, classes) -> 1 for the class of each place and 0 else, as outputs lie.
        axis: Of the outputs, along which the classes lie.
    """

    places: Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    perfect: Callable[[torch.Tensor, int], torch.Tensor]
    axis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums of several sets of rows, taken apart; each (sets, classes) but the loss (sets,)."""

    loss: NDArray[np.float64]  # nats
    hits: NDArray[np.float64]
    actual: NDArray[np.float64]
    claimed: NDArray[np.float64]

    @classmethod
    def of(cls, sums: NDArray[np.float64]) -> Totals:
        """From (sets, 1 + 3 classes)."""
        hits, actual, claimed = np.split(sums[:, 1:], TABLES, axis=1)
        return cls(loss=sums[:, 0], hits=hits, actual=actual, claimed=claimed)

    @property
    def mean_loss(self) -> NDArray[np.float64]:
        """Of a place that counts, (sets,)."""
        return ratio(self.loss, self.actual.sum(axis=1))

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Share of the places that are right, (sets,)."""
        return ratio(self.hits.sum(axis=1), self.actual.sum(axis=1))

    @property
    def f1(self) -> NDArray[np.float64]:
        """Of each class, (sets, classes); NaN where a class does not occur."""
        return self._present(ratio(2 * self.hits, self.actual + self.claimed))

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class, (sets, classes); NaN where a class does not occur."""
        return self._present(ratio(self.hits, self.actual + self.claimed - self.hits))

    def _present(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(self.actual > 0, values, np.nan)


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Above / below; NaN where nothing is below."""
    return np.asarray(np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0))


def mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(sets, classes) -> (sets,): the mean of those that are known."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))


def counted_objective(
    goal: Goal, layout: Layout, metric: str, running: Running, at_chance: float
) -> Objective:
    """The objective of a task that gives a class to each place.

    Args:
        goal: Its counts say how often each class occurs in the training rows.
        layout: Of outputs and targets.
        metric: That people quote.
        running: Its metrics.
        at_chance: What `metric` is without looking at the input.
    """
    counts = counts_of(goal)
    return Objective(
        outputs=len(counts),
        metric=metric,
        loss=lambda device: make_loss(layout, goal.settings, counts, device),
        activate=softmax(layout.axis),
        measure=lambda sums, _: measured_by(running, sums),
        perfect=lambda targets: _perfect(layout.perfect(targets, len(counts)), layout.axis, goal.settings),
        chance=_chance(counts, goal.settings, at_chance),
        running=running,
    )


def counts_of(goal: Goal) -> NDArray[np.int64]:
    """How often each class occurs in the training rows, (classes,), at least one class."""
    assert goal.counts is not None  # the kind of data counts them
    counts = goal.counts
    return counts if counts.sum() else np.ones(max(len(counts), 1), np.int64)


def measured_by(running: Running, sums: NDArray[np.float64]) -> dict[str, float]:
    """The metrics of all rows together."""
    total = sums.sum(axis=0, keepdims=True)
    return {name: float(values[0]) for name, values in running.metrics(total).items()}


def softmax(axis: int) -> Activation:
    """Probabilities along an axis."""
    return lambda outputs: outputs.float().softmax(dim=axis)


def make_loss(
    layout: Layout, settings: Loss, counts: NDArray[np.int64], device: torch.device
) -> LossFunction:
    """Cross-entropy in nats, mean over the places of a batch that count; 0 for a batch without any."""
    import torch
    from torch.nn import functional

    found = class_weights(settings, counts.astype(np.float64))
    weight = None if found is None else torch.tensor(found, dtype=torch.float32, device=device)

    def loss(
        outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        logits, labels = layout.places(outputs, targets)
        balance = None if weight is None else functional.pad(weight, (0, logits.shape[1] - len(weight)))
        smoothing = settings.label_smoothing
        each = functional.cross_entropy(
            logits.float(), labels, weight=balance, label_smoothing=smoothing, reduction="sum"
        )
        counted = labels != IGNORED
        size = counted.sum() if balance is None else balance[labels[counted]].sum()
        return each / size.clamp_min(1e-12)

    return loss


def place_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in nats of each row, summed over its places: float64 (rows,)."""
    from torch.nn import functional

    each = functional.cross_entropy(logits.float(), labels, reduction="none", ignore_index=IGNORED)
    return each.double().sum(dim=1)


def by_class(
    layout: Layout,
    classes: int,
    metrics: Callable[[NDArray[np.float64]], dict[str, NDArray[np.float64]]],
) -> Running:
    """How metrics of classes are added up.

    Args:
        layout: Of the answers.
        classes: How many there are.
        metrics: Of sets of rows, (sets, 1 + 3 classes) -> (sets,) each.
    """
    return Running(sums=class_sums(layout, classes), metrics=metrics, answers=chosen_and_true(layout))


def class_sums(layout: Layout, classes: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The function that gives loss, hits, actual and claimed of each row: float64 (rows, 1 + 3 classes)."""
    import torch

    def sums(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits, labels = layout.places(outputs, targets)
        chosen, counted = logits.argmax(dim=1), labels != IGNORED
        tables = [
            _per_class(labels, counted & (chosen == labels), classes),
            _per_class(labels, counted, classes),
            _per_class(chosen, counted & (chosen < classes), classes),
        ]
        return torch.cat([place_losses(logits, labels)[:, None], *tables], dim=1)

    return sums


def chosen_and_true(
    layout: Layout,
) -> Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """The function that gives the classes predicted and true, each (places that count,), of a batch."""

    def answers(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, labels = layout.places(outputs, targets)
        counted = labels != IGNORED
        return logits.argmax(dim=1)[counted], labels[counted]

    return answers


def refuse_shapes(outputs: Any, targets: Any, wanted: str) -> UsageError:
    """The error of outputs that are not laid out as their task has them."""
    shapes = (" x ".join(map(str, value.shape)) for value in (outputs, targets))
    return UsageError(
        "outputs and targets do not fit one another",
        "outputs are {}, targets {}".format(*shapes),
        f"{wanted}; another task is named with task=, and what fits none is a step",
    )


def checked(
    logits: torch.Tensor, labels: torch.Tensor, outputs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (rows, classes, places) and labels (rows, places).

    Raises:
        UsageError: A target is no class that the model knows. On an accelerator, where looking would make it wait,
            torch says so.
    """
    if labels.device.type == "cpu" and labels.numel():
        least, most = int(labels.min()), int(labels.max())
        if most >= logits.shape[1] or (least < 0 and bool(((labels < 0) & (labels != IGNORED)).any())):
            raise UsageError(
                "a target is no class that the model answers with",
                f"targets from {least} to {most}, outputs {' x '.join(map(str, outputs.shape))}: "
                f"{logits.shape[1]} classes",
                f"classes are whole numbers from 0; {IGNORED} is left out",
            )
    return logits, labels


def _perfect(hot: torch.Tensor, axis: int, settings: Loss) -> torch.Tensor:
    """Logits of the smoothed targets."""
    smoothing = max(settings.label_smoothing, CERTAIN)
    return (hot * (1 - smoothing) + smoothing / hot.shape[axis]).log()


def _per_class(labels: torch.Tensor, chosen: torch.Tensor, classes: int) -> torch.Tensor:
    """How many of the chosen places (rows, places) have each class: float64 (rows, classes)."""
    import torch

    rows = len(labels)
    first = torch.arange(rows, device=labels.device)[:, None] * classes
    return torch.bincount((labels + first)[chosen], minlength=rows * classes).reshape(rows, classes).double()


def _chance(counts: NDArray[np.int64], settings: Loss, metric: float) -> Chance:
    found = chance(counts.astype(np.float64), settings)
    return Chance(loss=found.loss, blank=found.blank, training_loss=found.training_loss, metric=metric)
