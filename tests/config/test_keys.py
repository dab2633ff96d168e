from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from firstlight.config import aliases, keys
from firstlight.config.tree import parse_tree
from firstlight.config.write import baseline_template


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(keys.json_schema())
    return Draft202012Validator(json.loads(json.dumps(keys.json_schema())))


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


def test_every_key_has_a_meaning_and_says_what_it_takes() -> None:
    for section, inside in keys.sections().items():
        for path in [(section,), *((section, key) for key in inside)]:
            assert keys.meaning(path)
            assert keys.allowed(path)


def test_a_seed_and_a_choice_say_their_limits() -> None:
    assert keys.allowed(("seed",)) == "a whole number at least 0 and at most 4,294,967,295"
    assert keys.allowed(("optimizer", "name")) == "adamw, sgd, muon"
    assert keys.allowed(("model", "width")) == "a number above 0 or null"


def test_aliases_lead_to_keys_and_hide_none() -> None:
    for alias, real in aliases.KEYS.items():
        assert keys.is_key(real)
        assert not keys.is_key(alias)
    assert not set(aliases.SECTIONS) & set(keys.sections())
    assert set(aliases.SECTIONS.values()) <= set(keys.sections())
