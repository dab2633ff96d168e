"""JSON lines and arrays: every line for itself, and each that is none is told."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.data.tables.files.json_rows import read_rows
from firstlight.data.tables.reading import read_table
from firstlight.errors import DataError

GOOD = b'{"text": "a", "label": 1}\n'


@pytest.mark.requirement("BX01", "BX02")
def test_a_line_that_is_none_and_a_cut_one_are_left_out() -> None:
    lines = [GOOD] * 300
    lines[16] = b"{broken\n"
    lines[299] = b'{"text": "b", "la'
    found = read_rows(b"".join(lines), "t.jsonl")
    assert [skipped.id for skipped in found.left_out] == ["line 17", "line 300"]
    assert len(found.frame) == 298


@pytest.mark.requirement("BX01")
def test_too_many_of_them_are_an_error_with_the_numbers() -> None:
    with pytest.raises(DataError, match=r"line 2: .*line 3: "):
        read_rows(GOOD + b"no\n[1]\n", "t.jsonl")


@pytest.mark.requirement("BX10")
def test_deep_nesting_leaves_the_line_out() -> None:
    deep = b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    found = read_rows(GOOD * 200 + deep, "t.jsonl")
    assert [(s.id, s.reason) for s in found.left_out] == [("line 201", "nested too deep")]
    with pytest.raises(DataError):
        read_rows(b"[" * 100_000, "t.json")


@pytest.mark.requirement("BX04")
def test_keys_that_are_missing_in_some_lines_are_counted() -> None:
    found = read_rows(GOOD * 3 + b'{"text": "b"}\n', "t.jsonl")
    assert found.frame["label"].to_list() == [1, 1, 1, None]
    assert found.notes == ("1 key missing in some rows, counted as missing values: label (1)",)


@pytest.mark.requirement("BX09")
@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t.csv"])
def test_an_array_is_read_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]\n')
    if name == "t.csv":
        (tmp_path / name).write_text('{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n')
    assert read_table(tmp_path / name).frame.rows() == [(1, "x"), (2, "y")]


@pytest.mark.parametrize("text", [b"[1, 2]", b'["a"]', b"[", b"[]", b"{}", b'{"a": 1} x'])
def test_what_is_no_table(text: bytes) -> None:
    with pytest.raises(DataError):
        read_rows(text, "t.json")


def test_types_are_kept_and_mixed_ones_are_text() -> None:
    rows = [
        {"n": 1, "x": 0.5, "b": True, "title": "Ten", "tags": ["a", "b"], "none": None},
        {"n": 2, "x": 2, "b": None, "title": 10, "tags": [], "none": None},
    ]
    found = read_rows(json.dumps(rows).encode(), "t.json")
    assert found.frame.rows() == [(1, 0.5, True, "Ten", '["a", "b"]', None), (2, 2.0, None, "10", "[]", None)]
    assert found.notes == ("lists and objects were kept as JSON text: tags",)


def test_types_that_differ_between_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstlight.data.tables.files.json_rows.CHUNK", 1)
    found = read_rows(b'{"a": 1, "b": 1}\n{"a": "x", "b": 0.5}\n{"c": null}\n', "t.jsonl")
    assert found.frame["a"].to_list() == ["1", "x", None]
    assert found.frame["b"].to_list() == [1.0, 0.5, None]


def test_numbers_beyond_64_bits_and_half_a_surrogate() -> None:
    found = read_rows(b'{"a": 99999999999999999999, "b": "\\ud800"}\n', "t.jsonl")
    assert found.frame.rows() == [("99999999999999999999", "?")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=4), JSON, min_size=1, max_size=4), min_size=1, max_size=6)
)
def test_any_objects_are_one_row_each(rows: list[dict[str, object]]) -> None:
    text = "\n".join(json.dumps(row) for row in rows).encode()
    assert len(read_rows(text, "t.jsonl").frame) == len(rows)


def test_the_frame_is_of_the_types_that_the_stages_know() -> None:
    found = read_rows(b'{"a": 1, "b": "x", "c": 1.5, "d": true}\n', "t.jsonl")
    assert found.frame.dtypes == [pl.Int64, pl.String, pl.Float64, pl.Boolean]
