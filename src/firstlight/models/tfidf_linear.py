"""Tf-idf and a linear model: the classical answer to texts, and the one that a network has to beat.

N-grams are weighted by 1 + ln(count) and their inverse document frequency, each text to length 1; scikit-learn
fits a linear support vector machine (classes, labels) or a ridge regression (numbers). The strength of the
penalty, and the steepness that turns scores into probabilities, are chosen on training rows that are kept
apart. What was fitted becomes tensors, so it is stored and loaded like a network.

A support vector machine and no logistic regression: on AG News 0.908 against 0.902 at its best.
Its scores become probabilities by one temperature, which leaves the answers as they are (C. Guo
et al., "On calibration of modern neural networks", 2017).
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from firstlight.data.texts.batches import TextInputs, TextShape
from firstlight.models.model import ModelKind
from firstlight.text import count, duration

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from firstlight.data.texts.ragged import Ragged

STRENGTHS = (
    0.2,
    0.5,
    1.0,
)  # C of the machines, the quickest first; 4 was worse on AG News, TREC, SST-2 and waimai
PENALTIES = (0.3, 1.0, 3.0, 10.0)  # of the ridge (judgement)
TOLERANCE = 0.1  # of liblinear; 1e-4 took 4 times as long on AG News for the same accuracy
CHOICE_ROWS = 12_000  # training rows that the penalty is chosen with; a fifth of them is kept apart
CHOICE_SHARE = 0.4  # of the time that choosing may take
WORK_PER_SECOND = 5e6  # n-grams x outputs that one core fits; measured 8e6 to 11e6 at C = 0.2
MARGIN = 1.5  # a fit on more rows takes more rounds
MOST_WEIGHTS = 250_000_000  # 1 GB (judgement)
ABSENT = -100.0  # score of a class that no training row has
STEEPNESS = (0.05, 50.0)  # range that is searched; 2 to 6 are usual
FEWEST_ROWS = 10  # below which nothing is chosen


class TfidfLinear(nn.Module):
    """What was fitted, as tensors; nothing in it is trained further."""

    rarity: Tensor
    weight: Tensor
    bias: Tensor
    steepness: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("rarity", torch.ones(inputs))
        self.register_buffer("weight", torch.zeros(inputs, outputs))
        self.register_buffer("bias", torch.zeros(outputs))
        self.register_buffer("steepness", torch.ones(()))

    def plain_shape(self) -> dict[str, Any]:
        """Plain values from which `MODEL.restore` builds an empty model of this shape."""
        inputs, outputs = self.weight.shape
        return {"inputs": inputs, "outputs": outputs}

    def forward(self, inputs: TextInputs) -> Tensor:
        """Bags of a batch of texts -> logits (batch, outputs), or numbers (batch, 1)."""
        ids, offsets = inputs
        size = len(self.rarity)
        ends = torch.cat([offsets[1:], offsets.new_tensor([len(ids)])])
        texts = torch.repeat_interleave(torch.arange(len(offsets), device=ids.device), ends - offsets)
        pairs, counts = torch.unique(texts * size + ids, return_counts=True)
        texts, ids = pairs // size, pairs % size
        values = (1 + counts.float().log()) * self.rarity[ids]
        offsets = torch.searchsorted(texts, torch.arange(len(offsets), device=ids.device))
        length = functional.embedding_bag(
            ids, self.rarity.new_ones(size, 1), offsets, mode="sum", per_sample_weights=values.square()
        ).sqrt()
        scores = functional.embedding_bag(ids, self.weight, offsets, mode="sum", per_sample_weights=values)
        return (scores / length.clamp(min=1e-12) + self.bias) * self.steepness


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


class _Linear(NamedTuple):
    """What scikit-learn fitted: score = x @ weight + bias."""

    weight: NDArray[np.float64]  # (n-grams, outputs)
    bias: NDArray[np.float64]  # (outputs,)

    def scores(self, x: csr_matrix) -> NDArray[np.float64]:
        """(rows, outputs)."""
        scores: NDArray[np.float64] = x @ self.weight + self.bias
        return scores


def fit(ragged: Ragged, targets: NDArray[Any], shape: TextShape, seconds: float, seed: int) -> Fitted:
    """Chooses the penalty and fits; takes fewer rows when all of them would not fit `seconds`.

    Args:
        ragged: N-grams of the training rows.
        targets: int64 (rows,) of classes, float32 (rows, labels) of 0 and 1, or float64 (rows,) of numbers.
        shape: Number of n-grams and of outputs.
        seconds: What the fit may take, roughly.
        seed: Of the rows that are kept apart, and of the solver.
    """
    started = time.perf_counter()
    order = np.random.default_rng(seed).permutation(len(ragged))
    work = len(ragged.values) / max(len(ragged), 1) * shape.outputs  # n-grams x outputs of a row
    few = order[: min(CHOICE_ROWS, int(CHOICE_SHARE * seconds * WORK_PER_SECOND / max(work, 1)))]
    if len(few) < min(len(order), 2 * shape.outputs) or shape.inputs * shape.outputs > MOST_WEIGHTS:
        much = f"{count(shape.outputs, 'output')} x {count(shape.inputs, 'n-gram')}"
        return Fitted(None, f"not run: {much} are too much for {duration(seconds)}")
    counts = _matrix(ragged, shape.inputs)
    chosen = _choose(counts[few], targets[few], shape.outputs, started + CHOICE_SHARE * seconds, seed)
    left = started + seconds - time.perf_counter()
    affordable = max(len(few), int(left / (MARGIN * chosen.seconds_per_row)))
    rows = order[:affordable]
    rarity = _rarity(counts[rows])
    linear = _fit(_weighted(counts[rows], rarity), targets[rows], shape.outputs, chosen.penalty, seed)
    note = f"{'penalty' if _is_number(targets) else 'C'} {chosen.penalty:g}"
    cut = "" if len(rows) == len(order) else f"; fitted on {len(rows):,} of {len(order):,} training rows"
    return Fitted(_module(linear, rarity, chosen.steepness), note + cut)


def _is_number(targets: NDArray[Any]) -> bool:
    return bool(targets.ndim == 1 and np.issubdtype(targets.dtype, np.floating))


def _choose(counts: csr_matrix, targets: NDArray[Any], outputs: int, deadline: float, seed: int) -> _Chosen:
    """The penalty with the smallest loss on the last fifth, of those tried before the deadline."""
    penalties = PENALTIES if _is_number(targets) else STRENGTHS
    rest = len(targets) - len(targets) // 5
    if len(targets) < FEWEST_ROWS:
        return _Chosen(np.inf, penalties[-1], 1.0, 1e-6)
    rarity = _rarity(counts[:rest])
    x, apart = _weighted(counts[:rest], rarity), _weighted(counts[rest:], rarity)
    tried: list[_Chosen] = []
    for penalty in penalties:
        began = time.perf_counter()
        scores = _fit(x, targets[:rest], outputs, penalty, seed).scores(apart)
        loss, steepness = _best_steepness(scores, targets[rest:])
        now = time.perf_counter()
        tried.append(_Chosen(loss, penalty, steepness, (now - began) / rest))
        if now > deadline:
            break
    return min(tried)


def _best_steepness(scores: NDArray[np.float64], targets: NDArray[Any]) -> tuple[float, float]:
    """The smallest loss that a factor on the scores reaches, and the factor; numbers are left as they are."""
    from scipy.optimize import minimize_scalar

    if _is_number(targets):
        return float(((scores[:, 0] - targets) ** 2).mean()), 1.0
    outputs, wanted = torch.from_numpy(scores), torch.from_numpy(targets)

    def loss(logarithm: float) -> float:
        logits = outputs * float(np.exp(logarithm))
        if wanted.ndim == 1:
            return functional.cross_entropy(logits, wanted).item()
        return functional.binary_cross_entropy_with_logits(logits, wanted.double()).item()

    found = minimize_scalar(loss, bounds=tuple(np.log(STEEPNESS)), method="bounded")
    return float(found.fun), float(np.exp(found.x))


def _fit(x: csr_matrix, targets: NDArray[Any], outputs: int, penalty: float, seed: int) -> _Linear:
    if _is_number(targets):
        from sklearn.linear_model import Ridge

        ridge = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-4).fit(x, targets)
        return _Linear(ridge.coef_[:, None], np.array([ridge.intercept_]))
    if targets.ndim == 2:
        columns = [_machine(x, targets[:, label] > 0, penalty, seed) for label in range(outputs)]
        return _Linear(
            np.stack([c.weight for c in columns], 1)[:, :, 0], np.concatenate([c.bias for c in columns])
        )
    return _classes(x, targets, outputs, penalty, seed)


def _classes(x: csr_matrix, targets: NDArray[Any], outputs: int, penalty: float, seed: int) -> _Linear:
    """One machine a class; of two classes there is one, and each gets half of its score."""
    present = np.unique(targets)
    linear = _Linear(np.zeros((x.shape[1], outputs)), np.full(outputs, ABSENT))
    if len(present) == 1:
        linear.bias[present] = 0.0
    elif len(present) == 2:
        one = _machine(x, targets == present[1], penalty, seed)
        linear.weight[:, present] = one.weight * [-0.5, 0.5]
        linear.bias[present] = one.bias * [-0.5, 0.5]
    else:
        fitted = _solved(x, targets, penalty, seed)
        linear.weight[:, present] = fitted.weight
        linear.bias[present] = fitted.bias
    return linear


def _machine(x: csr_matrix, wanted: NDArray[np.bool_], penalty: float, seed: int) -> _Linear:
    """One support vector machine; a constant where there is nothing to part."""
    if wanted.all() or not wanted.any():
        return _Linear(np.zeros((x.shape[1], 1)), np.array([-ABSENT if wanted.all() else ABSENT]))
    return _solved(x, wanted, penalty, seed)


def _solved(x: csr_matrix, targets: NDArray[Any], penalty: float, seed: int) -> _Linear:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=penalty, tol=TOLERANCE, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(x, targets)
    return _Linear(machine.coef_.T, machine.intercept_)


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


def _module(linear: _Linear, rarity: NDArray[np.float64], steepness: float) -> TfidfLinear:
    module = TfidfLinear(*linear.weight.shape)
    for name, values in (("rarity", rarity), ("weight", linear.weight), ("bias", linear.bias)):
        getattr(module, name).copy_(torch.from_numpy(np.ascontiguousarray(values)))
    module.steepness.fill_(steepness)
    return module.eval()


def _build(shape: Any, width: float, dropout: float) -> TfidfLinear:
    assert isinstance(shape, TextShape)
    return TfidfLinear(shape.inputs, shape.outputs)


# Fitted, not trained: a run never proposes it as its network, but a checkpoint of it is built by its name.
MODEL = ModelKind(
    data="text",
    fits=lambda shape: False,
    build=_build,
    prepare=lambda model, inputs: None,
    widths=(1.0,),
    fitted=True,
    restore=lambda shape: TfidfLinear(**shape),
)
