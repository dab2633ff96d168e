from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.cli.queries import page_name, pages, title
from firstlight.errors import UsageError

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_explain_lists_every_page_with_its_title(firstlight: Command) -> None:
    shown = firstlight("explain")
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert len(lines) == len(pages())
    assert any(
        line.startswith("diagnostics/nan_loss ") and title(pages()["diagnostics/nan_loss"]) in line
        for line in lines
    )
    topics = json.loads(firstlight("explain", "--json").stdout)["topics"]
    assert [topic["name"] for topic in topics] == list(pages())
    assert all(topic["title"] for topic in topics)


@pytest.mark.parametrize(
    "topic",
    ["nan_loss", "diagnostics/nan_loss", "diagnostics/nan_loss.md", "nan-loss", "NaN_loss", "/nan_loss"],
)
def test_a_page_is_found_by_each_of_its_names(firstlight: Command, topic: str) -> None:
    shown = firstlight("explain", topic)
    assert shown.returncode == 0
    assert shown.stdout.rstrip("\n") == pages()["diagnostics/nan_loss"].rstrip("\n")


def test_explain_gives_the_page_as_json(firstlight: Command) -> None:
    document = json.loads(firstlight("explain", "workflow", "--json").stdout)
    assert document == {"topic": "workflow", "title": title(pages()["workflow"]), "text": pages()["workflow"]}


@pytest.mark.parametrize("topic", ["../../../pyproject.toml", "/etc/passwd", "", "diagnostics/../workflow"])
def test_explain_reads_pages_of_the_handbook_only(topic: str) -> None:
    with pytest.raises(UsageError, match="no such page"):
        page_name(topic, list(pages()))


def test_a_topic_with_two_pages_asks_which() -> None:
    with pytest.raises(UsageError, match=r"name one of a/x, b/x\.yaml"):
        page_name("x", ["a/x", "b/x.yaml"])
    assert page_name("b/x", ["a/x", "b/x.yaml"]) == "b/x.yaml"


def test_a_title_is_the_first_line_that_says_something() -> None:
    assert title("\n# \n## Head #\ntext") == "Head"
    assert title("# a config, complete\nseed: 42\n") == "a config, complete"
    assert title("") == ""


def test_one_experiment_alone_cannot_be_compared(firstlight: Command, tmp_path: Path) -> None:
    (tmp_path / "training_config.yaml").write_text("seed: 1\n")
    shown = firstlight("compare", str(tmp_path))
    assert shown.returncode == 2
    assert "one experiment cannot be compared" in shown.stderr
