"""Spellings of no value, numbers in many writings, dates."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.data.tables import values


@pytest.mark.parametrize("cell", ["", " ", "?", "NA", "N/A", "nan", "NULL", "None", "-", "#DIV/0!", "\u00a0"])
def test_spellings_of_no_value(cell: str) -> None:
    assert values.is_missing(cell)
    assert np.isnan(values.as_numbers(pl.Series([cell, "1"]), ".")[0])


@pytest.mark.parametrize(
    ("mark", "cells", "numbers"),
    [
        (".", ["1", "-2.5", "+3", "1e-3", ".5"], [1, -2.5, 3, 0.001, 0.5]),
        (".", ["1,234", "12,345.5", "7"], [1234, 12345.5, 7]),
        (",", ["1,5", "2", "1.234,5", "1,234", "0,234", "1.234"], [1.5, 2, 1234.5, 1.234, 0.234, 1234]),
        (",", ["1 234", "1\u00a0234,5", "12'000"], [1234, 1234.5, 12000]),
        (".", ["1 234", "1\u00a0234.5", "12'000"], [1234, 1234.5, 12000]),
        (".", ["5 %", "10%", "3"], [5, 10, 3]),
        (".", ["$1,200.00", "€ 30"], [1200, 30]),
        (",", ["1.200,00 €", "2,5e-3"], [1200, 0.0025]),
        (".", ["inf", "-Infinity", "1e999"], [np.inf, -np.inf, np.inf]),
    ],
)
def test_numbers_as_people_write_them(mark: values.Mark, cells: list[str], numbers: list[float]) -> None:
    assert values.as_numbers(pl.Series(cells), mark).tolist() == numbers


@pytest.mark.parametrize(
    ("mark", "cells"), [(".", ["1,5", "0,234", "1.234,5"]), (",", ["1.5", "0.234", "1,234.5", "1,234,567"])]
)
def test_a_number_with_the_other_mark_is_none(mark: values.Mark, cells: list[str]) -> None:
    assert values.floats(pl.Series(cells), mark).null_count() == len(cells)
    assert values.are_numbers(cells) == [True] * len(cells)


@pytest.mark.parametrize("cell", ["1,23,4", "0x10", "1_000", "abc", "12 34", "1.2.3", "true", "1-2"])
def test_what_is_no_number(cell: str) -> None:
    assert values.are_numbers([cell]) == [False]


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_every_float_is_read_back_exactly(numbers: list[float]) -> None:
    assert values.as_numbers(pl.Series([repr(x) for x in numbers]), ".").tolist() == numbers


@given(whole=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
def test_thousands_in_groups_are_read_back(whole: list[int]) -> None:
    assert values.as_numbers(pl.Series([f"{n:,}" for n in whole]), ".").tolist() == whole


@given(cells=st.lists(st.text(max_size=12), max_size=20))
def test_any_text_gives_a_number_or_none(cells: list[str]) -> None:
    assert values.as_numbers(pl.Series(cells, dtype=pl.String), ".").shape == (len(cells),)


@pytest.mark.parametrize(
    ("pattern", "cell"),
    [
        ("%Y-%m-%d", "2020-03-01"),
        ("%m/%d/%Y", "3/1/2020"),
        ("%d.%m.%Y", "01.03.2020"),
        ("%b %d %Y", "Mar 01 2020"),
        ("%d-%b-%y", "01-Mar-20"),
        ("%Y%m%d", "20200301"),
        ("%Y-%m-%dT%H:%M:%S%.f%z", "2020-03-01T02:00:00+02:00"),
        ("%Y-%m-%dT%H:%M:%S%.f%z", "2020-03-01T00:00:00Z"),
    ],
)
def test_dates_are_days_since_1970(pattern: str, cell: str) -> None:
    assert pattern in values.DATE_FORMATS
    expected = (datetime.date(2020, 3, 1) - datetime.date(1970, 1, 1)).days
    assert values.as_dates(pl.Series([cell, "?"]), pattern)[0] == expected


def test_times_are_fractions_of_a_day() -> None:
    noon = datetime.datetime(1970, 1, 2, 12)
    zoned = pl.Series([noon.replace(tzinfo=datetime.UTC)])
    assert values.as_dates(pl.Series([noon, None]))[0] == 1.5
    assert values.as_dates(zoned).tolist() == [1.5]


def test_other_types_as_text() -> None:
    assert values.as_text(pl.Series([1.0, 2.5, None, float("nan")])).to_list() == ["1", "2.5", None, None]
    assert values.as_text(pl.Series([True, None])).to_list() == ["true", None]
    assert values.as_text(pl.Series([" a ", "", "NA", "Na"]), missing=values.WORDS).to_list() == [
        "a",
        None,
        None,
        None,
    ]
