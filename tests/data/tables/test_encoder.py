"""Fitted on training rows alone, plain values, the same codes in any format and order of columns."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.data.tables.columns import describe
from firstlight.data.tables.differences import check_columns
from firstlight.data.tables.encoder import MISSING, UNKNOWN, Encoder, fit_encoder, from_meta
from firstlight.errors import DataError


def fit(frame: pl.DataFrame, train: Any = None) -> Encoder:
    rows = np.arange(len(frame)) if train is None else np.asarray(train)
    return fit_encoder(frame, describe(frame, target=None), rows)


def people() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "age": ["20", "30", "?", "40", "50", "60"] * 4,
            "city": ["a", "b", "a", None, "b", "a"] * 4,
            "member": ["yes", "no", "Yes", "no", None, "NO"] * 4,
            "since": ["2020-01-31", "2021-03-01", "2020-01-31", None, "2022-03-05", "2020-01-31"] * 4,
            "name": [f"person-{n}" for n in range(24)],
            "one": ["1"] * 24,
        }
    )


def test_numbers_keep_their_unit_and_missing_is_nan() -> None:
    encoder = fit(people())
    numbers = encoder.encode(people()).numbers
    assert [number.name for number in encoder.numbers] == ["age", "since", "since month", "since weekday"]
    np.testing.assert_array_equal(numbers[:6, 0], np.float32([20, 30, np.nan, 40, 50, 60]))
    assert (encoder.numbers[0].median, encoder.numbers[0].scale) == (40, 1 / 20)
    assert numbers[1, 2] == 3
    assert numbers[1, 3] == datetime.date(2021, 3, 1).weekday()


def test_categories_have_codes_for_unknown_and_missing() -> None:
    encoder = fit(people())
    codes = encoder.encode(people()).codes
    assert encoder.cardinalities == (4, 4)
    assert codes[:6, 0].tolist() == [2, 3, 2, MISSING, 3, 2]
    assert codes[:6, 1].tolist() == [3, 2, 3, 2, MISSING, 2]
    assert encoder.encode(people().with_columns(city=pl.lit("z"))).codes[0, 0] == UNKNOWN


def test_a_value_seen_once_is_unknown() -> None:
    frame = pl.DataFrame({"city": ["a"] * 9 + ["b"]})
    encoder = fit(frame)
    assert encoder.categories[0].values == ("a",)
    assert encoder.encode(frame).codes[-1, 0] == UNKNOWN


def test_only_training_rows_are_looked_at() -> None:
    frame = pl.DataFrame({"x": ["1", "2", "3", "4", "1000", "2000"], "c": ["a", "a", "b", "b", "z", "z"]})
    encoder = fit(frame, [0, 1, 2, 3])
    assert encoder.numbers[0].median == 2.5
    assert encoder.numbers[0].scale == 1 / 1.5
    assert encoder.categories[0].values == ("a", "b")


def test_ids_and_constants_are_left_out_with_the_reason() -> None:
    assert [name for name, _ in fit(people()).left_out] == ["name", "one"]
    assert fit(people()).left_out[1] == ("one", "constant: always 1")


@pytest.mark.requirement("BT10")
def test_infinity_is_missing_and_the_huge_is_bounded() -> None:
    frame = pl.DataFrame({"x": ["1", "2", "3", "4", "5", "6", "inf", "1e300", "-1e300"]})
    encoder = fit(frame, range(6))
    numbers = encoder.encode(frame).numbers[:, 0]
    assert np.isnan(numbers[6])
    scaled = (numbers[[7, 8]] - encoder.numbers[0].median) * encoder.numbers[0].scale
    np.testing.assert_allclose(scaled, [1e6, -1e6], rtol=1e-5)


@pytest.mark.requirement("BT11")
def test_a_number_that_is_constant_in_training_has_no_scale() -> None:
    frame = pl.DataFrame({"x": ["5", "5", "5", "7"]})
    encoder = fit(frame, [0, 1, 2])
    assert encoder.numbers[0].scale == 0.0
    assert np.isfinite(encoder.encode(frame).numbers).all()


def test_a_column_missing_in_all_training_rows() -> None:
    frame = pl.DataFrame({"x": [None, None, "1", "2"], "c": ["a", "a", "b", "b"]})
    assert np.isfinite(fit(frame, [0, 1]).numbers[0].median)


def test_mostly_one_value_is_scaled_by_the_whole_range() -> None:
    number = fit(pl.DataFrame({"gain": ["0"] * 20 + ["100", "50"]})).numbers[0]
    assert number.scale == 2 / 100


def test_differences_that_float32_cannot_hold_are_kept() -> None:
    seconds = 1_700_000_000 + np.arange(1000) * 3 % 1000
    frame = pl.DataFrame({"at": seconds.astype(float) + 0.5})
    encoder = fit(frame)
    found = encoder.encode(frame).numbers[:, 0].astype(float) + encoder.numbers[0].origin
    np.testing.assert_array_equal(found, frame["at"].to_numpy())
    assert encoder.numbers[0].median == frame["at"].median() - encoder.numbers[0].origin


def test_meta_is_plain_and_gives_the_same_encoder() -> None:
    encoder = fit(people())
    meta = encoder.to_meta()
    assert from_meta(meta) == encoder
    assert from_meta(json.loads(json.dumps(meta))) == encoder


def test_text_and_typed_columns_get_the_same_codes() -> None:
    text = pl.DataFrame(
        {"x": ["1", "2", "5"] * 5, "b": ["True", "False", "True"] * 5, "c": ["k", "m", "k"] * 5}
    )
    typed = pl.DataFrame({"c": ["k", "m", "k"] * 5, "b": [True, False, True] * 5, "x": [1.0, 2.0, 5.0] * 5})
    encoder = fit(text)
    first, second = encoder.encode(text), encoder.encode(typed)
    np.testing.assert_array_equal(first.numbers, second.numbers)
    np.testing.assert_array_equal(first.codes, second.codes)


@settings(max_examples=30, deadline=None)
@given(
    x=st.lists(st.none() | st.floats(width=64) | st.integers(-5, 5), min_size=2, max_size=30),
    train=st.integers(1, 30),
)
def test_any_numbers_are_encoded_without_infinity(x: list[float | None], train: int) -> None:
    frame = pl.DataFrame({"x": [None if v is None else float(v) for v in x], "c": ["a"] * len(x)})
    columns = describe(frame, target=None)
    assert len(columns) == 2
    try:
        encoder = fit_encoder(frame, columns, np.arange(min(train, len(x))))
    except DataError:
        assert columns[0].kind in ("constant", "empty", "id")
        return
    inputs = encoder.encode(frame)
    assert not np.isinf(inputs.numbers).any()
    for number, found in zip(encoder.numbers, inputs.numbers.T, strict=True):
        scaled = (found - np.float32(number.median)) * np.float32(number.scale)
        assert not np.isinf(scaled).any()


class TestDifferences:
    def test_none(self) -> None:
        assert check_columns(fit(people()), people()).sentences() == ()

    def test_are_told_for_every_column(self) -> None:
        other = people().drop("city").with_columns(extra=pl.lit("1"))
        other = other.with_columns(
            pl.Series("age", ["old", *people()["age"].to_list()[1:]]),
            pl.Series("since", ["1.2.2020"] * 24),
            pl.Series("member", ["maybe"] * 24),
        )
        found = check_columns(fit(people()), other)
        assert found.missing == ("city",)
        assert found.extra == ("extra",)
        assert [(m.column, m.rows) for m in found.misfits] == [("age", 1), ("since", 24)]
        assert [(m.column, m.rows) for m in found.unknown] == [("member", 24)]
        assert found.sentences()[2] == "1 row (4.2 %, such as old) with no number in age, taken as missing"

    def test_a_missing_column_stops_encoding(self) -> None:
        with pytest.raises(DataError) as raised:
            fit(people()).encode(people().drop("city", "age"))
        assert raised.value.where == "age, city"

    def test_columns_that_were_left_out_are_not_needed_and_not_extra(self) -> None:
        encoder = fit(people())
        assert check_columns(encoder, people()).extra == ()
        assert encoder.encode(people().drop("name", "one")).codes.shape == (24, 2)


def test_a_table_of_ids_alone_is_an_error() -> None:
    with pytest.raises(DataError, match="no column is left"):
        fit(pl.DataFrame({"id": [f"a{n}" for n in range(40)]}))
