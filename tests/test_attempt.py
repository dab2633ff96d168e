"""From one attempt to the next: no log is lost, and the first gate opens only for what archiving changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_experiment import copied, loaded

from firstlight import flow
from firstlight.attempt import finish_new_attempt
from firstlight.experiment import store
from firstlight.experiment.attempts import archived
from firstlight.experiment.folder import Folder
from firstlight.gates.status import compute_gates
from firstlight.training.restart import archive, smaller_parts
from firstlight.watch.progress import Silent


@pytest.fixture
def folder(small: Folder, tmp_path: Path) -> Folder:
    return copied(small, tmp_path / "x")


def begin_second(folder: Folder) -> None:
    change = smaller_parts(loaded(folder).job.config, "memory ran out")
    assert change is not None
    archive(folder, change)


def tamper(folder: Folder) -> None:
    environment = json.loads(folder.environment.read_text("utf-8"))
    environment["packages"]["torch"] = "9.9.9"
    folder.environment.write_text(json.dumps(environment))


def test_the_first_gate_rests_on_the_config_that_archiving_wrote(folder: Folder) -> None:
    begin_second(folder)
    assert not compute_gates(folder)[0].open  # a kill came here
    finish_new_attempt(folder)
    assert compute_gates(folder)[0].open


@pytest.mark.parametrize("finished", [False, True])
def test_another_change_keeps_the_gate_shut_whatever_attempts_there_were(
    folder: Folder, finished: bool
) -> None:
    begin_second(folder)
    if finished:
        finish_new_attempt(folder)
    tamper(folder)
    finish_new_attempt(folder)
    gate = compute_gates(folder)[0]
    assert not gate.open
    assert "environment.json has changed" in str([i.value for i in gate.items if i.state == "failed"])


def test_a_check_finishes_an_archiving_that_was_stopped_and_no_log_is_lost(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_text(folder.log, "what happened in attempt 1\n")

    real = store.write_text

    def full(path: Path, text: str) -> str:
        if path == folder.config:
            raise OSError(28, "No space left on device")
        return real(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_text", full)
        with pytest.raises(OSError, match="No space"):
            begin_second(folder)
    folder.log.write_text("the traceback of the full disk\n")

    def loaded_first(*_: object) -> None:
        raise KeyError("the log was opened, the data are next")

    monkeypatch.setattr(flow, "load", loaded_first)
    with pytest.raises(KeyError, match="the log was opened"):
        flow.check(folder, Silent())
    (first,) = archived(folder)
    assert "preflight" in folder.log.read_text()
    assert first.log.read_text() == "what happened in attempt 1\n"
    assert first.log.with_stem("training-2").read_text() == "the traceback of the full disk\n"
    assert compute_gates(folder)[0].open
