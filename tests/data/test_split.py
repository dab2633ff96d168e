"""The split: every row in one part, equal images together, the same for a seed, and read back unchanged."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firstlight.config.schema import Data
from firstlight.data.examples import Examples, Images, Part
from firstlight.data.split import read_split, split, write_split
from firstlight.errors import DataError, ResumeRefused


def examples_of(images: list[int], labels: list[int], parts: list[int] | None = None) -> Examples:
    """Rows whose pixels are all `images[row]`: equal numbers are equal images."""
    pixels = np.array(images, dtype=np.uint8)[:, None, None, None]
    digests = [hashlib.sha256(b"%d" % image).digest() for image in images]
    return Examples(
        source="made",
        task="classification",
        ids=tuple(f"class {label}/{row}.png" for row, label in enumerate(labels)),
        targets=np.array(labels, dtype=np.int64),
        classes=tuple(f"class {i}" for i in range(max(labels) + 1)),
        parts=np.array([Part.UNASSIGNED] * len(labels) if parts is None else parts, dtype=np.int8),
        content=Images(
            pixels=pixels, original_sizes=np.ones((len(labels), 2), np.int32), modes={"L": len(labels)}
        ),
        digests=np.array(digests, dtype="S32"),
        skipped=(),
        ignored=(),
        notes=(),
        fingerprint="",
    )


def reordered(examples: Examples, order: list[int]) -> Examples:
    return replace(
        examples,
        ids=tuple(examples.ids[i] for i in order),
        targets=examples.targets[order],
        parts=examples.parts[order],
        content=replace(examples.images, pixels=examples.images.pixels[order]),
        digests=examples.digests[order],
    )


def groups_of_classes(examples: Examples) -> dict[int, set[bytes]]:
    found = defaultdict(set)
    for digest, label in zip(examples.digests, examples.targets.tolist(), strict=True):
        found[label].add(bytes(digest))
    return found


@st.composite
def data_sets(draw) -> Examples:
    """Classes of very different sizes, with duplicates within a class and across classes."""
    classes = draw(st.integers(2, 5))
    rows = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, classes - 1)), min_size=4, max_size=60))
    return examples_of([r[0] for r in rows], [*(r[1] for r in rows[:-1]), classes - 1])


FRACTIONS = st.tuples(st.floats(0.01, 0.45), st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5]))


@pytest.mark.requirement("P1.6", "BI07")
@example(
    examples=examples_of(
        [0, 0, 1, 2, 1], [0, 1, 0, 0, 2]
    ),  # only one group may leave train: val needs it more
    fractions=(0.25, 0.1),
    seed=0,
    shuffle=random.Random(0),
)
@given(examples=data_sets(), fractions=FRACTIONS, seed=st.integers(0, 99), shuffle=st.randoms())
def test_a_drawn_split_is_a_partition_that_keeps_equal_images_together(examples, fractions, seed, shuffle):
    data = Data(val_fraction=fractions[0], test_fraction=fractions[1])
    by_class = groups_of_classes(examples)
    # Usable: one image that can go to val while each of its classes keeps another.
    usable = any(
        all(len(by_class[label]) >= 2 for label in examples.targets[examples.digests == digest].tolist())
        for digest in np.unique(examples.digests)
    )
    if not usable:
        with pytest.raises(DataError):
            split(examples, data, seed)
        return
    found = split(examples, data, seed)

    rows = np.concatenate([found.train, found.val, found.test])
    assert sorted(rows.tolist()) == list(range(len(examples.ids)))
    assert len(found.train)
    assert len(found.val)
    place = {}
    for part in ("train", "val", "test"):
        for digest in examples.digests[getattr(found, part)].tolist():
            assert place.setdefault(digest, part) == part
    in_train = set(examples.targets[found.train].tolist())
    assert in_train == set(examples.targets.tolist())

    order = list(range(len(examples.ids)))
    shuffle.shuffle(order)
    again = split(reordered(examples, order), data, seed)
    for part in ("train", "val", "test"):
        names = {examples.ids[i] for i in getattr(found, part)}
        assert {examples.ids[order[i]] for i in getattr(again, part)} == names


def test_the_parts_have_the_asked_sizes_class_by_class():
    examples = examples_of(list(range(200)), [row % 2 for row in range(200)])
    found = split(examples, Data(), 42)
    assert (len(found.train), len(found.val), len(found.test)) == (160, 20, 20)
    assert np.bincount(examples.targets[found.val]).tolist() == [10, 10]
    assert np.bincount(examples.targets[found.test]).tolist() == [10, 10]
    assert found.method == "stratified, 0.1 val, 0.1 test, seed 42"


def test_many_small_classes_give_a_test_part_of_the_asked_size():
    examples = examples_of(list(range(240)), [row % 60 for row in range(240)])
    found = split(examples, Data(), 42)
    assert len(found.test) == 24
    assert len(found.val) == 60  # one of each class
    assert np.bincount(examples.targets[found.test]).max() == 1


def test_a_train_folder_alone_gives_all_three_parts():
    examples = examples_of(list(range(200)), [row % 2 for row in range(200)], [Part.TRAIN] * 200)
    found = split(examples, Data(), 42)
    assert (len(found.train), len(found.val), len(found.test)) == (160, 20, 20)
    assert found.method.startswith("stratified")


def test_given_parts_without_a_test_part_are_told():
    parts = [Part.TRAIN, Part.TRAIN, Part.VAL] * 10
    found = split(examples_of(list(range(30)), [row % 2 for row in range(30)], parts), Data(), 42)
    assert found.method == "given"
    assert (len(found.train), len(found.val), len(found.test)) == (20, 10, 0)
    assert any("no test part was given" in note for note in found.notes)


def test_another_seed_draws_other_rows():
    examples = examples_of(list(range(200)), [row % 2 for row in range(200)])
    assert set(split(examples, Data(), 1).val.tolist()) != set(split(examples, Data(), 2).val.tolist())


@pytest.mark.requirement("BI07")
def test_a_class_with_one_image_is_in_train_and_stated():
    examples = examples_of(list(range(21)), [0] * 20 + [1])
    found = split(examples, Data(), 42)
    assert 20 in found.train
    assert any("1 class with no image to spare for val, all in train: class 1" in n for n in found.notes)


def test_a_class_name_in_a_note_is_harmless():
    examples = replace(examples_of(list(range(21)), [0] * 20 + [1]), classes=("a", "\x1b[31m\n"))
    assert all(note.isprintable() for note in split(examples, Data(), 42).notes)


def test_a_large_group_of_duplicates_stays_where_it_fits():
    examples = examples_of([0] * 50 + list(range(1, 11)) * 2, [0] * 60 + [1] * 10)
    for seed in range(10):
        found = split(examples, Data(), seed)
        assert len(found.val) + len(found.test) < 20
        assert 0 in found.train


def test_an_empty_test_part_is_stated():
    found = split(examples_of([1, 2, 3, 4], [0, 0, 1, 1]), Data(), 42)
    assert len(found.test) == 0
    assert any("the test part is empty" in note for note in found.notes)


def test_given_parts_stand():
    parts = [Part.TRAIN] * 10 + [Part.VAL] * 4 + [Part.TEST] * 4
    found = split(examples_of(list(range(18)), [0, 1] * 9, parts), Data(), 42)
    assert found.train.tolist() == list(range(10))
    assert found.val.tolist() == list(range(10, 14))
    assert found.test.tolist() == list(range(14, 18))
    assert found.method == "given"


def test_given_train_and_test_give_val_from_train_alone():
    parts = [Part.TRAIN] * 20 + [Part.TEST] * 6
    found = split(examples_of(list(range(26)), [0, 1] * 13, parts), Data(), 42)
    assert found.test.tolist() == list(range(20, 26))
    assert len(found.val) == 2
    assert set(found.val) < set(range(20))


def test_a_given_test_part_without_training_rows_is_refused():
    with pytest.raises(DataError, match="the train part would be empty"):
        split(examples_of([1, 2, 3, 4], [0, 1, 0, 1], [Part.TEST] * 4), Data(), 42)


def test_data_that_cannot_be_validated_is_refused():
    with pytest.raises(DataError, match="the val part would be empty"):
        split(examples_of([1, 2], [0, 1]), Data(), 42)


def test_validation_and_test_of_a_huge_set_are_bounded():
    rows = 60_000
    examples = examples_of([0, 0], [0, 1])
    numbers = np.arange(rows)
    examples = replace(
        examples,
        ids=tuple(map(str, range(rows))),
        targets=numbers % 2,
        parts=np.full(rows, Part.UNASSIGNED, np.int8),
        digests=np.char.mod("%d", numbers).astype("S32"),
    )
    found = split(examples, Data(val_fraction=0.4, test_fraction=0.4), 42)
    assert len(found.val) == len(found.test) == 20_000


@pytest.mark.requirement("P1.6", "BI11")
def test_a_written_split_is_read_back_whatever_the_names(tmp_path: Path):
    names = ("a/caf\udce9.png", "a/new\nline.png", "b/\x1b[31m.png", "b/猫 .png")
    examples = replace(examples_of([1, 2, 3, 4], [0, 0, 1, 1]), ids=names)
    made = split(examples, Data(), 42)
    write_split(tmp_path / "splits.npz", made, examples)
    read = read_split(tmp_path / "splits.npz", examples)
    for part in ("train", "val", "test"):
        assert np.array_equal(getattr(read, part), getattr(made, part))
    assert read.method == made.method


def test_the_same_split_is_the_same_file(tmp_path: Path):
    examples = examples_of(list(range(30)), [row % 3 for row in range(30)])
    first = write_split(tmp_path / "a.npz", split(examples, Data(), 42), examples)
    assert first == write_split(tmp_path / "b.npz", split(examples, Data(), 42), examples)


@pytest.mark.requirement("P1.6")
def test_data_that_changed_since_is_refused_with_names(tmp_path: Path):
    examples = examples_of(list(range(30)), [row % 3 for row in range(30)])
    write_split(tmp_path / "splits.npz", split(examples, Data(), 42), examples)
    less = reordered(examples, list(range(1, 30)))
    with pytest.raises(ResumeRefused, match=r"removed: 1 \(class 0/0.png\)"):
        read_split(tmp_path / "splits.npz", less)
    more = examples_of(list(range(31)), [row % 3 for row in range(31)])
    with pytest.raises(ResumeRefused, match=r"added: 1 \(class 0/30.png\)"):
        read_split(tmp_path / "splits.npz", more)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no archive"])
def test_a_damaged_split_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "splits.npz"
    path.write_bytes(content)
    with pytest.raises(ResumeRefused, match="the frozen split cannot be read"):
        read_split(path, examples_of([1, 2], [0, 1]))


def test_a_split_that_names_a_row_twice_is_refused(tmp_path: Path):
    examples = examples_of([1, 2, 3, 4], [0, 0, 1, 1])
    found = split(examples, Data(), 42)
    leaking = replace(found, val=np.append(found.val, found.train[:1]))
    write_split(tmp_path / "splits.npz", leaking, examples)
    with pytest.raises(ResumeRefused, match="names a row twice"):
        read_split(tmp_path / "splits.npz", examples)
