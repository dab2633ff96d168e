"""Names that try to break out of a page, and the verdict that belongs to a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firstlight.decision.rules import Evidence, decide
from firstlight.experiment import records_io
from firstlight.experiment.folder import Folder
from firstlight.experiment.records import Decision
from firstlight.report.write import write_report
from firstlight.results.evidence import evidence
from firstlight.results.facts import read_facts

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "pipe|and `tick` and [link](http://evil.example)",
    "two\nlines\r\n# heading",
    "\x1b[31mred\x07",
    "$\\frac{1}{0}$",
    "猫 🐱 \u202egnp.exe",
    "=cmd()|'/C calc'!A0",
    "{{ 7*7 }} {% raw %}",
    "x" * 5000,
)


@pytest.fixture(scope="session")
def hostile_names() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture(scope="session")
def decide_from() -> Callable[[Folder], Decision]:
    """The real verdict, from the files alone."""
    return lambda folder: decide(Evidence(**evidence(read_facts(folder))))


@pytest.fixture(scope="session")
def report_on(decide_from: Any) -> Callable[[Folder], tuple[Path, ...]]:
    """Decides and writes the report, as the end of phase 2 does."""

    def write(folder: Folder) -> tuple[Path, ...]:
        records_io.write_decision(folder.decision, decide_from(folder))
        return write_report(folder)

    return write


@pytest.fixture(scope="session")
def plain_run(build_at: Any, report_on: Any, tmp_path_factory: Any) -> Folder:
    """An ordinary run with its report; only to be read."""
    folder: Folder = build_at(tmp_path_factory.mktemp("plain") / "run", seed=7)
    report_on(folder)
    return folder


@pytest.fixture(scope="session")
def hostile_run(build_at: Any, report_on: Any, tmp_path_factory: Any) -> Folder:
    """A run whose class and row names try to break out, with its report; only to be read."""
    ids = tuple(f"{HOSTILE[i % len(HOSTILE)][:80]}/{i}" for i in range(300))
    folder: Folder = build_at(
        tmp_path_factory.mktemp("hostile") / "run", classes=HOSTILE, rows=300, skill=1.0, ids=ids
    )
    report_on(folder)
    return folder
