"""No run opens a socket (H15)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz_corpus import FAST
from sockets import open_sockets, watched

MOST_SECONDS = 120


def started(words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "FIRSTLIGHT_CACHE": str(folder / "cache")},
    )


@pytest.mark.requirement("H15")
def test_a_whole_run_opens_no_socket(tmp_path: Path) -> None:
    words = ["-m", "firstlight", "run", "sample:digits", "-o", "exp", "--minutes", "1", "--yes", *FAST]
    with started([*words, "--set", "training.epochs=2"], tmp_path) as process:
        found, looks = watched(process, MOST_SECONDS)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode in (0, 7), said
    assert looks > 100
    assert found == set()


@pytest.mark.requirement("H15")
@pytest.mark.parametrize("child", [False, True], ids=["process", "child"])
@pytest.mark.parametrize(
    "code",
    [
        "s.bind(('127.0.0.1', 0)); s.listen()",
        "s.bind(('127.0.0.1', 0)); s.listen(); c = socket.create_connection(s.getsockname())",
    ],
)
def test_the_observer_sees_one(tmp_path: Path, code: str, child: bool) -> None:
    program = f"import socket, sys; s = socket.socket(); {code}; sys.stderr.write('x\\n'); sys.stdin.read()"
    if child:
        program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"x\n"
        assert len(open_sockets(process.pid)) >= 1
        process.communicate(b"")


def test_the_observer_sees_none_where_there_is_none() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert open_sockets(process.pid) == set()
        process.communicate(b"\n")
