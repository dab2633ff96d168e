"""The vocabulary holds what occurs often enough, in training texts alone; every text is its n-grams."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.data.texts import ngrams
from firstlight.data.texts.ngrams import Vocabulary, encode, fit_vocabulary

TEXTS = ["the cat sat", "the cat ran", "a dog ran"]


def names_of(text: str, vocabulary: Vocabulary) -> list[str]:
    names = vocabulary.names()
    return [names[number] for number in encode([text], vocabulary).values]


def test_units_and_pairs_that_occur_twice_are_known() -> None:
    vocabulary = fit_vocabulary(TEXTS)
    assert vocabulary.names() == ["cat", "ran", "the", "the cat"]
    assert names_of("The cat ran away: the cat!", vocabulary) == [
        *("the", "cat", "ran", "the", "cat"),
        *("the cat", "the cat"),
    ]


@pytest.mark.requirement("BX07")
def test_unknown_and_empty_texts_are_empty_rows() -> None:
    rows = encode(["zebra", "", "cat"], fit_vocabulary(TEXTS))
    assert rows.lengths.tolist() == [0, 0, 1]


def test_pairs_do_not_reach_from_one_text_into_the_next() -> None:
    vocabulary = fit_vocabulary(["x y", "x y"])
    assert vocabulary.names() == ["x", "y", "x y"]
    assert encode(["x", "y"], vocabulary).lengths.tolist() == [1, 1]


def test_scripts_without_blanks_get_longer_ngrams() -> None:
    vocabulary = fit_vocabulary(["味道很好", "味道很好"])
    assert "味 道 很 好" in vocabulary.names()


def test_the_least_frequent_go_when_there_are_too_many() -> None:
    texts = ["a b"] * 3 + ["c d"] * 2
    assert fit_vocabulary(texts).size == 6
    assert fit_vocabulary(texts, largest=4).names() == ["a", "b", "a b"]


def test_a_stored_vocabulary_gives_the_same_numbers() -> None:
    vocabulary = fit_vocabulary(TEXTS)
    again = Vocabulary.restored(vocabulary.plain())
    assert np.array_equal(encode(TEXTS, again).values, encode(TEXTS, vocabulary).values)


def test_rows_encoded_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = fit_vocabulary(TEXTS)
    whole = encode(TEXTS * 3, vocabulary)
    monkeypatch.setattr(ngrams, "ROWS_AT_ONCE", 2)
    pieces = encode(TEXTS * 3, vocabulary)
    assert np.array_equal(whole.values, pieces.values)
    assert np.array_equal(whole.offsets, pieces.offsets)


def test_rows_are_taken_in_the_order_asked_for() -> None:
    vocabulary = fit_vocabulary(TEXTS)
    rows = encode(TEXTS, vocabulary)
    taken = rows.take(np.array([2, 0, 2]))
    assert taken.lengths.tolist() == [1, 3, 1]
    assert taken.values[1:4].tolist() == rows.values[:3].tolist()


def by_hand(texts: list[str], longest: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for text in texts:
        parts = text.split()
        for length in range(1, longest + 1):
            found.update(" ".join(parts[i : i + length]) for i in range(len(parts) - length + 1))
    return Counter({name: number for name, number in found.items() if number >= ngrams.LEAST_COUNT})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join), max_size=6))
def test_it_is_what_counting_by_hand_gives(texts: list[str]) -> None:
    vocabulary = fit_vocabulary(texts)
    expected = by_hand(texts, 4 if vocabulary.characters else 2)  # the words are characters here
    assert sorted(vocabulary.names()) == sorted(expected)
    counts = np.bincount(encode(texts, vocabulary).values, minlength=vocabulary.size)
    assert dict(zip(vocabulary.names(), counts.tolist(), strict=True)) == dict(expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from("好吃味"), max_size=8).map(" ".join), min_size=1, max_size=5))
def test_and_of_characters_up_to_four(texts: list[str]) -> None:
    assert sorted(fit_vocabulary(texts).names()) == sorted(by_hand(texts, 4))


@pytest.mark.parametrize(
    ("texts", "some"),
    [
        (["order17a", "order18b", "order17c"], ["o", "o r d e"]),
        (["привет1", "привет2"], ["п", "п р и в"]),
    ],
    ids=["codes", "another script"],
)
def test_where_no_word_occurs_twice_characters_are_the_units(texts: list[str], some: list[str]) -> None:
    vocabulary = fit_vocabulary(texts)
    assert vocabulary.characters
    assert set(some) <= set(vocabulary.names())
    rows = encode([*texts, "", " \t"], vocabulary)
    assert (rows.lengths[: len(texts)] > 0).all()
    assert rows.lengths[-2:].tolist() == [0, 0]
    again = encode(texts, Vocabulary.restored(vocabulary.plain()))
    assert np.array_equal(again.values, encode(texts, vocabulary).values)


@pytest.mark.parametrize(
    "texts",
    [
        [f"order{number}, item{number}." for number in range(10)],  # marks occur in all
        [*(f"order{number}" for number in range(10)), "order1"],  # one word, in two of eleven
    ],
    ids=["marks", "a word or two"],
)
def test_where_hardly_a_word_occurs_twice_characters_are_the_units(texts: list[str]) -> None:
    vocabulary = fit_vocabulary(texts)
    assert vocabulary.characters
    assert "o r d e" in vocabulary.names()


def test_where_most_texts_hold_a_word_that_occurs_twice_words_are_the_units() -> None:
    lone = [f"order{number}" for number in range(10)]
    assert not fit_vocabulary([*lone, *["again"] * 10]).characters
    assert not fit_vocabulary(["好", "好 order"]).characters


def test_a_vocabulary_that_was_stored_without_the_mark_is_one_of_words() -> None:
    plain = fit_vocabulary(TEXTS).plain()
    del plain["characters"]
    assert names_of("the cat", Vocabulary.restored(plain)) == ["the", "cat", "the cat"]


def test_texts_without_a_character_that_occurs_twice_have_no_vocabulary() -> None:
    assert fit_vocabulary(["", " ", "ab", "cd"]).size == 0
    assert encode(["ab", ""], fit_vocabulary(["ab"])).lengths.tolist() == [0, 0]
