"""Rows are called by the number that they have in their file, whatever is left out before them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.config.schema import Data
from firstlight.data.examples import Examples
from firstlight.data.load import load_examples
from firstlight.data.tables.files.delimited import read_delimited
from firstlight.data.tables.places import counted, joined
from firstlight.data.tables.reading import read_table
from firstlight.errors import DataError
from firstlight.watch.progress import Silent

ROWS = 150  # of which one bad line is less than a hundredth
BAD, BLANK, EMPTY = (
    3,
    5,
    8,
)  # rows, from 1: no row of the table, a blank line before it, nothing but delimiters


def rows() -> list[str]:
    """`number,word,class`; the first value of each is the row's number."""
    return [f"{n},w{n % 7},{'pq'[n % 2]}" for n in range(1, ROWS + 1)]


def dirty(lines: list[str]) -> list[str]:
    """The same with a bad line, a blank line, an empty row, and a line break inside a value."""
    lines[BAD - 1] = "3,too,many,values"
    lines[EMPTY - 1] = ",,"
    lines[9] = '10,"two\nlines",p'
    lines[BLANK - 1] = f"\n{lines[BLANK - 1]}"
    return lines


def load(path: Path, **settings: object) -> Examples:
    data = Data.model_validate({"source": str(path), "target": "y", **settings})
    return load_examples(data, base=path.parent, fallback=path.parent, progress=Silent())


def numbers(path: Path) -> list[tuple[int, int]]:
    """The number of each row, and what is written in the row."""
    table = read_table(path)
    return list(zip(table.places.numbers.tolist(), map(int, table.frame.to_series(0)), strict=True))


KEPT = [n for n in range(1, ROWS + 1) if n not in (BAD, EMPTY)]


@pytest.mark.parametrize("above", [["x,c,y"], ["a title", "x,c,y"], []])
def test_in_a_delimited_file(tmp_path: Path, above: list[str]) -> None:
    lines = dirty(rows())
    if len(above) > 1:
        lines[BAD - 1] = rows()[BAD - 1]  # the title is the one line that may be bad
    (tmp_path / "t.csv").write_text("\n".join([*above, *lines]) + "\n")
    found = numbers(tmp_path / "t.csv")
    assert all(number == written for number, written in found)
    assert [number for number, _ in found if number != BAD] == KEPT


def test_repeated_headers_count_as_rows(tmp_path: Path) -> None:
    lines = rows()
    lines[1] = "x,c,y"
    (tmp_path / "t.csv").write_text("\n".join(["x,c,y", *lines]) + "\n")
    assert numbers(tmp_path / "t.csv")[:3] == [(1, 1), (3, 3), (4, 4)]


def test_a_header_that_lacks_the_name_of_the_row_numbers(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\n".join(["x,c", *dirty(rows())]) + "\n")
    assert [number for number, _ in numbers(tmp_path / "t.csv")] == KEPT


def test_in_json_lines_an_array_and_parquet(tmp_path: Path) -> None:
    items = [{"x": n, "y": "pq"[n % 2]} for n in range(1, ROWS + 1)]
    lines = [json.dumps(item) for item in items]
    lines[BAD - 1] = '{"x": 3'
    lines[BLANK - 1] = f"\n{lines[BLANK - 1]}"
    (tmp_path / "t.jsonl").write_text("\n".join(lines) + "\n")
    assert numbers(tmp_path / "t.jsonl") == [(n, n) for n in range(1, ROWS + 1) if n != BAD]
    (tmp_path / "t.json").write_text(json.dumps(items))
    pl.DataFrame(items).write_parquet(tmp_path / "t.parquet")
    for name in ("t.json", "t.parquet"):
        assert numbers(tmp_path / name) == [(n, n) for n in range(1, ROWS + 1)]


def test_what_is_wrong_with_a_line_of_json_is_told_without_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n{"a": "cut\n')
    (skipped,) = read_table(tmp_path / "t.jsonl").left_out
    assert (skipped.id, skipped.reason) == ("line 2", "Unterminated string starting at, character 7")


@given(st.lists(st.sampled_from(["good", "bad", "blank"]), min_size=1, max_size=60))
def test_the_rows_are_those_that_a_person_counts(kinds: list[str]) -> None:
    text, wanted, row = ["name,value"], [], 0
    for kind in kinds:
        row += kind != "blank"
        wanted += [row] if kind == "good" else []
        text.append({"good": f"n{row},{row}", "bad": "a,b,c", "blank": ""}[kind])
    if not wanted or kinds.count("bad") > kinds.count("good") / 2:
        return
    found = read_delimited("\n".join(text).encode(), "t.csv", preferred=",", allowed=1.0)
    assert found.numbers.tolist() == wanted


class TestExamples:
    """In the ids and the messages of a data set."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Row 3 is bad and row 8 empty."""
        path = tmp_path / "t.csv"
        path.write_text("\n".join(["x,c,y", *dirty(rows())]) + "\n")
        return path

    def change(self, path: Path, row: int, line: str) -> Path:
        path.write_text(path.read_text().replace(rows()[row - 1], line))
        return path

    def test_ids_are_the_numbers_in_the_file(self, path: Path) -> None:
        found = load(self.change(path, 20, "20,w6,"))
        kept = [n for n in KEPT if n != 20]
        assert found.ids == tuple(f"row-{n}" for n in kept)
        assert found.table.frame["x"].to_list() == list(map(str, kept))
        assert [s.id for s in found.skipped] == ["line 4", "row-20"]

    def test_a_word_among_numbers(self, path: Path) -> None:
        notes = load(self.change(path, 60, "sixty,w4,p")).notes
        assert "x: 1 value no number, such as sixty in row 60: taken as missing" in notes

    def test_a_word_in_the_target(self, path: Path) -> None:
        with pytest.raises(DataError, match=r"x: 1 row of 148, sixty in row 60"):
            load(self.change(path, 60, "sixty,w4,p"), target="x", task="table_regression")

    def test_a_weight(self, path: Path) -> None:
        with pytest.raises(DataError, match=r"x: 1 row, -60 in row 60"):
            load(self.change(path, 60, "-60,w4,p"), weight="x")

    def test_texts_are_numbered_alike(self, path: Path) -> None:
        assert load(path, text_column="c").ids == tuple(f"row-{n}" for n in KEPT)

    def test_rows_of_several_files_name_theirs(self, path: Path) -> None:
        folder = path.parent / "both"
        folder.mkdir()
        (folder / "train.csv").write_text(path.read_text())
        (folder / "test.csv").write_text(self.change(path, 60, "sixty,w4,p").read_text())
        found = load(folder)
        assert found.ids == tuple(f"{name}:row-{n}" for name in ("train.csv", "test.csv") for n in KEPT)
        assert any("sixty in row 60 of test.csv" in note for note in found.notes)
        assert [s.id for s in found.skipped] == ["train.csv line 4", "test.csv line 4"]


def test_one_row_in_a_sentence() -> None:
    assert counted(1_200).said(1_006) == "row 1,007"
    both = joined([("train.csv", counted(2)), ("test.csv", counted(1))])
    assert both.ids() == ("train.csv:row-1", "train.csv:row-2", "test.csv:row-1")
    assert both.said(2) == "row 1 of test.csv"
