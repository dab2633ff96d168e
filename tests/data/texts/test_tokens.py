"""Tokens are learnt from training texts, the same each time, and no text is unknown."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from firstlight.data.texts.tokens import START, Tokens, encode_tokens, fit_tokens
from firstlight.errors import UsageError

TEXTS = ["the little telescope", "the little dome", "a telescope in a dome"] * 10


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    pytest.importorskip("tokenizers")
    return fit_tokens(TEXTS)


def test_equal_texts_give_equal_tokens(tokens: Tokens) -> None:
    assert fit_tokens(TEXTS) == tokens


@pytest.mark.requirement("BX07")
def test_every_row_begins_with_the_start_and_an_empty_text_is_one_token(tokens: Tokens) -> None:
    rows = encode_tokens(["", "the little dome"], tokens)
    assert rows.lengths.tolist() == [1, 4]
    assert rows.values[rows.offsets[:-1]].tolist() == [START, START]


def test_words_never_seen_are_pieces_and_rows_are_cut(tokens: Tokens) -> None:
    rows = encode_tokens(["望遠鏡 😂", "telescope " * 1_000], tokens)
    assert rows.lengths[1] == tokens.longest
    assert rows.lengths[0] > 1
    assert (rows.values[1 : rows.lengths[0]] > START).all()
    assert rows.values.max() < tokens.size


def test_stored_tokens_are_the_same(tokens: Tokens) -> None:
    again = Tokens.restored(tokens.plain())
    assert encode_tokens(TEXTS, again).values.tolist() == encode_tokens(TEXTS, tokens).values.tolist()


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "tokenizers", raising=False)
    with pytest.raises(UsageError) as caught:
        fit_tokens(TEXTS)
    assert "pip install 'firstlight[text]'" in caught.value.remedy
