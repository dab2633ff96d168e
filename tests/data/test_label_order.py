"""data.classes and data.min_per_class where a row has several labels."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from firstlight.config.schema import Data
from firstlight.data.examples import Examples
from firstlight.data.load import load_examples
from firstlight.errors import DataError
from firstlight.watch.progress import Silent

ROWS = 40


def load(path: Path, **settings: Any) -> Examples:
    data = Data.model_validate({"source": str(path), **settings})
    return load_examples(data, base=path.parent, fallback=path.parent, progress=Silent())


@pytest.fixture
def table(tmp_path: Path) -> Path:
    labels = ["a;b", "b", "a;c", "c"] * (ROWS // 4)
    pl.DataFrame({"x": [random.Random(1).random() + i for i in range(ROWS)], "y": labels}).write_csv(
        tmp_path / "t.csv"
    )
    return tmp_path / "t.csv"


def labels(table: Path, **settings: Any) -> Examples:
    return load(table, target="y", task="table_multilabel", **settings)


def test_they_are_in_the_order_of_the_config_with_those_that_no_row_has(table: Path) -> None:
    found = labels(table, classes=("c", "new", "a", "b"))
    assert found.classes == ("c", "new", "a", "b")
    assert found.targets[:3].tolist() == [[0, 0, 1, 1], [0, 0, 0, 1], [1, 0, 1, 0]]


def test_one_that_is_not_named_is_refused_as_a_class_is(table: Path) -> None:
    with pytest.raises(DataError, match=r"does not name\n.*data.classes lacks c"):
        labels(table, classes=("a", "b"))


def test_too_few_rows_of_one_are_refused_when_more_are_asked_for(table: Path) -> None:
    assert labels(table, classes=("a", "b", "c", "new")).classes[-1] == "new"
    with pytest.raises(DataError, match=r"1 class with fewer than 5 readable examples\n.*new"):
        labels(table, classes=("a", "b", "c", "new"), min_per_class=5)


def test_columns_of_labels_are_ordered_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pl.DataFrame({"x": range(ROWS), "a": [0, 1] * 20, "b": [1, 1, 0, 0] * 10}).with_columns(
        x=pl.col("x") ** 2
    ).write_csv(path)
    found = load(path, target="a,b", classes=("b", "a"))
    assert (found.classes, found.targets[0].tolist()) == (("b", "a"), [1, 0])
