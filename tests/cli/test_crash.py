from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from firstlight.cli.answer import error_document
from firstlight.cli.crash import explain_crash
from firstlight.errors import ConfigError
from firstlight.watch.log import LogFile


def crash(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_the_traceback_goes_to_the_log_of_the_experiment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = LogFile(tmp_path / "logs" / "training.log")
    log.note("before")
    shown = explain_crash(crash(KeyError("a\nb")), ["train", "x"], debug=False)
    assert shown.exit_code == 1
    assert "KeyError" in shown.what
    assert str(log.path) in shown.where
    written = log.path.read_text("utf-8")
    assert "Traceback (most recent call last):" in written
    assert "KeyError: 'a\\nb'" in written
    assert capsys.readouterr().err == ""


def test_debug_shows_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    LogFile(tmp_path / "training.log")
    explain_crash(crash(ValueError("why")), ["run", "x"], debug=True)
    assert "Traceback" in capsys.readouterr().err


def test_without_a_log_the_traceback_goes_to_a_file_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    blocked = tmp_path / "file"
    blocked.write_text("")
    LogFile(blocked / "logs" / "training.log")  # cannot be written: its folder is a file
    shown = explain_crash(crash(ValueError("why")), ["run", "sample:digits"], debug=False)
    place = Path(shown.where.removeprefix("the traceback is in "))
    assert place.parent == tmp_path
    assert "ValueError: why" in place.read_text("utf-8")
    assert "sample:digits" in place.read_text("utf-8")


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES, errno.ESTALE]
)
def test_a_full_or_read_only_disk_is_a_resource_error(tmp_path: Path, number: int) -> None:
    LogFile(tmp_path / "training.log")
    shown = explain_crash(
        crash(OSError(number, os.strerror(number), "best_model.pt")), ["train", "x"], debug=False
    )
    assert shown.exit_code == 4
    assert "best_model.pt" in shown.where


def test_no_memory_is_a_resource_error(tmp_path: Path) -> None:
    LogFile(tmp_path / "training.log")
    assert explain_crash(crash(MemoryError()), ["train", "x"], debug=False).exit_code == 4


def test_all_problems_of_a_config_are_in_the_document() -> None:
    problems = [
        ("unknown key", "line 3: epoch", "did you mean epochs?"),
        ("not a number", "line 4", "give one"),
    ]
    document = error_document(ConfigError(problems))["error"]
    assert document["exit_code"] == 2
    assert [p["where"] for p in document["problems"]] == ["line 3: epoch", "line 4"]
