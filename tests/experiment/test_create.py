from __future__ import annotations

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.errors import FolderInUse, UsageError
from firstlight.experiment.create import new_experiment, safe_name
from firstlight.experiment.folder import Folder
from firstlight.experiment.lock import lock

BUILD = """
import sys
from pathlib import Path
from firstlight.errors import FirstlightError
from firstlight.experiment.create import new_experiment
out = Path(sys.argv[1]) if sys.argv[1] != "-" else None
try:
    with new_experiment(out, "digits") as new:
        (new.root / "training_config.yaml").write_text("seed: 1")
        print("building", flush=True)
        sys.stdin.read()
    print(new.final.name)
except FirstlightError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def build(cwd: Path, out: str) -> subprocess.Popen[str]:
    """A process that begins an experiment, says so, and finishes it when its input ends."""
    command = [sys.executable, "-c", BUILD, out]
    return subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> int:
    """Lets it end, closes its pipes, gives the exit code."""
    process.communicate()
    return process.returncode


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.requirement("X7")
def test_each_experiment_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        with new_experiment(None, "digits") as new:
            (new.root / "training_config.yaml").write_text("seed: 1")
        assert new.final == tmp_path / "runs" / f"digits-{number}"
        assert new.final.is_dir()
    assert names(tmp_path / "runs") == ["digits-1", "digits-2", "digits-3"]


@pytest.mark.requirement("X08")
def test_eight_starts_at_once_give_eight_folders(tmp_path: Path) -> None:
    started = [build(tmp_path, "-") for _ in range(8)]
    made = [process.communicate()[0].split()[-1] for process in started]
    assert sorted(made) == [f"digits-{n}" for n in range(1, 9)]
    assert names(tmp_path / "runs") == sorted(made)


def test_nothing_is_seen_at_the_place_before_it_is_whole(tmp_path: Path) -> None:
    with new_experiment(Path("mine"), "digits") as new:
        (new.root / "training_config.yaml").write_text("seed: 1")
        assert names(tmp_path / "mine") == []
        assert new.root.parent == new.final.parent
    assert "training_config.yaml" in names(tmp_path / "mine")
    assert not new.root.exists()


@pytest.mark.parametrize("out", [None, Path("mine"), Path("deep/er/mine")])
@pytest.mark.parametrize("error", [UsageError("a", "b", "c"), ZeroDivisionError(), KeyboardInterrupt()])
def test_an_error_inside_leaves_nothing(tmp_path: Path, out: Path | None, error: BaseException) -> None:
    def build() -> None:
        with new_experiment(out, "digits") as new:
            (new.root / "logs" / "profile.json").write_text("{}")
            raise error

    with pytest.raises(type(error)):
        build()
    assert [p for p in tmp_path.rglob("*") if not p.is_dir()] == []
    assert not list(tmp_path.rglob("*mine*"))
    assert not list(tmp_path.rglob("*digits*"))


def test_an_experiment_is_never_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "training_config.yaml").write_text("precious")
    with pytest.raises(UsageError) as caught, new_experiment(Path("mine"), "digits"):
        pass
    assert "--resume" in caught.value.remedy
    assert "-o" in caught.value.remedy
    assert (mine / "training_config.yaml").read_text() == "precious"
    assert names(tmp_path) == ["mine"]


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis\x1b.tex").write_text("precious")
    with pytest.raises(UsageError) as caught, new_experiment(Path("mine"), "digits"):
        pass
    assert "\x1b" not in str(caught.value)
    assert names(tmp_path) == ["mine"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with new_experiment(Path("mine"), "digits") as new:
        (new.root / "status.json").write_text("{}")
    assert "status.json" in names(tmp_path / "mine")


def test_a_file_at_the_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(UsageError), new_experiment(Path("mine"), "digits"):
        pass
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.requirement("C06", "C07")
@pytest.mark.parametrize("out", [".", "data", "data/cats", "data/runs/new", "link/new", "/", "~"])
def test_the_data_the_root_and_home_are_no_place_for_an_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    data = tmp_path / "data"
    (data / "cats").mkdir(parents=True)
    (tmp_path / "link").symlink_to(data)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError) as caught, new_experiment(Path(out), "data", data=data):
        pass
    assert caught.value.exit_code == 2
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.requirement("C06")
def test_the_default_folder_is_not_made_inside_the_data(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    with pytest.raises(UsageError, match="its own data"), new_experiment(None, "data", data=tmp_path):
        pass
    assert names(tmp_path) == ["cats"]


@pytest.mark.requirement("P01")
@pytest.mark.parametrize("out", [None, Path("mine")])
def test_a_folder_that_cannot_be_written_is_the_users_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: Path | None
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UsageError) as caught, new_experiment(out, "digits"):
        pass
    assert "Read-only file system" in caught.value.where


@pytest.mark.requirement("X01")
def test_two_starts_with_one_name_make_one_experiment(tmp_path: Path) -> None:
    first = build(tmp_path, "mine")
    assert first.stdout is not None
    assert first.stdout.readline().strip() == "building"
    second = build(tmp_path, "mine")
    said = second.communicate()[0]
    assert second.returncode == 5
    assert f"process {first.pid}" in said
    assert end(first) == 0
    assert names(tmp_path) == ["mine"]
    assert end(build(tmp_path, "mine")) == 2


def test_what_a_killed_start_left_is_removed_by_the_next(tmp_path: Path) -> None:
    for out, folder in (("mine", tmp_path), ("-", tmp_path / "runs")):
        killed = build(tmp_path, out)
        assert killed.stdout is not None
        assert killed.stdout.readline().strip() == "building"
        killed.send_signal(signal.SIGKILL)
        end(killed)
        assert any(name.endswith(".partial") for name in names(folder))
        with new_experiment(Path("mine") if out == "mine" else None, "digits") as new:
            pass
        assert not any(name.endswith(".partial") for name in names(folder))
        assert new.final.is_dir()
    assert names(tmp_path) == ["mine", "runs"]
    assert names(tmp_path / "runs") == ["digits-2"]


def test_a_start_that_works_is_not_removed_by_the_next(tmp_path: Path) -> None:
    working = build(tmp_path, "one")
    assert working.stdout is not None
    working.stdout.readline()
    with new_experiment(Path("two"), "digits"):
        assert (tmp_path / ".one.partial").is_dir()
    assert end(working) == 0
    assert names(tmp_path) == ["one", "two"]


def test_a_start_that_only_just_began_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".mine.partial").mkdir()
    (tmp_path / ".mine.partial" / ".lock").touch()
    with pytest.raises(FolderInUse), new_experiment(Path("mine"), "digits"):
        pass
    assert (tmp_path / ".mine.partial").is_dir()


def test_the_experiment_is_locked_while_it_is_made(tmp_path: Path) -> None:
    with new_experiment(None, "digits") as new, pytest.raises(FolderInUse), lock(Folder(new.root)):
        pass
    with lock(Folder(new.final)):
        assert (new.final / "logs").is_dir()


@settings(deadline=None)
@given(st.text())
def test_any_name_of_data_gives_a_plain_folder_name(name: str) -> None:
    made = safe_name(name)
    assert made
    assert len(made) <= 60
    assert not made.startswith((".", "-"))
    assert not set(made) & set('/\\\0\n\t :*?"<>|')


@pytest.mark.requirement("H16")
@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("cifar10", "cifar10"),
        ("meine Bilder", "meine-Bilder"),
        ("../../etc", "etc"),
        ("-rf", "rf"),
        ("$(touch x)", "touch-x"),
        ("\x1b[31m", "x1b-31m"),
        ("", "experiment"),
        ("图像", "图像"),
    ],
)
def test_names_keep_what_can_be_kept(name: str, made: str) -> None:
    assert safe_name(name) == made


def test_folders_that_were_made_for_it_go_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for out in (None, tmp_path / "mine" / "new" / "one"):
        with pytest.raises(RuntimeError), new_experiment(out, "photos"):
            raise RuntimeError
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == ["mine"]
