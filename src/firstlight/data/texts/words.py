"""Texts as units: words, single characters of scripts that are written without blanks, and marks.

`It's 5€, 好吃!` is the units `it`, `'`, `s`, `5`, `€`, `,`, `好`, `吃`, `!`. Marks and emoji are kept: in short
texts they tell a mood better than words do. Text is compared in Unicode's compatibility form (NFKC) and in
small letters, without characters that cannot be seen: such remains of formatting can tell a class by accident.
In TweetEval's emoji set the variation selector that followed the heart stayed behind when the heart was taken
out; it gives 12 points of test accuracy for nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firstlight.data.texts.ragged import Ragged, joined, offsets_of

if TYPE_CHECKING:
    import polars as pl

LONGEST_TEXT = 50_000  # characters of a text that are read, about 8,000 words (judgement)
CHUNK_CHARACTERS = 20_000_000  # that are split at once: some 200 MB of words

# Soft hyphen, zero-width characters and marks of direction, variation selectors, byte-order mark, and halves of
# characters (surrogates), which no file can hold.
_UNSEEN = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef\ud800-\udfff]"
)

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_UNSPACED_CHARACTER = rf"^[{_UNSPACED}]$"
_UNIT = (
    rf"[{_UNSPACED}]|[\w&&[^{_UNSPACED}]]+|[^\w\s\p{{Cc}}]"  # in the words of Rust's regex, which polars uses
)
_CHARACTER = r"[^\s\p{Cc}]"


def normalise(text: str) -> str:
    """The form in which texts are compared: NFKC, small letters, nothing unseen, LONGEST_TEXT characters at most."""
    text = text[:LONGEST_TEXT]
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).lower()


def has_unseen(text: str) -> bool:
    """Whether a text holds characters that cannot be seen and are taken out; a mark at its start is none."""
    return not text.isascii() and _UNSEEN.search(text, 1) is not None


def count_units(texts: Sequence[str], *, characters: bool = False) -> tuple[list[str], NDArray[np.int64]]:
    """Every unit of the texts and how often it occurs, most frequent first; equals by their characters.

    Args:
        texts: As they are.
        characters: Whether every character is a unit, in words, too.
    """
    import polars as pl

    parts = [units.value_counts(name="count") for units, _ in _split(texts, characters)]
    if not parts:
        return [], np.zeros(0, np.int64)
    counts = pl.concat(parts).group_by("unit").agg(pl.col("count").cast(pl.Int64).sum())
    counts = counts.sort(["count", "unit"], descending=[True, False])
    return counts["unit"].to_list(), counts["count"].to_numpy()


def encode_units(texts: Sequence[str], units: Sequence[str], *, characters: bool = False) -> Ragged:
    """The texts as places in `units`, -1 where a unit is not among them; `characters` as in `count_units`."""
    import polars as pl

    known = pl.Enum(units)
    parts = []
    for found, lengths in _split(texts, characters):
        places = found.cast(known, strict=False).to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
        parts.append(Ragged(values=places, offsets=offsets_of(lengths)))
    return joined(parts)


def have_letters(units: Sequence[str]) -> NDArray[np.bool_]:
    """(units,): whether a unit is a word or a letter, and no mark."""
    import polars as pl

    return pl.Series("unit", units, pl.String).str.contains(r"\w").to_numpy()


def unspaced_share(units: Sequence[str], counts: NDArray[np.int64]) -> float:
    """Share of the occurring units that are characters of a script written without blanks."""
    import polars as pl

    character = pl.Series("unit", units, pl.String).str.contains(_UNSPACED_CHARACTER).to_numpy()
    return float(counts[character].sum() / max(counts.sum(), 1))


def _split(texts: Sequence[str], characters: bool) -> Iterator[tuple[pl.Series, NDArray[np.int64]]]:
    """Chunks of texts: all their units in one column, and how many each text has."""
    import polars as pl

    for chunk in _chunks(texts):
        lists = pl.Series("unit", chunk, pl.String).str.extract_all(_CHARACTER if characters else _UNIT)
        lengths = lists.list.len().to_numpy().astype(np.int64)
        yield lists.filter(pl.Series(lengths > 0)).explode(), lengths


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(normalise(text))
        characters += len(chunk[-1])
        if characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
