"""One name for a class, however programs write it."""

from __future__ import annotations

import polars as pl
import pytest

from firstlight.data.tables.classes import one_form
from firstlight.data.tables.roles import groups_of
from firstlight.data.tables.target import Target
from firstlight.data.tables.task import decide_task


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "0", "1.0", "0.0"], ["1", "0", "1", "0"]),
        (["1.0", "2.0", "unknown"], ["1", "2", "unknown"]),
        (["-3.00", "-3"], ["-3", "-3"]),
        (["1.0", "1.1", "1.10"], ["1.0", "1.1", "1.10"]),  # versions
        (["True", "true", "FALSE", "no"], ["true", "true", "false", "no"]),
        (["True", "False"], ["True", "False"]),
        (["Polish", "polish"], ["Polish", "polish"]),
        (["01", "1"], ["01", "1"]),  # codes
    ],
)
def test_spellings(cells: list[str], expected: list[str]) -> None:
    assert one_form(pl.Series(cells))[0].to_list() == expected


@pytest.mark.parametrize(
    ("once", "again", "classes"),
    [(["0", "1"], ["0.0", "1.0"], ("0", "1")), (["true", "false"], ["True", "False"], ("false", "true"))],
)
def test_a_target_in_two_spellings_has_two_classes_and_it_is_told(
    once: list[str], again: list[str], classes: tuple[str, ...]
) -> None:
    frame = pl.DataFrame({"x": range(80), "y": once * 20 + again * 20})
    found = decide_task(frame, Target(columns=("y",)))
    assert found.classes == classes
    assert found.values.tolist() == [classes.index(word) for word in once] * 40
    assert any(note.startswith("spellings of the same class: ") for note in found.notes)


def test_a_typed_column_and_its_text_have_the_same_classes() -> None:
    targets = (
        pl.Series("y", [0.0, 1.0] * 20),
        pl.Series("y", [0, 1] * 20),
        pl.Series("y", ["0", "1.0"] * 20),
    )
    names = {decide_task(y.to_frame(), Target(columns=("y",))).classes for y in targets}
    assert names == {("0", "1")}


def test_a_group_in_two_spellings_is_one() -> None:
    assert groups_of(pl.Series("g", ["1", "2", "1.0", "2.0"]), []).tolist() == [0, 1, 0, 1]
