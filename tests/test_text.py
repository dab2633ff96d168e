from __future__ import annotations

import csv
import io
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from firstlight import text

ANY = st.text(st.characters(codec=None))  # lone surrogates too
HOSTILE = st.text(st.sampled_from(list("|`[]()<>\\*_#-+=~!&$:/w.@ \n\r\t1a\x1b\u202e")), max_size=20)


def rendered_cell(shown: str) -> str:
    """What a reader of the table sees in the first cell; fails when the table is torn."""
    page = MarkdownIt("commonmark").enable("table").render(f"| a | b |\n|---|---|\n| {shown} | end |\n")
    parser = Cells()
    parser.feed(page)
    assert len(parser.cells) == 4, page
    assert parser.cells[3] == "end"
    assert not parser.tags - {"table", "thead", "tbody", "tr", "th", "td"}, page
    return parser.cells[2]


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells and data != "\n":
            self.cells[-1] += data


@pytest.mark.requirement("H09", "H17")
@settings(deadline=None)
@given(ANY | HOSTILE)
def test_visible_text_is_one_line_without_control_or_format_characters(name: str) -> None:
    shown = text.visible(name)
    assert len(shown.splitlines()) <= 1
    assert not [
        c for c in shown if unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp")
    ]
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert text.visible(shown) == shown


@pytest.mark.requirement("H09")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("cat\r\nERROR forged line", r"cat\r\nERROR forged line"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\udcff.jpg", r"\udcff.jpg"),
        ("a\u2028b", r"a\u2028b"),
        ("été 猫 😀", "été 猫 😀"),
        ("10.00\u202fAM.png", "10.00\u202fAM.png"),
    ],
)
def test_what_cannot_be_seen_is_written_as_an_escape(name: str, shown: str) -> None:
    assert text.visible(name) == shown


@pytest.mark.requirement("H07", "H08")
@settings(deadline=None)
@given(ANY | HOSTILE)
def test_a_markdown_table_cell_shows_the_name_and_nothing_else(name: str) -> None:
    assert rendered_cell(text.markdown(name)).split() == text.visible(name).split()


@pytest.mark.requirement("H08")
@settings(deadline=None)
@given(HOSTILE)
def test_a_markdown_paragraph_shows_the_name_and_nothing_else(name: str) -> None:
    page = MarkdownIt("commonmark").enable("table").enable("strikethrough").render(text.markdown(name))
    assert page == (f"<p>{expected_html(name)}</p>\n" if text.visible(name) else "")


def expected_html(name: str) -> str:
    shown = text.visible(name)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.requirement("H08")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", r"a\|b"),
        ("[x](http://e.org)", r"\[x\](http\://e.org)"),
        ("www.e.org", r"www\.e.org"),
        ("me@e.org", r"me\@e.org"),
        ("- cat", r"\- cat"),
        ("# cat", r"\# cat"),
        ("1. cat", r"1\. cat"),
        ("cat-dog v1.2", "cat-dog v1.2"),
        ("a\\", "a&#92;"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
    ],
)
def test_markdown_marks_are_escaped_where_they_would_mean_something(name: str, shown: str) -> None:
    assert text.markdown(name) == shown


@pytest.mark.requirement("H07")
@settings(deadline=None)
@given(ANY | HOSTILE)
def test_html_makes_no_tag_and_leaves_no_quote(name: str) -> None:
    assert not set(text.html(name)) & set("<>\"'")


@pytest.mark.requirement("H10")
@settings(deadline=None)
@given(ANY | HOSTILE)
def test_a_csv_cell_never_starts_a_formula_and_survives_the_writer(name: str) -> None:
    cell = text.csv_cell(name)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not cell.startswith(("\t", "\r", "\n"))
    buffer = io.StringIO()
    csv.writer(buffer).writerow([cell, "end"])
    assert next(csv.reader(io.StringIO(buffer.getvalue()))) == [cell, "end"]


@pytest.mark.requirement("H10")
@pytest.mark.parametrize(
    ("name", "cell"), [("=1+1", "'=1+1"), (" @x", "' @x"), ("\t=1", "\\t=1"), ("cat", "cat"), ("a-b", "a-b")]
)
def test_only_cells_that_look_like_a_formula_get_an_apostrophe(name: str, cell: str) -> None:
    assert text.csv_cell(name) == cell


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (0.91234, "0.9123"),
        (0.001, "0.001"),
        (1.5e-5, "1.5e-5"),
        (1e-10, "1e-10"),
        (50_000, "50,000"),
        (12345.6, "12,346"),
        (3.0, "3"),
        (-0.0, "0"),
        (-0.5, "-0.5"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers_have_four_significant_digits(x: float, shown: str) -> None:
    assert text.number(x) == shown


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_printed_number_reads_back_close_to_itself(x: float) -> None:
    assert float(text.number(x).replace(",", "")) == pytest.approx(x, rel=1e-3, abs=0)


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (0.912, "91.2 %"),
        (1, "100.0 %"),
        (0, "0.0 %"),
        (0.99999, "> 99.9 %"),
        (1e-9, "< 0.1 %"),
        (-0.031, "-3.1 %"),
    ],
)
def test_percent_never_rounds_to_all_or_nothing(x: float, shown: str) -> None:
    assert text.percent(x) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.35, "350 ms"),
        (0.9999, "1.0 s"),
        (3.21, "3.2 s"),
        (9.99, "10 s"),
        (59.7, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.8, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (-90, "-1 min 30 s"),
        (float("inf"), "unknown"),
    ],
)
def test_durations_read_as_a_person_says_them(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("num_bytes", "shown"),
    [
        (1, "1 byte"),
        (512, "512 bytes"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (5 * 1024**4, "5.0 TiB"),
    ],
)
def test_sizes_are_in_powers_of_1024(num_bytes: int, shown: str) -> None:
    assert text.size(num_bytes) == shown


def test_intervals_are_in_brackets() -> None:
    assert text.interval(0.904, 0.919) == "[0.904, 0.919]"


@pytest.mark.parametrize(
    ("n", "noun", "shown"),
    [
        (1, "image", "1 image"),
        (2000, "image", "2,000 images"),
        (0, "class", "0 classes"),
        (2, "query", "2 queries"),
        (2, "day", "2 days"),
        (2, "batch", "2 batches"),
    ],
)
def test_counts_agree_with_their_noun(n: int, noun: str, shown: str) -> None:
    assert text.count(n, noun) == shown
