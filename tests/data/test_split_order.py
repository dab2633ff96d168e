"""The split of numbers and label sets, by groups and by time."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.config.schema import Data
from firstlight.data.bundles import ALONE
from firstlight.data.examples import Examples, Part, Texts
from firstlight.data.split import split
from firstlight.errors import DataError, UsageError

PARTS = ("train", "val", "test")


def examples_of(targets: np.ndarray, task: str, **more: object) -> Examples:
    """Rows that are all different."""
    rows = len(targets)
    classes = {"regression": 0, "multilabel": targets.shape[-1]}.get(task, int(targets.max()) + 1)
    return Examples(
        source="made",
        task=task,
        ids=tuple(f"row-{i + 1}" for i in range(rows)),
        targets=targets,
        classes=tuple(f"class {i}" for i in range(classes)),
        parts=np.full(rows, Part.UNASSIGNED, np.int8),
        content=Texts(texts=()),
        digests=np.arange(1, rows + 1, dtype="<u8").view("S8"),
        skipped=(),
        ignored=(),
        notes=(),
        fingerprint="",
        **more,
    )


def labels(rows: int, classes: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, classes, rows)


class TestStrata:
    @pytest.mark.requirement("P1.6")
    def test_each_tenth_of_the_numbers_has_its_share(self) -> None:
        numbers = np.random.default_rng(0).lognormal(size=1000)
        found = split(examples_of(numbers, "regression"), Data(), 42)
        edges = np.quantile(numbers, np.linspace(0, 1, 11)[1:-1])
        for part, share in (("val", 10), ("test", 10), ("train", 80)):
            tenths = np.bincount(np.searchsorted(edges, numbers[getattr(found, part)], side="right"))
            assert tenths.tolist() == [share] * 10

    def test_each_set_of_labels_has_its_share(self) -> None:
        rows = np.repeat([[0, 0], [1, 0], [1, 1]], [100, 60, 40], axis=0).astype(np.float32)
        found = split(examples_of(rows, "multilabel"), Data(), 42)
        sets = rows[found.val] @ [1, 2]
        assert np.bincount(sets.astype(int)).tolist() == [10, 6, 0, 4]

    def test_numbers_of_which_nearly_all_are_equal(self) -> None:
        numbers = np.array([0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0])
        found = split(examples_of(numbers, "regression"), Data(), 42)
        assert (len(found.train), len(found.val), len(found.test)) == (80, 10, 10)


class TestGroups:
    @pytest.mark.requirement("P1.6")
    @given(data=st.data(), seed=st.integers(0, 50))
    def test_no_group_is_parted_whatever_rows_are_equal(self, data: st.DataObject, seed: int) -> None:
        rows = data.draw(st.integers(12, 60))
        groups = np.array(data.draw(st.lists(st.integers(ALONE, 12), min_size=rows, max_size=rows)))
        contents = np.array(data.draw(st.lists(st.integers(1, 3), min_size=rows, max_size=rows)), "<u8")
        examples = replace(
            examples_of(labels(rows), "classification", groups=groups), digests=contents.view("S8")
        )
        asked = Data(group="g", val_fraction=0.2, test_fraction=0.2)
        try:
            found = split(examples, asked, seed)
        except DataError as error:
            assert "part would be empty" in str(error)  # noqa: PT017
            return
        homes: dict[int, set[str]] = {}
        for part in PARTS:
            for row in getattr(found, part).tolist():
                homes.setdefault(int(groups[row]), set()).add(part)
        assert all(len(home) == 1 for group, home in homes.items() if group != ALONE)
        assert sorted(row for part in PARTS for row in getattr(found, part).tolist()) == list(range(rows))
        again = split(examples, asked, seed)
        assert all(np.array_equal(getattr(found, part), getattr(again, part)) for part in PARTS)

    @given(sizes=st.lists(st.integers(1, 9), min_size=40, max_size=80), seed=st.integers(0, 50))
    def test_the_fractions_are_kept_within_a_group(self, sizes: list[int], seed: int) -> None:
        groups = np.repeat(np.arange(len(sizes)), sizes)
        examples = examples_of(labels(len(groups)), "classification", groups=groups)
        found = split(examples, Data(group="g"), seed)
        for part in (found.val, found.test):
            assert abs(len(part) - len(groups) / 10) <= max(sizes)

    def test_equal_rows_in_all_groups_do_not_hinder(self) -> None:
        """Two values in 200 groups: what is equal would chain all groups to one."""
        groups = np.arange(2000) % 200
        examples = examples_of(labels(2000), "classification", groups=groups)
        examples = replace(examples, digests=(np.arange(2000) // 7 % 2).astype("<u8").view("S8"))
        found = split(examples, Data(group="person"), 42)
        assert [len(getattr(found, part)) for part in PARTS] == [1600, 200, 200]

    def test_groups_too_large_for_the_fractions_are_told(self) -> None:
        groups = np.repeat(np.arange(3), 100)
        found = split(examples_of(labels(300), "classification", groups=groups), Data(group="g"), 42)
        assert [len(getattr(found, part)) for part in PARTS] == [100, 100, 100]
        told = [
            f"{part} has 100 texts instead of 30: texts of one group stay together"
            for part in ("test", "val")
        ]
        assert list(found.notes) == told

    def test_parts_have_the_asked_size_as_groups_allow(self) -> None:
        groups = np.repeat(np.arange(100), 10)
        found = split(examples_of(labels(1000), "classification", groups=groups), Data(group="g"), 42)
        assert (len(found.val), len(found.test)) == (100, 100)
        assert found.method == "drawn, groups of g together, 0.1 val, 0.1 test, seed 42"

    def test_a_class_of_one_group_stays_in_train(self) -> None:
        targets = np.repeat([0, 1, 2], [50, 40, 10])
        groups = np.concatenate([np.arange(90) // 3, np.full(10, 99)])
        for seed in range(5):
            found = split(examples_of(targets, "classification", groups=groups), Data(group="g"), seed)
            assert set(targets[found.train].tolist()) == {0, 1, 2}

    def test_one_group_is_refused(self) -> None:
        examples = examples_of(labels(20), "classification", groups=np.zeros(20, np.int64))
        with pytest.raises(DataError, match="the val part would be empty") as raised:
            split(examples, Data(group="g"), 42)
        assert raised.value.remedy == "a class has to be in at least two groups"

    def test_given_parts_stand(self) -> None:
        examples = examples_of(labels(20), "classification", groups=np.zeros(20, np.int64))
        given_parts = np.array([Part.TRAIN] * 15 + [Part.VAL] * 5, np.int8)
        assert split(replace(examples, parts=given_parts), Data(group="g"), 42).method == "given"

    @pytest.mark.parametrize("key", ["group", "time"])
    def test_a_column_is_refused_where_there_are_none(self, key: str) -> None:
        with pytest.raises(UsageError, match=f"data.{key} = author"):
            split(examples_of(labels(20), "classification"), Data(**{key: "author"}), 42)


class TestTime:
    @pytest.mark.requirement("P1.6")
    @given(
        moments=st.lists(st.one_of(st.integers(0, 12), st.just(None)), min_size=12, max_size=60),
        fractions=st.tuples(st.floats(0.05, 0.4), st.sampled_from([0.0, 0.1, 0.3])),
    )
    def test_train_val_and_test_follow_each_other(
        self, moments: list[int | None], fractions: tuple[float, float]
    ) -> None:
        times = np.array([np.nan if m is None else m for m in moments], np.float64)
        examples = examples_of(labels(len(times)), "classification", times=times)
        data = Data(time="t", val_fraction=fractions[0], test_fraction=fractions[1])
        if len(np.unique(times[np.isfinite(times)])) < 2:
            with pytest.raises(DataError, match="the val part would be empty"):
                split(examples, data, 42)
            return
        found = split(examples, data, 42)
        train, val, test = (times[getattr(found, part)] for part in PARTS)
        assert len(train) + len(val) + len(test) == len(times)
        assert np.nanmax(train) < val.min()
        assert not len(test) or val.max() < test.min()

    @given(
        counts=st.lists(st.integers(1, 30), min_size=3, max_size=40),
        fractions=st.tuples(st.sampled_from([0.1, 0.2, 0.4]), st.sampled_from([0.0, 0.1, 0.3])),
    )
    def test_no_other_whole_times_are_nearer_to_the_fractions(
        self, counts: list[int], fractions: tuple[float, float]
    ) -> None:
        """The test part is as near as can be with a time left to each of the others; then validation."""
        times = (
            np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.float64)
        )
        data = Data(time="t", val_fraction=fractions[0], test_fraction=fractions[1])
        found = split(examples_of(labels(len(times)), "classification", times=times), data, 42)
        last = len(counts)
        for part, fraction, left in ((found.test, fractions[1], 2), (found.val, fractions[0], 1)):
            wanted = fraction * len(times)
            if not wanted:
                assert not len(part)
                continue
            ends = [sum(counts[first:last]) for first in range(left, last)]
            assert abs(len(part) - wanted) <= min(abs(size - wanted) for size in ends) + 1e-9
            last -= len(set(times[part].tolist()))

    @pytest.mark.parametrize(
        ("counts", "sizes", "told"),
        [
            ([200, 100], [200, 100, 0], "val has 100 texts instead of 30: texts of one time stay together"),
            (
                [10, 10, 280],
                [10, 10, 280],
                "test has 280 texts instead of 30: texts of one time stay together",
            ),
            (
                [40] * 5 + [80, 20],
                [200, 80, 20],
                "val has 80 texts instead of 30: texts of one time stay together",
            ),
        ],
    )
    def test_few_times_keep_the_order_and_it_is_told(
        self, counts: list[int], sizes: list[int], told: str
    ) -> None:
        times = np.repeat(np.arange(len(counts)), counts).astype(np.float64)
        found = split(examples_of(labels(len(times)), "classification", times=times), Data(time="t"), 42)
        assert [len(getattr(found, part)) for part in PARTS] == sizes
        assert told in found.notes

    def test_one_time_is_refused(self) -> None:
        examples = examples_of(labels(30), "classification", times=np.ones(30))
        with pytest.raises(DataError, match="the val part would be empty") as raised:
            split(examples, Data(time="t"), 42)
        assert raised.value.remedy == "texts of at least two different times are needed"

    def test_the_latest_rows_are_test(self) -> None:
        times = np.random.default_rng(0).permutation(100).astype(np.float64)
        found = split(examples_of(labels(100), "classification", times=times), Data(time="when"), 42)
        assert sorted(times[found.test].tolist()) == list(range(90, 100))
        assert sorted(times[found.val].tolist()) == list(range(80, 90))
        assert found.method == "the latest by when, 0.1 val, 0.1 test"

    def test_with_groups_a_group_counts_by_its_latest_row(self) -> None:
        times, groups = np.arange(100, dtype=np.float64), np.arange(100) % 50 // 5
        found = split(
            examples_of(labels(100), "classification", times=times, groups=groups),
            Data(time="t", group="g"),
            42,
        )
        assert [set(groups[getattr(found, part)].tolist()) for part in PARTS] == [set(range(8)), {8}, {9}]

    def test_given_train_and_test_take_the_latest_of_train_to_validate(self) -> None:
        times = np.arange(20, dtype=np.float64)
        examples = replace(
            examples_of(labels(20), "classification", times=times),
            parts=np.array([Part.TEST] * 4 + [Part.TRAIN] * 16, np.int8),
        )
        found = split(examples, Data(time="t", val_fraction=0.25), 42)
        assert found.val.tolist() == [16, 17, 18, 19]
        assert found.test.tolist() == [0, 1, 2, 3]


def test_many_rows_take_seconds() -> None:
    examples = examples_of(labels(300_000), "classification")
    began = time.process_time()  # of the processor: other work on the machine does not count
    found = split(examples, Data(), 42)
    assert len(found.val) == len(found.test) == 20_000
    assert time.process_time() - began < 15  # 1.5 s; a step for each pair of rows would take minutes
