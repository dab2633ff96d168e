"""A linear model on the encoded columns: what is reached without any interaction of columns.

Numbers standardised, with one column that says where a number is missing; categories one-hot and sparse.
Multinomial logistic regression for classes, one logistic regression a label for several labels, ridge
regression for numbers, all by scikit-learn. The strength of the L2 penalty is chosen on a fifth of the
training rows that is kept apart, whole groups or the latest where the data has such.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from firstlight.references.apart import NO_BONDS, Bonds, apart
from firstlight.references.spec import TASKS, Answer, ReferenceSpec
from firstlight.references.tables.features import TableRows, some_rows
from firstlight.references.weights import of_label, some, weighted_mean
from firstlight.text import count, duration

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from firstlight.data.tables.batches import TableInputs

APART = 5  # one row in so many chooses the penalty
FEWEST_ROWS = 20  # below this nothing is kept apart (judgement)
PENALTIES = (100.0, 10.0, 1.0, 0.1)  # 1 / C of scikit-learn; the strong ones converge soonest
UNCHOSEN = 1.0  # where nothing can be kept apart: the default of scikit-learn
MOST_ITERATIONS = 300
USUAL_ITERATIONS = 100  # of a fit; 20 to 133 seen
ENTRY_COST = 3e-9  # seconds of one core for an entry and an output in an iteration; measured 0.8e-9 to 2.1e-9
CHOICE_SHARE = 0.6  # of the time
MOST_WEIGHTS = 20_000_000  # of a model: 160 MB


class _Data(NamedTuple):
    columns: Any  # numpy or scipy sparse (rows, width)
    targets: NDArray[Any]
    weights: NDArray[np.float64] | None = None  # (rows,), or (rows, labels)
    bonds: Bonds = NO_BONDS

    def some(self, rows: NDArray[np.int64]) -> _Data:
        bonds = self.bonds.some(rows)
        return _Data(self.columns[rows], self.targets[rows], some(self.weights, rows), bonds)

    def label(self, label: int) -> _Data:
        """One of several labels as two classes."""
        return self._replace(
            targets=self.targets[:, label].astype(np.int64), weights=of_label(self.weights, label)
        )


def run(rows: TableRows, seconds: float, seed: int) -> Answer:
    """Fits and answers; with little time fewer rows, and none when too few of them would be left."""
    width = 2 * rows.train.numbers.shape[1] + sum(rows.cardinalities)
    affordable = _affordable_rows(rows, seconds)
    needed = min(len(rows.targets), max(FEWEST_ROWS, 2 * rows.outputs))
    if affordable < needed or width * rows.outputs > MOST_WEIGHTS:
        size = f"{count(rows.outputs, 'output')} x {count(width, 'column')}"
        return Answer(predicted=None, note=f"not run: {size} are too much for {duration(seconds)}")
    used = some_rows(len(rows.targets), affordable, seed=seed)
    encoder = _encoder(rows.train.numbers[used], rows.train.codes.shape[1])
    columns = encoder.fit_transform(_both(rows.train)[used])
    data = _Data(columns, rows.targets[used], some(rows.weights, used), rows.bonds.some(used))
    predicted, penalties = _answer(data, encoder.transform(_both(rows.val)), rows, seconds)
    notes = [f"L2 penalty {', '.join(f'{p:g}' for p in sorted(set(penalties)))}"]
    if len(used) < len(rows.targets):
        notes.append(f"fitted on {len(used):,} of {len(rows.targets):,} training rows")
    return Answer(predicted=predicted, note="; ".join(notes))


def _affordable_rows(rows: TableRows, seconds: float) -> int:
    """Rows with which the fits that choose the penalty keep to their part of the time."""
    entries = max(2 * rows.train.numbers.shape[1] + rows.train.codes.shape[1], 1)
    work = entries * rows.outputs * USUAL_ITERATIONS * len(PENALTIES)
    return int(seconds * CHOICE_SHARE / (work * ENTRY_COST))


def _both(inputs: TableInputs) -> NDArray[np.float64]:
    """Numbers, then codes, float64 (rows, numbers + categories)."""
    return np.concatenate([inputs.numbers.double().numpy(), inputs.codes.double().numpy()], axis=1)


def _encoder(numbers: torch.Tensor, categories: int) -> Any:
    """From the columns of `_both` to those of the model; a number that is always missing is left out."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    width = numbers.shape[1]
    seen = np.flatnonzero((~numbers.isnan()).any(dim=0).numpy())
    # Standardised first: a missing number then takes the mean, which is 0.
    filled = SimpleImputer(strategy="constant", fill_value=0.0, add_indicator=True)
    return make_column_transformer(
        (make_pipeline(StandardScaler(), filled), seen),
        (OneHotEncoder(handle_unknown="ignore"), np.arange(width, width + categories)),
        sparse_threshold=1.0,
    )


