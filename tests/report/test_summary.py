from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from firstlight.experiment.folder import Folder
from firstlight.report.summary import summary
from firstlight.results.facts import read_facts
from firstlight.text import number


def test_the_verdict_comes_first_and_everything_fits_a_screen(
    build_experiment: Any, decide_from: Any
) -> None:
    folder = build_experiment(skill=6.0)
    facts, decision = read_facts(folder), decide_from(folder)
    lines = summary(facts, decision).splitlines()
    assert lines[0].startswith("VERDICT     ACCEPT")
    assert len(lines) <= 12
    assert all(len(line) <= 180 for line in lines)
    text = "\n".join(lines)
    assert f"{number(decision.value)} validation accuracy, 95\u00a0% interval" in text
    assert "at least 0.85" in text
    assert "logistic regression; the model is" in text
    assert "83.0 % on average; the target is 60.0 %" in text
    assert "of 45 min 00 s" in text
    assert str(folder.report) in text
    assert lines[-1].split(maxsplit=1)[1] == f"firstlight finalize {folder.root}"


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"task": "regression"}, r"linear; the model is 0\.\d+ ahead"),
        (
            {"task": "regression", "metric": "val_rmse", "target": 900.0},
            r"linear; the model is [\d.,]+ ahead",
        ),
        ({"task": "multilabel"}, r"linear; the model is \d+\.\d points ahead"),
        (
            {"classes": ("a", "b"), "metric": "val_auroc"},
            r"logistic regression; the model is \d+\.\d points ahead",
        ),
    ],
)
def test_differences_are_points_of_shares_and_plain_numbers_of_errors(
    build_experiment: Any, decide_from: Any, properties: Any, said: str
) -> None:
    folder = build_experiment(skill=3.0, **properties)
    assert re.search(said, summary(read_facts(folder), decide_from(folder)))


@pytest.mark.parametrize("target", [0.99, None])
def test_a_result_that_is_not_enough_leads_to_the_next_phase(
    build_experiment: Any, decide_from: Any, target: float | None
) -> None:
    folder = build_experiment(skill=2.0, target=target)
    decision = decide_from(folder)
    shown = summary(read_facts(folder), decision)
    assert decision.verdict.upper() in shown
    assert ("Target" in shown) == (target is not None)


def test_a_failed_run_names_its_page(build_experiment: Any, decide_from: Any) -> None:
    folder = build_experiment(alarm="exploding_gradients", utilization=None)
    shown = summary(read_facts(folder), decide_from(folder))
    assert "FAILED" in shown
    assert "firstlight explain exploding_gradients" in shown
    assert "not measured (no counter is known for the device mps)" in shown


def test_a_run_that_left_nothing_has_a_verdict_too(tmp_path: Path, decide_from: Any) -> None:
    folder = Folder(tmp_path)
    shown = summary(read_facts(folder), decide_from(folder))
    assert "no checkpoint was validated" in shown
    assert "firstlight explain crashes" in shown


def test_a_run_that_learnt_nothing_is_sent_to_the_page_on_stalls(
    build_experiment: Any, decide_from: Any
) -> None:
    folder = build_experiment(skill=0.0)
    shown = summary(read_facts(folder), decide_from(folder))
    assert "FAILED" in shown
    assert "firstlight explain convergence_stall" in shown


@pytest.mark.requirement("H09")
def test_the_terminal_gets_no_control_character_and_the_command_can_be_pasted(
    build_experiment: Any, decide_from: Any
) -> None:
    folder = build_experiment("my run; rm -rf \x1b[31m")
    shown = summary(read_facts(folder), decide_from(folder))
    assert "\x1b" not in shown
    words = shlex.split(shown.splitlines()[-1])
    assert words[1:3] == ["firstlight", "finalize"] or words[1:3] == ["firstlight", "diagnose"]
    assert len(words) == 4
