"""The same and nearly the same texts are found, and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.data.texts.duplicates import NEAR, RUN, duplicates
from firstlight.data.texts.words import normalise

STORY = (
    "once upon a time there was a small telescope that nobody had ever pointed at the sky for a first night"
)


def test_case_blanks_and_unseen_characters_make_no_difference() -> None:
    found = duplicates(["A  good film", "bad", "a good\u200b film ", "", ""])
    assert found.same.tolist() == [0, 1, 0, 3, 4]
    assert found.near.tolist() == [0, 1, 0, 3, 4]


def test_a_word_changed_in_a_long_text_is_nearly_the_same() -> None:
    found = duplicates(["other words here", STORY, f"{STORY} indeed", STORY.replace("small", "large")])
    assert found.same.tolist() == [0, 1, 2, 3]
    assert found.near.tolist() == [0, 1, 1, 3]  # three of twenty runs changed: 17 of 23 in common


def test_short_texts_are_nearly_nothing() -> None:
    assert duplicates(["so good", "so bad", "so"]).near.tolist() == [0, 1, 2]


def test_nothing_is_compared_with_nothing() -> None:
    assert len(duplicates([]).same) == 0
    assert duplicates([""]).near.tolist() == [0]


def runs(text: str) -> set[tuple[str, ...]]:
    words = normalise(text).split()
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), max_size=9).map(" ".join), max_size=8))
def test_a_group_is_connected_by_pairs_that_have_enough_in_common(texts: list[str]) -> None:
    near = duplicates(texts).near
    assert (near <= np.arange(len(texts))).all()
    for row in np.flatnonzero(near != np.arange(len(texts))).tolist():
        others = [other for other in range(len(texts)) if near[other] == near[row] and other != row]
        assert any(
            texts[row] == texts[other]
            or len(runs(texts[row]) & runs(texts[other])) >= NEAR * len(runs(texts[row]) | runs(texts[other]))
            for other in others
        )
