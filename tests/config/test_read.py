from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firstlight.config.read import explicit_keys, parse_config, read_config
from firstlight.config.schema import Config
from firstlight.errors import ConfigError
from firstlight.text import visible

FOUR_SECTIONS = """\
training:
  epochs: 20
  batch_size: 32                 # setup may write another measured value
  learning_rate: 1e-3
early_stopping:
  enabled: true
  patience: 10
  min_delta: 0.001
checkpointing:
  save_best: true
  save_last: true
  checkpoint_every_n_epochs: 5
validation:
  validate_every_n_epochs: 1
  metric: 'val_loss'
"""


def problems(text: str | bytes) -> list[tuple[str, str, str]]:
    """The errors of a file that has some."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, name="c.yaml")
    assert caught.value.exit_code == 2
    return list(caught.value.problems)


def only_problem(text: str | bytes) -> tuple[str, str, str]:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.requirement("P2.1")
@pytest.mark.parametrize(
    "text", ["", "\n# nothing\n", "---\n", "\ufeff", "training:\n", FOUR_SECTIONS, "null"]
)
def test_an_empty_file_and_the_four_sections_give_the_defaults_of_the_contract(text: str) -> None:
    config = parse_config(text, name="c.yaml").config
    assert config == Config()
    assert (config.training.epochs, config.training.batch_size, config.training.learning_rate) == (
        20,
        32,
        1e-3,
    )
    stopping, saving, validation = config.early_stopping, config.checkpointing, config.validation
    assert (stopping.enabled, stopping.patience, stopping.min_delta) == (True, 10, 0.001)
    assert (saving.save_best, saving.save_last, saving.checkpoint_every_n_epochs) == (True, True, 5)
    assert (validation.validate_every_n_epochs, validation.metric) == (1, "val_loss")


def test_the_keys_that_the_user_wrote_are_known() -> None:
    config = parse_config("training: {epochs: 20}\nseed: 42\nmodel:\n", name="c.yaml").config
    assert explicit_keys(config) == {"training.epochs", "seed"}
    assert explicit_keys(Config()) == frozenset()


@pytest.mark.requirement("P1.1", "C01")
def test_an_unknown_key_names_the_nearest_its_line_and_what_is_allowed() -> None:
    what, where, remedy = only_problem("training:\n  epochs: 3\n  batch_sise: 64\n")
    assert what == "unknown key training.batch_sise"
    assert where == "c.yaml:3: training.batch_sise = 64"
    assert "training.batch_size" in remedy
    assert "a whole number at least 1" in remedy
    assert "epochs, batch_size, learning_rate" in remedy


@pytest.mark.requirement("C01")
@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("trainng: {epochs: 3}", "training"),
        ("epochs: 3", "training.epochs"),
        ("training: {dropout: 0.1}", "model.dropout"),
        ("training: {weight_decy: 0.1}", "optimizer.weight_decay"),
        ("<<: {a: 1}", ""),
        ("'': 1", ""),
        ("training: {zzzzzz: 1}", "training."),
    ],
)
def test_a_right_name_in_a_wrong_place_is_found(text: str, nearest: str) -> None:
    what, _, remedy = only_problem(text)
    assert what.startswith("unknown key")
    assert f"the nearest key is {nearest}" in remedy


@pytest.mark.requirement("P1.1", "C01", "C03", "C08")
def test_every_error_of_the_file_is_reported_at_once_in_the_order_of_lines() -> None:
    found = problems(
        "training:\n"
        "  epochs: 0\n"
        "  epochs: 3\n"
        "  learning_rate: -1e-3\n"
        "trainng: {epochs: 3}\n"
        "seed: -1\n"
        "budget: {minutes: 0}\n"
        "data: {val_fraction: 0.6, test_fraction: 0.5}\n"
        "loss: 3\n"
        "model: !!python/name:os.system\n"
    )
    lines = [int(where.split(":")[1]) for _, where, _ in found]
    assert lines == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert all(what and where and remedy for what, where, remedy in found)


@pytest.mark.requirement("P1.1", "C03", "C04", "C09")
@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        ("training: {epochs: 0}", "training.epochs", "0"),
        ("training: {epochs: true}", "training.epochs", "true"),
        ("training: {epochs: }", "training.epochs", "null"),
        ("training: {epochs: [1]}", "training.epochs", "a list"),
        ("training: {epochs: {a: 1}}", "training.epochs", "a mapping"),
        ("training: {batch_size: 0}", "training.batch_size", "0"),
        ("training: {batch_size: -1}", "training.batch_size", "-1"),
        ("training: {batch_size: 1.5}", "training.batch_size", "1.5"),
        ("training: {batch_size: 'auto '}", "training.batch_size", "auto "),
        ("training: {batch_size: 99999999999999999999}", "training.batch_size", "99999999999999999999"),
        ("training: {learning_rate: -0.1}", "training.learning_rate", "-0.1"),
        ("training: {learning_rate: 0}", "training.learning_rate", "0"),
        ("training: {learning_rate: .nan}", "training.learning_rate", ".nan"),
        ("training: {learning_rate: .inf}", "training.learning_rate", ".inf"),
        ("training: {learning_rate: 1e999}", "training.learning_rate", "1e999"),
        ("training: {learning_rate: nan}", "training.learning_rate", "nan"),
        ("training: {learning_rate: fast}", "training.learning_rate", "fast"),
        ("acceptance: {at_least: .nan}", "acceptance.at_least", ".nan"),
        ("acceptance: {metric: val_acuracy}", "acceptance.metric", "val_acuracy"),
        ("early_stopping: {enabled: yes}", "early_stopping.enabled", "yes"),
        ("seed: 18446744073709551616", "seed", "18446744073709551616"),
        ("seed: -1", "seed", "-1"),
        ("seed: 1.0", "seed", "1.0"),
        ("seed: null", "seed", "null"),
        ("budget: {minutes: 0}", "budget.minutes", "0"),
        ("budget: {minutes: 0m}", "budget.minutes", "0m"),
        ("budget: {minutes: -5}", "budget.minutes", "-5"),
        ("budget: {minutes: 1:30}", "budget.minutes", "1:30"),
        ("budget: {minutes: }", "budget.minutes", "null"),
        ("augmentation: {shift_pixels: -1}", "augmentation.shift_pixels", "-1"),
        ("augmentation: {shift_pixels: off}", "augmentation.shift_pixels", "off"),
        ("precision: {channels_last: 1}", "precision.channels_last", "1"),
        ("data: {channels: 2}", "data.channels", "2"),
        ("data: {classes: cat}", "data.classes", "cat"),
        ("data: {classes: []}", "data.classes", "nothing"),
        ("data: {classes: [cat, dog, cat]}", "data.classes", "a list"),
        ("data: {val_fraction: 0}", "data.val_fraction", "0"),
    ],
)
def test_a_value_that_the_key_does_not_take_is_shown_with_what_it_takes(
    text: str, key: str, found: str
) -> None:
    what, where, remedy = only_problem(text)
    assert what.startswith(f"{key}: ")
    assert where == f"c.yaml:1: {key} = {found}"
    assert remedy.startswith(f"{key} takes ")


def test_fractions_that_leave_nothing_are_refused_even_against_a_default() -> None:
    _, where, _ = only_problem("data: {val_fraction: 0.95}")
    assert where == "c.yaml:1: data.test_fraction (the default)"


@pytest.mark.requirement("C02")
@pytest.mark.parametrize("written", ["1e-3", "0.001", "'1e-3'", '"0.001"', "1.0e-3", "1E-3", "+.1e-2"])
def test_a_rate_means_the_same_number_however_it_is_written(written: str) -> None:
    assert (
        parse_config(f"training: {{learning_rate: {written}}}", name="c").config.training.learning_rate
        == 1e-3
    )


@pytest.mark.requirement("C04", "C05")
@pytest.mark.parametrize(
    ("written", "minutes"),
    [
        ("90", 90),
        ("'90'", 90),
        ("1.5", 1.5),
        ("2h30", 150),
        ("2h30m", 150),
        ("2 h 30 min", 150),
        ("45m", 45),
        ("45 min", 45),
        ("1h", 60),
        ("1.5h", 90),
        ("30s", 0.5),
        ("1s", 1 / 60),
        ("1h30s", 60.5),
    ],
)
def test_minutes_follow_one_rule(written: str, minutes: float) -> None:
    config = parse_config(f"budget:\n  minutes: {written}\n", name="c").config
    assert config.budget.minutes == pytest.approx(minutes)


@pytest.mark.parametrize(
    "written", ["h", "m", "1:30", "2h30x", "1h 2h", "9" * 50 + "m", "1e400h", "", "30 m 1 h", "٣m"]
)
def test_what_is_no_time_span_is_refused(written: str) -> None:
    what, _, remedy = only_problem(f"budget: {{minutes: '{written}'}}")
    assert what.startswith("budget.minutes: ")
    assert "45m, 1h or 2h30" in remedy


@pytest.mark.requirement("C08")
def test_a_duplicate_key_names_both_lines() -> None:
    what, where, _ = only_problem("training:\n  epochs: 3\nseed: 1\ntraining:\n  epochs: 4\n")
    assert "lines 1 and 4" in what
    assert where.startswith("c.yaml:4: ")


@pytest.mark.parametrize(
    ("text", "lines"),
    [("training:\n\tepochs: 3\n", "c.yaml:2: "), ("training:\n\tepochs: 3\n\tbatch_size: 3\n", "lines 2, 3")],
)
def test_tabs_are_explained_with_their_lines(text: str, lines: str) -> None:
    what, where, remedy = only_problem(text)
    assert "tab" in what
    assert lines in where
    assert "spaces" in remedy


def test_a_large_text_is_refused_before_it_is_parsed() -> None:
    start = time.perf_counter()
    what, _, _ = only_problem("a: b\n" * 2_000_000)
    assert "too large" in what
    assert time.perf_counter() - start < 0.5


def test_a_ten_megabyte_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with path.open("wb") as file:
        file.truncate(10 * 1024**2)
    with pytest.raises(ConfigError, match="too large"):
        read_config(path)


BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [{f'*{a}, ' * 9}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("text", [BOMB, "a: &a [*a]\n", "a: &a {b: *a}\n", "a: *nobody\n"])
def test_an_alias_never_stands_for_a_collection(text: str) -> None:
    assert any("alias" in what for what, _, _ in problems(text))


def test_an_alias_may_stand_for_a_single_value() -> None:
    config = parse_config("training: {epochs: &e 7}\nearly_stopping: {patience: *e}\n", name="c").config
    assert (config.training.epochs, config.early_stopping.patience) == (7, 7)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "a: " + "{a: " * 5_000, "- " * 400_000, "[x," + "a," * 400_000]
)
def test_deep_and_long_nests_end_quickly(text: str) -> None:
    start = time.process_time()  # what other programs take of the machine does not count
    assert problems(text)
    assert time.process_time() - start < 10


def test_of_very_many_errors_a_hundred_are_shown_and_the_rest_is_counted() -> None:
    found = problems("".join(f"k{number}: 1\n" for number in range(1000)))
    assert len(found) == 101
    assert found[-1][0] == "900 more errors are not shown"


@pytest.mark.requirement("H03")
@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system",
        "!!python/object/new:os.system",
        "!<tag:yaml.org,2002:python/name:os>",
        "!x",
    ],
)
def test_a_tag_is_refused_and_runs_nothing(tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    what, where, _ = only_problem(f'seed: 1\nmodel: {tag} ["touch marker"]\n')
    assert "tag" in what
    assert where.startswith("c.yaml:2: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: 1\n---\nb: 2\n", "several YAML documents"),
        ("- a\n- b\n", "sections"),
        ("just text", "sections"),
        ("a: [1\n", "not YAML"),
        ("a: 'open\n", "not YAML"),
        ("a: b: c\n", "not YAML"),
        ("%BAD\n---\n%\n", "not YAML"),
        ("? [a, b]\n: 1\n", "plain text"),
        ("seed: 1\0\n", "does not allow"),
        ("seed: \ud800\n", "does not allow"),
        (b"seed: 1 # \xff\n", "not UTF-8"),
        ("seed: 1".encode("utf-16"), "not UTF-8"),
    ],
)
def test_what_is_not_one_yaml_mapping_is_refused(text: str | bytes, word: str) -> None:
    assert any(word in what for what, _, _ in problems(text))


def test_text_is_taken_as_it_is_written() -> None:
    text = "data: {classes: [007, no, 1.0, null, true, 'x'], source: 2024}\nexperiment: {name: null}\n"
    config = parse_config(text, name="c").config
    assert config.data.classes == ("007", "no", "1.0", "null", "true", "x")
    assert config.data.source == "2024"
    assert config.experiment.name is None


@pytest.mark.requirement("H09", "H17")
def test_messages_show_no_control_character_of_the_file_or_its_name() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config('"\\e[31mkey\\nerror: forged": "\\e]0;x\\a"\n', name="\x1b[2Jc.yaml")
    assert len(caught.value.lines()) == 3
    assert all(line.isprintable() for line in caught.value.lines())


@pytest.mark.requirement("P1.2")
@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("checkpointing: {save_every_n_epochs: 2}", "checkpointing.checkpoint_every_n_epochs", 2),
        ("optimizer: {learning_rate: 0.2}", "training.learning_rate", 0.2),
        ("optimizer: {lr: 0.2}", "training.learning_rate", 0.2),
        ("training: {lr: 2e-1}", "training.learning_rate", 0.2),
        ("training:\noptimizer: {lr: 0.2}", "training.learning_rate", 0.2),
        ("early_stopping: {monitor: val_accuracy}", "validation.metric", "val_accuracy"),
        ("checkpointing: {metric: val_accuracy}", "validation.metric", "val_accuracy"),
        ("lr_scheduler: {type: linear}", "scheduler.name", "linear"),
        ("reproducibility: {seed: 7}", "seed", 7),
    ],
)
def test_an_alias_is_taken_with_a_notice(text: str, key: str, value: object) -> None:
    parsed = parse_config(text, name="c.yaml")
    assert explicit_keys(parsed.config) == {key}
    found: object = parsed.config
    for name in key.split("."):
        found = getattr(found, name)
    assert found == value
    assert any(f"taken as {key}" in notice and notice.startswith("c.yaml:") for notice in parsed.notices)


@pytest.mark.requirement("P1.2")
def test_an_alias_beside_its_key_is_an_error_only_when_they_differ() -> None:
    same = "training: {learning_rate: 1e-3}\noptimizer: {lr: '0.001'}\n"
    assert parse_config(same, name="c.yaml").config.training.learning_rate == 1e-3
    what, where, remedy = only_problem("training: {learning_rate: 1e-3}\noptimizer: {lr: 0.1}\n")
    assert "training.learning_rate and optimizer.lr" in what
    assert where == "c.yaml:2: optimizer.lr = 0.1"
    assert remedy == "keep only training.learning_rate"
    what, _, _ = only_problem("optimizer: {lr: 0.1}\ntraining: {lr: 0.2}\n")
    assert "optimizer.lr and training.lr" in what
    what, _, _ = only_problem("scheduler: {name: linear}\nlr_scheduler: cosine\n")
    assert "scheduler and lr_scheduler" in what


def test_an_error_in_an_aliased_value_points_to_the_name_in_the_file() -> None:
    what, where, _ = only_problem("seed: 1\noptimizer: {lr: -1}\n")
    assert what.startswith("training.learning_rate: ")
    assert where == "c.yaml:2: optimizer.lr = -1"


def test_a_file_is_read_from_disk_whatever_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbftraining:\r\n  epochs: 3\r\n")
    assert read_config(path).config.training.epochs == 3


def test_a_missing_file_a_folder_and_a_pipe_are_config_errors(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing.yaml", tmp_path, tmp_path / "pipe", tmp_path / "\0"):
        with pytest.raises(ConfigError) as caught:
            read_config(path)
        assert str(tmp_path) in caught.value.where


@given(
    st.text(max_size=60)
    | st.text(st.sampled_from(list("training: seed[]{},&*!?|>-#'\"%@`\n\t 0123.\\~<")), max_size=80)
    | st.binary(max_size=60)
)
@settings(deadline=None)
@example("!")
@example("&")
@example("? ")
@example("%YAML 9.9\n---\na")
@example("a: |9\n b")
def test_whatever_the_file_holds_it_is_a_config_or_a_config_error(content: str | bytes) -> None:
    try:
        lines = parse_config(content, name="c.yaml").notices
    except ConfigError as error:
        lines = error.lines()
    assert all(line == visible(line) for line in lines)


def test_reading_a_config_loads_nothing_heavy() -> None:
    code = (
        "import sys, firstlight.config.read, firstlight.config.write, firstlight.config.override;"
        "heavy = {'torch', 'numpy', 'sklearn', 'matplotlib', 'polars', 'rich'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
