"""References: right on known answers, in bounded time, and only ever fitted on the training rows."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from made import image_examples, with_pixels
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from firstlight import catalog
from firstlight.config.schema import Loss
from firstlight.data.examples import Examples, Split
from firstlight.kinds.kind import Dataset, dataset
from firstlight.references.images import features as features_module
from firstlight.references.images import logistic_regression, nearest_neighbours
from firstlight.references.images.features import features, held_out, proportional
from firstlight.references.run import PACKAGE, references, specifications
from firstlight.tasks.classification import TASK, measure
from firstlight.tasks.task import Goal
from firstlight.watch.progress import Silent


def examples_of(pixels: np.ndarray, labels: np.ndarray, classes: int) -> Examples:
    return image_examples(pixels, labels, tuple(map(str, range(classes))))


def split_of(rows: int, val: int, test: int = 0, seed: int = 0) -> Split:
    order = np.random.default_rng(seed).permutation(rows)
    return Split(
        train=np.sort(order[val + test :]),
        val=np.sort(order[:val]),
        test=np.sort(order[val : val + test]),
        method="test",
    )


@pytest.fixture(scope="module")
def digits() -> Examples:
    data = load_digits()
    return examples_of(np.round(data.images / 16 * 255).astype(np.uint8)[..., None], data.target, 10)


@pytest.fixture(scope="module")
def split() -> Split:
    return split_of(1797, 360)


def data_of(examples: Examples, split: Split) -> Dataset:
    return dataset(examples, split)


def run(examples: Examples, split: Split, seconds: float = 20.0):
    data = data_of(examples, split)
    goal = Goal(classes=examples.classes, targets=examples.targets[split.train], settings=Loss())
    found = references(data, TASK.bind(goal), seconds=seconds, seed=1, progress=Silent())
    return {one.record.name: one.record for one in found}


@pytest.fixture(scope="module")
def found(digits, split):
    return run(digits, split)


@pytest.mark.requirement("P2.13")
def test_every_reference_is_there_cheapest_first_and_beats_guessing(found):
    assert list(found) == ["majority", "nearest_neighbours", "logistic_regression"]
    accuracies = {name: reference.metrics["val_accuracy"] for name, reference in found.items()}
    assert accuracies["majority"] < 0.15
    assert accuracies["logistic_regression"] > 0.93
    assert accuracies["nearest_neighbours"] > 0.96


@pytest.mark.requirement("P2.13")
def test_majority_reaches_what_the_class_shares_say(found, digits, split):
    counts = np.bincount(digits.targets[split.train], minlength=10)
    truth = digits.targets[split.val]
    majority = found["majority"].metrics
    assert majority["val_accuracy"] == pytest.approx((truth == counts.argmax()).mean())
    assert majority["val_balanced_accuracy"] == pytest.approx(0.1)
    assert majority["val_loss"] == pytest.approx(-np.log(counts / counts.sum())[truth].mean())


def test_logistic_regression_agrees_with_scikit_learn_at_the_same_penalty(found, digits, split):
    note = found["logistic_regression"].note
    penalty = float(re.search(r"L2 penalty ([\d.e-]+)", note)[1])
    x = digits.images.pixels.reshape(len(digits.images.pixels), -1) / 255
    mean, scale = x[split.train].mean(axis=0), x[split.train].std(axis=0)
    x = (x - mean) / np.where(scale > 1e-6, scale, 1)
    model = LogisticRegression(C=1 / (penalty * len(split.train)), max_iter=5000, tol=1e-6)
    model.fit(x[split.train], digits.targets[split.train])
    theirs = measure(model.predict_proba(x[split.val]), digits.targets[split.val])
    assert found["logistic_regression"].metrics["val_accuracy"] == pytest.approx(
        theirs["val_accuracy"], abs=0.006
    )
    assert found["logistic_regression"].metrics["val_loss"] == pytest.approx(theirs["val_loss"], abs=0.02)


def test_metrics_are_those_of_the_task(found, digits, split):
    truth = digits.targets[split.val]
    for reference in found.values():
        assert len(reference.correct) == len(truth)
        assert all(isinstance(right, bool) for right in reference.correct)
        assert np.mean(reference.correct) == pytest.approx(reference.metrics["val_accuracy"])
    # The macro averages of scikit-learn are those that a network is measured with.
    predicted = np.full(len(truth), np.bincount(digits.targets[split.train]).argmax())
    measured = measure(np.eye(10, dtype=np.float32)[predicted], truth)
    for name in ("val_accuracy", "val_balanced_accuracy", "val_macro_f1"):
        assert found["majority"].metrics[name] == pytest.approx(measured[name])


def test_votes_are_no_probabilities_so_neighbours_have_no_loss(found):
    assert "val_loss" not in found["nearest_neighbours"].metrics


def test_running_again_gives_the_same_answers(found, digits, split):
    again = run(digits, split)
    for name, reference in found.items():
        assert (again[name].metrics, again[name].correct) == (reference.metrics, reference.correct)


def test_neither_test_rows_nor_validation_labels_are_fitted_on(digits, split):
    """With validation and test labels turned round, every answer stays: right becomes wrong where it must."""
    cut = split_of(1797, 300, 300)
    before = run(digits, cut)
    labels = digits.targets.copy()
    outside = np.concatenate([cut.val, cut.test])
    labels[outside] = (labels[outside] + 1) % 10
    pixels = digits.images.pixels.copy()
    pixels[cut.test] = 255 - pixels[cut.test]
    after = run(with_pixels(dataclasses.replace(digits, targets=labels), pixels), cut)
    for name in ("nearest_neighbours", "logistic_regression"):
        assert after[name].note == before[name].note
        overlap = np.logical_and(before[name].correct, after[name].correct)
        assert not overlap.any()


def test_many_classes_with_two_images_each_are_survived_and_what_was_left_out_is_said():
    classes = 3_000
    base = np.random.default_rng(0).integers(0, 256, (classes, 8, 8, 3), dtype=np.uint8)
    examples = examples_of(np.concatenate([base, base]), np.tile(np.arange(classes), 2), classes)
    rows = np.arange(2 * classes)
    found = run(
        examples, Split(train=rows[:classes], val=rows[classes:], test=rows[:0], method="t"), seconds=3.0
    )
    assert found["nearest_neighbours"].metrics["val_accuracy"] > 0.99
    skipped = found["logistic_regression"]
    assert (skipped.metrics, skipped.correct) == ({}, ())
    assert skipped.note.startswith("not run: 3,000 classes")


def test_a_class_that_training_has_not_seen_leaves_majority_without_a_loss(digits, split):
    missing = dataclasses.replace(split, train=split.train[digits.targets[split.train] != 4])
    found = run(digits, missing)
    assert "val_loss" not in found["majority"].metrics
    assert "no loss" in found["majority"].note
    assert math.isfinite(found["logistic_regression"].metrics["val_loss"])


def test_very_few_rows_are_enough(digits):
    few = Split(
        train=np.array([0, 1, 2]), val=np.array([10, 11, 12]), test=np.array([], np.int64), method="t"
    )
    found = run(digits, few)
    assert found["nearest_neighbours"].metrics["val_accuracy"] >= 0
    assert found["logistic_regression"].metrics["val_accuracy"] >= 0


def test_constant_pixels_and_equal_images_do_no_harm(digits, split):
    blank = with_pixels(digits, np.full_like(digits.images.pixels, 9))
    found = run(blank, split)
    assert found["logistic_regression"].metrics["val_accuracy"] < 0.2
    assert math.isfinite(found["logistic_regression"].metrics["val_loss"])


def test_a_slow_machine_means_fewer_rows_and_the_note_says_so(digits, split, monkeypatch):
    # As a machine that does a thousandth of the work in the same time.
    monkeypatch.setattr(logistic_regression, "WORK_PER_SECOND", logistic_regression.WORK_PER_SECOND / 2_000)
    monkeypatch.setattr(nearest_neighbours, "WORK_PER_SECOND", nearest_neighbours.WORK_PER_SECOND / 2_000)
    small = run(digits, split, seconds=20.0)
    assert re.search(r"fitted on \d+ training images", small["logistic_regression"].note)
    assert re.search(r"compared with \d+ training images", small["nearest_neighbours"].note)
    assert small["nearest_neighbours"].metrics["val_accuracy"] > 0.5


def test_no_time_at_all_is_said_and_not_a_crash(digits, split):
    late = run(digits, split, seconds=0.0)
    assert late["majority"].metrics["val_accuracy"] > 0
    assert "not run" in late["logistic_regression"].note
    assert late["nearest_neighbours"].metrics == {}


def test_the_number_of_threads_is_left_as_it_was(digits, split):
    before = torch.get_num_threads()
    run(digits, split)
    assert torch.get_num_threads() == before


def test_averaging_keeps_the_mean_of_every_block():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 70, 50, 3), dtype=np.uint8)
    examples = examples_of(pixels, np.arange(5) % 2, 2)
    cut = Split(train=np.arange(3), val=np.arange(3, 5), test=np.array([], int), method="t")
    small = features(data_of(examples, cut), seed=0)
    assert small.train.shape == (3, 16 * 16 * 3)
    assert "16 x 16" in small.note
    top, left = 70 * 3 // 16, 50 * 5 // 16
    block = pixels[1, top : 70 * 4 // 16, left : 50 * 6 // 16]
    expected = block.mean(axis=(0, 1)) / 255
    assert small.train[1].reshape(16, 16, 3)[3, 5] == pytest.approx(expected, abs=1e-5)


def test_a_memory_mapped_cache_is_read_in_pieces(tmp_path: Path, monkeypatch, digits, split):
    cache = tmp_path / "pixels.bin"
    digits.images.pixels.tofile(cache)
    mapped = np.memmap(cache, np.uint8, "r", shape=digits.images.pixels.shape)
    monkeypatch.setattr(features_module, "CHUNK_NUMBERS", 64 * 100)
    small = features(data_of(with_pixels(digits, mapped), split), seed=0)
    whole = digits.images.pixels[split.train].reshape(len(split.train), -1) / 255
    assert small.train == pytest.approx(whole, abs=1e-6)
    assert small.train.dtype == np.float32


def test_a_subsample_takes_each_class_by_its_share():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    rows = proportional(np.arange(1000), labels, 100, seed=3)
    assert np.bincount(labels[rows]).tolist() == pytest.approx([60, 30, 10], abs=1)
    assert (np.diff(rows) > 0).all()
    assert (rows == proportional(np.arange(1000), labels, 100, seed=3)).all()


def test_what_is_held_out_is_not_fitted_on():
    labels = np.arange(100) % 4
    rest, apart = held_out(labels, 10, seed=0)
    assert sorted([*rest, *apart]) == list(range(100))
    assert len(apart) == 10


def test_each_reference_is_named_as_its_file():
    names = {spec.name for spec in specifications("image", "classification")}
    assert names == set(catalog.names(f"{PACKAGE}.images")) - {"features"}
