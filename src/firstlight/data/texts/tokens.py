"""Texts as tokens for a transformer: pieces of words, learnt from the training texts alone.

Byte-level byte pair encoding (P. Gage 1994; R. Sennrich et al. 2016) by the library `tokenizers`: no text is
unknown, in any script. Every row begins with a start token, so that an empty text is a row, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.texts.ragged import Ragged, offsets_of
from firstlight.data.texts.words import normalise
from firstlight.errors import UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

START = 1  # the token that every row begins with; PADDING is 0
SIZES = (1_000, 8_000)  # tokens that are learnt: few from few texts (judgement)
TEXTS_PER_TOKEN = 2  # training texts for each token beyond the bytes
FIT_TEXTS = 200_000  # training texts that tokens are learnt from; more are thinned out
LONGEST = 256  # tokens of a row at most; attention costs the square of it
LONGEST_SHARE = 0.95  # of the training texts that are read whole, when LONGEST allows
AT_ONCE = 10_000  # texts that are encoded together


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What was learnt: plain values for a checkpoint."""

    json: str  # the tokenizer, as the library writes it
    size: int  # tokens that there are, with padding and start
    longest: int  # tokens of a row at most, with the start

    def plain(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {"json": self.json, "size": self.size, "longest": self.longest}

    @staticmethod
    def restored(plain: dict[str, Any]) -> Tokens:
        """The reverse of `plain`."""
        return Tokens(json=str(plain["json"]), size=int(plain["size"]), longest=int(plain["longest"]))


def fit_tokens(texts: Sequence[str]) -> Tokens:
    """Learns tokens, and how long rows have to be, from the training texts.

    Raises:
        UsageError: The package `tokenizers` is not installed.
    """
    _check_installed()
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    smallest, largest = SIZES
    trainer = trainers.BpeTrainer(
        vocab_size=min(max(len(texts) // TEXTS_PER_TOKEN, smallest), largest),
        min_frequency=2,
        special_tokens=["[PAD]", "[START]"],  # PADDING and START
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    some = texts[:: max(1, -(-len(texts) // FIT_TEXTS))]
    tokenizer.train_from_iterator((normalise(text) for text in some), trainer)
    lengths = _encoded(tokenizer, some, LONGEST).lengths
    longest = int(np.quantile(lengths, LONGEST_SHARE, method="higher")) if len(lengths) else 1
    return Tokens(json=tokenizer.to_str(), size=tokenizer.get_vocab_size(), longest=longest)


def encode_tokens(texts: Sequence[str], tokens: Tokens) -> Ragged:
    """Each text as a start token and its own, cut after `tokens.longest`.

    Raises:
        UsageError: The package `tokenizers` is not installed.
    """
    _check_installed()
    from tokenizers import Tokenizer

    return _encoded(Tokenizer.from_str(tokens.json), texts, tokens.longest)


def _encoded(tokenizer: Tokenizer, texts: Sequence[str], longest: int) -> Ragged:
    rows: list[list[int]] = []
    for at in range(0, len(texts), AT_ONCE):
        some = [normalise(text) for text in texts[at : at + AT_ONCE]]
        rows += [[START, *found.ids[: longest - 1]] for found in tokenizer.encode_batch_fast(some)]
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    values = np.fromiter((token for row in rows for token in row), np.int32, int(lengths.sum()))
    return Ragged(values=values, offsets=offsets_of(lengths))


def _check_installed() -> None:
    from importlib.util import find_spec

    if find_spec("tokenizers") is None:
        raise UsageError(
            "the package tokenizers is not installed",
            "model.name = text_transformer",
            "pip install 'firstlight[text]', or use --set model.name=ngram_bag",
        )
