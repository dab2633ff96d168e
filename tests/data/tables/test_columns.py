"""What columns hold, as real tables have them; decided by all rows, whatever their order."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.data.tables.columns import describe, describe_column, holds_texts


def kind(cells: list[Any], name: str = "x") -> str:
    return describe_column(pl.Series(name, cells)).kind


@pytest.mark.parametrize(
    ("expected", "cells"),
    [
        ("number", ["1.5", "2", "?", "3"]),
        ("number", ["1", "2", "3", "2", "1"]),
        ("number", [1, 5, None, 7]),
        ("category", ["a", "b", "a", None]),
        ("boolean", ["yes", "no", "Yes", "?"]),
        ("boolean", ["0", "1", "1"]),
        ("boolean", [True, False, None]),
        ("date", ["2020-01-31", "2021-02-28", "?"]),
        ("date", ["Jun 12 1998", "Aug 07 1998"]),
        ("date", ["20200131", "20210228"]),
        ("date", [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)]),
        ("text", ["the film is good", "it was a long bad one", "not my kind of thing"]),
        ("text", ["很快好吃味道足量大", "送餐快态度也特别好", "菜品少了一份米饭"]),
        ("id", [f"{n:04d}-AB{n}" for n in range(30)]),
        ("id", [str(n) for n in range(1, 31)]),
        ("id", list(range(100, 160, 2))),
        ("constant", ["80"] * 5),
        ("constant", ["Y"] * 5),
        ("empty", [None, "", "?", "NA"]),
        ("empty", [None, None]),
    ],
)
def test_kinds(expected: str, cells: list[Any]) -> None:
    assert kind(cells) == expected


@pytest.mark.requirement("BT06")
def test_one_word_among_numbers_is_told_with_its_row_wherever_it_stands() -> None:
    for place in (0, 777, 999):
        cells = [f"{n}.5" for n in range(1000)]
        cells[place] = "abc"
        column = describe_column(pl.Series("x", cells))
        assert (column.kind, column.missing) == ("number", 1)
        assert f"abc in row {place + 1:,}: taken as missing" in column.reason


@pytest.mark.requirement("BT06")
@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(
        st.sampled_from(["1", "2.5", "x", "", "NA", "2020-01-01", "yes", "no", "007"]),
        min_size=2,
        max_size=30,
    ),
    seed=st.randoms(use_true_random=False),
)
def test_the_order_of_the_rows_decides_nothing(cells: list[str], seed: Any) -> None:
    shuffled = list(cells)
    seed.shuffle(shuffled)
    first, second = describe_column(pl.Series("x", cells)), describe_column(pl.Series("x", shuffled))
    assert (first.kind, first.missing, first.distinct) == (second.kind, second.missing, second.distinct)


def test_many_words_among_numbers_make_categories() -> None:
    column = describe_column(pl.Series("x", ["1", "2", "3", "four"] * 10))
    assert column.kind == "category"
    assert "75.0 % of the values are numbers" in column.reason


@pytest.mark.requirement("BT14")
def test_zeros_in_front_are_kept() -> None:
    assert kind(["007", "010", "007", "123"]) == "category"
    assert kind([f"{n:05d}" for n in range(50)]) == "id"
    assert kind(["0", "10", "0.5", "-0.5"]) == "number"


def test_codes_too_long_for_a_float_are_no_numbers() -> None:
    assert kind([f"4929{n:012d}" for n in range(30)]) == "id"
    assert kind([10**17 + n for n in range(30)]) == "id"


@pytest.mark.requirement("BT11")
@pytest.mark.parametrize("cells", [["5", None, "5", "NA"], [5.0, None, 5.0, None], ["Y", None, "Y", ""]])
def test_constant_but_for_missing_values_is_a_category(cells: list[Any]) -> None:
    column = describe_column(pl.Series("x", cells))
    assert (column.kind, column.missing, column.distinct) == ("category", 2, 1)


@pytest.mark.requirement("BT10")
def test_infinity_is_told_and_counts_as_missing() -> None:
    column = describe_column(pl.Series("x", ["1", "2.5", "inf", "-Infinity", "3"]))
    assert (column.kind, column.missing) == ("number", 2)
    assert "2 infinite values taken as missing" in column.reason


def test_na_is_a_value_where_it_is_one_of_a_few_words() -> None:
    alley = describe_column(pl.Series("Alley", ["Grvl", "NA", "Pave", "NA", "Grvl"]))
    assert (alley.kind, alley.missing, alley.distinct) == ("category", 0, 3)
    assert "NA kept as a value of its own" in alley.reason
    assert "na" not in alley.missing_as
    frontage = describe_column(pl.Series("LotFrontage", ["65", "NA", "80.5"]))
    assert (frontage.kind, frontage.missing) == ("number", 1)


def test_row_numbers_with_gaps_and_numbers_that_only_look_like_them() -> None:
    gaps = [n + n // 3 for n in range(60)]
    assert kind(gaps, "EmployeeNumber") == "id"
    shuffled = [n * 37 % 61 for n in range(1, 60)]
    assert kind([n * n for n in shuffled], "area") == "number"
    assert kind([n * n for n in shuffled], "customer_id") == "id"


def test_few_whole_numbers_are_told_to_be_perhaps_codes() -> None:
    assert "may be codes" in describe_column(pl.Series("Pclass", ["1", "2", "3"] * 5)).reason


def test_day_and_month_are_told_apart_by_all_rows() -> None:
    column = describe_column(pl.Series("d", ["01/02/2020"] * 500 + ["25/02/2020"]))
    assert column.date_format == "%d/%m/%Y"
    assert describe_column(pl.Series("d", ["01/02/2020", "02/25/2020"] * 5)).date_format == "%m/%d/%Y"


def test_dates_that_two_formats_fit_are_told() -> None:
    column = describe_column(pl.Series("d", ["01/02/2020", "03/04/2021"] * 5))
    assert "dates written as %m/%d/%Y (or %d/%m/%Y: both fit)" in column.reason
    assert "or" not in describe_column(pl.Series("d", ["2020-01-02", "2020-01-03"])).reason


def test_the_targets_are_not_described() -> None:
    frame = pl.DataFrame({"a": ["1", "2"], "b": ["1", "2"], "c,d": ["1", "2"]})
    assert [c.name for c in describe(frame, target="b")] == ["a", "c,d"]
    assert [c.name for c in describe(frame, target="a, b")] == ["c,d"]
    assert [c.name for c in describe(frame, target="c,d")] == ["a", "b"]
    assert len(describe(frame, target=None)) == 3


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["the film was far too long for me", "a fine little film with a big heart"], True),
        (["很快，好吃，味道足，量大，下次再来", "没有送水没有送水没有送水，太差了"], True),
        (["red", "green", "blue"], False),
        (["one of very few long category names"] * 10, False),
        (["3.5", "12"], False),
        ([], False),
    ],
)
def test_a_column_of_texts_is_told_from_categories(values: list[str], text: bool) -> None:
    assert holds_texts(pl.Series(values, dtype=pl.String)) is text
