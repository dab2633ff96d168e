"""Bytes of any encoding become text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.data.texts.decode import decode

TEXT = "Ein Gruß aus dem Café, in einem Satz"


@pytest.mark.requirement("BT07", "BX03")
@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (TEXT.encode(), "UTF-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "UTF-8 with mark"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "UTF-16 LE"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16 BE"),
        (TEXT.encode("utf-16-le"), "UTF-16 LE"),
        (TEXT.encode("utf-16-be"), "UTF-16 BE"),
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), "UTF-32 LE"),
        (TEXT.encode("latin-1"), "Windows-1252"),
        (b"", "UTF-8"),
    ],
)
def test_the_encoding_is_found(raw: bytes, name: str) -> None:
    assert decode(raw) == (TEXT if raw else "", name)


def test_marks_of_windows_are_read_as_such() -> None:
    assert decode(b"\x93quoted\x94 caf\xe9")[0] == "“quoted” café"


@pytest.mark.requirement("BX06")
def test_broken_bytes_in_utf_8_are_replaced() -> None:
    text, name = decode("größer, schöner, älter".encode() + b" \xff end")
    assert text == "größer, schöner, älter \ufffd end"
    assert "broken" in name


@given(st.binary(max_size=200))
def test_no_bytes_are_refused(raw: bytes) -> None:
    text, _ = decode(raw)
    assert isinstance(text, str)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")))
def test_utf_8_comes_back_as_it_was(text: str) -> None:
    assert decode(text.encode())[0] == text
