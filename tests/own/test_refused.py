"""Bad input of a person's own: the error names their object, the place, and what was expected (BU01-BU10)."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from own_things import Items, net, rows
from torch import nn
from torch.utils.data import get_worker_info

from firstlight.errors import (
    DataError,
    FirstlightError,
    Interrupted,
    ResourceError,
    ResumeRefused,
    UsageError,
)
from firstlight.own import reading

HERE = Path(__file__).name


def refused(run: Any, kind: type[FirstlightError], *words: Any, **more: Any) -> FirstlightError:
    with pytest.raises(kind) as caught:
        run(*words, **more)
    assert len(caught.value.lines()) == 3
    return caught.value


class Answers(nn.Module):
    """Gives whatever `answer(outputs)` makes."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.body, self.answer = net(), answer

    def forward(self, x: torch.Tensor) -> Any:
        return self.answer(self.body(x))


def test_an_item_that_raises_is_named(run: Any) -> None:
    def broken(index: int, x: Any, y: Any) -> Any:
        if index == 17:
            raise ValueError("no such picture")
        return x, y

    error = refused(run, DataError, train=Items(broken))
    assert "train[17]" in error.where
    assert HERE in error.where
    assert "no such picture" in error.where


@pytest.mark.parametrize("end", [SystemExit(3), KeyError("x")])
def test_an_item_that_ends_the_program_is_an_error(run: Any, end: BaseException) -> None:
    def ends(index: int, x: Any, y: Any) -> Any:
        if index == 5:
            raise end
        return x, y

    assert "train[5]" in refused(run, DataError, train=Items(ends)).where


def test_an_item_that_is_none(run: Any) -> None:
    error = refused(run, DataError, train=Items(lambda i, x, y: None if i == 9 else (x, y)))
    assert "train[9] is None" in error.where


def test_an_item_of_another_shape(run: Any) -> None:
    error = refused(run, DataError, train=Items(lambda i, x, y: (x[:4] if i == 33 else x, y)))
    assert "[33]" in error.where


def test_no_items(run: Any) -> None:
    assert "length 0" in refused(run, DataError, train=[]).where


def test_a_stream_without_end_is_refused(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from firstlight.own import stream

    monkeypatch.setattr(stream, "MOST_BYTES", 10_000)

    def endless() -> Any:
        while True:
            yield torch.zeros(6), 0

    assert "does not end" in refused(run, UsageError, train=endless()).what


def test_a_model_that_returns_a_tuple(run: Any) -> None:
    error = refused(run, FirstlightError, Answers(lambda out: (out, out)))
    assert "tuple of" in str(error)
    assert HERE in str(error)


def test_a_loss_that_wants_other_targets(run: Any) -> None:
    error = refused(run, FirstlightError, loss=nn.BCEWithLogitsLoss())
    assert "BCEWithLogitsLoss" in str(error) or "labels" in str(error)


def test_targets_of_the_wrong_type_for_the_loss(run: Any) -> None:
    x, y = rows()
    error = refused(run, FirstlightError, train=(x, y.float()), loss=nn.CrossEntropyLoss())
    assert "float32" in str(error) or "CrossEntropyLoss" in str(error)


def test_a_model_without_weights(run: Any) -> None:
    with torch.device("meta"):
        model = nn.Linear(6, 2)
    assert "meta" in refused(run, UsageError, model).what


def test_an_optimizer_without_a_parameter(run: Any) -> None:
    def one(parameters: Any) -> Any:
        return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)

    assert "parameter is in the optimizer" in str(refused(run, FirstlightError, optimizer=one))


def test_a_model_that_cannot_be_saved(run: Any) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = net()

        def forward(self, x: torch.Tensor) -> Any:
            return self.body(x)

        def get_extra_state(self) -> Any:
            return {Path("here")}

        def set_extra_state(self, state: Any) -> None: ...

    assert "checkpoint" in str(refused(run, FirstlightError, Odd))


def test_a_lambda_and_a_local_class_in_the_model(run: Any) -> None:
    assert len(run(Answers(lambda out: out)).metrics) == 2


def test_a_lambda_in_a_worker(run: Any) -> None:
    result = run(train=Items(lambda i, x, y: (x, y)), settings={"parallel.workers": 2})
    assert len(result.metrics) == 2


@pytest.mark.parametrize("end", [lambda: os._exit(3), lambda: os.kill(os.getpid(), signal.SIGKILL)])
def test_a_worker_that_dies_names_its_item(run: Any, end: Any) -> None:
    def exits(index: int, x: Any, y: Any) -> Any:
        if index == 77 and get_worker_info() is not None:
            end()
        return x, y

    error = refused(run, ResourceError, train=Items(exits), val=rows(32, 1), settings={"parallel.workers": 1})
    assert "train[77]" in error.where


