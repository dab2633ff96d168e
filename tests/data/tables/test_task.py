"""What a target asks for, and every target that cannot be learnt is an error that says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from firstlight.data.tables.target import Target
from firstlight.data.tables.task import TargetValues, Task, decide_task
from firstlight.errors import DataError, UsageError


def decide(cells: list[Any], wanted: Task | None = None) -> TargetValues:
    return decide_task(pl.DataFrame({"y": cells}), Target(columns=("y",)), wanted)


class TestTheTask:
    @pytest.mark.parametrize(
        ("cells", "task", "classes"),
        [
            (["b", "a"] * 10, "classification", ("a", "b")),
            (["1", "0"] * 10, "classification", ("0", "1")),
            ([0.5, 1.5] * 10, "classification", ("0.5", "1.5")),
            ([True, False] * 10, "classification", ("false", "true")),
            (["10", "9", "2"] * 10, "classification", ("2", "9", "10")),
            ([str(n) for n in range(20)] * 10, "classification", tuple(str(n) for n in range(20))),
            (["1.5", "2.5", "3.5"] * 10, "regression", ()),
            ([str(n) for n in range(1, 30)] * 20, "regression", ()),
            (["1", "2", "3", "4", "5"] * 3, "regression", ()),  # three rows of each are too few for classes
        ],
    )
    def test_is_decided_by_all_values(self, cells: list[Any], task: str, classes: tuple[str, ...]) -> None:
        found = decide(cells)
        assert (found.task, found.classes) == (task, classes)
        assert len(found.values) == len(cells)

    def test_is_the_persons_when_named(self) -> None:
        assert decide(["3", "4", "5"] * 10, "regression").values.tolist()[:3] == [3, 4, 5]
        assert decide([str(n) for n in range(1, 30)] * 2, "classification").values.tolist()[:3] == [0, 1, 2]

    def test_values_are_of_the_agreed_types(self) -> None:
        assert decide(["a", "b"] * 10).values.dtype == np.int64
        assert decide(["1.5", "2.5", "9"] * 10).values.dtype == np.float64

    def test_five_thousand_classes(self) -> None:
        found = decide([f"class {n % 5000}" for n in range(20_000)])
        assert len(found.classes) == 5000
        assert (np.bincount(found.values) == 4).all()


class TestMissing:
    @pytest.mark.requirement("BT01", "BX05")
    def test_rows_are_left_out_and_counted(self) -> None:
        found = decide(["a", None, "b", "?"] + ["a", "b"] * 10)
        assert found.missing == 2
        assert found.rows.tolist()[:3] == [0, 2, 4]
        assert found.notes == ("2 rows without a target left out",)

    @pytest.mark.requirement("BT01")
    def test_more_than_a_fifth_is_an_error(self) -> None:
        assert decide([None] * 4 + ["a", "b"] * 8).missing == 4
        with pytest.raises(DataError, match=r"5 rows of 21 \(23.8 %\)"):
            decide([None] * 5 + ["a", "b"] * 8)

    @pytest.mark.requirement("BT05")
    @pytest.mark.parametrize("word", ["NA", "None", "null", "nan"])
    def test_words_for_missing_are_classes_among_words(self, word: str) -> None:
        found = decide(["yes", "no", word] * 10)
        assert word in found.classes
        assert found.missing == 0
        assert found.notes == (f"{word} in the target is taken as a class, not as missing",)

    @pytest.mark.requirement("BT05")
    def test_they_are_missing_among_numbers(self) -> None:
        found = decide([f"{n}.5" for n in range(30)] + ["NA", "nan"])
        assert (found.task, found.missing) == ("regression", 2)


class TestRefused:
    @pytest.mark.requirement("BT02")
    @pytest.mark.parametrize("cells", [["a"] * 20, ["1"] * 20, [2.5] * 20])
    def test_always_the_same(self, cells: list[Any]) -> None:
        with pytest.raises(DataError, match="always the same"):
            decide(cells)
        if cells[0] != "a":
            with pytest.raises(DataError, match="always the same"):
                decide(cells, "regression")

    @pytest.mark.requirement("BT10")
    def test_infinity(self) -> None:
        with pytest.raises(DataError, match="infinite") as raised:
            decide([f"{n}.5" for n in range(30)] + ["inf"])
        assert "inf in row 31" in raised.value.where

    def test_words_in_a_quantity_are_shown_with_their_rows(self) -> None:
        cells = [f"{n}.5" for n in range(40)]
        cells[6] = "cheap"
        for wanted in (None, "regression"):
            with pytest.raises(DataError, match="words among numbers") as raised:
                decide(cells, wanted)  # type: ignore[arg-type]
            assert "cheap in row 7" in raised.value.where

    @pytest.mark.requirement("BT13")
    def test_as_many_classes_as_rows(self) -> None:
        with pytest.raises(DataError, match="nearly as many classes as rows") as raised:
            decide([f"user {n}" for n in range(30)])
        assert "id" in raised.value.remedy
        with pytest.raises(DataError) as raised:
            decide([f"{n}.5" for n in range(30)], "classification")
        assert raised.value.remedy == "ask for regression"

    @pytest.mark.requirement("BT16", "BT09")
    @pytest.mark.parametrize("cells", [["a", "b", "c", "a", "b"], ["a"]])
    def test_too_few_rows_tell_the_minimum(self, cells: list[str]) -> None:
        with pytest.raises(DataError, match="too few rows") as raised:
            decide(cells)
        assert raised.value.exit_code == 3
        assert "at least 10 rows" in raised.value.remedy

    def test_several_columns_for_one_number(self) -> None:
        frame = pl.DataFrame({"a": ["1", "0"] * 10, "b": ["0", "1"] * 10})
        with pytest.raises(UsageError):
            decide_task(frame, Target(columns=("a", "b")), "regression")


def test_classes_that_differ_by_a_dot_are_one() -> None:
    found = decide(["<=50K", ">50K"] * 10 + ["<=50K.", ">50K."] * 5)
    assert found.classes == ("<=50K", ">50K")
    assert "taken as the class without the dot" in found.notes[0]


class TestSeveralLabels:
    def test_a_column_each(self) -> None:
        frame = pl.DataFrame({"a": ["1", "0", None] + ["1"] * 12, "b": ["no", "yes", "no"] + ["no"] * 12})
        found = decide_task(frame, Target(columns=("a", "b")))
        assert (found.task, found.classes, found.missing) == ("multilabel", ("a", "b"), 1)
        assert found.values[:2].tolist() == [[1, 0], [0, 1]]
        assert found.values.dtype == np.float32

    def test_a_column_that_is_no_label(self) -> None:
        frame = pl.DataFrame({"a": ["1", "0"] * 10, "b": ["red", "blue"] * 10})
        with pytest.raises(DataError, match="neither yes nor no"):
            decide_task(frame, Target(columns=("a", "b")))

    @pytest.mark.parametrize(
        "cells", [["x;y", "y", "z; x"], ["x|y", "y", "z|x"], ['["x", "y"]', '["y"]', '["z", "x"]']]
    )
    def test_one_column_that_lists_them(self, cells: list[str]) -> None:
        found = decide(cells * 4, "multilabel")
        assert found.classes == ("x", "y", "z")
        assert found.values[:3].tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]

    def test_only_one_label(self) -> None:
        with pytest.raises(DataError, match="cannot be learnt"):
            decide(["x"] * 12, "multilabel")
