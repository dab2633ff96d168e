"""One real run on scikit-learn's digits, made once; tests that change it work on a copy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests_flow import SHORT, firstlight


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished experiment."""
    folder = tmp_path_factory.mktemp("finished")
    done = firstlight("run", "sample:digits", "-o", "x", *SHORT, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "answer.json").write_text(done.stdout)
    json.loads(done.stdout)
    return folder / "x"


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished experiment that a test may change."""
    shutil.copytree(finished, tmp_path / "x")
    return tmp_path / "x"
