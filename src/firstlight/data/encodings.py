"""The encodings of text files that are told apart: by a mark, by their zeros, or as what is left."""

from __future__ import annotations

import codecs

MARKS = (  # mark, codec, name; the longer mark first: UTF-32 LE starts like UTF-16 LE
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with mark"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32 LE"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32 BE"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16 LE"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16 BE"),
)
UNMARKED = {"utf-16-le": "UTF-16 LE", "utf-16-be": "UTF-16 BE"}
HALF_ZERO = 0.3  # share of zeros among the even or odd bytes: all of plain English in UTF-16, none in others
OLDER = "Windows-1252"


def utf16_without_mark(start: bytes) -> str | None:
    """The codec, when every other byte of the start of a file is zero nearly always, and none of the others is."""
    half = len(start) // 2
    first, second = start[0::2].count(0), start[1::2].count(0)
    if half and second > HALF_ZERO * half and not first:
        return "utf-16-le"
    return "utf-16-be" if half and first > HALF_ZERO * half and not second else None


def older(raw: bytes) -> str:
    """What is no UTF-8, read as OLDER; the five bytes that it lacks as Latin-1, so that it never fails."""
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
