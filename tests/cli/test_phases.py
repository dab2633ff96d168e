from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.cli.options import Switches
from firstlight.cli.phases import _answered
from firstlight.errors import Undecided
from firstlight.flow import Request
from firstlight.watch.progress import Progress

ASKED = Undecided(
    "which column is the label?",
    "columns a, b",
    "give --target COLUMN",
    key="data.target",
    proposals=("b", "a"),
)


def needs_a_target(request: Request, progress: Progress) -> tuple[str, ...]:
    if not any(setting.startswith("data.target=") for setting in request.overrides):
        raise ASKED
    return request.overrides


REQUEST = Request(data="table.csv", overrides=("seed=1",), started=0.0)


def test_yes_takes_the_first_proposal() -> None:
    assert _answered(needs_a_target, REQUEST, Switches(quiet=True), yes=True) == ("seed=1", 'data.target="b"')


def test_without_a_terminal_nothing_is_asked() -> None:
    with pytest.raises(Undecided, match="which column is the label"):
        _answered(needs_a_target, REQUEST, Switches(), yes=False)  # pytest's stdin is no terminal


def test_the_budget_is_said_back(capsys: pytest.CaptureFixture[str]) -> None:
    request = Request(data="x", minutes=150.0, overrides=('data.target="a"',), started=0.0)
    assert _answered(needs_a_target, request, Switches(), yes=False) == ('data.target="a"',)
    assert "] budget 2 h 30 min" in capsys.readouterr().err


QUESTION = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_phases import REQUEST, Switches, _answered, needs_a_target
print("answer", *_answered(needs_a_target, REQUEST, Switches(), yes=False))
"""


@pytest.mark.parametrize(("typed", "taken"), [(b"a\n", 'data.target="a"'), (b"\n", 'data.target="b"')])
def test_on_a_terminal_the_question_is_asked_once(
    on_a_terminal: Callable[..., str], typed: bytes, taken: str
) -> None:
    shown = on_a_terminal(QUESTION, typed=typed)
    assert shown.count("which column is the label?") == 1
    assert f"answer seed=1 {taken}" in shown


@pytest.mark.requirement("S10")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)], ids=str
)
def test_a_signal_before_training_ends_with_its_code_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it,
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and one under nohup this one
    command = [sys.executable, "-m", "firstlight", "init", "sample:digits", "-o", "here/digits"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stderr is not None
        assert "== setup" in process.stderr.readline()
        process.send_signal(number)
        shown = process.communicate(timeout=60)
    assert process.returncode == code
    assert shown[0] == ""
    assert f"error: stopped by {number.name}" in shown[1]
    assert "Traceback" not in shown[1]
    assert [path for path in tmp_path.rglob("*") if path.name != "here"] == []


@pytest.mark.requirement("BT03")
@pytest.mark.parametrize("name", ["null", "~", "[x", '"q"', "a: b", "0x1", "é \U0001f600", "=x", "a\\b", " "])
def test_a_column_of_any_name_can_be_the_target(name: str) -> None:
    from firstlight.cli.phases import _setting
    from firstlight.config.override import apply_overrides
    from firstlight.config.schema import Config

    assert apply_overrides(Config(), [_setting("data.target", name)]).data.target == name
