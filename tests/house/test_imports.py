"""Importing firstlight, and answering --help, load nothing slow and change nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = (
    "torch",
    "sklearn",
    "scipy",
    "matplotlib",
    "polars",
    "pandas",
    "PIL",
    "pydantic",
    "rich",
    "jinja2",
    "pynvml",
)


def loaded_by(statement: str, names: tuple[str, ...] = SLOW) -> list[str]:
    """The packages of `names` that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys\nprint(*[n for n in {names!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("module", ["firstlight", "firstlight.cli.app"])
def test_importing_loads_nothing_slow(module: str) -> None:
    assert loaded_by(f"import {module}") == []


@pytest.mark.parametrize("module", ["firstlight.config.schema", "firstlight.experiment.store"])
def test_reading_a_config_does_not_load_torch(module: str) -> None:
    assert loaded_by(f"import {module}", ("torch", "sklearn", "matplotlib", "polars")) == []


def test_importing_leaves_environment_log_handlers_and_signals_alone() -> None:
    program = (
        "import logging, os, signal, sys\n"
        "before = dict(os.environ), list(logging.getLogger().handlers), signal.getsignal(signal.SIGTERM)\n"
        "import firstlight, firstlight.cli.app\n"
        "after = dict(os.environ), list(logging.getLogger().handlers), signal.getsignal(signal.SIGTERM)\n"
        "sys.exit(before != after)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_check_itself_sees_what_is_loaded() -> None:
    assert loaded_by("import json", ("json", "torch")) == ["json"]
