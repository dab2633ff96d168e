"""Texts become units: words, characters of unspaced scripts, marks; in any language, and whatever comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.data.texts import words
from firstlight.data.texts.words import count_units, encode_units, has_unseen, normalise, unspaced_share


def units_of(text: str) -> list[str]:
    units, _ = count_units([text])
    return [units[place] for place in encode_units([text], units).values]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("It's 5€!", ["it", "'", "s", "5", "€", "!"]),
        ("很好吃 ok", ["很", "好", "吃", "ok"]),
        ("カタ a_b", ["カ", "タ", "a_b"]),
        ("ＦＵＬＬ ﬁne", ["full", "fine"]),  # compatibility forms
        ("Straße naïve Ж", ["straße", "naïve", "ж"]),
        ("hi 😂😂", ["hi", "😂", "😂"]),
        ("  \n\t \x1f\x00", []),
        ("half\ud83d", ["half"]),
    ],
)
def test_units(text: str, units: list[str]) -> None:
    assert units_of(text) == units


@pytest.mark.requirement("BX03")
def test_characters_that_cannot_be_seen_are_taken_out() -> None:
    assert units_of("\ufeffwal\u00adking \u2600\ufe0f") == ["walking", "\u2600"]
    assert has_unseen("a\ufe0f")
    assert not has_unseen("\ufeffa")  # a mark at the start belongs to the file
    assert not has_unseen("é")


@pytest.mark.requirement("BX08")
def test_a_text_without_an_end_is_cut() -> None:
    assert len(normalise("é" * 10_000_000)) == words.LONGEST_TEXT


def test_units_are_counted_most_frequent_first_and_equals_in_a_fixed_order() -> None:
    units, counts = count_units(["b a c", "c c"])
    assert units == ["c", "a", "b"]
    assert counts.tolist() == [3, 1, 1]


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["one two", "", "two three 好", "one"] * 3
    whole = count_units(texts), encode_units(texts, ["one", "好"])
    monkeypatch.setattr(words, "CHUNK_CHARACTERS", 4)
    parts = count_units(texts), encode_units(texts, ["one", "好"])
    assert whole[0][0] == parts[0][0]
    assert np.array_equal(whole[0][1], parts[0][1])
    assert np.array_equal(whole[1].values, parts[1].values)
    assert np.array_equal(whole[1].offsets, parts[1].offsets)


def test_scripts_without_blanks_are_recognised() -> None:
    assert unspaced_share(*count_units(["很好吃", "味道好"])) == 1.0
    assert unspaced_share(*count_units(["good food", "very good"])) == 0.0
    assert unspaced_share(*count_units([])) == 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_any_text_gives_units_without_blanks_and_every_row_keeps_its_place(texts: list[str]) -> None:
    units, counts = count_units(texts)
    coded = encode_units(texts, units)
    assert len(coded) == len(texts)
    assert (coded.values >= 0).all()
    assert len(coded.values) == counts.sum()
    assert all(unit and not unit.isspace() for unit in units)
