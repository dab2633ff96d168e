"""The mark of decimals: decided by all rows of a table, and then kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.data.examples import Part
from firstlight.data.tables.columns import describe
from firstlight.data.tables.decimals import comma_columns
from firstlight.data.tables.differences import check_columns
from firstlight.data.tables.encoder import Encoder, fit_encoder, from_meta
from firstlight.data.tables.parts import read_parts
from firstlight.data.tables.reading import read_table


def fit(frame: pl.DataFrame, commas: frozenset[str]) -> Encoder:
    columns = describe(frame, target=None, commas=commas)
    return fit_encoder(frame, columns, np.arange(len(frame)))


@pytest.mark.parametrize(
    ("cells", "comma"),
    [
        (["1,5", "2"], True),
        (["1,234", "5,678"], False),  # thousands, as far as one can see
        (["1,234", "0,678"], True),
        (["1.234,5", "1.000"], True),
        (["1,234.5", "1,000"], False),
        (["1.5", "2.5", "9,5"], False),  # one slip
        (["9.5", "1,5", "2,5"], True),
        (["a, b", "c"], False),
    ],
)
def test_values_of_one_meaning_decide(cells: list[str], comma: bool) -> None:
    assert ("x" in comma_columns(pl.DataFrame({"x": cells}), together=False)) == comma


def test_a_column_that_does_not_show_it_follows_the_others_of_the_file() -> None:
    frame = pl.DataFrame({"sure": ["1,5", "2,5"], "silent": ["1,234", "5,678"], "point": ["1.5", "2.5"]})
    assert comma_columns(frame, together=True) == {"sure", "silent"}
    assert comma_columns(frame, together=False) == {"sure"}


def test_words_do_not_speak_for_the_file() -> None:
    frame = pl.DataFrame({"note": ["1,5", "as before", "the same"], "n": ["1,234", "5,678", "2,345"]})
    assert comma_columns(frame, together=True) == {"note"}


@given(order=st.permutations(["1,5", "1.234,5", "7", "1,234", "x", "2.5"]))
def test_the_order_of_the_rows_decides_nothing(order: list[str]) -> None:
    assert comma_columns(pl.DataFrame({"x": order}), together=False) == {"x"}


def test_the_same_text_is_the_same_number_whatever_rows_stand_beside_it() -> None:
    frame = pl.DataFrame({"x": [f"{n / 8:.3f}".replace(".", ",") for n in range(1, 41)]})
    encoder = from_meta(fit(frame, comma_columns(frame, together=True)).to_meta())
    rows = pl.DataFrame({"x": ["1,234", "9,876", "0,5", "7"]})
    whole = encoder.encode(rows).numbers[:, 0]
    assert whole.tolist() == pytest.approx([1.234, 9.876, 0.5, 7])
    assert [encoder.encode(rows[i]).numbers[0, 0] for i in range(4)] == whole.tolist()


def test_values_with_the_other_mark_are_counted_and_told() -> None:
    frame = pl.DataFrame({"x": [f"{n / 8:.2f}".replace(".", ",") for n in range(1, 41)]})
    told = check_columns(fit(frame, frozenset({"x"})), pl.DataFrame({"x": ["1.5", "2,5"]})).sentences()
    assert told == ("1 row (50.0 %, such as 1.5) with no number with a decimal comma in x, taken as missing",)
    told = check_columns(fit(frame, frozenset({"x"})), pl.DataFrame({"x": ["old", "2,5"]})).sentences()
    assert told == ("1 row (50.0 %, such as old) with no number in x, taken as missing",)


def test_a_slip_in_the_training_table_is_told() -> None:
    cells = [f"{n / 8:.2f}".replace(".", ",") for n in range(1, 200)]
    (column,) = describe(pl.DataFrame({"x": [*cells, "9.5"]}), target=None, commas=frozenset({"x"}))
    told = "1 value no number with a decimal comma, such as 9.5 in row 200: taken as missing"
    assert (column.kind, column.mark, column.taken_as_missing) == ("number", ",", told)


def test_all_files_of_a_table_are_read_alike(tmp_path: Path) -> None:
    """The test file alone would be read as thousands."""
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("x;y\n" + "".join(f"{n},{n}5;{n % 2}\n" for n in range(1, 30)))
    test.write_text("x;y\n1,234;0\n5,678;1\n")
    assert not read_table(test).form.commas
    read = read_parts({Part.TRAIN: train, Part.TEST: test}).table
    numbers = fit(read.frame, read.form.commas).encode(read.frame).numbers[:, 0]
    assert numbers[-2:].tolist() == pytest.approx([1.234, 5.678])


def test_a_file_with_another_mark_is_told(tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("x;y\n" + "".join(f"{n}.5;{n % 2}\n" for n in range(1, 30)))
    test.write_text("x;y\n1,5;0\n5,5;1\n")
    notes = read_parts({Part.TRAIN: train, Part.TEST: test}).table.notes
    assert any("test.csv seems to have another mark of decimals in x" in note for note in notes)
