"""firstlight from Python: what a call gives back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from own_things import SETTINGS, net, rows

import firstlight as fl


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> fl.Result:
    out = tmp_path_factory.mktemp("api") / "<b>&"
    return fl.baseline(net, train=rows(), minutes=1, out=out, settings=SETTINGS, quiet=True)


def test_a_result_has_verdict_metrics_and_the_best_model(result: fl.Result) -> None:
    assert result.verdict in ("accept", "optimize", "failed")
    assert result.reasons
    assert isinstance(result.metrics, pl.DataFrame)
    assert result.metrics["epoch"].to_list() == [1, 2]
    assert not result.model.training
    x, _y = rows(1000, 7)
    assert result.model(x).shape == (1000, 2)


def test_a_result_is_drawn(result: fl.Result, tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    figure = result.plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert figure.axes


def test_a_result_is_shown_escaped(result: fl.Result) -> None:
    page = result._repr_html_()
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page
    assert result.verdict in repr(result)
    assert str(result.report) in repr(result)


def test_checks_alone_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checks = fl.check(net, train=rows(), settings=SETTINGS, quiet=True)
    assert checks.passed
    assert len(checks.lines) > 10
    assert "one_batch" in str(checks)
    assert list(tmp_path.iterdir()) == []


def test_a_resume_needs_its_folder() -> None:
    with pytest.raises(fl.FirstlightError, match="resume needs the folder"):
        fl.baseline(net, train=rows(), resume=True, quiet=True)


@pytest.mark.parametrize(
    "words", [{"metrics": {"a b": len}}, {"metrics": {"f1": 3}}, {"lower_is_better": ["none"]}]
)
def test_metrics_that_cannot_be(words: dict[str, object]) -> None:
    with pytest.raises(fl.FirstlightError):
        fl.baseline(net, train=rows(), quiet=True, **words)  # type: ignore[arg-type]
