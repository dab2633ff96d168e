"""A linear classifier on the pixels: what is reached without any learnt feature.

Multinomial logistic regression on standardised block averages. The strength of the L2 penalty is chosen on a
part of the training rows that is kept apart. A network that does not beat this has not learnt to see.

Fitted by PyTorch's L-BFGS: scikit-learn 1.9 turns float32 rows to float64 in every iteration, which made the
same fit 5 to 8 times slower on CIFAR-10 (0.7 to 1.1 s against 0.1 s an iteration on two busy AVX2 cores), and
it cannot be stopped by the clock.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from firstlight.references.images.features import Features, held_out, proportional, row_weights
from firstlight.references.spec import Answer, ReferenceSpec
from firstlight.text import duration

if TYPE_CHECKING:
    import torch

PENALTIES = (
    1.0,
    1e-1,
    1e-2,
    1e-3,
)  # per training row, on standardised pixels; the strong ones converge soonest
CHOICE_ROWS = 5_000  # training rows that the penalty is chosen with
ROUND_ITERATIONS = 10  # the clock is looked at between rounds
ROUNDS = 20
CONVERGED = 1e-4  # nats gained in a round (CIFAR-10: the accuracy no longer changes by more than 0.001)
EVALUATIONS = 100  # of loss and gradient that a fit needs, from 20 to 200 seen
WORK_PER_SECOND = 1e10  # multiply-adds of two cores that are partly busy; measured 0.7e10 to 2e10
SMALLEST_SCALE = 1e-6  # of a pixel in 0..1; one that varies less is constant and left as it is
SMALL_WORK = 2e7  # multiply-adds of one evaluation: some milliseconds of one core


class Linear(NamedTuple):
    """A fitted model."""

    weight: torch.Tensor  # float32 (numbers, classes)
    bias: torch.Tensor  # float32 (classes,)
    converged: bool


def run(features: Features, seconds: float, seed: int) -> Answer:
    """Fits and answers; takes fewer rows when the work would not fit `seconds`, none if too few."""
    import torch

    torch.optim.LBFGS(
        [torch.zeros(1)]
    )  # the first optimizer of a process loads the compiler, 1.3 s: not our time
    started = time.perf_counter()
    classes, numbers = features.classes, features.train.shape[1]
    # Loss and gradient take one multiply-add each per row, number and class.
    affordable = int(seconds * WORK_PER_SECOND / (2 * numbers * classes * EVALUATIONS))
    if affordable < min(len(features.train), 2 * classes):
        return Answer(
            predicted=None,
            note=f"not run: {classes:,} classes x {numbers:,} numbers are too much for {duration(seconds)}",
        )
    everything = np.arange(len(features.train))
    rows = proportional(everything, features.train_labels, affordable, seed=seed)
    x, labels = torch.from_numpy(features.train[rows]), torch.from_numpy(features.train_labels[rows])
    weights = torch.from_numpy(row_weights(features)[rows])
    mean, scale = x.mean(dim=0), x.std(dim=0, correction=0)
    scale[scale < SMALLEST_SCALE] = 1.0
    x.sub_(mean).div_(scale)
    with _threads(work=len(rows) * numbers * classes):
        penalty = _choose(x, labels, weights, classes, started + seconds / 2, seed)
        model = _fit(x, labels, weights, penalty, _zero(numbers, classes), started + seconds)
    val = (torch.from_numpy(features.val) - mean) / scale
    probabilities = _probabilities(model, val).float().numpy()
    notes = [f"L2 penalty {penalty:g}"]
    if len(rows) < len(everything):
        notes.append(f"fitted on {len(rows):,} training images")
    if not model.converged:
        notes.append("not converged in its time")
    return Answer(predicted=probabilities, note="; ".join(notes))


@contextlib.contextmanager
def _threads(work: int) -> Iterator[None]:
    """One thread for a small fit: two that wait for each other on a busy machine took 8 times as long."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(before if work > SMALL_WORK else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _choose(
    x: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, classes: int, deadline: float, seed: int
) -> float:
    """The penalty with the smallest loss on the part kept apart; of those tried before the deadline."""
    few = proportional(np.arange(len(x)), labels.numpy(), CHOICE_ROWS, seed=seed)
    x, labels, weights = x[few], labels[few], weights[few]
    rest, apart = held_out(labels.numpy(), CHOICE_ROWS, seed=seed)
    best, best_loss = PENALTIES[1], np.inf
    model = _zero(x.shape[1], classes)
    for penalty in PENALTIES if len(apart) else ():
        if time.perf_counter() > deadline:
            break
        model = _fit(x[rest], labels[rest], weights[rest], penalty, model, deadline)
        own = _probabilities(model, x[apart]).gather(1, labels[apart][:, None])
        loss = _mean(-own.clamp_min(1e-6).log()[:, 0], weights[apart])
        if loss >= best_loss:
            break  # weaker ones fit the noise even more closely
        best, best_loss = penalty, loss
    return best


def _zero(numbers: int, classes: int) -> Linear:
    import torch

    return Linear(torch.zeros(numbers, classes), torch.zeros(classes), converged=False)


def _mean(losses: torch.Tensor, weights: torch.Tensor) -> float:
    return float((losses * weights).sum() / weights.sum())


def _fit(
    x: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    penalty: float,
    start: Linear,
    deadline: float,
) -> Linear:
    """Minimises the mean cross-entropy, by weight, plus penalty / 2 times the squared weights, from `start` on."""
    import torch
    from torch.nn.functional import cross_entropy

    share = weights / weights.sum()
    weight = start.weight.clone().requires_grad_()
    bias = start.bias.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=ROUND_ITERATIONS, line_search_fn="strong_wolfe")

    def evaluate() -> torch.Tensor:
        optimizer.zero_grad()
        each = cross_entropy(torch.addmm(bias, x, weight), labels, reduction="none")
        loss = (each * share).sum() + penalty / 2 * weight.square().sum()
        loss.backward()
        return loss

    before = np.inf
    converged = False
    for _ in range(ROUNDS):
        loss = optimizer.step(evaluate).item()
        converged = before - loss < CONVERGED
        if converged or time.perf_counter() > deadline:
            break
        before = loss
    return Linear(weight.detach(), bias.detach(), converged)


def _probabilities(model: Linear, x: torch.Tensor) -> torch.Tensor:
    """Of each class, float64 (rows, classes)."""
    return (x @ model.weight + model.bias).double().softmax(dim=1)


REFERENCE = ReferenceSpec(name="logistic_regression", tasks=("classification",), run=run, share=2.0)