def _answer(data: _Data, val: Any, rows: TableRows, seconds: float) -> tuple[NDArray[Any], tuple[float, ...]]:
    """Predictions of the validation rows, and the penalty of each model that made them."""
    if rows.task != "multilabel":
        model, penalty = _fit(data, rows.task, seconds)
        return _predict(model, val, rows.outputs), (penalty,)
    labels = [_fit(data.label(j), "classification", seconds / rows.outputs) for j in range(rows.outputs)]
    set_probability = [_predict(model, val, 2)[:, 1] for model, _ in labels]
    return np.stack(set_probability, axis=1), tuple(penalty for _, penalty in labels)


def _fit(data: _Data, task: str, seconds: float) -> tuple[Any, float]:
    """The model with the best penalty, fitted on all rows of `data`; a class alone gives itself."""
    if task == "classification" and len(np.unique(data.targets)) < 2:
        from sklearn.dummy import DummyClassifier

        return DummyClassifier(strategy="prior").fit(np.zeros((len(data.targets), 1)), data.targets), UNCHOSEN
    penalty = _choose(data, task, time.perf_counter() + seconds * CHOICE_SHARE)
    return _fitted(_model(task), data, penalty), penalty


def _model(task: str) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    if task == "regression":
        return Ridge(solver="lsqr")  # takes dense and sparse columns, with an intercept
    return LogisticRegression(max_iter=MOST_ITERATIONS, warm_start=True)


def _fitted(model: Any, data: _Data, penalty: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    strength = {"C": 1 / penalty} if hasattr(model, "C") else {"alpha": penalty}
    with warnings.catch_warnings():
        # The last iterations change the fourth digit; a reference need not be converged to be honest.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.set_params(**strength).fit(data.columns, data.targets, sample_weight=data.weights)


def _choose(data: _Data, task: str, deadline: float) -> float:
    """The penalty with the smallest loss on the part kept apart; of those tried before the deadline."""
    rest, chosen = (data.some(part) for part in apart(data.targets, APART, data.bonds, data.weights))
    lone = task == "classification" and len(np.unique(rest.targets)) < 2
    if len(data.targets) < FEWEST_ROWS or not len(chosen.targets) or lone:
        return UNCHOSEN
    model, best, best_loss = _model(task), UNCHOSEN, np.inf
    for penalty in PENALTIES:
        loss = _loss(_fitted(model, rest, penalty), chosen)
        if loss >= best_loss:
            break  # weaker ones fit the noise even more closely
        best, best_loss = penalty, loss
        if time.perf_counter() > deadline:
            break
    return best


def _loss(model: Any, data: _Data) -> float:
    """Mean squared error, or mean cross-entropy; each class was fitted on."""
    classes = getattr(model, "classes_", None)
    if classes is None:
        return weighted_mean(np.square(model.predict(data.columns) - data.targets), data.weights)
    place = np.searchsorted(classes, data.targets)
    own = model.predict_proba(data.columns)[np.arange(len(place)), place]
    return weighted_mean(-np.log(np.maximum(own, 1e-9)), data.weights)


def _predict(model: Any, columns: Any, outputs: int) -> NDArray[Any]:
    """Probabilities float32 (rows, outputs), 0 for a class that was not fitted on, or float64 (rows,)."""
    classes = getattr(model, "classes_", None)
    if classes is None:
        return np.asarray(model.predict(columns), np.float64)
    probabilities = np.zeros((columns.shape[0], outputs), np.float32)
    probabilities[:, classes] = model.predict_proba(columns)
    return probabilities


REFERENCE = ReferenceSpec(name="linear", tasks=TASKS, run=run, share=1.0)
