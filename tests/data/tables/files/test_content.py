"""The bytes of a text file become UTF-8, and what was wrong with them is told."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.data.tables.files import content
from firstlight.data.tables.files.content import read_content
from firstlight.errors import DataError, ResourceError

TEXT = "name,city\nJosé,Málaga\nΩ,東京\n"


def write(folder: Path, raw: bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(raw)
    return path


@pytest.mark.requirement("BT07")
@pytest.mark.parametrize(
    ("codec", "mark", "name"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", b"\xef\xbb\xbf", "UTF-8 with mark"),
        ("utf-16-le", b"\xff\xfe", "UTF-16 LE"),
        ("utf-16-be", b"\xfe\xff", "UTF-16 BE"),
        ("utf-32-le", b"\xff\xfe\0\0", "UTF-32 LE"),
    ],
)
def test_encodings_with_and_without_mark(tmp_path: Path, codec: str, mark: bytes, name: str) -> None:
    found = read_content(write(tmp_path, mark + TEXT.encode(codec)))
    assert (found.utf8.decode(), found.encoding, found.notes) == (TEXT, name, ())


def test_utf16_without_mark_is_seen_by_its_nuls(tmp_path: Path) -> None:
    found = read_content(write(tmp_path, "a,b\n1,2\n".encode("utf-16-le")))
    assert (found.utf8, found.encoding) == (b"a,b\n1,2\n", "UTF-16 LE")


@pytest.mark.requirement("BT07", "BX06")
def test_latin1_is_read_and_a_line_shown(tmp_path: Path) -> None:
    found = read_content(write(tmp_path, "a,b\nJosé,1\nAna,2\n".encode("latin-1")))
    assert found.utf8.decode() == "a,b\nJosé,1\nAna,2\n"
    assert found.encoding == "Windows-1252"
    assert found.notes == ("1 line of 4 not in UTF-8, read as Windows-1252, such as line 2: José,1",)


def test_a_file_of_mixed_encodings_keeps_its_good_lines(tmp_path: Path) -> None:
    found = read_content(write(tmp_path, "東京\n".encode() + "é\n".encode("latin-1")))
    assert found.utf8.decode() == "東京\né\n"
    assert found.encoding == "UTF-8, mixed with Windows-1252"


@pytest.mark.parametrize("raw", [b"", b"\n\n \t\n", b"\xef\xbb\xbf", b"\xff\xfe"])
@pytest.mark.requirement("BT09")
def test_an_empty_file_is_an_error(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(DataError, match="empty"):
        read_content(write(tmp_path, raw))


def test_gzip_is_seen_by_its_bytes_and_a_cut_one_is_an_error(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT.encode() * 100)
    assert read_content(write(tmp_path, packed)).compressed
    with pytest.raises(DataError, match="gzip"):
        read_content(write(tmp_path, packed[:-20]))


def test_a_line_without_end_stops_before_it_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "BLOCK", 1_000)
    monkeypatch.setattr(content, "LONGEST_LINE", 10_000)
    path = write(tmp_path, gzip.compress(b"a,b\n" + b"x" * 10_000_000))
    with pytest.raises(DataError, match="line 2 is longer than"):
        read_content(path)


def test_a_line_that_spans_blocks_is_measured_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "BLOCK", 10)
    monkeypatch.setattr(content, "LONGEST_LINE", 40)
    assert read_content(write(tmp_path, (b"x" * 38 + b"\n") * 5)).encoding == "UTF-8"
    with pytest.raises(DataError, match="line 3"):
        read_content(write(tmp_path, (b"x" * 38 + b"\n") * 2 + b"x" * 60))


def test_text_beyond_the_memory_is_a_resource_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MEMORY_TIMES", 2**60)
    with pytest.raises(ResourceError, match="memory"):
        read_content(write(tmp_path, TEXT.encode()))


def test_few_nul_bytes_are_taken_out_and_told(tmp_path: Path) -> None:
    found = read_content(write(tmp_path, b"a,b\n" + b"1,2\n" * 300 + b"3\0,4\n"))
    assert found.utf8.endswith(b"3,4\n")
    assert found.notes == ("1 line with NUL bytes, the first is line 302; the NUL bytes were taken out",)


def test_many_nul_bytes_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not text"):
        read_content(write(tmp_path, b"\x01\0\0a\n\0\0b\n\0\0\n" * 50))


def test_old_mac_line_ends(tmp_path: Path) -> None:
    assert read_content(write(tmp_path, b"a,b\r1,2\r")).utf8 == b"a,b\n1,2\n"


@given(raw=st.binary(min_size=1, max_size=300))
def test_any_bytes_give_utf8_or_an_error(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(raw)
    with contextlib.suppress(DataError):
        read_content(path).utf8.decode("utf-8")
