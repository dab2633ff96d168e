from __future__ import annotations

import re

import pytest

from firstlight.experiment.folder import Folder


@pytest.fixture(scope="module")
def rendered(hostile_run: Folder) -> tuple[str, str]:
    """The Markdown of a run with hostile names, and what a GitHub-like renderer makes of it."""
    from markdown_it import MarkdownIt

    page = hostile_run.results.read_text("utf-8")
    return page, MarkdownIt("gfm-like", {"linkify": False}).render(page)


@pytest.mark.requirement("H07")
def test_no_name_becomes_an_html_tag(rendered: tuple[str, str]) -> None:
    _, html = rendered
    assert set(re.findall(r"<(script|iframe|svg|style|b|img)[ >]", html)) == {"img"}
    pictures = set(re.findall(r'<img src="([^"]*)"', html))
    assert pictures <= {
        f"plots/{n}.png" for n in ("curves", "confusion", "calibration", "worst_examples", "throughput")
    }


@pytest.mark.requirement("H08")
def test_tables_stay_whole_and_no_name_becomes_a_link(rendered: tuple[str, str]) -> None:
    page, html = rendered
    assert re.findall(r'<a href="([^"]*)"', html) == ["report.html"]
    for table in re.findall(r"<table>.*?</table>", html, flags=re.S):
        rows = re.findall(r"<tr>(.*?)</tr>", table, flags=re.S)
        assert len({len(re.findall(r"<t[hd]", row)) for row in rows}) == 1
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert html.count("<tr>") == len(lines) - html.count("<table>")


@pytest.mark.requirement("H08")
def test_no_name_becomes_a_heading_or_a_line_of_its_own(rendered: tuple[str, str]) -> None:
    page, html = rendered
    assert not re.search(r"^\s*(#+ heading|lines)", page, flags=re.M)
    assert "two&#92;nlines" in page
    assert not re.search(r"<h1>\s*heading", html)
    assert html.count("<h1>") == 1


@pytest.mark.requirement("H09")
def test_no_control_character_reaches_the_file(rendered: tuple[str, str]) -> None:
    page, _ = rendered
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", page)


def test_numbers_stand_without_a_backslash(rendered: tuple[str, str]) -> None:
    page, _ = rendered
    assert not re.search(r"\d\\\.\d", page)


def test_no_line_carries_a_name_of_thousands_of_characters(rendered: tuple[str, str]) -> None:
    page, _ = rendered
    assert "x" * 700 not in page
