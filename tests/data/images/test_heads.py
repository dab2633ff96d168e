"""Sizes and modes of files, kept in the cache."""

from __future__ import annotations

import numpy as np

from firstlight.data.images import heads
from firstlight.data.images.decoding import Header

FINGERPRINT = "ab" * 32


def some() -> heads.Heads:
    return heads.gathered(
        {0: Header(height=3, width=4, mode="RGB"), 2: Header(height=5, width=6, mode="I;16")},
        {1: "the file is empty \udcff"},
    )


def test_rows_with_a_problem_have_no_size():
    found = some()
    assert found.readable.tolist() == [True, False, True]
    assert found.sizes.tolist() == [[3, 4], [0, 0], [5, 6]]
    assert found.modes.tolist() == ["RGB", "", "I;16"]


def test_they_are_read_back_as_they_were(tmp_path):
    heads.write(tmp_path, FINGERPRINT, some())
    again = heads.read(tmp_path, FINGERPRINT)
    assert again.sizes.tolist() == some().sizes.tolist()
    assert again.sizes.dtype == np.int32
    assert again.modes.tolist() == some().modes.tolist()
    assert again.problems == some().problems


def test_every_damaged_byte_is_noticed_or_harmless(tmp_path):
    heads.write(tmp_path, FINGERPRINT, some())
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        path.write_bytes(content[:position] + bytes([content[position] ^ 255]) + content[position + 1 :])
        again = heads.read(tmp_path, FINGERPRINT)
        assert again is None or again.sizes.tolist() == some().sizes.tolist()
        assert again is None or again.problems == some().problems
    path.write_bytes(content[:50])
    assert heads.read(tmp_path, FINGERPRINT) is None


def test_other_data_has_others(tmp_path):
    heads.write(tmp_path, FINGERPRINT, some())
    assert heads.read(tmp_path, "cd" * 32) is None


def test_a_place_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    heads.write(tmp_path / "file", FINGERPRINT, some())
    assert heads.read(tmp_path / "file", FINGERPRINT) is None
