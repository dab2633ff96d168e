"""Bytes to text: which encoding a file is in, by its mark or by what its bytes can be."""

from __future__ import annotations

import codecs

MARKS = (  # the longer ones first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a mark"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
LOOKED_AT = 4_096  # bytes in which UTF-16 without a mark is looked for
HALF_ZERO = 0.3  # share of zeros among the even or odd bytes: half of plain English in UTF-16, none in others
REPLACED = "\ufffd"


def decode(raw: bytes) -> tuple[str, str]:
    """The text and the name of its encoding; never fails.

    Bytes that are no UTF-8 are the older Windows encoding, unless most characters beyond ASCII are valid UTF-8:
    then the broken ones are replaced.
    """
    for mark, encoding, name in MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, "replace"), name
    head = raw[:LOOKED_AT]
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = head[first::2].count(0)
        if zeros > HALF_ZERO * len(head) / 2 and not head[1 - first :: 2].count(0):
            return raw.decode(encoding, "replace"), "UTF-16"
    try:
        return raw.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return _damaged(raw)


def _damaged(raw: bytes) -> tuple[str, str]:
    text = raw.decode("utf-8", "replace")
    broken = text.count(REPLACED)
    if sum(not c.isascii() for c in text) > 2 * broken:
        return text, "UTF-8 with broken bytes, which were replaced"
    try:
        return raw.decode("cp1252"), "Latin-1"
    except UnicodeDecodeError:
        return raw.decode("latin-1"), "Latin-1"
