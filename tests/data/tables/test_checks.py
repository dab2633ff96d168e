"""Faults that are put into a table are found, and a sound table has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from firstlight.data.examples import Split
from firstlight.data.tables.checks import check_table
from firstlight.data.tables.columns import describe
from firstlight.data.tables.encoder import fit_encoder
from firstlight.data.tables.finding import Finding
from firstlight.data.tables.leaks import row_keys
from firstlight.data.tables.target import Target
from firstlight.data.tables.task import decide_task

ROWS = 600
SPLIT = Split(train=np.arange(400), val=np.arange(400, 500), test=np.arange(500, 600), method="given")


def sound(seed: int = 0) -> dict[str, Any]:
    """A table from which the target can be learnt, but not from one column."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=ROWS), rng.normal(size=ROWS)
    y = x + z + rng.normal(size=ROWS)
    return {
        "x": x,
        "z": z,
        "c": rng.choice(list("abc"), ROWS),
        "y": np.where(y > 0, "yes", "no"),
        "amount": y,
    }


def check(table: dict[str, Any], target: str = "y", **options: Any) -> dict[str, Finding]:
    frame = pl.DataFrame(table).drop({"y", "amount"} - {target})
    values = decide_task(frame, Target(columns=(target,)))
    columns = describe(frame, target=target)
    encoder = fit_encoder(frame, columns, SPLIT.train)
    found = check_table(frame, columns, values, SPLIT, encoder, encoder.encode(frame), **options)
    assert [f.level for f in found] == sorted((f.level for f in found), reverse=True)  # warnings first
    return {finding.id: finding for finding in found}


@pytest.mark.parametrize("target", ["y", "amount"])
@pytest.mark.parametrize("seed", range(5))
def test_a_sound_table_has_no_findings(target: str, seed: int) -> None:
    assert check(sound(seed), target) == {}


@pytest.mark.requirement("P1.7")
def test_copies_and_contradictions() -> None:
    table = sound()
    for name in ("x", "z", "c"):
        table[name][[1, 450, 550]] = table[name][0]
    table["y"][[0, 1, 450, 550]] = ["yes", "no", "yes", "yes"]
    found = check(table)
    assert found["duplicates"].value == 3
    assert found["duplicates_across"].value == 2
    assert found["duplicates_across"].level == "warning"
    assert found["conflicts"].value == 4


@pytest.mark.requirement("P1.7")
@pytest.mark.parametrize("as_text", [True, False])
def test_a_column_that_says_the_class(as_text: bool) -> None:
    table = sound()
    table["alive"] = (
        np.where(table["y"] == "yes", "lived", "died") if as_text else (table["y"] == "yes") * 3.5
    )
    found = check(table)
    assert found["giveaway"].columns == ("alive",)
    assert found["giveaway"].value > 0.99


@pytest.mark.requirement("P1.7")
def test_a_quantity_in_another_unit() -> None:
    table = sound()
    table["amount"] = np.exp(2 * table["amount"])
    table["cents"] = table["amount"] * 100
    assert check(table, "amount")["giveaway"].columns == ("cents",)


def test_one_class_of_three_given_away_is_not_all() -> None:
    table = sound()
    table["y"] = np.random.default_rng(1).choice(list("abc"), ROWS)
    table["is_a"] = np.where(table["y"] == "a", "1", "0")
    assert "giveaway" not in check(table)
    table["code"] = np.where(table["y"] == "a", "7", np.where(table["y"] == "b", "3", "5"))
    assert check(table)["giveaway"].columns == ("code",)


def test_a_category_with_a_value_for_every_row_gives_nothing_away() -> None:
    table = sound()
    table["ticket"] = [f"t{n // 2}" for n in range(ROWS)]
    assert "giveaway" not in check(table)


@pytest.mark.requirement("P1.7")
def test_a_group_on_two_sides() -> None:
    table = sound()
    table["patient"] = [f"p{n // 4}" for n in range(ROWS)]
    assert "group_leak" not in check(table, group="patient")
    table["patient"][420] = "p0"
    assert check(table, group="patient")["group_leak"].value == 1


@pytest.mark.requirement("P1.7")
def test_validation_before_training() -> None:
    table = sound()
    days = np.datetime64("2020-01-01") + np.arange(ROWS)
    table["day"] = days
    assert "time_leak" not in check(table)
    table["day"] = days[::-1].copy()
    assert check(table)["time_leak"].level == "note"
    named = check(table, time="day")["time_leak"]
    assert (named.level, named.value) == ("warning", 100)


@pytest.mark.requirement("P1.7")
def test_a_shift_between_the_parts() -> None:
    table = sound()
    table["z"][400:] += 4
    assert check(table)["shift"].value > 0.9
    table = sound()
    table["y"][400:500] = ["no"] * 90 + ["yes"] * 10
    assert "target_shift" in check(table)


def test_groups_of_one_class_each_are_no_shift_of_the_target() -> None:
    table, codes = sound(), np.repeat(np.arange(30), 20)  # 20, 5 and 5 whole groups
    table["y"] = np.where(np.isin(codes, [*range(0, 20, 2), 20, 21, 22, 23]), "yes", "no")
    assert "target_shift" in check(table)
    assert "target_shift" not in check(table, groups=codes)


def test_categories_that_only_validation_has() -> None:
    table = sound()
    table["c"][400:450] = "d"
    assert check(table)["unknown_categories"].value == pytest.approx(0.5)


def test_classes_of_very_different_size_and_one_that_is_not_trained() -> None:
    table = sound()
    table["y"] = np.array(["common"] * 385 + ["rare"] * 15 + ["common"] * 100 + ["late"] * 100)
    found = check(table)
    assert found["imbalance"].value == pytest.approx(385 / 15)
    assert found["classes_not_trained"].sentence == "1 class without a training row: late"


def test_keys_are_equal_for_rows_that_are_equal_in_what_a_model_sees() -> None:
    frame = pl.DataFrame(
        {"id": [str(n) for n in range(24)], "x": ["1", "1", "2"] * 8, "c": ["a", "a", None] * 8}
    )
    keys = row_keys(frame, describe(frame, target=None))
    assert keys[0] == keys[1] != keys[2]
