"""Files that are the parts of one table."""

from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.data.examples import Part
from firstlight.data.tables.parts import read_parts
from firstlight.errors import DataError


def files(folder: Path, **texts: str) -> dict[Part, Path]:
    paths = {}
    for name, text in texts.items():
        path = folder / f"{name}.csv"
        path.write_text(text)
        paths[Part[name.upper()]] = path
    return paths


def test_parts_are_joined_in_order_and_columns_by_name(tmp_path: Path) -> None:
    found = read_parts(files(tmp_path, test="b,a\nz,5\n", train="a,b\n1,x\n2,y\n"))
    assert found.table.frame.rows() == [("1", "x"), ("2", "y"), ("5", "z")]
    assert found.parts.tolist() == [Part.TRAIN, Part.TRAIN, Part.TEST]
    assert found.target is None
    assert found.table.form.rows == 3


def test_a_test_file_without_the_target_is_left_out_and_tells_it(tmp_path: Path) -> None:
    found = read_parts(files(tmp_path, train="a,b,y\n1,x,0\n2,y,1\n", test="a,b\n3,z\n"))
    assert found.target == "y"
    assert len(found.table.frame) == 2
    assert found.table.notes == ("test.csv has no column y: left out, use predict on it",)


def test_other_columns_are_an_error_with_their_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="different columns") as raised:
        read_parts(files(tmp_path, train="a,b\n1,2\n", val="a,c\n1,2\n"))
    assert "has b, c" in raised.value.where


def test_the_header_of_one_file_counts_for_all(tmp_path: Path) -> None:
    found = read_parts(files(tmp_path, train="a,b\n1,2\n3,4\n", test="5,6\n7,8\n"))
    assert found.table.frame.columns == ["a", "b"]
    assert len(found.table.frame) == 4


def test_the_fingerprint_tells_which_part_a_file_is(tmp_path: Path) -> None:
    texts = {"train": "a,b\n1,2\n", "val": "a,b\n3,4\n"}
    first = read_parts(files(tmp_path, **texts)).table.fingerprint
    swapped = read_parts(files(tmp_path, train=texts["val"], val=texts["train"])).table.fingerprint
    assert first != swapped
