"""Rows that are never parted: found by walking through equal contents and groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.data.bundles import ALONE, together

ROWS = st.lists(st.tuples(st.integers(0, 8), st.integers(ALONE, 6)), min_size=1, max_size=30)


def chained(contents: list[int], groups: list[int]) -> list[set[int]]:
    """The bundles by plain search: a row pulls in all that share its content or its group."""
    left, found = set(range(len(contents))), []
    while left:
        bundle, new = set(), {min(left)}
        while new:
            bundle |= new
            new = {
                row
                for row in left - bundle
                for b in bundle
                if contents[row] == contents[b] or (groups[row] == groups[b] != ALONE)
            }
        found.append(bundle)
        left -= bundle
    return found


@pytest.mark.parametrize("kind", ["<u8", "S32"])
@given(rows=ROWS)
def test_bundles_are_what_a_search_finds(rows: list[tuple[int, int]], kind: str) -> None:
    contents, groups = [row[0] for row in rows], [row[1] for row in rows]
    digests = np.array(contents, "<u8").view("S8") if kind == "<u8" else np.array(contents).astype("S32")
    place = together(digests, np.array(groups, np.int64))
    found = [set(np.flatnonzero(place == number).tolist()) for number in np.unique(place)]
    assert sorted(found, key=min) == chained(contents, groups)


@given(contents=st.lists(st.integers(0, 5), min_size=1))
def test_without_groups_equal_rows_are_together(contents: list[int]) -> None:
    place = together(np.array(contents, "<u8").view("S8"), None)
    assert [place[0] == p for p in place] == [contents[0] == c for c in contents]
    assert place.max() + 1 == len(set(contents))
