"""The target is named by a person; what is obvious is proposed."""

from __future__ import annotations

import polars as pl
import pytest

from firstlight.data.tables.target import choose_target
from firstlight.errors import DataError, Undecided, UsageError

FRAME = pl.DataFrame({"age": ["1"], "label": ["a"], "Survived": ["0"], "a,b": ["1"]})


def test_the_named_one() -> None:
    assert choose_target(FRAME, "Survived").columns == ("Survived",)
    assert choose_target(FRAME, "a,b").columns == ("a,b",)
    assert choose_target(FRAME, "age, label").columns == ("age", "label")


@pytest.mark.requirement("BT03")
@pytest.mark.parametrize(
    ("wanted", "near"), [("survived", "Survived"), ("Survivd", "Survived"), ("age,lable", "label")]
)
def test_a_column_that_is_not_there_names_the_nearest(wanted: str, near: str) -> None:
    with pytest.raises(UsageError) as raised:
        choose_target(FRAME, wanted)
    assert raised.value.exit_code == 2
    assert raised.value.remedy == f"did you mean {near}?"


def test_without_a_near_name_all_are_told() -> None:
    with pytest.raises(UsageError) as raised:
        choose_target(FRAME, "zzzz")
    assert raised.value.remedy == "there are: age, label, Survived, a,b"


@pytest.mark.parametrize(
    ("columns", "first"),
    [
        (["label", "text"], "label"),
        (["x", "Class", "z"], "Class"),
        (["x", "z"], "z"),
        (["x", "z", "split"], "z"),
    ],
)
def test_what_is_obvious_is_proposed_else_the_last(columns: list[str], first: str) -> None:
    with pytest.raises(Undecided) as raised:
        choose_target(pl.DataFrame({name: ["1"] for name in columns}), None)
    assert raised.value.proposals[0] == first
    assert raised.value.key == "data.target"
    assert raised.value.exit_code == 2


@pytest.mark.requirement("BT15")
def test_one_column_is_told_to_be_the_whole_table() -> None:
    for wanted in (None, "a", "a b c"):
        with pytest.raises(DataError, match="only one column"):
            choose_target(pl.DataFrame({"a b c": ["1 2 3"]}), wanted)
