"""Bad and hostile data through the command line: the exit code, three lines, and nothing half-made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

# What setup would measure is given, so that a command takes seconds.
SETTLED = [
    f"--set={key}"
    for key in (
        "model.width=0.25",
        "training.epochs=1",
        "parallel.threads=1",
        "parallel.device=cpu",
        "precision.compute=fp32",
        "precision.channels_last=true",
    )
]


def init(source: str | Path, out: Path, *options: str, **run) -> subprocess.CompletedProcess[bytes]:
    """`firstlight init` in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "firstlight",
        "init",
        "-o",
        str(out),
        "--yes",
        *options,
        "--",
        str(source),
    ]
    environment = {**os.environ, "FIRSTLIGHT_CACHE": str(out.parent / "cache"), **run.pop("env", {})}
    return subprocess.run(command, capture_output=True, env=environment, timeout=120, **run)


def check_refused(
    result: subprocess.CompletedProcess[bytes], code: int, out: Path, words: Sequence[str]
) -> None:
    lines = result.stderr.decode("utf-8").splitlines()
    assert result.returncode == code, lines
    three = [line for line in lines if line.startswith(("error: ", "  where: ", "  to do: "))]
    assert [line.split(":")[0].strip() for line in three] == ["error", "where", "to do"]
    assert lines[-3:] == three
    assert all(line.isprintable() for line in lines)
    for word in words:
        assert word in "\n".join(three)
    assert not out.exists()
    assert [p.name for p in out.parent.iterdir() if ".partial" in p.name] == []


@pytest.mark.requirement("BI13")
def test_no_such_folder(tmp_path):
    result = init(tmp_path / "nothing\x1b", tmp_path / "out")
    check_refused(result, 2, tmp_path / "out", ["there is no such data", "nothing\\x1b does not exist"])


@pytest.mark.requirement("BI06")
def test_one_class(folder, tmp_path):
    result = init(folder({"only": 3}), tmp_path / "out")
    check_refused(result, 3, tmp_path / "out", ["only one class", "DATA/CLASS/image.jpg"])


@pytest.mark.requirement("BI14")
def test_mostly_corrupt(folder, tmp_path):
    root = folder({"cats": 20, "dogs": 20})
    for path in sorted(root.rglob("*.png"))[:24]:
        path.write_bytes(path.read_bytes()[:60])
    result = init(root, tmp_path / "out")
    check_refused(
        result, 3, tmp_path / "out", ["21 or more of 40 images cannot be read", "data.max_bad_fraction"]
    )


@pytest.mark.skipif(sys.platform != "linux", reason="rights are dropped as Linux does it")
@pytest.mark.parametrize("what", ["folder", "file"])
@pytest.mark.requirement("P06")
def test_without_the_right_to_read(folder, tmp_path, what):
    def drop_rights() -> None:  # root may read everything, unless it gave that right up
        import ctypes

        for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP

    root = folder({"cats": 6, "dogs": 6})
    closed = root / "dogs" if what == "folder" else root / "dogs" / "1.png"
    closed.chmod(0)
    probe = [
        sys.executable,
        "-c",
        "import os,sys; os.listdir(sys.argv[1]) if os.path.isdir(sys.argv[1]) else open(sys.argv[1])",
        str(closed),
    ]
    if subprocess.run(probe, preexec_fn=drop_rights, capture_output=True).returncode == 0:
        closed.chmod(0o755)
        pytest.skip("this user's right to read everything cannot be dropped here")
    result = init(root, tmp_path / "out", preexec_fn=drop_rights)
    closed.chmod(0o755)
    if what == "folder":
        check_refused(
            result, 3, tmp_path / "out", ["a folder of the data cannot be read", "dogs: Permission denied"]
        )
    else:
        assert result.returncode == 0, result.stderr
        profile = json.loads((tmp_path / "out" / "logs" / "profile.json").read_text("utf-8"))
        assert profile["skipped"] == [["dogs/1.png", "Permission denied"]]


@pytest.mark.requirement("BI11", "BI07", "H07", "H08", "H09", "H16", "H17", "P03")
def test_hostile_names_give_an_experiment_of_plain_text(folder, image, tmp_path):
    names = [
        "with space",
        "new\nline 12:00 == training",
        "-rf",
        "\x1b[31m\x1b]0;t\x07",
        "<img src=x onerror=alert(1)>",
        "a|b`[x](l)",
        "$(touch x)",
        os.fsdecode(b"caf\xe9"),
    ]
    root = folder(dict.fromkeys(names, 6) | {"lonely": 1}, name="null")
    (root / "-rf" / os.fsdecode(b"\xff\x1b[1m\n.png")).write_bytes(image())
    (root / "-rf" / os.fsdecode(b"broken\xff.png")).write_bytes(b"")
    (tmp_path / "file").write_text("")
    home = {
        "HOME": str(tmp_path / "file"),
        "XDG_CACHE_HOME": "",
        "FIRSTLIGHT_CACHE": "",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
    }
    out = tmp_path / "out"
    result = init("null", out, cwd=tmp_path, env=home)
    assert result.returncode == 0, result.stderr.decode("utf-8", "replace")
    for path in (
        out / "logs" / "training.log",
        out / "checklists" / "reproducibility.md",
        out / "training_config.yaml",
    ):
        lines = path.read_text("utf-8").split("\n")
        assert all(line.isprintable() for line in lines), path
    for stream in (result.stdout, result.stderr):
        assert all(line.isprintable() for line in stream.decode("utf-8").split("\n"))
    log = (out / "logs" / "training.log").read_text("utf-8")
    assert not [line for line in log.split("\n") if line.startswith("line 12:00")]
    assert "broken\\udcff.png" in log
    assert "1 class with no image to spare for val, all in train: lonely" in log
    profile = json.loads((out / "logs" / "profile.json").read_text("utf-8"))
    assert set(profile["classes"]) == {*names, "lonely"}
    with np.load(out / "splits.npz", allow_pickle=False) as archive:
        ids = [*archive["train_ids"], *archive["val_ids"], *archive["test_ids"]]
    assert os.fsdecode(b"-rf/\xff\x1b[1m\n.png") in ids
    assert "lonely/0.png" in archive_ids(out, "train")
    assert not (tmp_path / "x").exists()


def archive_ids(out: Path, part: str) -> list[str]:
    with np.load(out / "splits.npz", allow_pickle=False) as archive:
        return archive[f"{part}_ids"].tolist()
