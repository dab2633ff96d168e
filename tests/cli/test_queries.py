from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.cli.queries import TEMPLATE, find_page, page, page_names, title
from firstlight.errors import UsageError

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_explain_lists_every_page_with_its_title(firstlight: Command) -> None:
    shown = firstlight("explain")
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert len(lines) == len(page_names())
    assert any(
        line.startswith("diagnostics/nan_loss ") and title(page("diagnostics/nan_loss")) in line
        for line in lines
    )
    topics = json.loads(firstlight("explain", "--json").stdout)["topics"]
    assert [topic["name"] for topic in topics] == page_names()
    assert all(topic["title"] for topic in topics)


@pytest.mark.parametrize(
    "topic",
    ["nan_loss", "diagnostics/nan_loss", "diagnostics/nan_loss.md", "nan-loss", "NaN_loss", "/nan_loss"],
)
def test_a_page_is_found_by_each_of_its_names(firstlight: Command, topic: str) -> None:
    shown = firstlight("explain", topic)
    assert shown.returncode == 0
    assert shown.stdout.rstrip("\n") == page("diagnostics/nan_loss").rstrip("\n")


def test_explain_gives_the_page_as_json(firstlight: Command) -> None:
    document = json.loads(firstlight("explain", "workflow", "--json").stdout)
    assert document == {"topic": "workflow", "title": title(page("workflow")), "text": page("workflow")}


@pytest.mark.parametrize("topic", ["../../../pyproject.toml", "/etc/passwd", "", "diagnostics/../workflow"])
def test_explain_reads_pages_of_the_handbook_only(topic: str) -> None:
    with pytest.raises(UsageError, match="no such page"):
        find_page(topic, page_names())


def test_a_topic_with_two_pages_asks_which() -> None:
    with pytest.raises(UsageError, match=r"name one of a/x, b/x\.yaml"):
        find_page("x", ["a/x", "b/x.yaml"])
    assert find_page("b/x", ["a/x", "b/x.yaml"]) == "b/x.yaml"


def test_a_title_is_the_first_line_that_says_something() -> None:
    assert title("\n# \n## Head #\ntext") == "Head"
    assert title("# a config, complete\nseed: 42\n") == "a config, complete"
    assert title("") == ""


def test_one_experiment_alone_cannot_be_compared(firstlight: Command, tmp_path: Path) -> None:
    (tmp_path / "training_config.yaml").write_text("seed: 1\n")
    shown = firstlight("compare", str(tmp_path))
    assert shown.returncode == 2
    assert "one experiment cannot be compared" in shown.stderr


def test_the_config_template_is_a_page_that_can_be_saved_and_read(
    firstlight: Command, tmp_path: Path
) -> None:
    from firstlight.config.read import read_config

    shown = firstlight("explain", "baseline_template")
    assert shown.returncode == 0
    assert shown.stdout.rstrip("\n") == page(TEMPLATE).rstrip("\n")
    saved = tmp_path / "training_config.yaml"
    saved.write_text(shown.stdout, "utf-8")
    assert read_config(saved)


def test_the_schema_is_a_json_schema_that_takes_the_contract_defaults(firstlight: Command) -> None:
    import jsonschema

    document = json.loads(firstlight("schema").stdout)
    assert document == json.loads(firstlight("schema", "--json").stdout)
    validator = jsonschema.validators.validator_for(document)
    validator.check_schema(document)
    validator(document).validate({"training": {"epochs": 20, "batch_size": 32, "learning_rate": 1e-3}})
    assert not validator(document).is_valid({"training": {"epoch": 20}})