def test_an_item_that_raises_in_a_worker_is_named(run: Any) -> None:
    def raises(index: int, x: Any, y: Any) -> Any:
        if index == 21 and get_worker_info() is not None:
            raise OSError("gone")
        return x, y

    error = refused(run, DataError, train=Items(raises), val=rows(32, 1), settings={"parallel.workers": 2})
    assert "train[21]" in error.where
    assert HERE in error.where


def test_an_item_that_loads_for_ever(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ITEM_SECONDS", 0.2)

    def waits(index: int, x: Any, y: Any) -> Any:
        if index == 4:
            time.sleep(60)
        return x, y

    error = refused(run, DataError, train=Items(waits))
    assert "train[4]" in error.where
    assert "too long" in error.what


def test_a_loss_that_becomes_nan_stops_by_rule(run: Any) -> None:
    x, y = rows()

    class Later(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = net()
            self.register_buffer("steps", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> Any:
            if self.training:
                self.steps += 1
            return self.body(x) * (torch.nan if self.steps > 80 else 1.0)

    result = run(Later, train=(x, y), settings={"training.epochs": 30})
    assert result.verdict == "failed"
    assert "nan_loss" in " ".join(result.reasons)
    assert all(bool(v.isfinite().all()) for v in result.model.state_dict().values())


def test_much_printing_does_not_fill_the_log(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def loud(out: torch.Tensor) -> torch.Tensor:
        print("x" * 10_000)
        return out

    result = run(Answers(loud))
    assert (result.folder / "logs" / "training.log").stat().st_size < 100_000


class TestGoingOn:
    """A signal, a resume, and what is refused then."""

    @staticmethod
    def interrupting(at: int, number: int, model: Any = net) -> tuple[Any, Any]:
        """A validation set that sends a signal when it is read for the so-manieth time, and what switches it off."""
        state = {"reads": 0, "on": True}

        def sends(index: int, x: Any, y: Any) -> Any:
            state["reads"] += 1
            if state["on"] and state["reads"] == at:
                os.kill(os.getpid(), number)
            return x, y

        return Items(sends, 32, 1), state

    def reads_before_training(self, run: Any, tmp_path: Path) -> int:
        val, state = self.interrupting(-1, signal.SIGINT)
        reads = []
        run(train=rows(), val=val, out=tmp_path / "counted")
        return state["reads"] - 32 - len(reads)  # the best one is read again at the end

    def test_the_keyboard_ends_the_call_and_the_same_call_goes_on_with_the_same_bits(
        self, run: Any, tmp_path: Path
    ) -> None:
        at = self.reads_before_training(run, tmp_path) - 40  # in the first of two validations
        val, state = self.interrupting(at, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt, match="resume=True"):
            run(train=rows(), val=val)
        state["on"] = False
        result = run(train=rows(), val=val, resume=True)
        whole = run(train=rows(), val=Items(count=32, seed=1), out=tmp_path / "whole")
        assert result.metrics["step"].to_list() == [10, 20]
        for name, value in whole.model.state_dict().items():
            assert torch.equal(value, result.model.state_dict()[name])

    def test_sigterm_is_an_interruption_and_the_command_line_says_which_call_goes_on(
        self, run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from firstlight.cli.app import main

        at = self.reads_before_training(run, tmp_path) - 40
        val, _ = self.interrupting(at, signal.SIGTERM)
        error = refused(run, Interrupted, train=rows(), val=val)
        assert "resume=True" in error.remedy
        assert main(["train", str(tmp_path / "mine"), "--resume"]) == 2
        shown = capsys.readouterr()
        assert "fl.baseline(" in shown.err + shown.out

        wider = lambda: nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 2))  # noqa: E731
        other = refused(run, ResumeRefused, wider, train=rows(), val=Items(count=32, seed=1), resume=True)
        assert "0.weight: 16x6 -> 32x6" in other.where

    def test_handlers_of_the_person_are_told_and_ours_save(self, run: Any, tmp_path: Path) -> None:
        before = signal.getsignal(signal.SIGTERM)
        taken = []

        def takes(index: int, x: Any, y: Any) -> Any:
            signal.signal(signal.SIGTERM, lambda number, frame: taken.append(number))
            return x, y

        result = run(train=Items(takes), settings={"training.epochs": 400})
        assert signal.getsignal(signal.SIGTERM) is not None
        signal.signal(signal.SIGTERM, before)
        assert "SIGTERM was taken by other code" in (result.folder / "logs" / "training.log").read_text(
            "utf-8"
        )
