"""Several labels in one value: what joins them, and what an empty value says."""

from __future__ import annotations

import polars as pl
import pytest

from firstlight.data.tables.labels import in_one_column
from firstlight.data.tables.target import Target
from firstlight.data.tables.task import TargetValues, decide_task


def listed(cells: list[str | None]) -> TargetValues:
    return decide_task(pl.DataFrame({"y": cells}), Target(columns=("y",)), "multilabel")


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["red wine;beer", "red wine", "white wine", "beer"], ("beer", "red wine", "white wine")),
        (["New York", "Paris", "New York", "New York, Paris"], ("New York", "Paris")),
        (["a|b c", "b c", "a"], ("a", "b c")),
        (["Smith, John; Doe, Jane", "Smith, John", "Doe, Jane"], ("Doe, Jane", "Smith, John")),
        (["a b c", "b", "c a"], ("a", "b", "c")),
        (["a,b"] * 50 + ["c;d"], ("a", "b", "c;d")),  # one slip
        (["a b c", "b d", "c a", "d a b"] * 99 + ["a, b"], ("a", "a,", "b", "c", "d")),  # one slip
        (["New York"] * 150 + ["New York, Paris", "Paris"], ("New York", "Paris")),
        (['["a", "b;c"]', "[]", '["a"]'], ("a", "b;c")),
    ],
)
def test_what_joins_them_is_found_by_all_values(cells: list[str], names: tuple[str, ...]) -> None:
    assert in_one_column(pl.Series("y", cells))[0] == names


def test_an_empty_value_is_a_row_without_labels_and_is_counted() -> None:
    found = listed(["a;b", None, "a", "b"] * 30)
    assert found.classes == ("a", "b")
    assert found.values.tolist() == [[1, 1], [0, 0], [1, 0], [0, 1]] * 30
    assert (len(found.rows), found.missing) == (120, 0)
    assert found.notes == ("30 rows with an empty y: taken as rows without a label",)


def test_most_values_may_be_empty() -> None:
    assert listed(["a;b", "b", *[None] * 98]).values.sum() == 3


def test_a_spelling_of_missing_is_no_target() -> None:
    found = listed(["a;b", "?", "a", None, "b"] * 10)
    assert (len(found.rows), found.missing) == (40, 10)
    assert found.notes[0] == "10 rows without a target left out"
