"""What the pages and `compare` say of rows that belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.report.compare import compare
from firstlight.results.facts import read_facts

FEW, MANY = np.arange(500) // 50, np.arange(500) // 10  # 10 and 50 groups


def page(folder: Folder, report_on: Any) -> str:
    report_on(folder)
    return folder.results.read_text("utf-8")


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_the_report_says_over_what_was_drawn_and_how_many_there_are(
    build_experiment: Any, report_on: Any, task: str
) -> None:
    said = page(build_experiment(groups=MANY, task=task), report_on)
    assert "which 50 groups of data.group with 500 rows are in the validation part" in said
    assert "cluster bootstrap over groups" in said
    assert "over the independent rows that 50 groups are worth" in said or "bootstrap over 50 groups" in said
    assert "too narrow" not in said
    assert "McNemar" not in said


def test_without_groups_nothing_is_said_of_them(plain_run: Folder) -> None:
    said = plain_run.results.read_text("utf-8")
    assert "data.group" not in said
    assert "bootstrap over rows" in said


def test_few_groups_are_told_on_the_page_and_in_the_decision(
    build_experiment: Any, report_on: Any, decide_from: Any
) -> None:
    folder = build_experiment(groups=FEW)
    sentence = "The validation rows belong to 10 groups: below 20 the intervals are too narrow to be trusted."
    assert decide_from(folder).reasons[-1] == sentence
    assert page(folder, report_on).count(sentence) >= 3  # verdict, metrics, what was not verified
    assert sentence not in decide_from(build_experiment("more", groups=MANY)).reasons


def test_compare_goes_over_groups_also_where_only_one_run_has_them(build_experiment: Any) -> None:
    first, second = build_experiment("a", skill=2.0), build_experiment("b", skill=4.0, groups=FEW)
    for pair in ([first, second], [second, first]):
        text, document = compare(pair)
        found = document["differences"][0]
        assert (found["groups"], found["rows"], found["p"]) == (10, 500, None)
        assert "the same 500 rows in 10 groups" in text
        assert "the luck of the groups that the rows belong to" in text
        assert "belong to 10 groups: below 20 the intervals are too narrow" in text


def test_groups_go_with_their_rows_when_the_other_run_has_another_order(build_experiment: Any) -> None:
    first, second, turned = (
        build_experiment(name, skill=skill, groups=groups)
        for name, skill, groups in (("a", 2.0, None), ("b", 4.0, MANY), ("c", 4.0, MANY))
    )
    with np.load(turned.predictions) as archive:
        order = np.random.default_rng(0).permutation(500)
        arrays = {name: archive[name] for name in archive.files}
    for name in ("ids", "targets", "predictions", "groups"):
        arrays[name] = arrays[name][order]
    store.write_npz(turned.predictions, arrays)
    here, there = compare([first, second, turned])[1]["differences"]
    assert here["interval"] == pytest.approx(there["interval"])
    assert here["groups"] == there["groups"] == 50


def test_groups_that_do_not_fit_are_told_and_left(build_experiment: Any) -> None:
    facts = read_facts(build_experiment(groups=np.arange(3)))
    assert facts.predictions is not None
    assert facts.predictions.groups is None
    assert any("groups int64 (3,) do not fit 500 rows" in problem for problem in facts.problems)
