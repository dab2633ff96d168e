from __future__ import annotations

import pytest

from firstlight.config.override import apply_overrides
from firstlight.config.read import explicit_keys, parse_config
from firstlight.config.schema import Config
from firstlight.errors import ConfigError


def test_overrides_set_keys_and_leave_the_others_unwritten() -> None:
    config = parse_config("training: {epochs: 3, batch_size: 8}", name="c").config
    changed = apply_overrides(config, ["training.epochs=5", "seed=7", "budget.minutes=2h30"])
    assert (changed.training.epochs, changed.training.batch_size, changed.seed) == (5, 8, 7)
    assert changed.budget.minutes == 150
    assert explicit_keys(changed) == {"training.epochs", "training.batch_size", "seed", "budget.minutes"}
    assert config.training.epochs == 3


def test_no_override_changes_nothing() -> None:
    assert apply_overrides(Config(), []) == Config()


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("model.width=null", "model", "width", None),
        ("model.width=1e-1", "model", "width", 0.1),
        ("early_stopping.enabled=false", "early_stopping", "enabled", False),
        ("data.classes=[cat, 007, 'a, b']", "data", "classes", ("cat", "007", "a, b")),
        ("data.source=C:\\x: y # z", "data", "source", "C:\\x: y # z"),
        ("data.source=a=b", "data", "source", "a=b"),
        ("data.target='5'", "data", "target", "5"),
        ("data.target=5", "data", "target", "5"),
        ("experiment.name=null", "experiment", "name", None),
        (" training.epochs = 4", "training", "epochs", 4),
        ("optimizer.lr=0.1", "training", "learning_rate", 0.1),
    ],
)
def test_values_are_yaml_and_text_is_taken_as_it_stands(
    override: str, section: str, key: str, value: object
) -> None:
    assert getattr(getattr(apply_overrides(Config(), [override]), section), key) == value


def test_the_last_override_of_a_key_counts() -> None:
    assert apply_overrides(Config(), ["seed=1", "seed=2"]).seed == 2


def test_an_override_beats_the_file_even_by_an_alias() -> None:
    config = parse_config("training: {learning_rate: 1}", name="c").config
    assert apply_overrides(config, ["optimizer.lr=0.5"]).training.learning_rate == 0.5


@pytest.mark.requirement("C01", "C03")
@pytest.mark.parametrize(
    ("override", "what", "remedy"),
    [
        ("training.epochs=0", "training.epochs: ", "a whole number at least 1"),
        ("training.epochs=", "training.epochs: ", "a whole number"),
        ("training.epoch=3", "unknown key training.epoch", "the nearest key is training.epochs"),
        ("trainng.epochs=3", "unknown key trainng.epochs", "the nearest key is training"),
        ("epochs=3", "unknown key epochs", "the nearest key is training.epochs"),
        ("training.epochs.x=3", "unknown key training.epochs.x", "training.epochs"),
        ("training=3", "training is a section", "epochs, batch_size"),
        ("training.epochs", "needs a value", "section.key=value"),
        ("=3", "unknown key", ""),
        ("", "needs a value", ""),
        ("seed=!!python/object/apply:os.system [x]", "tag", "remove the tag"),
        ("seed={", "not YAML", ""),
        ("seed=-1", "seed: ", "a whole number"),
        ("data.val_fraction=0.95", "data.test_fraction: ", ""),
    ],
)
def test_a_wrong_override_is_as_clear_as_a_wrong_line(override: str, what: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        apply_overrides(Config(), [override])
    assert caught.value.exit_code == 2
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert "--set" in caught.value.where
    if what != "data.test_fraction: ":
        assert caught.value.where == f"--set {override}"


def test_all_wrong_overrides_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        apply_overrides(Config(), ["training.epochs=0", "modl.width=1", "seed=x"])
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("written", ["a, b", "a,b", "[a, b]", '["a", "b"]'])
def test_columns_are_a_list_or_names_joined_by_commas(written: str) -> None:
    assert apply_overrides(Config(), [f"data.drop={written}"]).data.drop == ("a", "b")


@pytest.mark.parametrize("written", ["a,,b", "a,a", "[]"])
def test_columns_without_a_name_or_named_twice_are_refused(written: str) -> None:
    with pytest.raises(ConfigError, match=r"data.drop"):
        apply_overrides(Config(), [f"data.drop={written}"])
