"""A linear classifier on the pixels: what is reached without any learnt feature.

Multinomial logistic regression on standardised block averages. The strength of the L2 penalty is chosen on a part of the training
rows that is kept apart. A network that does not beat this has not learnt to see.

Fitted by PyTorch's L-BFGS: scikit-learn 1.9 turns float32 rows to float64 in every iteration, which made the same fit 5 to 8 times
slower on CIFAR-10 (0.7 to 1.1 s against 0.1 s an iteration on two busy AVX2 cores), and it cannot be stopped by the clock.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from firstlight.references.features import Features, held_out, proportional
from firstlight.references.spec import Answer, ReferenceSpec

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

PENALTIES = (1.0, 1e-1, 1e-2, 1e-3)  # per training row, on standardised pixels; the strong ones converge soonest
CHOICE_ROWS = 5_000  # training rows that the penalty is chosen with
ROUND_ITERATIONS = 10  # the clock is looked at between rounds
ROUNDS = 20
CONVERGED = 1e-4  # nats gained in a round (CIFAR-10: the accuracy no longer changes by more than 0.001)
EVALUATIONS = 100  # of loss and gradient that a fit needs, from 20 to 200 seen
WORK_PER_SECOND = 1e10  # multiply-adds of two cores that are partly busy; measured 0.7e10 to 2e10


class Linear(NamedTuple):
    """A fitted model."""

    weight: torch.Tensor  # float32 (numbers, classes)
    bias: torch.Tensor  # float32 (classes,)
    converged: bool


def run(features: Features, seconds: float, seed: int) -> Answer:
    """Fits and answers; uses fewer rows when the work would not fit `seconds`, and is skipped when those would be too few."""
    import torch

    deadline = time.perf_counter() + seconds
    classes = len(features.class_counts)
    numbers = features.train.shape[1]
    # Loss and gradient take one multiply-add each per row, number and class.
    affordable = int(seconds * WORK_PER_SECOND / (2 * numbers * classes * EVALUATIONS))
    if affordable < min(len(features.train), 2 * classes):
        return Answer(
            predicted=None,
            note=f"not run: {classes:,} classes x {numbers:,} numbers are too much for {seconds:.0f} s",
        )
    everything = np.arange(len(features.train))
    rows = proportional(everything, features.train_labels, affordable, seed=seed)
    x, labels = torch.from_numpy(features.train[rows]), torch.from_numpy(features.train_labels[rows])
    mean, scale = x.mean(dim=0), x.std(dim=0, correction=0)
    scale[scale < 1e-6] = 1.0  # a constant pixel is left as it is
    x.sub_(mean).div_(scale)
    penalty = _choose(x, labels, classes, deadline, seconds, seed)
    model = _fit(x, labels, classes, penalty, deadline)
    predicted, own = _answer(model, (torch.from_numpy(features.val) - mean) / scale, torch.from_numpy(features.val_labels))
    notes = [f"L2 penalty {penalty:g}"]
    if len(rows) < len(everything):
        notes.append(f"fitted on {len(rows):,} training images")
    if not model.converged:
        notes.append("not converged in its time")
    return Answer(predicted=predicted, own_probability=own, note="; ".join(notes))


def _choose(
    x: torch.Tensor, labels: torch.Tensor, classes: int, deadline: float, seconds: float, seed: int
) -> float:
    """The penalty with the smallest loss on the part kept apart; half of the time at most goes into this."""
    few = proportional(np.arange(len(x)), labels.numpy(), CHOICE_ROWS, seed=seed)
    x, labels = x[few], labels[few]
    rest, apart = held_out(labels.numpy(), CHOICE_ROWS, seed=seed)
    best, best_loss = PENALTIES[1], np.inf
    half = deadline - seconds / 2
    for penalty in PENALTIES if len(apart) else ():
        if time.perf_counter() > half:
            break
        model = _fit(x[rest], labels[rest], classes, penalty, half)
        own = _answer(model, x[apart], labels[apart])[1]
        loss = float(-np.log(np.maximum(own, 1e-6)).mean())
        if loss < best_loss:
            best, best_loss = penalty, loss
    return best


def _fit(x: torch.Tensor, labels: torch.Tensor, classes: int, penalty: float, deadline: float) -> Linear:
    """Minimises the mean cross-entropy plus penalty / 2 times the squared weights, in float32."""
    import torch
    from torch.nn.functional import cross_entropy

    weight = torch.zeros(x.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=ROUND_ITERATIONS, line_search_fn="strong_wolfe")

    def evaluate() -> torch.Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(torch.addmm(bias, x, weight), labels) + penalty / 2 * weight.square().sum()
        loss.backward()
        return loss

    before = np.inf
    converged = False
    for _ in range(ROUNDS):
        loss = optimizer.step(evaluate).item()  # the loss at the round's beginning
        converged = before - loss < CONVERGED
        if converged or time.perf_counter() > deadline:
            break
        before = loss
    return Linear(weight.detach(), bias.detach(), converged)


def _answer(
    model: Linear, x: torch.Tensor, labels: torch.Tensor
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Predicted classes, and the probability of each row's own class."""
    scores = (x @ model.weight + model.bias).double()
    own = scores.softmax(dim=1).gather(1, labels[:, None])[:, 0]
    return scores.argmax(dim=1).numpy(), own.numpy()


REFERENCE = ReferenceSpec(name="logistic_regression", run=run, share=2.0)
