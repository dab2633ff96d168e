from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.cli.progress import Plain, Sink, Terminal
from firstlight.experiment.records import CheckLine, EpochRecord
from firstlight.watch.progress import Progress

OnTerminal = Callable[..., str]

HOSTILE = "cat\x1b[31m\r\nepoch 9/9: forged\x07"


def record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        step=60 * epoch,
        train_loss=0.5,
        learning_rate=1e-3,
        grad_norm=0.9,
        grad_norm_max=2.0,
        seconds=31.0,
        validation_seconds=2.0,
        examples_per_second=1602.3,
        data_wait=0.01,
        utilization=0.93,
        memory_bytes=10**9,
        metrics={"val_loss": 0.4, "val_accuracy": 0.91},
    )


def tell_everything(progress: Progress) -> None:
    progress.stage("setup")
    for done in range(101):
        progress.advance("decoding images", done, 100)
    progress.note(f"a class is called {HOSTILE}")
    progress.warn(f"{HOSTILE} cannot be read")
    progress.check(CheckLine(id="disk", level="warning", message="3 GB free [bold]", remedy=HOSTILE))
    progress.check(CheckLine(id="labels", level="failed", message="no label"))
    for epoch in (1, 2):
        for step in range(60):
            progress.step(
                epoch=epoch,
                epochs=2,
                step=60 * (epoch - 1) + step,
                steps=120,
                loss=0.7,
                examples_per_second=1602.3,
                utilization=None,
                finish_seconds=700.0,
            )
        progress.epoch(record(epoch), epochs=2, best=epoch == 2, finish_seconds=60.0)


def test_plain_lines_hold_no_control_character_and_are_few() -> None:
    stream = io.StringIO()
    tell_everything(Plain(Sink(stream)))
    shown = stream.getvalue()
    assert not {c for c in shown if not c.isprintable()} - {"\n"}
    lines = shown.splitlines()
    assert all(line.startswith("[0:") for line in lines)
    assert len([line for line in lines if "decoding" in line]) == 2
    assert len([line for line in lines if ", step " in line]) == 1
    epochs = [line for line in lines if "] epoch " in line and "val_accuracy" in line]
    assert len(epochs) == 2
    assert "epoch 2/2: train_loss 0.5, val_loss 0.4, val_accuracy 0.91, best so far" in epochs[1]
    assert "1,602 examples/s, utilization 93.0 %, ends in 1 min 00 s" in epochs[1]
    assert any("] warning disk: 3 GB free [bold]; to do: cat" in line for line in lines)
    assert any("] failed  labels: no label" in line for line in lines)


def test_a_terminal_gets_the_same_words_and_no_foreign_control_character() -> None:
    stream = io.StringIO()
    terminal = Terminal(Sink(stream))
    tell_everything(terminal)
    terminal.close()
    shown = stream.getvalue()
    assert "\x07" not in shown
    assert "cat\x1b" not in shown
    assert r"cat\x1b[31m\r\nepoch 9/9: forged\x07" in shown.replace("\n", "")
    assert "3 GB free [bold]" in shown.replace("\n", " ")
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") > 0  # the cursor is back


def test_a_display_whose_reader_has_gone_turns_silent() -> None:
    class Broken(io.StringIO):
        def write(self, content: str) -> int:
            raise BrokenPipeError

    for progress in (Plain(Sink(Broken())), Terminal(Sink(Broken()))):
        tell_everything(progress)
    closed = io.StringIO()
    closed.close()
    sink = Sink(closed)
    assert sink.write("lost") == 4
    assert not sink.isatty()


SCRIPT = """
from firstlight.cli.progress import choose
with choose(quiet={quiet}, json={json}) as progress:
    progress.stage("setup")
    progress.warn("look")
    progress.advance("decoding images", 1, 3)
"""


@pytest.fixture
def _no_colour_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("_no_colour_settings")
def test_a_terminal_has_colours_and_no_color_takes_them_away(on_a_terminal: OnTerminal) -> None:
    script = SCRIPT.format(quiet=False, json=False)
    assert "\x1b[33m  warning: look" in on_a_terminal(script, TERM="xterm-256color")
    plain = on_a_terminal(script, TERM="xterm-256color", NO_COLOR="1")
    assert "warning: look" in plain
    assert "\x1b[33m" not in plain


@pytest.mark.usefixtures("_no_colour_settings")
def test_a_dumb_terminal_and_a_program_get_plain_lines(on_a_terminal: OnTerminal) -> None:
    for shown in (
        on_a_terminal(SCRIPT.format(quiet=False, json=False), TERM="dumb"),
        on_a_terminal(SCRIPT.format(quiet=False, json=True), TERM="xterm"),
    ):
        assert "] warning: look" in shown
        assert "\x1b" not in shown
    assert on_a_terminal(SCRIPT.format(quiet=True, json=False), TERM="xterm") == ""


def test_a_pipe_gets_plain_lines(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(quiet=False, json=False)],
        capture_output=True,
        text=True,
        env={**os.environ, "TERM": "xterm"},
        timeout=60,
    )
    assert shown.stdout == ""
    assert shown.stderr.splitlines()[0].endswith("] == setup")
