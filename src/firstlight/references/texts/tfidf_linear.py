"""Tf-idf of words and pairs with a linear model: the classical answer, and on small sets the one to beat.

scikit-learn fits a linear support vector machine (classes, labels) or a ridge regression (numbers). The strength of
the penalty, and the steepness that turns scores into probabilities, are chosen on training rows that are kept apart,
whole groups or the latest where the data has such. What was fitted becomes the module of `models/tfidf_linear.py`.

A support vector machine and no logistic regression: on AG News 0.908 against 0.902 at its best.
Its scores become probabilities by one temperature, which leaves the answers as they are (C. Guo
et al., "On calibration of modern neural networks", 2017).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from firstlight.data.texts.batches import bag
from firstlight.references.apart import NO_BONDS, Bonds, apart
from firstlight.references.linear_machines import ABSENT, Linear, fit_linear, is_number
from firstlight.references.spec import TASKS, Answer, ReferenceSpec
from firstlight.references.weights import some, weighted_mean
from firstlight.text import count, duration

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix
    from torch import nn

    from firstlight.data.texts.batches import TextShape
    from firstlight.data.texts.ragged import Ragged
    from firstlight.models.tfidf_linear import TfidfLinear
    from firstlight.references.texts.features import TextRows

ROWS = 4_096  # texts that are scored together
STRENGTHS = (
    0.2,
    0.5,
    1.0,
)  # C of the machines, the quickest first; 4 was worse on AG News, TREC, SST-2 and waimai
PENALTIES = (0.3, 1.0, 3.0, 10.0)  # of the ridge (judgement)
CHOICE_ROWS = 12_000  # training rows that the penalty is chosen with
APART = 5  # one of them in so many is kept apart
CHOICE_SHARE = 0.4  # of the time that choosing may take
WORK_PER_SECOND = 5e6  # n-grams x outputs that one core fits; measured 8e6 to 11e6 at C = 0.2
MARGIN = 1.5  # a fit on more rows takes more rounds
MOST_WEIGHTS = 250_000_000  # 1 GB (judgement)
STEEPNESS = (0.05, 50.0)  # range that is searched; 2 to 6 are usual
FEWEST_ROWS = 10  # below which nothing is chosen


def run(rows: TextRows, seconds: float, seed: int) -> Answer:
    """Fits and answers; with little time fewer rows, and none when even that is too much."""
    found = fit(rows.train, rows.targets, rows.shape, seconds, seed, weights=rows.weights, bonds=rows.bonds)
    if found.model is None:
        return Answer(predicted=None, note=found.note)
    return Answer(predicted=_predicted(found.model, rows.val, rows.task), note=found.note, model=found.model)


def _predicted(model: nn.Module, ragged: Ragged, task: str) -> NDArray[Any]:
    """Probabilities float32 (rows, classes), or numbers float64 (rows,)."""
    import torch

    parts = []
    with torch.inference_mode():
        for start in range(0, len(ragged), ROWS):
            scores = model(bag(ragged.take(np.arange(start, min(start + ROWS, len(ragged))))))
            if task == "regression":
                parts.append(scores[:, 0].double().numpy())
            else:
                chances = scores.softmax(dim=1) if task == "classification" else scores.sigmoid()
                parts.append(chances.float().numpy())
    return np.concatenate(parts)


class Fitted(NamedTuple):
    """A fitted model and what was chosen or cut; no model when the work is too much for the time."""

    model: TfidfLinear | None
    note: str


class _Chosen(NamedTuple):
    """A penalty that was tried, compared by its loss."""

    loss: float
    penalty: float
    steepness: float
    seconds_per_row: float


class _Rows(NamedTuple):
    """Training rows, or some of them."""

    counts: csr_matrix  # of the n-grams
    targets: NDArray[Any]
    weights: NDArray[np.float64] | None  # (rows,), or (rows, labels)
    bonds: Bonds

    def some(self, rows: NDArray[np.int64]) -> _Rows:
        bonds = self.bonds.some(rows)
        return _Rows(self.counts[rows], self.targets[rows], some(self.weights, rows), bonds)


def fit(
    ragged: Ragged,
    targets: NDArray[Any],
    shape: TextShape,
    seconds: float,
    seed: int,
    *,
    weights: NDArray[np.float64] | None = None,
    bonds: Bonds = NO_BONDS,
) -> Fitted:
    """Chooses the penalty and fits; takes fewer rows when all of them would not fit `seconds`.

    Args:
        ragged: N-grams of the training rows.
        targets: int64 (rows,) of classes, float32 (rows, labels) of 0 and 1, or float64 (rows,) of numbers.
        shape: Number of n-grams and of outputs.
        seconds: What the fit may take, roughly.
        seed: Of the rows that choose, and of the solver.
        weights: How much a row counts, (rows,), or (rows, labels); None = all alike.
        bonds: Groups and times of the rows.
    """
    if not shape.inputs:
        return Fitted(None, "not possible: no word, mark or character occurs twice in the training texts")
    started = time.perf_counter()
    order = np.random.default_rng(seed).permutation(len(ragged))
    work = len(ragged.values) / max(len(ragged), 1) * shape.outputs  # n-grams x outputs of a row
    few = order[: min(CHOICE_ROWS, int(CHOICE_SHARE * seconds * WORK_PER_SECOND / max(work, 1)))]
    if len(few) < min(len(order), 2 * shape.outputs) or shape.inputs * shape.outputs > MOST_WEIGHTS:
        much = f"{count(shape.outputs, 'output')} x {count(shape.inputs, 'n-gram')}"
        return Fitted(None, f"not run: {much} are too much for {duration(seconds)}")
    every = _Rows(_matrix(ragged, shape.inputs), targets, weights, bonds)
    usual = work / WORK_PER_SECOND
    chosen = _choose(every.some(few), shape.outputs, started + CHOICE_SHARE * seconds, seed, usual)
    left = started + seconds - time.perf_counter()
    affordable = max(len(few), int(left / (MARGIN * chosen.seconds_per_row)))
    rows = every.some(order[:affordable])
    rarity = _rarity(rows.counts)
    x = _weighted(rows.counts, rarity)
    linear = fit_linear(x, rows.targets, rows.weights, shape.outputs, chosen.penalty, seed)
    note = f"{'penalty' if is_number(targets) else 'C'} {chosen.penalty:g}"
    used = len(rows.targets)
    cut = "" if used == len(order) else f"; fitted on {used:,} of {len(order):,} training rows"
    return Fitted(_module(linear, rarity, chosen.steepness), note + cut)


def _choose(rows: _Rows, outputs: int, deadline: float, seed: int, usual: float) -> _Chosen:
    """The penalty with the smallest loss on the rows kept apart, of those tried before the deadline.

    Where nothing can be kept apart it is the last one, and `usual` is what a row takes, in seconds.
    """
    penalties = PENALTIES if is_number(rows.targets) else STRENGTHS
    rest, chosen = (rows.some(part) for part in apart(rows.targets, APART, rows.bonds, rows.weights))
    if len(rows.targets) < FEWEST_ROWS or not len(chosen.targets):
        return _Chosen(np.inf, penalties[-1], 1.0, usual)
    rarity = _rarity(rest.counts)
    x, held = _weighted(rest.counts, rarity), _weighted(chosen.counts, rarity)
    tried: list[_Chosen] = []
    for penalty in penalties:
        began = time.perf_counter()
        scores = fit_linear(x, rest.targets, rest.weights, outputs, penalty, seed).scores(held)
        loss, steepness = _best_steepness(scores, chosen, _known(rest.targets))
        now = time.perf_counter()
        tried.append(_Chosen(loss, penalty, steepness, (now - began) / len(rest.targets)))
        if now > deadline:
            break
    return min(tried)


def _known(targets: NDArray[Any]) -> NDArray[np.int64]:
    """The classes that occur, or the labels that some rows have and some have not; of a number its only output."""
    if targets.ndim == 2:
        return np.flatnonzero((targets > 0).any(axis=0) & ~(targets > 0).all(axis=0))
    return np.zeros(1, np.int64) if is_number(targets) else np.unique(targets)


def _best_steepness(
    scores: NDArray[np.float64], rows: _Rows, known: NDArray[np.int64]
) -> tuple[float, float]:
    """The smallest loss that a factor on the scores reaches, and the factor; numbers are left as they are.

    Only `known` outputs are looked at: what was not fitted has a score of its own, which no factor is to soften.
    """
    import torch
    from scipy.optimize import minimize_scalar
    from torch.nn import functional

    if is_number(rows.targets):
        return weighted_mean((scores[:, 0] - rows.targets) ** 2, rows.weights), 1.0
    if not len(known):
        return 0.0, 1.0
    outputs = torch.from_numpy(scores[:, known])
    one = rows.targets.ndim == 1
    wanted = torch.from_numpy(np.searchsorted(known, rows.targets) if one else rows.targets[:, known])
    weights = rows.weights if rows.weights is None or rows.weights.ndim == 1 else rows.weights[:, known]

    def loss(logarithm: float) -> float:
        logits = outputs * float(np.exp(logarithm))
        if one:
            each = functional.cross_entropy(logits, wanted, reduction="none")
        else:
            each = functional.binary_cross_entropy_with_logits(logits, wanted.double(), reduction="none")
        return weighted_mean(each.numpy(), weights)

    found = minimize_scalar(loss, bounds=tuple(np.log(STEEPNESS)), method="bounded")
    return float(found.fun), float(np.exp(found.x))


def _matrix(ragged: Ragged, inputs: int) -> csr_matrix:
    """Counts of the n-grams, (rows, n-grams)."""
    from scipy.sparse import csr_matrix

    ones = np.ones(len(ragged.values))
    # A copy, because adding up equal n-grams would change the rows of the caller.
    counts = csr_matrix((ones, ragged.values, ragged.offsets), shape=(len(ragged), inputs), copy=True)
    counts.sum_duplicates()
    return counts


def _rarity(counts: csr_matrix) -> NDArray[np.float64]:
    from sklearn.feature_extraction.text import TfidfTransformer

    rarity: NDArray[np.float64] = TfidfTransformer().fit(counts).idf_
    return rarity


def _weighted(counts: csr_matrix, rarity: NDArray[np.float64]) -> csr_matrix:
    """(1 + ln count) x rarity, each row to length 1, as scikit-learn's TfidfTransformer(sublinear_tf=True)."""
    from sklearn.preprocessing import normalize

    values = (1 + np.log(counts.data)) * rarity[counts.indices]
    return normalize(type(counts)((values, counts.indices, counts.indptr), shape=counts.shape), copy=False)


def _module(linear: Linear, rarity: NDArray[np.float64], steepness: float) -> TfidfLinear:
    import torch

    from firstlight.models.tfidf_linear import TfidfLinear

    module = TfidfLinear(*linear.weight.shape)
    # A score that says never or always is as sure as it is at any steepness.
    constant = np.abs(linear.bias) >= abs(ABSENT)
    bias = np.where(constant, linear.bias / steepness, linear.bias)
    for name, values in (("rarity", rarity), ("weight", linear.weight), ("bias", bias)):
        getattr(module, name).copy_(torch.from_numpy(np.ascontiguousarray(values)))
    module.steepness.fill_(steepness)
    return module.eval()


REFERENCE = ReferenceSpec(name="tfidf_linear", tasks=TASKS, run=run, share=1.0)
