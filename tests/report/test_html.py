from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from firstlight.experiment.folder import Folder
from firstlight.report.html import charts
from firstlight.results.facts import read_facts


class Seen(HTMLParser):
    """Every tag with its attributes, and the text inside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.cdata_elem:
            self.raw.append((self.tags[-1][0], data))


@pytest.fixture(scope="module")
def page(hostile_run: Folder) -> str:
    return hostile_run.report.read_text("utf-8")


@pytest.mark.requirement("H07")
def test_no_name_becomes_a_tag_an_attribute_or_a_script(page: str) -> None:
    seen = Seen(page)
    assert [a for _, attributes in seen.tags for a in attributes if a.startswith("on")] == []
    assert [t for t, _ in seen.tags if t in {"iframe", "object", "embed", "link", "base", "form"}] == []
    assert sum(t == "script" for t, _ in seen.tags) == 2
    assert "{{ 7*7 }}" in page  # shown as it is, not carried out


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    sources = [
        v
        for _, a in Seen(page).tags
        for k, v in a.items()
        if k in {"src", "href", "srcset", "data", "action"}
    ]
    assert sources
    assert all(v is not None and v.startswith(("data:image/png;base64,", "#")) for v in sources)
    assert not re.search(r"url\(|@import", page)


def test_the_policy_allows_the_two_own_blocks_by_their_hash_and_nothing_else(page: str) -> None:
    seen = Seen(page)
    policy = next(
        a["content"] for t, a in seen.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    style = re.search(r"<style>(.*?)</style>", page, flags=re.S)
    script = re.search(r"<script>(.*?)</script>", page, flags=re.S)
    assert style is not None
    assert script is not None
    for name, block in (("style-src", style[1]), ("script-src", script[1])):
        digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy
    assert [a for _, a in seen.tags if "style" in a] == []  # the policy would block it


def test_the_data_of_the_curves_are_those_of_the_metrics_file(plain_run: Folder) -> None:
    folder = plain_run
    block = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', folder.report.read_text("utf-8"), re.S
    )
    assert block is not None
    data = json.loads(block[1])
    epochs = json.loads(folder.metrics.read_text("utf-8"))["epochs"]
    loss = next(c for c in data["charts"] if c["title"] == "Loss")
    assert loss["series"][0]["values"] == pytest.approx([e["train_loss"] for e in epochs], rel=1e-5)
    assert loss["series"][1]["values"] == pytest.approx([e["val_loss"] for e in epochs], rel=1e-5)
    accuracy = next(c for c in data["charts"] if c["title"] == "Validation accuracy")
    assert {level["name"] for level in accuracy["levels"]} == {"majority", "logistic regression", "target"}


@pytest.mark.parametrize(
    ("properties", "titles"),
    [
        ({"task": "regression"}, ["Validation R²", "Validation RMSE", "Validation MAE"]),
        (
            {"task": "regression", "metric": "val_rmse", "target": 9.0},
            ["Validation RMSE", "Validation R²"],
        ),
        ({"task": "multilabel"}, ["Validation macro F1"]),
        ({"classes": ("a", "b"), "metric": "val_auroc"}, ["Validation AUROC"]),
    ],
)
def test_metrics_share_a_chart_only_when_they_share_a_scale(
    build_experiment: Any, properties: Any, titles: list[str]
) -> None:
    drawn = charts(read_facts(build_experiment(**properties)))
    assert [c["title"] for c in drawn["charts"] if c["title"].startswith("Validation")] == titles


def test_a_name_of_a_reference_cannot_end_the_data_block(build_experiment: Any, report_on: Any) -> None:
    from firstlight.experiment import store

    folder = build_experiment()
    content = store.read_json(folder.references)
    content["references"][0]["name"] = "</script><script>alert(1)</script>"
    store.write_json(folder.references, content)
    report_on(folder)
    assert "<script>alert" not in folder.report.read_text("utf-8")


def test_values_that_are_not_finite_travel_as_null(build_experiment: Any) -> None:
    drawn = charts(read_facts(build_experiment(alarm="nan_loss")))
    text = json.dumps(drawn, allow_nan=False)
    assert "null" in text


def test_tags_are_closed_and_sections_can_be_reached(page: str) -> None:
    for tag in ("section", "table", "ul", "dl", "div", "main", "header", "figure"):
        assert page.count(f"<{tag}") == page.count(f"</{tag}>")
    anchors = set(re.findall(r'href="#(\w+)"', page))
    assert anchors == set(re.findall(r'<section id="(\w+)"', page))
