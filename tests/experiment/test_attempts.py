from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.attempts import archive_attempt, archived, reason_of
from firstlight.experiment.folder import Folder

SETUP = ("training_config.yaml", "environment.json", "splits.npz", "logs/profile.json")
RUN = (
    "logs/metrics.json",
    "logs/outcome.json",
    "logs/training.log",
    "checkpoints/best_model.pt",
    "checkpoints/manifest.json",
    "plots/curves.png",
    "baseline_results.md",
    "report.html",
)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    fill(tmp_path, "first", (*SETUP, *RUN, "checklists/reproducibility.md"))
    return Folder(tmp_path)


def fill(root: Path, content: str, files: tuple[str, ...]) -> None:
    for name in files:
        store.write_text(root / name, f"{content}: {name}")


def files(root: Path) -> dict[str, str]:
    return {p.relative_to(root).as_posix(): p.read_text() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.mark.requirement("P2.9", "X7")
def test_an_attempt_is_archived_whole_and_setup_stays(folder: Folder) -> None:
    before = files(folder.root)
    assert archive_attempt(folder, "the loss became NaN at step 97") == 1
    (first,) = archived(folder)
    kept = files(first.root)
    assert {name: kept[name] for name in before} == before
    assert reason_of(first) == "the loss became NaN at step 97"
    now = {name for name in files(folder.root) if not name.startswith("attempts/")}
    assert now == {*SETUP, "checklists/reproducibility.md"}
    assert folder.checkpoints.is_dir()


def test_a_second_attempt_does_not_touch_the_first(folder: Folder) -> None:
    archive_attempt(folder, "one")
    first = files(folder.attempts / "1")
    fill(folder.root, "second", RUN)
    store.write_text(folder.config, "another rate")
    folder.config.write_text("edited in place")
    assert archive_attempt(folder, "two") == 2
    assert files(folder.attempts / "1") == first
    assert files(folder.attempts / "2")["logs/metrics.json"] == "second: logs/metrics.json"
    assert [reason_of(a) for a in archived(folder)] == ["one", "two"]


@pytest.mark.parametrize("stop_at", range(1, 9))
def test_an_archiving_that_was_stopped_is_finished_by_the_next_call(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    import os

    before = files(folder.root)
    moves, real_replace, real_rename = [0], os.replace, os.rename

    def stopping(real: object) -> object:
        def move(source: Path, to: Path) -> None:
            if ".writing-" not in str(source):
                moves[0] += 1
                if moves[0] == stop_at:
                    raise KeyboardInterrupt
            real(source, to)  # type: ignore[operator]

        return move

    monkeypatch.setattr(os, "replace", stopping(real_replace))
    monkeypatch.setattr(os, "rename", stopping(real_rename))
    with pytest.raises(KeyboardInterrupt):
        archive_attempt(folder, "nan")
    monkeypatch.undo()
    assert archive_attempt(folder, "nan") == 1
    kept = files(folder.attempts / "1")
    assert {name: kept[name] for name in before} == before
    assert not (folder.attempts / ".archiving").exists()


def test_attempts_are_in_the_order_of_their_numbers(folder: Folder) -> None:
    for number in range(11):
        assert archive_attempt(folder, f"reason {number}") == number + 1
    assert [a.root.name for a in archived(folder)][-2:] == ["10", "11"]


def test_a_record_that_is_gone_is_an_error_not_a_guess(folder: Folder) -> None:
    archive_attempt(folder, "one")
    (folder.attempts / "1" / "attempt.json").unlink()
    with pytest.raises(ResumeRefused):
        reason_of(archived(folder)[0])
