"""Trees as tensors say what scikit-learn's trees say, and travel in a state dict."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from firstlight.data.tables.batches import TableInputs
from firstlight.models.gradient_boosting import MODEL, Forest, TreeEnsemble, TreesShape, ensemble


def table(rows=600, *, seed=0, cardinality=12):
    """Numbers with missing values, and one column of codes; code 0 does not occur."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 3)).astype(np.float32)
    numbers[random.random((rows, 3)) < 0.2] = np.nan
    codes = random.integers(1, cardinality, (rows, 1)).astype(np.int32)
    return TableInputs(torch.from_numpy(numbers), torch.from_numpy(codes))


def signal(inputs: TableInputs) -> np.ndarray:
    x = inputs.numbers.nan_to_num(1.5).double().numpy()
    return x[:, 0] * (inputs.codes[:, 0].numpy() % 3 - 1) + np.sin(3 * x[:, 1])


def identity(cardinality: int, unknown: int = 1) -> np.ndarray:
    """Codes 1, 2, ... are the values 0, 1, ...; the first ones are not known."""
    return np.where(np.arange(cardinality) < unknown, -1, np.arange(cardinality) - 1).astype(np.int16)


def grow(inputs: TableInputs, targets: np.ndarray, kind, cardinality: int = 12, **settings):
    """scikit-learn's estimator and ours from it, with one function from inputs to scikit-learn's columns."""
    maps = [identity(cardinality)]
    columns = ensemble([], np.zeros(1), maps, numbers=3).columns
    estimator = kind(categorical_features=np.arange(4) < 1, max_iter=20, random_state=0, **settings)
    estimator.fit(columns(inputs).numpy(), targets)
    start = estimator._baseline_prediction[0]
    forest = Forest(estimator._predictors, tuple(range(len(start))))
    return estimator, ensemble([forest], start, maps, numbers=3), columns


def awkward() -> TableInputs:
    """Every number missing, unknown and impossible codes, huge values, values on a threshold."""
    base = table(200, seed=9)
    numbers, codes = base.numbers.clone(), base.codes.clone()
    numbers[:30] = torch.nan
    numbers[30:60] *= 1e30
    numbers[60:90] = 0.0
    codes[20:70] = 0
    codes[70:80] = 10_000
    codes[80:90] = -3
    return TableInputs(numbers, codes)


@pytest.mark.parametrize("classes", [2, 4])
def test_scores_are_those_of_scikit_learn_for_classes(classes):
    inputs = table()
    labels = np.digitize(signal(inputs), np.linspace(-1, 1, classes - 1))
    theirs, ours, columns = grow(inputs, labels, HistGradientBoostingClassifier)
    for some in (inputs, awkward()):
        expected = theirs.decision_function(columns(some).numpy()).reshape(len(some.numbers), -1)
        assert ours(some).numpy() == pytest.approx(expected, abs=1e-12)
    assert ours.shape.splits > 0


def test_scores_are_those_of_scikit_learn_for_numbers():
    inputs = table()
    targets = 1e6 + 1e5 * signal(inputs)
    theirs, ours, columns = grow(inputs, targets, HistGradientBoostingRegressor)
    assert ours(awkward())[:, 0].numpy() == pytest.approx(
        theirs.predict(columns(awkward()).numpy()), rel=1e-12
    )
    assert theirs.score(columns(inputs).numpy(), targets) > 0.7


def test_all_values_that_a_byte_holds_can_be_categories():
    inputs = table(4_000, cardinality=256)
    targets = (inputs.codes[:, 0].numpy() * 7919 % 101).astype(float)
    theirs, ours, columns = grow(inputs, targets, HistGradientBoostingRegressor, cardinality=256)
    assert ours(inputs)[:, 0].numpy() == pytest.approx(theirs.predict(columns(inputs).numpy()), abs=1e-9)
    assert theirs.score(columns(inputs).numpy(), targets) > 0.5


def test_an_unknown_category_is_a_missing_value():
    columns = ensemble([], np.zeros(1), [identity(12, unknown=4)], numbers=3).columns
    codes = torch.tensor([[0], [3], [4], [11], [12], [-1]], dtype=torch.int32)
    seen = columns(TableInputs(torch.zeros(6, 3), codes))[:, 0]
    assert seen.isnan().tolist() == [True, True, False, False, True, True]
    assert seen[2:4].tolist() == [3.0, 10.0]


def test_an_empty_module_takes_a_state_dict_and_then_says_the_same():
    inputs = table()
    _, ours, _ = grow(inputs, signal(inputs), HistGradientBoostingRegressor)
    meta = json.loads(json.dumps(ours.shape.to_meta()))
    stored = io.BytesIO()
    torch.save(ours.state_dict(), stored)
    again = MODEL.build(TreesShape.from_meta(meta), 1.0, 0.0)
    assert not torch.equal(again(inputs), ours(inputs))
    again.load_state_dict(torch.load(io.BytesIO(stored.getvalue()), weights_only=True))
    assert torch.equal(again(awkward()), ours(awkward()))


def test_a_row_gets_the_same_scores_alone_and_among_many(monkeypatch):
    inputs = table()
    _, ours, _ = grow(inputs, signal(inputs), HistGradientBoostingRegressor)
    whole = ours(inputs)
    monkeypatch.setattr("firstlight.models.gradient_boosting.WALKERS", 100)
    assert torch.equal(ours(inputs), whole)
    assert torch.equal(ours(TableInputs(inputs.numbers[5:6], inputs.codes[5:6])), whole[5:6])
    assert ours(TableInputs(inputs.numbers[:0], inputs.codes[:0])).shape == (0, 1)


def test_without_trees_the_scores_are_the_baseline():
    ours = ensemble([], np.array([0.5, -20.0]), [], numbers=3)
    scores = ours(TableInputs(torch.zeros(4, 3), torch.zeros(4, 0, dtype=torch.int32)))
    assert scores.tolist() == [[0.5, -20.0]] * 4


def test_forests_add_to_their_own_outputs():
    inputs = table()
    theirs, _, columns = grow(inputs, signal(inputs), HistGradientBoostingRegressor)
    forests = [Forest(theirs._predictors, (2,)), Forest((), ())]
    three = ensemble(
        forests, np.array([1.0, 2.0, theirs._baseline_prediction[0, 0]]), [identity(12)], numbers=3
    )
    scores = three(inputs)
    assert torch.equal(scores[:, :2], torch.tensor([[1.0, 2.0]], dtype=torch.float64).expand(600, 2))
    assert scores[:, 2].numpy() == pytest.approx(theirs.predict(columns(inputs).numpy()), abs=1e-12)


def test_nothing_in_it_is_trained_by_steps():
    inputs = table()
    _, ours, _ = grow(inputs, signal(inputs), HistGradientBoostingRegressor)
    assert isinstance(ours, TreeEnsemble)
    assert list(ours.parameters()) == []


@pytest.mark.requirement("H02")
def test_a_depth_beyond_the_nodes_is_no_model() -> None:
    meta = {"trees": 1, "nodes": 3, "depth": 10**12, "numbers": 1, "cardinalities": [], "outputs": 1}
    fields = TreesShape.__dataclass_fields__
    with pytest.raises(ValueError, match="a depth of"):
        TreesShape.from_meta({name: meta.get(name, 1) for name in fields})
