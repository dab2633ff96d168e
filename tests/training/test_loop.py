"""When the loop saves inside an epoch, when it does not, and what a signal in a validation leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small_experiment import Told, copied, loaded, train_until

from firstlight.errors import Interrupted
from firstlight.experiment.folder import Folder
from firstlight.training import checkpoint, loop, run, saving
from firstlight.training.evaluate import Stopped, evaluate
from firstlight.training.interrupt import Stop
from firstlight.training.run import fresh_state, resumed_state, run_training


@pytest.fixture
def folder(small: Folder, tmp_path: Path) -> Folder:
    return copied(small, tmp_path / "x")


def high_losses(patched: pytest.MonkeyPatch, first: int) -> None:
    """From this step of the process on every loss is far above chance."""
    real, seen = loop.make_step, [0]

    def make_step(*words: Any, **more: Any) -> Any:
        step = real(*words, **more)

        def high(batch: Any) -> Any:
            seen[0] += 1
            result = step(batch)
            return result._replace(loss=torch.tensor(50.0)) if seen[0] >= first else result

        return high

    patched.setattr(loop, "make_step", make_step)


def test_the_begin_of_a_divergence_is_not_saved_inside_an_epoch(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "SAVE_SECONDS", 0.0)
    high_losses(monkeypatch, first=3)
    one, told = loaded(folder), Told()
    seen: list[int] = []
    real = loop._close_epoch

    def close(job: Any, state: Any, watch: Any) -> Any:
        seen.append(torch.load(folder.last, weights_only=True)["step"])
        watch.stop.number = 15
        return real(job, state, watch)

    monkeypatch.setattr(loop, "_close_epoch", close)
    with pytest.raises(Interrupted):
        run_training(one.job, fresh_state(one.job), one.clock, Stop(), told)
    assert seen == [2]
    assert torch.load(folder.last, weights_only=True)["step"] > 2  # a signal saves, so that nothing is lost


def test_a_signal_in_a_validation_leaves_no_spoiled_weights(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_until(folder, monkeypatch, lambda state: state.epoch == 1)
    one, stop = loaded(folder), Stop()
    state = resumed_state(one.job, Told())
    assert state is not None

    def spoil(model: Any, job: Any, *words: Any, **more: Any) -> Any:
        with torch.no_grad():
            next(model.parameters()).fill_(torch.inf)
        stop.number = 15
        raise Stopped

    monkeypatch.setattr(loop, "evaluate", spoil)
    with pytest.raises(Interrupted):
        run_training(one.job, state, one.clock, stop, Told())
    weights = checkpoint.load(folder, folder.last)["model"].values()
    assert all(bool(w.isfinite().all()) for w in weights if w.is_floating_point())


def test_a_long_validation_is_saved_before(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    one, stop = loaded(folder), Stop()
    state, saved = fresh_state(one.job), []
    real = loop.evaluate

    def slow(*words: Any, **more: Any) -> Any:
        saved.append((state.step, folder.last.is_file() and checkpoint.load(folder, folder.last)["step"]))
        stop.number = 15 if len(saved) == 2 else None
        return real(*words, **more)

    speed = loop._speed
    monkeypatch.setattr(loop, "evaluate", slow)
    monkeypatch.setattr(
        loop, "_speed", lambda *words: (s := speed(*words)) and loop.Speed(step=s.step, validation=60.0)
    )
    with pytest.raises(Interrupted):
        run_training(one.job, state, one.clock, stop, Told())
    assert saved[0][0] == saved[0][1]  # nothing is measured yet: the estimate says a minute


def test_a_signal_after_the_last_batch_does_not_throw_the_validation_away(folder: Folder) -> None:
    one, stop = loaded(folder), Stop()
    model = one.job.make_model()
    batches = list(one.job.val.ordered(1000))
    assert len(batches) == 1

    class Views:
        def __call__(self, inputs: Any) -> Any:
            stop.number = 15  # comes while the last batch is computed
            return one.job.views(inputs)

    import dataclasses

    job = dataclasses.replace(one.job, views=Views())  # type: ignore[arg-type]
    _, predicted, targets = evaluate(model, job, stop=stop)
    assert len(predicted) == len(targets) == one.job.val.count
    with pytest.raises(Stopped):
        evaluate(model, one.job, stop=stop)
    assert model.training


def test_logs_that_the_disk_refuses_do_not_keep_a_run_from_its_begin(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "write_metrics", full)
    monkeypatch.setattr(run.records_io, "write_plan", full)
    one, told, stop = loaded(folder), Told(), Stop()
    stop.number = 15
    with pytest.raises(Interrupted):
        run_training(one.job, fresh_state(one.job), one.clock, stop, told)
    assert "logs are behind" in told.warned[0]
