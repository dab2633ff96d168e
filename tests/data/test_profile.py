"""What is told of the data: duplicates, conflicts, leaks, blank images, and whether mirroring is harmless."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from firstlight.config.schema import Data
from firstlight.data.profile import flip_evidence, profile
from firstlight.data.split import split


def seen(load, source, **data):
    examples = load(source, **data)
    return profile(examples, split(examples, Data(**data), 42))


def warning(found, words: str) -> str:
    return next((w for w in found.warnings if words in w), "")


class TestProfile:
    @pytest.mark.requirement("P1.7")
    def test_counts(self, folder, load):
        found = seen(load, folder({"cats": 30, "dogs": 40}))
        assert found.rows == 70
        assert found.classes == {"cats": 30, "dogs": 40}
        assert found.parts == {"train": 56, "val": 7, "test": 7}
        assert found.training_classes == {"cats": 24, "dogs": 32}
        assert (found.image_size, found.channels) == ((9, 8), 3)
        assert found.original_sizes == {"9x8": 70}
        assert found.modes == {"RGB": 70}
        assert (found.duplicates, found.conflicts, found.across_splits, found.blank) == (0, (), 0, ())
        assert found.imbalance == pytest.approx(4 / 3)
        assert found.warnings == ()
        assert json.loads(json.dumps(found.to_json()))["rows"] == 70

    @pytest.mark.requirement("P1.7")
    def test_duplicates_are_counted_and_named(self, folder, load):
        root = folder({"cats": 25, "dogs": 25})
        for name in ("x.png", "y.png"):
            (root / "cats" / name).write_bytes((root / "cats" / "3.png").read_bytes())
        found = seen(load, root)
        assert found.duplicates == 2
        assert found.duplicate_examples == (("cats/3.png (cats)", "cats/x.png (cats)", "cats/y.png (cats)"),)
        assert found.conflicts == ()
        assert found.across_splits == 0

    @pytest.mark.requirement("BI16", "P1.7")
    def test_the_same_image_in_two_classes_is_warned_of_with_names(self, folder, load):
        root = folder({"cats": 25, "dogs": 25})
        (root / "dogs" / "x.png").write_bytes((root / "cats" / "3.png").read_bytes())
        found = seen(load, root)
        assert found.conflicts == (("cats/3.png (cats)", "dogs/x.png (dogs)"),)
        assert "cats/3.png (cats) = dogs/x.png (dogs)" in warning(found, "in more than one class: 1 image")

    @pytest.mark.requirement("P1.7")
    def test_a_given_split_that_leaks_is_counted(self, folder, load):
        root = folder({"train/a": 20, "train/b": 20, "val/a": 5, "val/b": 5, "test/a": 5, "test/b": 5})
        for part in ("val", "test"):
            (root / part / "a" / "0.png").write_bytes((root / "train" / "a" / "0.png").read_bytes())
        found = seen(load, root)
        assert found.across_splits == 2
        assert "2 images of val and test (10.0 %) are in train too" in warning(found, "leaks")

    @pytest.mark.requirement("P1.7")
    def test_blank_images_are_named(self, load, tmp_path):
        x = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3), dtype=np.uint8)
        x[7] = [1, 2, 3]
        x[9, :, :, 0] = 5
        np.savez(tmp_path / "d.npz", x=x, y=np.arange(60) % 2)
        found = seen(load, "d.npz")
        assert found.blank == ("row-7",)
        assert "1 image of one single colour, such as row-7" in warning(found, "single colour")

    @pytest.mark.requirement("P1.7")
    def test_imbalance_and_small_classes_are_warned_of(self, folder, load):
        found = seen(load, folder({"cats": 66, "dogs": 6}))
        assert found.imbalance == 11
        assert warning(found, "the largest class has 11 times")
        assert warning(found, "1 class with fewer than 20 training images")

    @pytest.mark.requirement("BI10", "H09")
    def test_names_that_differ_only_by_case_are_warned_of(self, folder, load, image):
        root = folder({"Cat\x1b": 3, "cat\x1b": 3})
        for name in ("a.png", "A.png"):
            (root / "cat\x1b" / name).write_bytes(image())
        if len(list((root / "cat\x1b").iterdir())) < 5:
            pytest.skip("this disk does not know case")
        found = seen(load, root)
        assert warning(found, "classes that differ only by case").endswith("Cat\\x1b, cat\\x1b")
        assert "cat\\x1b/A.png and cat\\x1b/a.png" in warning(found, "file names that differ only by case")
        assert all(w.isprintable() for w in found.warnings)

    def test_skipped_files_and_notes_of_all_stages_are_warned_of(self, folder, load):
        root = folder({"cats": 25, "dogs": 25, "owls": 1})
        (root / "cats" / "bad\n.png").write_bytes(b"x")
        found = seen(load, root)
        assert found.skipped == (("cats/bad\n.png", "not an image of a known format"),)
        assert "1 file: cats/bad\\n.png (not an image" in warning(found, "left out, because not readable")
        assert warning(found, "1 class with no image to spare for val, all in train: owls")


class TestMirroring:
    def test_digits_change_when_mirrored(self):
        digits = load_digits()
        found = flip_evidence((digits.images * 15).astype(np.uint8)[..., None], digits.target, 42)
        assert not found.allowed
        assert found.kept_accuracy > 0.9
        assert found.flipped_accuracy < 0.6
        assert "mirroring changes the class" in found.reason

    def test_what_has_no_left_and_right_does_not(self):
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
    def test_where_nothing_is_learnt_photos_are_mirrored_and_small_images_are_not(self, side, allowed):
        generator = np.random.default_rng(0)
        pixels = generator.integers(0, 256, (400, side, side, 1), dtype=np.uint8)
        found = flip_evidence(pixels, np.arange(400) % 4, 42)
        assert found.allowed is allowed
        assert found.kept_accuracy < 0.4
        assert found.reason.startswith("not measured: a linear probe scores")
        assert "no better than chance" in found.reason

    def test_left_and_right_are_told_from_few_photos(self):
        generator = np.random.default_rng(0)
        labels = np.arange(120) % 2
        pixels = generator.integers(0, 120, (120, 80, 80, 3), dtype=np.uint8)
        pixels[labels == 1, :, :30] += 60  # the class is the brighter side
        pixels[labels == 0, :, 50:] += 60
        found = flip_evidence(pixels, labels, 42)
        assert not found.allowed
        assert found.kept_accuracy > 0.9
        assert found.flipped_accuracy < 0.1

    def test_a_rare_class_is_no_error(self):
        labels = np.array([0] * 100 + [1] * 4)
        pixels = np.random.default_rng(0).integers(0, 256, (104, 8, 8, 1), dtype=np.uint8)
        for seed in range(30):
            assert "not measured" in flip_evidence(pixels[:, :1, :1], labels, seed).reason

    @pytest.mark.parametrize("rows", [0, 1, 50])
    def test_too_few_images_are_said_to_be_too_few(self, rows):
        found = flip_evidence(np.zeros((rows, 8, 8, 1), np.uint8), np.arange(rows) % 2, 42)
        assert "too few to measure it" in found.reason

    def test_it_is_the_same_for_a_seed(self):
        digits = load_digits(n_class=3)
        pixels = (digits.images * 15).astype(np.uint8)[..., None]
        assert flip_evidence(pixels, digits.target, 1) == flip_evidence(pixels, digits.target, 1)
