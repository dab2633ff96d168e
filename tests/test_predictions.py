"""Predictions as files."""

from __future__ import annotations

import csv
import json

import numpy as np
import polars as pl
import pytest

from firstlight.data.tables.labels import in_one_column
from firstlight.predictions import Predictions, _csv, _json_lines, _parquet


@pytest.mark.requirement("H10", "BI11")
def test_hostile_names_are_harmless_in_every_format() -> None:
    found = Predictions(
        task="classification",
        ids=('=HYPERLINK("x")', "new\nline,1", "b\udcffad\x1b"),
        classes=("@a", "b"),
        values=np.array([[0.9, 0.1], [0.2, 0.8], [1, 0]], np.float32),
    )
    text = _csv(found).decode("utf-8")
    assert text.splitlines() == [
        "id,prediction,probability_@a,probability_b",
        '"\'=HYPERLINK(""x"")",\'@a,0.9,0.1',
        '"new\\nline,1",b,0.2,0.8',
        "b\\udcffad\\x1b,'@a,1,0",
    ]
    assert [json.loads(line)["id"] for line in _json_lines(found).decode("ascii").splitlines()] == list(
        found.ids
    )
    assert pl.read_parquet(_parquet(found))["id"].to_list()[2] == "b\\udcffad\\x1b"


def labelled(*classes: str) -> Predictions:
    """Rows with two labels, none and one."""
    values = np.array([[0.9, 0.5, 0.1], [0.1, 0.2, 0.3], [0, 0, 1]], np.float32)
    return Predictions(task="multilabel", ids=("a", "b", "c"), classes=classes, values=values)


@pytest.mark.parametrize(
    ("classes", "cells"),
    [
        (("science fiction", "drama", "=cmd()"), ["science fiction;drama", "", "'=cmd()"]),
        (("a;b", "é", "c"), ['["a;b", "\\u00e9"]', "[]", '["c"]']),
    ],
)
def test_several_labels_can_be_told_apart_in_every_format(classes: tuple[str, ...], cells: list[str]) -> None:
    found = labelled(*classes)
    lists = [[classes[0], classes[1]], [], [classes[2]]]
    table = csv.DictReader(_csv(found).decode("utf-8").splitlines())
    assert [row["prediction"] for row in table] == cells
    assert [json.loads(line)["prediction"] for line in _json_lines(found).splitlines()] == lists
    assert pl.read_parquet(_parquet(found))["prediction"].to_list() == lists


def test_rows_without_any_label_are_empty_lists_in_parquet() -> None:
    nothing = Predictions(
        task="multilabel", ids=("a",), classes=("x", "y"), values=np.zeros((1, 2), np.float32)
    )
    assert pl.read_parquet(_parquet(nothing)).schema["prediction"] == pl.List(pl.String)


def test_predicted_labels_are_read_again_as_a_target() -> None:
    for classes in (("fiction", "drama", "city"), ("a;b", "é", "c")):
        found = labelled(*classes)
        cells = [row["prediction"] for row in csv.DictReader(_csv(found).decode("utf-8").splitlines())]
        names, matrix = in_one_column(pl.Series("y", cells))
        rows = [{names[i] for i in np.flatnonzero(row)} for row in matrix]
        assert rows == [set(classes[:2]), set(), {classes[2]}]
