"""Whether mirroring keeps the class is measured, and not guessed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from firstlight.data.images.flip import flip_evidence


def test_digits_change_when_mirrored():
    digits = load_digits()
    found = flip_evidence((digits.images * 15).astype(np.uint8)[..., None], digits.target, 42)
    assert not found.allowed
    assert found.kept_accuracy > 0.9
    assert found.flipped_accuracy < 0.6
    assert "mirroring changes the class" in found.reason


def test_what_has_no_left_and_right_does_not():
    generator = np.random.default_rng(0)
    labels = np.arange(600) % 3
    half = generator.integers(0, 120, (600, 12, 6, 1))
    half[np.arange(600), labels * 3] += 100  # the class is the height of a bright line
    images = np.concatenate([half, half[:, :, ::-1]], axis=2).astype(np.uint8)
    found = flip_evidence(images, labels, 42)
    assert found.allowed
    assert found.kept_accuracy > 0.9
    assert found.flipped_accuracy == found.kept_accuracy


@pytest.mark.parametrize(("side", "allowed"), [(8, False), (80, True)])
def test_where_nothing_is_learnt_photos_are_mirrored_and_small_images_are_not(side, allowed):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (400, side, side, 1), dtype=np.uint8)
    found = flip_evidence(pixels, np.arange(400) % 4, 42)
    assert found.allowed is allowed
    assert found.kept_accuracy < 0.4
    assert found.reason.startswith("not measured: a linear probe scores")
    assert "no better than chance" in found.reason


def test_left_and_right_are_told_from_few_photos():
    generator = np.random.default_rng(0)
    labels = np.arange(120) % 2
    pixels = generator.integers(0, 120, (120, 80, 80, 3), dtype=np.uint8)
    pixels[labels == 1, :, :30] += 60  # the class is the brighter side
    pixels[labels == 0, :, 50:] += 60
    found = flip_evidence(pixels, labels, 42)
    assert not found.allowed
    assert found.kept_accuracy > 0.9
    assert found.flipped_accuracy < 0.1


def test_a_rare_class_is_no_error():
    labels = np.array([0] * 100 + [1] * 4)
    pixels = np.random.default_rng(0).integers(0, 256, (104, 8, 8, 1), dtype=np.uint8)
    for seed in range(30):
        assert "not measured" in flip_evidence(pixels[:, :1, :1], labels, seed).reason


@pytest.mark.parametrize("rows", [0, 1, 50])
def test_too_few_images_are_said_to_be_too_few(rows):
    found = flip_evidence(np.zeros((rows, 8, 8, 1), np.uint8), np.arange(rows) % 2, 42)
    assert "too few to measure it" in found.reason


def test_it_is_the_same_for_a_seed():
    digits = load_digits(n_class=3)
    pixels = (digits.images * 15).astype(np.uint8)[..., None]
    assert flip_evidence(pixels, digits.target, 1) == flip_evidence(pixels, digits.target, 1)
