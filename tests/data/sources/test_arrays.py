"""Arrays: layouts, kinds of pixels and labels, and what is refused rather than guessed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstlight.data.examples import Part
from firstlight.errors import DataError

X = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def npz(tmp_path: Path, load):
    """Saves arrays and loads them."""

    def run(settings: dict[str, Any] | None = None, **arrays: Any):
        np.savez(tmp_path / "data.npz", **arrays)
        return load("data.npz", **(settings or {}))

    return run


class TestLayouts:
    @pytest.mark.parametrize(("x", "y"), [("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "target")])
    def test_one_pair(self, npz, x, y):
        examples = npz(**{x: X, y: Y})
        assert np.array_equal(examples.images.pixels, X)
        assert examples.targets.tolist() == Y.tolist()
        assert examples.classes == ("0", "1", "2")
        assert examples.ids[:2] == ("row-0", "row-1")  # as numpy counts
        assert set(examples.parts.tolist()) == {Part.UNASSIGNED}

    @pytest.mark.parametrize("form", ["x_{0} y_{0}", "{0}_images {0}_labels", "data_{0} target_{0}"])
    def test_parts(self, npz, form):
        arrays = {}
        for part, rows in (("train", slice(0, 3)), ("val", slice(3, 5)), ("test", slice(5, 6))):
            x, y = form.format(part).split()
            arrays |= {x: X[rows], y: Y[rows, None]}
        examples = npz(**arrays)
        assert np.array_equal(examples.images.pixels, X)
        assert examples.parts.tolist() == [Part.TRAIN] * 3 + [Part.VAL] * 2 + [Part.TEST]
        first, last = (form.format(part).split()[0] for part in ("train", "test"))
        assert (examples.ids[2], examples.ids[-1]) == (f"{first}:row-2", f"{last}:row-0")

    def test_two_pairs_of_the_same_rows_are_not_read_twice(self, npz):
        assert len(npz(x=X, y=Y, images=X, labels=Y).ids) == 6

    def test_grey_without_a_channel(self, npz):
        examples = npz(x=X[..., 0], y=Y)
        assert np.array_equal(examples.images.pixels, X[..., :1])
        assert examples.images.modes == {"L": 6}

    def test_channels_first_are_moved_last(self, npz):
        examples = npz(x=X.transpose(0, 3, 1, 2), y=Y)
        assert np.array_equal(examples.images.pixels, X)
        assert examples.notes == ("channels came first and were moved last",)

    def test_the_wanted_channels_are_made(self, npz):
        grey = npz({"channels": 1}, x=np.full((6, 4, 4, 3), 77, np.uint8), y=Y)
        assert grey.images.pixels.shape == (6, 4, 4, 1)
        assert (grey.images.pixels == 77).all()
        assert npz({"channels": 3}, x=X[..., 0], y=Y).images.pixels.shape == (6, 5, 4, 3)


class TestPixels:
    @pytest.mark.parametrize("dtype", [np.int16, np.int64, np.uint16, np.float32, np.float64])
    def test_numbers_from_0_to_255_are_taken_as_they_are(self, npz, dtype):
        assert np.array_equal(npz(x=X.astype(dtype), y=Y).images.pixels, X)

    def test_fractions_are_scaled(self, npz):
        examples = npz(x=X / 255, y=Y)
        assert np.array_equal(examples.images.pixels, X)
        assert examples.notes == ("values in 0..1 were scaled to 0..255",)

    def test_truth_values_are_black_and_white(self, npz):
        assert set(np.unique(npz(x=X[..., 0] > 100, y=Y).images.pixels)) == {0, 255}

    @pytest.mark.parametrize(
        ("x", "what"),
        [
            (X.astype(np.float32) - 100, "out of range"),
            (X.astype(np.int32) * 2, "out of range"),
            (np.where(X > 250, np.nan, X), "not finite"),
            (X.astype(np.complex64), "no numbers"),
            (X.astype("U3"), "no numbers"),
            (X[:, 0, 0, 0], "shape that is not known"),
            (X.reshape(6, -1), "shape that is not known"),
            (np.zeros((6, 5, 4, 4), np.uint8), "shape that is not known"),
            (np.zeros((6, 0, 4, 3), np.uint8), "shape that is not known"),
            (X[None], "shape that is not known"),
        ],
    )
    def test_others_are_refused(self, npz, x, what):
        with pytest.raises(DataError, match=what) as error:
            npz(x=x, y=Y)
        assert error.value.exit_code == 3


class TestLabels:
    @pytest.mark.parametrize(
        ("labels", "classes", "numbers"),
        [
            (np.array(list("babcac")), ("a", "b", "c"), [1, 0, 1, 2, 0, 2]),
            (
                np.array([b"b", b"a", b"b", b"caf\xe9", b"a", b"a"]),
                ("a", "b", "caf\udce9"),
                [1, 0, 1, 2, 0, 0],
            ),
            (np.array([5, -1, 5, 10, 5, -1]), ("-1", "5", "10"), [1, 0, 1, 2, 1, 0]),
            (np.array([0.0, 1, 0, 1, 0, 1]), ("0", "1"), [0, 1, 0, 1, 0, 1]),
            (np.array([True, False] * 3), ("False", "True"), [1, 0] * 3),
            (Y[:, None], ("0", "1", "2"), Y.tolist()),
            (np.eye(3)[Y], ("0", "1", "2"), Y.tolist()),
            (np.eye(3, dtype=bool)[Y], ("0", "1", "2"), Y.tolist()),
        ],
    )
    def test_kinds(self, npz, labels, classes, numbers):
        examples = npz(x=X, y=labels)
        assert examples.classes == classes
        assert examples.targets.tolist() == numbers

    @pytest.mark.parametrize(
        ("labels", "what"),
        [
            (np.array([0.5, 1, 0, 1, 0, 1]), "fractions or NaN"),
            (np.array([np.nan, 1, 0, 1, 0, 1]), "fractions or NaN"),
            (np.array(["2020-01-01"] * 6, dtype="M8[D]"), "no classes"),
            (np.array(3), "shape that is not known"),
            (np.stack([Y, Y + 1], axis=1), "shape that is not known"),
            (np.zeros((6, 3)), "shape that is not known"),
            (Y[:5], "differ in number"),
            (np.zeros(6, int), "only one class"),
            (np.array(["", "a"] * 3), "no name of its own"),
        ],
    )
    def test_others_are_refused(self, npz, labels, what):
        with pytest.raises(DataError, match=what):
            npz(x=X, y=labels)

    def test_rows_that_only_agree_in_sum_are_refused(self, npz):
        with pytest.raises(DataError, match="differ in number"):
            npz(x_train=X[:4], y_train=Y[:3], x_test=X[4:], y_test=Y[3:])

    def test_names_for_the_numbers(self, npz):
        assert npz(x=X, y=Y, classes=["cat", "dog", "owl"]).classes == ("cat", "dog", "owl")
        with pytest.raises(DataError, match="a label has no class"):
            npz(x=X, y=Y, classes=["cat", "dog"])
        with pytest.raises(DataError, match="no name of its own"):
            npz(x=X, y=Y, classes=["cat", "dog", "cat"])

    def test_the_config_orders_the_classes(self, npz):
        examples = npz({"classes": ("2", "0", "1")}, x=X, y=Y)
        assert examples.classes == ("2", "0", "1")
        assert examples.targets.tolist() == [1, 2, 0, 1, 2, 0]


class TestFiles:
    def test_without_images_or_rows(self, npz):
        with pytest.raises(DataError, match="no pair of images and labels"):
            npz(a=X, b=Y)
        with pytest.raises(DataError, match="no images"):
            npz(x=X[:0], y=Y[:0])

    def test_parts_of_different_shapes(self, npz):
        with pytest.raises(DataError, match="images of different shapes"):
            npz(x_train=X, y_train=Y, x_test=X[:, :4], y_test=Y)

    @pytest.mark.requirement("H13")
    def test_objects_are_never_unpacked(self, tmp_path, load):
        marker = tmp_path / "marker"

        class Payload:
            def __reduce__(self):
                return Path.touch, (marker,)

        objects = np.array([Payload()] * 6, dtype=object)
        np.savez(tmp_path / "data.npz", x=X, y=objects)
        with pytest.raises(DataError, match="cannot be read"):
            load("data.npz")
        (tmp_path / "data.npz").write_bytes(pickle.dumps(Payload()))
        with pytest.raises(DataError, match="cannot be read"):
            load("data.npz")
        assert not marker.exists()

    @pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x93NUMPY\x01\x00"])
    def test_what_is_no_archive(self, tmp_path, load, content):
        (tmp_path / "data.npz").write_bytes(content)
        with pytest.raises(DataError, match="cannot be read"):
            load("data.npz")

    def test_a_cut_archive(self, tmp_path, load):
        np.savez_compressed(tmp_path / "data.npz", x=X, y=Y)
        content = bytearray((tmp_path / "data.npz").read_bytes())
        (tmp_path / "data.npz").write_bytes(content[: len(content) // 2])
        with pytest.raises(DataError, match="cannot be read"):
            load("data.npz")
        content[len(content) // 3] ^= 255
        (tmp_path / "data.npz").write_bytes(content)
        with pytest.raises(DataError, match="cannot be read"):
            load("data.npz")


@pytest.mark.requirement("BI12")
def test_ten_thousand_classes_of_two_images(npz):
    from firstlight.config.schema import Data
    from firstlight.data.images.profile import profile
    from firstlight.data.split import split

    x = np.arange(20_000, dtype=np.uint32).view(np.uint8).reshape(20_000, 2, 2)
    examples = npz(x=x, y=np.arange(20_000) % 10_000)
    made = split(examples, Data(), 42)
    assert len(examples.classes) == len(made.train) == len(made.val) == 10_000
    seen = profile(examples, made)
    assert any("10,000 classes with fewer than 20 training images" in w for w in seen.warnings)
    assert len("".join(seen.warnings)) < 10_000
