"""The classical model as tensors answers exactly as scikit-learn does, for classes, labels and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from firstlight.data.texts.batches import TextShape, bag
from firstlight.data.texts.ragged import Ragged, offsets_of
from firstlight.models.tfidf_linear import MODEL, TfidfLinear
from firstlight.references.apart import Bonds, apart
from firstlight.references.linear_machines import ABSENT, TOLERANCE
from firstlight.references.texts import tfidf_linear
from firstlight.references.texts.tfidf_linear import fit

WORDS = 40


@pytest.fixture(scope="module")
def rows() -> Ragged:
    random = np.random.default_rng(0)
    lengths = random.integers(0, 12, 300)
    return Ragged(
        values=random.integers(0, WORDS, lengths.sum()).astype(np.int32), offsets=offsets_of(lengths)
    )


def counts_of(rows: Ragged) -> np.ndarray[Any, Any]:
    counts = np.zeros((len(rows), WORDS))
    np.add.at(counts, (rows.rows(), rows.values), 1)
    return counts


def classes_of(rows: Ragged, classes: int) -> np.ndarray[Any, Any]:
    """The class that most words of a row belong to."""
    votes = np.stack([counts_of(rows)[:, c::classes].sum(axis=1) for c in range(classes)], axis=1)
    return votes.argmax(axis=1).astype(np.int64)


def fitted(rows: Ragged, targets: np.ndarray[Any, Any], outputs: int, **options: Any) -> TfidfLinear:
    settings = {"seconds": 30.0, "seed": 3} | options
    found = fit(rows, targets, TextShape(inputs=WORDS, outputs=outputs), **settings)
    assert found.model is not None
    return found.model


def penalty_of(rows: Ragged, targets: np.ndarray[Any, Any], outputs: int) -> float:
    note = fit(rows, targets, TextShape(inputs=WORDS, outputs=outputs), 30.0, 3).note
    return float(note.split()[1])


def shuffled(rows: Ragged) -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).permutation(len(rows))


def weighted(rows: Ragged) -> np.ndarray[Any, Any]:
    tfidf = TfidfTransformer(sublinear_tf=True).fit_transform(counts_of(rows))
    found: np.ndarray[Any, Any] = tfidf.toarray()
    return found


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_scores_of_classes_are_those_of_scikit_learn(rows: Ragged, classes: int) -> None:
    from scipy.sparse import csr_matrix

    targets, order = classes_of(rows, classes), shuffled(rows)
    model = fitted(rows, targets, classes)
    x = csr_matrix(weighted(rows))
    machine = LinearSVC(C=penalty_of(rows, targets, classes), tol=TOLERANCE, random_state=3)
    expected = machine.fit(x[order], targets[order]).decision_function(x)
    logits = (model(bag(rows)) / model.steepness).numpy()
    if classes == 2:
        logits = logits[:, 1] - logits[:, 0]
    assert np.allclose(logits, expected, atol=1e-4)


def test_scores_of_labels_are_those_of_scikit_learn(rows: Ragged) -> None:
    from scipy.sparse import csr_matrix

    targets = (counts_of(rows)[:, :3] > 0).astype(np.float32)
    targets[:, 2] = 0.0  # a label that no row has
    order, x = shuffled(rows), csr_matrix(weighted(rows))
    model = fitted(rows, targets, 3)
    logits = model(bag(rows)).numpy()
    penalty = penalty_of(rows, targets, 3)
    for label in range(2):
        machine = LinearSVC(C=penalty, tol=TOLERANCE, random_state=3).fit(x[order], targets[order, label] > 0)
        assert np.allclose(logits[:, label] / model.steepness.item(), machine.decision_function(x), atol=1e-4)
    assert logits[:, 2] == pytest.approx(ABSENT, rel=1e-4)


def test_numbers_are_those_of_ridge_regression_in_the_users_unit(rows: Ragged) -> None:
    targets = 1_000.0 + 50.0 * weighted(rows)[:, 0]
    order = shuffled(rows)
    model = fitted(rows, targets, 1)
    ridge = Ridge(alpha=penalty_of(rows, targets, 1)).fit(weighted(rows)[order], targets[order])
    assert model.steepness.item() == 1.0
    assert np.allclose(model(bag(rows))[:, 0].numpy(), ridge.predict(weighted(rows)), atol=0.5)


def test_a_class_without_training_rows_is_never_predicted(rows: Ragged) -> None:
    targets = classes_of(rows, 3)
    targets[targets == 1] = 3
    logits = fitted(rows, targets, 5)(bag(rows))
    assert not np.isin(logits.argmax(dim=1).numpy(), [1, 4]).any()
    assert logits[:, [1, 4]].numpy() == pytest.approx(ABSENT, rel=1e-4)  # whatever the steepness


@pytest.mark.requirement("BX07")
def test_an_empty_text_gets_finite_scores_and_company_changes_nothing(rows: Ragged) -> None:
    model = fitted(rows, classes_of(rows, 3), 3)
    together = model(bag(rows))
    empty = int(np.flatnonzero(rows.lengths == 0)[0])
    assert together.isfinite().all()
    assert torch.allclose(together[empty], model.bias * model.steepness)
    alone = model(bag(rows.take(np.array([17]))))
    assert torch.allclose(alone[0], together[17], atol=1e-5)


def test_probabilities_are_neither_flat_nor_certain(rows: Ragged) -> None:
    random = np.random.default_rng(1)
    targets = np.where(
        random.random(len(rows)) < 0.7, classes_of(rows, 2), random.integers(2, size=len(rows))
    )
    model = fitted(rows, targets, 2)
    surest = model(bag(rows)).softmax(dim=1).amax(dim=1).mean().item()
    assert 0.6 < surest < 0.95


def test_fits_are_equal_for_a_seed_and_survive_storing(rows: Ragged) -> None:
    targets = classes_of(rows, 3)
    first, second = fitted(rows, targets, 3), fitted(rows, targets, 3)
    stored = MODEL.build(TextShape(inputs=WORDS, outputs=3), 1.0, 0.0)  # type: ignore[arg-type]
    stored.load_state_dict(first.state_dict())
    assert torch.equal(first(bag(rows)), second(bag(rows)))
    assert torch.equal(first(bag(rows)), stored(bag(rows)))


def test_the_rows_of_the_caller_stay_as_they_are(rows: Ragged) -> None:
    before = rows.values.copy(), rows.offsets.copy()
    fitted(rows, classes_of(rows, 3), 3)
    assert np.array_equal(rows.values, before[0])
    assert np.array_equal(rows.offsets, before[1])


def test_too_much_work_is_not_begun(rows: Ragged) -> None:
    found = fit(rows, classes_of(rows, 3), TextShape(inputs=WORDS, outputs=3), 1e-5, 0)
    assert found.model is None
    assert found.note.startswith("not run: 3 outputs x 40 n-grams are too much for ")


def test_fewer_rows_are_taken_when_time_is_short(rows: Ragged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf_linear, "CHOICE_ROWS", 100)
    monkeypatch.setattr(tfidf_linear, "MARGIN", 1e9)
    found = fit(rows, classes_of(rows, 3), TextShape(inputs=WORDS, outputs=3), 30.0, 0)
    assert "fitted on 100 of 300 training rows" in found.note


def test_a_handful_of_rows_is_enough() -> None:
    few = Ragged(values=np.array([0, 1, 0, 1], np.int32), offsets=np.arange(5))
    model = fitted(few, np.array([0, 1, 0, 1]), 2)
    assert model(bag(few)).argmax(dim=1).tolist() == [0, 1, 0, 1]


def test_without_a_single_n_gram_it_is_not_possible_and_says_so() -> None:
    none = Ragged(values=np.zeros(0, np.int32), offsets=np.zeros(21, np.int64))
    found = fit(none, np.arange(20) % 2, TextShape(inputs=0, outputs=2), 30.0, 0)
    assert found.model is None
    assert found.note.startswith("not possible: no word")


def test_texts_without_a_known_n_gram_are_fitted_all_the_same() -> None:
    none = Ragged(values=np.zeros(0, np.int32), offsets=np.zeros(31, np.int64))
    model = fitted(none, np.array([0] * 20 + [1] * 10), 2)
    assert model(bag(none)).isfinite().all()


def test_classes_that_are_only_among_the_rows_kept_apart_leave_the_steepness_alone(rows: Ragged) -> None:
    """Ten classes of one row: none of them can be judged, and they must not make all others unsure."""
    targets, many = classes_of(rows, 3), classes_of(rows, 3)
    many[:10] = 3 + np.arange(10)
    alike, rare = fitted(rows, targets, 3), fitted(rows, many, 13)
    assert rare.steepness.item() == pytest.approx(alike.steepness.item(), rel=0.5)
    surest = rare(bag(rows)).softmax(dim=1).amax(dim=1)[10:].mean().item()
    assert surest > 0.8


def test_labels_that_all_rows_or_none_have_leave_the_steepness_alone(rows: Ragged) -> None:
    targets = (counts_of(rows)[:, :2] > 0).astype(np.float32)
    more = np.concatenate([targets, np.zeros((300, 3), np.float32), np.ones((300, 1), np.float32)], axis=1)
    more[7, 2] = 1.0  # a label of one row
    alike, wide = fitted(rows, targets, 2), fitted(rows, more, 6)
    assert wide.steepness.item() == pytest.approx(alike.steepness.item(), rel=0.5)
    logits = wide(bag(rows)).detach().numpy()
    assert logits[:, 5] == pytest.approx(-ABSENT, rel=1e-4)
    assert (logits[:, 3] < -90).all()


def test_the_strength_is_chosen_on_groups_and_times_that_are_not_fitted_on(
    rows: Ragged, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(targets: Any, share: int, bonds: Bonds, weights: Any) -> Any:
        rest, chosen = apart(targets, share, bonds, weights)
        if bonds.times is not None:
            seen.append(bonds.times[rest].max() < bonds.times[chosen].min())
        else:
            assert bonds.groups is not None
            seen.append(not set(bonds.groups[rest].tolist()) & set(bonds.groups[chosen].tolist()))
        return rest, chosen

    monkeypatch.setattr(tfidf_linear, "apart", watched)
    random = np.random.default_rng(0)
    fitted(rows, classes_of(rows, 3), 3, bonds=Bonds(groups=random.integers(30, size=300)))
    fitted(rows, classes_of(rows, 3), 3, bonds=Bonds(times=random.permutation(300).astype(float)))
    assert seen == [True, True]


def test_one_group_leaves_nothing_to_choose_by(rows: Ragged) -> None:
    found = fit(
        rows,
        classes_of(rows, 3),
        TextShape(inputs=WORDS, outputs=3),
        30.0,
        0,
        bonds=Bonds(groups=np.zeros(300, int)),
    )
    assert found.model is not None
    assert found.note == "C 1"


def test_a_weight_of_nought_is_no_row_and_labels_have_their_own(rows: Ragged) -> None:
    """Half of the rows say the opposite, and count nothing."""
    honest = np.arange(300) % 2 == 0
    targets = classes_of(rows, 2)
    turned = np.where(honest, targets, 1 - targets)
    model = fitted(rows, turned, 2, weights=honest.astype(float))
    assert (model(bag(rows)).argmax(dim=1).numpy() == targets).mean() > 0.9
    labels = np.stack([turned, targets], axis=1).astype(np.float32)
    model = fitted(rows, labels, 2, weights=np.stack([honest, np.ones(300)], axis=1))
    said = model(bag(rows)).numpy() > 0
    assert ((said == np.stack([targets, targets], axis=1)).mean(axis=0) > 0.9).all()
