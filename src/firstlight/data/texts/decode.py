"""Bytes to text: which encoding a file is in, by its mark or by what its bytes can be."""

from __future__ import annotations

from firstlight.data.encodings import MARKS, OLDER, UNMARKED, older, utf16_without_mark

LOOKED_AT = 4_096  # bytes in which UTF-16 without a mark is looked for
REPLACED = "\ufffd"


def decode(raw: bytes) -> tuple[str, str]:
    """The text and the name of its encoding; never fails.

    Bytes that are no UTF-8 are the older Windows encoding, unless most characters beyond ASCII are valid UTF-8:
    then the broken ones are replaced.
    """
    for mark, encoding, name in MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, "replace"), name
    unmarked = utf16_without_mark(raw[:LOOKED_AT])
    if unmarked:
        return raw.decode(unmarked, "replace"), UNMARKED[unmarked]
    try:
        return raw.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return _damaged(raw)


def _damaged(raw: bytes) -> tuple[str, str]:
    text = raw.decode("utf-8", "replace")
    broken = text.count(REPLACED)
    if sum(not c.isascii() for c in text) > 2 * broken:
        return text, "UTF-8 with broken bytes, which were replaced"
    return older(raw), OLDER
