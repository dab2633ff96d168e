"""The handbook: pages exist under their names, name keys and commands that exist, link to what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from firstlight.config.schema import Config, Section

HANDBOOK = Path(__file__).parents[2] / "src" / "firstlight" / "handbook"
PAGES = sorted(HANDBOOK.rglob("*.md"))
DIAGNOSTICS = sorted((HANDBOOK / "diagnostics").glob("*.md"))
NAMED_IN_THE_ISSUE = (
    "workflow",
    "checklists/reproducibility",
    "checklists/post_baseline",
    *(
        f"diagnostics/{name}"
        for name in (
            "nan_loss",
            "exploding_gradients",
            "vanishing_gradients",
            "convergence_stall",
            "resource_inefficiency",
            "overfitting",
            "underfitting",
            "data_quality",
            "crashes",
            "general_improvement",
        )
    ),
)
HEADINGS = ["Trigger", "Symptoms", "Causes", "Fixes", "Exceptions", "Follow-up", "Sources"]
SECTIONS = {
    name: field.annotation.model_fields
    for name, field in Config.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}
CODE = re.compile(r"`([^`\n]+)`|^ {4}(.+)$", re.MULTILINE)
KEY = re.compile(rf"(?<![\w./-])({'|'.join(sorted(SECTIONS))})\.([a-z_]+)(?:(?:: |=)([^\s,]+))?")
COMMAND_ARGUMENT = re.compile(r"firstlight explain ([a-z_/]+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def keys(text: str) -> list[tuple[str, str, str]]:
    """(section, key, value or nothing) of every config key in the code spans and command lines of a page."""
    return [match.groups(default="") for a, b in CODE.findall(text) for match in KEY.finditer(a or b)]


def unknown_keys(text: str) -> list[str]:
    return [f"{section}.{key}" for section, key, _ in keys(text) if key not in SECTIONS[section]]


def refused_values(text: str) -> list[str]:
    refused = []
    for section, key, value in keys(text):
        if value:
            try:
                Config.model_validate({section: {key: YAML(typ="safe").load(value)}})
            except ValidationError:
                refused.append(f"{section}.{key}: {value}")
    return refused


def missing_pages(text: str) -> list[str]:
    names = {page.stem for page in PAGES} | {str(p.relative_to(HANDBOOK).with_suffix("")) for p in PAGES}
    return [topic for topic in COMMAND_ARGUMENT.findall(text) if topic not in names]


def broken_links(text: str, folder: Path) -> list[str]:
    return [target for target in LINK.findall(text) if not (folder / target).is_file()]


def part(text: str, heading: str) -> str:
    """What stands under a heading."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str, heading: str) -> int:
    """Rows of the table under a heading, without its head."""
    return sum(line.startswith("|") for line in part(text, heading).splitlines()) - 2


@pytest.mark.requirement("X11")
@pytest.mark.parametrize("name", NAMED_IN_THE_ISSUE)
def test_every_named_page_exists(name: str) -> None:
    assert (HANDBOOK / f"{name}.md").is_file()


def test_the_installed_package_carries_every_page() -> None:
    import firstlight.handbook

    installed = Path(firstlight.handbook.__file__).parent
    assert {p.relative_to(installed) for p in installed.rglob("*.md")} == {
        p.relative_to(HANDBOOK) for p in PAGES
    }


