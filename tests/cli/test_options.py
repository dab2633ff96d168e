from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.cli.options import Switches, experiment, finite, minutes, override, phase
from firstlight.errors import UsageError

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.requirement("C05")
@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("45", 45),
        ("45m", 45),
        ("45 min", 45),
        ("2h30", 150),
        ("2h30m", 150),
        ("2h", 120),
        ("1.5h", 90),
        ("90s", 1.5),
    ],
)
def test_a_time_span_is_in_minutes(written: str, wanted: float) -> None:
    assert minutes(written) == wanted


@pytest.mark.requirement("C04")
@pytest.mark.parametrize(
    "written", ["0", "0s", "-5", "nan", "inf", "", "2h30x", "1e400", "45 m m", "٤٥", "1_0", "9" * 400]
)
def test_what_is_no_time_span_is_refused_with_the_value(written: str) -> None:
    with pytest.raises(click.BadParameter) as error:
        minutes(written)
    assert repr(written.strip()) in error.value.message or repr(written) in error.value.message


@given(st.text())
def test_any_text_is_a_time_span_above_0_or_refused(written: str) -> None:
    with contextlib.suppress(click.BadParameter):
        assert 0 < minutes(written) < float("inf")


@given(st.integers(1, 999), st.integers(0, 59))
def test_hours_and_minutes_add_up(hours: int, rest: int) -> None:
    assert minutes(f"{hours}h{rest:02d}") == 60 * hours + rest


def test_only_phases_of_this_release_are_taken() -> None:
    assert phase("setup") == "setup"
    with pytest.raises(click.BadParameter, match="not part of this release yet"):
        phase("final")
    with pytest.raises(click.BadParameter, match="is no phase"):
        phase("phase 2")


def test_an_override_needs_a_key_and_keeps_its_value() -> None:
    assert override("data.source=a=b c") == "data.source=a=b c"
    for wrong in ("training.epochs", "=5", ""):
        with pytest.raises(click.BadParameter, match=r"section\.key=value"):
            override(wrong)


def test_a_target_value_is_a_finite_number() -> None:
    assert finite("1e-3") == 0.001
    for wrong in ("nan", "-inf", "high", ""):
        with pytest.raises(click.BadParameter):
            finite(wrong)


def test_switches_are_read_up_to_the_double_dash() -> None:
    assert Switches.of(["run", "--json", "--", "--debug"]) == Switches(json=True)


def test_an_experiment_is_a_folder_with_a_config(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such experiment folder"):
        experiment(str(tmp_path / "missing"))
    with pytest.raises(UsageError, match="holds no experiment"):
        experiment(str(tmp_path))
    config = tmp_path / "training_config.yaml"
    config.write_text("seed: 1\n")
    with pytest.raises(UsageError, match="is a folder"):
        experiment(str(config))
    assert experiment(str(tmp_path)).root == tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "x", "--minuts", "3"], "did you mean --minutes?"),
        (["train", "x", "--minutes", "5"], "--minutes is an option of `firstlight run`, `firstlight init`"),
        (["run", "-rf"], "a name that begins with a dash goes after `--`"),
        (["statsu", "x"], "did you mean `firstlight status`?"),
        (["zzz"], "`firstlight --help` lists the commands"),
        (["run"], "write `firstlight run [OPTIONS] DATA`"),
        (["compare"], "write `firstlight compare [OPTIONS] EXPERIMENT...`"),
        (["run", "x", "--minutes"], "`firstlight run --help` lists what can be given"),
        (["run", "x", "--minutes", "0"], "'0' is not above 0"),
        (["run", "x", "--set", "epochs"], "'epochs' is no section.key=value"),
        (["run", "x", "--through", "final"], "'final' is not part of this release yet"),
        (["run", "x", "--require", "optimize"], "'optimize'"),
        (["run", "x", "y"], "y"),
        (["--versoin"], "did you mean --version?"),
        (["--resume", "train", "x"], "--resume goes after the command: `firstlight train --resume`"),
        (["explain", "nan_los"], "did you mean `firstlight explain nan_loss`?"),
    ],
)
def test_a_usage_error_has_three_lines_and_names_what_is_near(
    firstlight: Command, arguments: list[str], said: str
) -> None:
    shown = firstlight(*arguments)
    assert shown.returncode == 2
    assert shown.stdout == ""
    what, where, remedy = shown.stderr.splitlines()
    assert what.startswith("error: ")
    assert where.startswith("  where: ")
    assert remedy.startswith("  to do: ")
    assert said in shown.stderr


@pytest.mark.requirement("H12")
@pytest.mark.parametrize("name", ["checkpoints", "logs", "plots", "attempts", "candidates", "checklists"])
def test_a_folder_inside_an_experiment_that_is_a_link_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "status.json").write_text("{}")
    assert experiment(str(tmp_path / "exp")).root == tmp_path / "exp"
    (tmp_path / "exp" / name).symlink_to(tmp_path)
    with pytest.raises(UsageError, match="is a link") as caught:
        experiment(str(tmp_path / "exp"))
    assert name in caught.value.where
    (tmp_path / "exp" / name).unlink()
    (tmp_path / "other").symlink_to(tmp_path / "exp")
    experiment(str(tmp_path / "other"))  # the whole experiment may be one
