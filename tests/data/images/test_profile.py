"""What is told of the data: duplicates, conflicts, leaks and blank images."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from firstlight.config.schema import Data
from firstlight.data.images.profile import profile
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

    @pytest.mark.requirement("P1.7")
    def test_a_validation_part_under_another_light_is_warned_of(self, load, tmp_path):
        for part, light, rows in (("train", 0, 120), ("val", 90, 60)):
            for row in range(rows):
                place = tmp_path / part / "ab"[row % 2]
                place.mkdir(parents=True, exist_ok=True)
                noise = np.random.default_rng([light, row]).integers(0, 120, (8, 8, 3)) + light
                Image.fromarray(noise.astype(np.uint8)).save(place / f"{row}.png")
        found = seen(load, tmp_path)
        assert found.shift.shifted
        assert warning(found, "train and val look different")
        assert found.pixel_mean == pytest.approx((60 / 255,) * 3, abs=0.01)
