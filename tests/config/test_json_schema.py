from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from firstlight.config.json_schema import json_schema
from firstlight.config.tree import parse_tree
from firstlight.config.write import baseline_template


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(json_schema())
    return Draft202012Validator(json.loads(json.dumps(json_schema())))


def test_the_json_schema_takes_the_template(validator: Draft202012Validator) -> None:
    assert list(validator.iter_errors(parse_tree(baseline_template(), name="template").root)) == []


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"training": None},
        {"training": {"learning_rate": "1e-3"}},
        {"budget": {"minutes": "2h30"}},
        {"budget": {"minutes": 90}},
        {"data": {"classes": ["a", "b"]}},
        {"precision": {"channels_last": "auto"}},
    ],
)
def test_the_json_schema_takes_what_the_reader_takes(validator: Draft202012Validator, values: Any) -> None:
    assert list(validator.iter_errors(values)) == []


@pytest.mark.parametrize(
    "values",
    [
        {"trainng": {}},
        {"training": {"epochs": 0}},
        {"training": {"epochs": 1.5}},
        {"training": {"learning_rate": 0}},
        {"training": {"learning_rate": "fast"}},
        {"training": {"batch": 3}},
        {"budget": {"minutes": "soon"}},
        {"seed": -1},
        {"seed": 2**64},
        {"optimizer": {"name": "adam"}},
    ],
)
def test_the_json_schema_refuses_what_the_reader_refuses(
    validator: Draft202012Validator, values: Any
) -> None:
    assert list(validator.iter_errors(values))