def test_no_two_pages_share_a_short_name() -> None:
    assert len({page.stem for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
class TestEveryPage:
    def test_names_only_keys_of_the_config(self, page: Path) -> None:
        assert unknown_keys(page.read_text("utf-8")) == []

    def test_gives_only_values_that_the_config_takes(self, page: Path) -> None:
        assert refused_values(page.read_text("utf-8")) == []

    def test_explains_only_pages_that_exist(self, page: Path) -> None:
        assert missing_pages(page.read_text("utf-8")) == []

    @pytest.mark.requirement("X11")
    def test_links_to_files_that_exist(self, page: Path) -> None:
        assert broken_links(page.read_text("utf-8"), page.parent) == []

    def test_begins_with_its_one_title(self, page: Path) -> None:
        titles = [line for line in page.read_text("utf-8").splitlines() if line.startswith("# ")]
        assert page.read_text("utf-8").startswith(titles[0])
        assert len(titles) == 1


@pytest.mark.requirement("P3.2")
@pytest.mark.parametrize("page", DIAGNOSTICS, ids=lambda p: p.stem)
class TestEveryDiagnosis:
    def test_has_the_seven_parts_in_order(self, page: Path) -> None:
        assert re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE) == HEADINGS

    def test_has_four_symptoms_with_numbers(self, page: Path) -> None:
        symptoms = part(page.read_text("utf-8"), "Symptoms")
        assert re.findall(r"^(\d)\. ", symptoms, re.MULTILINE) == ["1", "2", "3", "4"]
        assert len(re.findall(r"\d+", symptoms)) - 4 >= 4, "few numbers beside those of the list"

    def test_has_causes_with_tests_and_fixes_with_keys(self, page: Path) -> None:
        text = page.read_text("utf-8")
        assert rows(text, "Causes") >= 5
        assert rows(text, "Fixes") >= 5
        assert len(keys(part(text, "Fixes"))) >= 4

    def test_is_of_readable_length(self, page: Path) -> None:
        assert 60 <= page.read_text("utf-8").count("\n") <= 120


def test_the_workflow_leads_to_every_diagnosis() -> None:
    text = (HANDBOOK / "workflow.md").read_text("utf-8")
    assert {f"diagnostics/{p.name}" for p in DIAGNOSTICS} <= set(LINK.findall(text))


def test_the_limits_of_the_watch_stand_in_the_pages() -> None:
    from firstlight.watch import alarms

    exploding = " ".join((HANDBOOK / "diagnostics" / "exploding_gradients.md").read_text("utf-8").split())
    assert (
        f"above {alarms.EXPLODING_NORM:g} and above {alarms.EXPLODING_RATIO:g} times the median" in exploding
    )
    assert f"{alarms.DIVERGED_RATIO:g} times chance for {alarms.DIVERGED_STEPS} steps in a row" in exploding
    stall = " ".join((HANDBOOK / "diagnostics" / "convergence_stall.md").read_text("utf-8").split())
    assert f"{alarms.STALL_EPOCHS} validated epochs and {alarms.STALL_STEPS} steps" in stall
    assert f"training loss {alarms.STALL_MARGIN:.0%}".replace("%", " %") in stall


def test_the_exit_codes_of_the_page_are_those_of_the_errors() -> None:
    from firstlight import errors

    classes = [
        e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.FirstlightError)
    ]
    declared = {0, 130, 143} | {e.exit_code for e in classes}
    text = (HANDBOOK / "exit_codes.md").read_text("utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == declared


def test_the_glossary_is_sorted_and_says_each_word_once() -> None:
    words = re.findall(r"^\| ([a-z ]+) \| ", (HANDBOOK / "glossary.md").read_text("utf-8"), re.MULTILINE)[1:]
    assert len(words) >= 30
    assert words == sorted(set(words))


class TestTheChecksThemselves:
    def test_see_a_key_that_does_not_exist(self) -> None:
        assert unknown_keys("set `training.lr: 1` or\n\n    firstlight run D --set optimizer.clip=1\n") == [
            "training.lr",
            "optimizer.clip",
        ]

    def test_leave_file_names_alone(self) -> None:
        assert unknown_keys("see `logs/training.log` and `my.model.name`") == []

    def test_see_a_value_that_is_refused(self) -> None:
        assert refused_values("`optimizer.name: lion` and `--set seed=1 --set training.epochs=0`") == [
            "optimizer.name: lion",
            "training.epochs: 0",
        ]

    def test_see_a_page_that_does_not_exist(self) -> None:
        assert missing_pages("`firstlight explain nan_los` firstlight explain workflow") == ["nan_los"]

    def test_see_a_link_to_nowhere(self) -> None:
        assert broken_links("[a](crashes.md) [b](crash.md)", HANDBOOK / "diagnostics") == ["crash.md"]
