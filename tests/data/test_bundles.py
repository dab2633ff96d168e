"""Rows that are never parted, found by plain search: those of one group, else those that are equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.data.bundles import ALONE, together

ROWS = st.lists(st.tuples(st.integers(0, 8), st.integers(ALONE, 6)), min_size=1, max_size=30)


def same(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """One group; or no group, and one content."""
    return first[1] == second[1] and (first[1] != ALONE or first[0] == second[0])


@pytest.mark.parametrize("kind", ["<u8", "S32"])
@given(rows=ROWS)
def test_a_group_alone_decides(rows: list[tuple[int, int]], kind: str) -> None:
    contents, groups = [row[0] for row in rows], [row[1] for row in rows]
    digests = np.array(contents, "<u8").view("S8") if kind == "<u8" else np.array(contents).astype("S32")
    place = together(digests, np.array(groups, np.int64))
    assert (place[:, None] == place).tolist() == [[same(one, other) for other in rows] for one in rows]


@given(contents=st.lists(st.integers(0, 5), min_size=1))
def test_without_groups_equal_rows_are_together(contents: list[int]) -> None:
    place = together(np.array(contents, "<u8").view("S8"), None)
    assert [place[0] == p for p in place] == [contents[0] == c for c in contents]
    assert place.max() + 1 == len(set(contents))
