from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.config import keys
from firstlight.config.kinds import MAX_SEED
from firstlight.config.read import parse_config
from firstlight.config.schema import Config
from firstlight.config.write import LINE_WIDTH, baseline_template, reasons_of, render_config

TEMPLATE = Path(__file__).parents[2] / "configs" / "baseline_template.yaml"

HOSTILE = [
    "a\nb",
    '"',
    "'",
    "- x",
    "#",
    "\\",
    "no",
    "~",
    "1e3",
    "\u2028",
    "\x85",
    "\x00",
    "\x1b[0m",
    "\ud800",
    "猫",
    "😀",
    " a ",
]
TEXT = st.sampled_from(HOSTILE) | st.text(st.characters(codec=None), min_size=1, max_size=20)
FRACTION = st.floats(0, 1, exclude_max=True)
POSITIVE = st.floats(0, exclude_min=True, allow_infinity=False)
COUNT = st.integers(1, 10**9)


def configs() -> st.SearchStrategy[Config]:
    """Configs whose every written key has any value that the schema takes."""
    sections: dict[str, Any] = {
        "experiment": {"name": TEXT, "description": TEXT | st.none()},
        "data": {
            "source": TEXT,
            "classes": st.lists(TEXT, min_size=1, unique=True),
            "val_fraction": st.floats(0.001, 0.4),
            "test_fraction": st.floats(0, 0.5),
            "channels": st.sampled_from([1, 3, None]),
        },
        "model": {"width": POSITIVE | st.none(), "dropout": FRACTION},
        "training": {"epochs": COUNT, "batch_size": COUNT, "learning_rate": POSITIVE},
        "early_stopping": {"enabled": st.booleans(), "min_delta": POSITIVE},
        "augmentation": {"shift_pixels": st.just("auto") | st.integers(0, 10**9)},
        "precision": {"channels_last": st.sampled_from([True, False, "auto"])},
        "budget": {"minutes": POSITIVE},
        "acceptance": {"at_least": st.floats(allow_nan=False, allow_infinity=False) | st.none()},
    }
    parts = {name: st.fixed_dictionaries({}, optional=inside) for name, inside in sections.items()}
    everything = st.fixed_dictionaries({}, optional={**parts, "seed": st.integers(0, MAX_SEED)})
    return everything.map(Config.model_validate)


@pytest.mark.requirement("P1.1", "H08")
@settings(deadline=None)
@given(configs(), st.text(st.characters(codec=None)))
def test_a_written_config_reads_back_as_the_same_config(config: Config, reason: str) -> None:
    text = render_config(config, {"training.batch_size": reason, "seed": reason})
    text.encode("utf-8")
    assert parse_config(text, name="c.yaml").config == config


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_class_names_survive(name: str) -> None:
    config = Config.model_validate({"data": {"classes": [name, "other"] + [f"{name}{i}" for i in range(50)]}})
    assert parse_config(render_config(config, {}), name="c.yaml").config == config


def test_another_yaml_reader_sees_the_same_values() -> None:
    from ruamel.yaml import YAML

    config = Config.model_validate(
        {
            "data": {"classes": ["no", "1:30", "1_000", "2024-01-01", "a: b", "=", "<<"]},
            "training": {"learning_rate": 1e-5},
        }
    )
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    values = reader.load(render_config(config, {}))
    assert values["data"]["classes"] == list(config.data.classes or ())
    assert values["training"]["learning_rate"] == 1e-5


def test_every_key_has_its_meaning_and_a_measured_value_its_reason() -> None:
    text = render_config(Config(), {"training.batch_size": "measured fastest\nof 16 to 512", "seed": "yours"})
    for name, inside in keys.sections().items():
        for path in [(name,), *((name, key) for key in inside)]:
            assert keys.meaning(path).split()[0] in text
    assert "# why: measured fastest of 16 to 512\n" in text
    assert max(map(len, text.splitlines())) <= LINE_WIDTH


def test_a_reason_for_a_key_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError, match=r"training\.batch"):
        render_config(Config(), {"training.batch": "x"})


@pytest.mark.requirement("P1.1", "P2.1")
def test_the_template_in_the_repository_is_what_the_renderer_writes() -> None:
    assert TEMPLATE.read_text("utf-8") == baseline_template()
    assert parse_config(baseline_template(), name="template").config == Config()


WORDS = st.text("abc:-#'%", min_size=1, max_size=12).filter(lambda word: word.strip("-"))
KEYS = ["training.batch_size", "data.classes", "seed", "budget.minutes", "model.dropout", "data.source"]


@settings(max_examples=60, deadline=None)
@given(configs(), st.dictionaries(st.sampled_from(KEYS), st.lists(WORDS, min_size=1, max_size=60)))
def test_the_reasons_can_be_read_back(config: Config, words: dict[str, list[str]]) -> None:
    reasons = {key: " ".join(f"x{word}x" for word in said) for key, said in words.items()}
    assert reasons_of(render_config(config, reasons)) == reasons
