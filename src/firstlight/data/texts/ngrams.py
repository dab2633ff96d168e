"""A vocabulary of n-grams, fitted on the training texts, and every text as the numbers of its n-grams.

An n-gram is a run of units (words.py) that occurs at least twice in the training texts; what the vocabulary
does not know is left out, so a text of unknown words is an empty row. Where most texts would be without a word, as
with names and codes, single characters are the units.

A fitted vocabulary and no hashing: nothing collides, the table is as small as the data, a report can name the
n-grams, and a stored model does not depend on a library's hash function staying what it is.

Longer n-grams are found from shorter ones: none is more frequent than its own beginning (the pruning of
R. Agrawal and R. Srikant, "Fast algorithms for mining association rules", VLDB 1994).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firstlight.data.texts.ragged import Ragged, joined, offsets_of
from firstlight.data.texts.words import count_units, encode_units, have_letters, unspaced_share

LEAST_COUNT = 2  # what occurs once cannot be told from chance, and is most of all n-grams (Zipf)
LARGEST = 200_000  # n-grams; the least frequent ones are left out until so many remain (judgement)
FIT_CHARACTERS = 100_000_000  # of training texts that a vocabulary is fitted on; more texts are thinned out
ROWS_AT_ONCE = 100_000  # texts that are encoded together, to bound memory
WORDS_LONGEST = 2  # words in an n-gram
CHARACTERS_LONGEST = 4  # units in an n-gram where most units are characters
HELD = 0.5  # share of the training texts that have to hold a known word; with less characters are read (judgement)
MOSTLY = 0.5  # share of units from which on a language is taken to be written without blanks (judgement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The n-grams that are known, numbered from 0: units, then pairs, then longer ones.

    Attributes:
        units: The words, characters and marks, most frequent first.
        longer: For each length from 2 on, the sorted keys of its n-grams. A key is the place of the n-gram
            without its last unit among those of its length, times the number of units, plus the last unit.
        characters: Whether every character is a unit, in words, too.
    """

    units: tuple[str, ...]
    longer: tuple[NDArray[np.int64], ...]
    characters: bool = False

    @property
    def size(self) -> int:
        """N-grams of all lengths."""
        return len(self.units) + sum(map(len, self.longer))

    def names(self) -> list[str]:
        """Every n-gram as text, its units joined by blanks, in the order of the numbers."""
        names, before = list(self.units), list(self.units)
        for keys in self.longer:
            prefixes, last = np.divmod(keys, max(len(self.units), 1))
            before = [f"{before[p]} {self.units[u]}" for p, u in zip(prefixes, last, strict=True)]
            names += before
        return names

    def plain(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {
            "units": list(self.units),
            "longer": [keys.tolist() for keys in self.longer],
            "characters": self.characters,
        }

    @staticmethod
    def restored(plain: dict[str, Any]) -> Vocabulary:
        """The reverse of `plain`."""
        longer = tuple(np.array(keys, dtype=np.int64) for keys in plain["longer"])
        return Vocabulary(
            units=tuple(plain["units"]), longer=longer, characters=bool(plain.get("characters", False))
        )


class _Units(NamedTuple):
    """The units of some texts, and the texts as their places."""

    names: list[str]  # that are known, most frequent first
    counts: NDArray[np.int64]  # how often each of them occurs
    coded: Ragged  # -1 for a unit that is not known
    unspaced: bool  # whether most are characters of a script without blanks


class _Found(NamedTuple):
    """N-grams of one length that occur: where they begin among all units, and which they are."""

    starts: NDArray[np.int64]
    places: NDArray[np.int64]  # among the n-grams of that length


def fit_vocabulary(texts: Sequence[str], *, largest: int = LARGEST) -> Vocabulary:
    """The n-grams of the training texts.

    Args:
        texts: Of the training rows alone.
        largest: N-grams that are kept at most.
    """
    texts = _thinned(texts)
    units = _units(texts, characters=False)
    characters = _hardly_a_word(units)
    if characters:
        units = _units(texts, characters=True)
    longest = CHARACTERS_LONGEST if characters or units.unspaced else WORDS_LONGEST
    names, counts, coded, _ = units
    longer, frequencies = _longer(coded, len(names), longest, LEAST_COUNT)
    every = np.concatenate([counts, *frequencies])
    if len(every) > largest:
        least = int(np.partition(every, -largest - 1)[-largest - 1]) + 1
        known = int((counts >= least).sum())  # the most frequent ones come first
        few = np.where(coded.values < known, coded.values, -1)
        longer, _ = _longer(Ragged(values=few, offsets=coded.offsets), known, longest, least)
        names = names[:known]
    return Vocabulary(units=tuple(names), longer=longer, characters=characters)


def _units(texts: Sequence[str], *, characters: bool) -> _Units:
    names, counts = count_units(texts, characters=characters)
    known = int((counts >= LEAST_COUNT).sum())
    return _Units(
        names=names[:known],
        counts=counts[:known],
        coded=encode_units(texts, names[:known], characters=characters),
        unspaced=unspaced_share(names, counts) >= MOSTLY,
    )


def _hardly_a_word(units: _Units) -> bool:
    """Whether most texts hold no known word: marks alone are known in nearly all, and tell little."""
    coded = units.coded
    words = np.append(have_letters(units.names), False)  # -1, which is not known, is the last
    holding = np.zeros(len(coded), bool)
    holding[coded.rows()[words[coded.values]]] = True
    filled = int((coded.lengths > 0).sum())
    return filled > 0 and int(holding.sum()) < HELD * filled


def encode(texts: Sequence[str], vocabulary: Vocabulary) -> Ragged:
    """The numbers of the known n-grams of each text: its units in order, then its pairs, and so on."""
    starts = range(0, len(texts), ROWS_AT_ONCE)
    return joined([_encode(texts[start : start + ROWS_AT_ONCE], vocabulary) for start in starts])


def _encode(texts: Sequence[str], vocabulary: Vocabulary) -> Ragged:
    coded = encode_units(texts, vocabulary.units, characters=vocabulary.characters)
    rows = coded.rows()
    found = _single(coded)
    numbers, owners = [found.places], [rows[found.starts]]
    base = len(vocabulary.units)
    for length, known in enumerate(vocabulary.longer, start=2):
        found = _among(*_extended(found, coded, rows, length, len(vocabulary.units)), known)
        numbers.append(found.places + base)
        owners.append(rows[found.starts])
        base += len(known)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    lengths = np.bincount(owner, minlength=len(coded))
    return Ragged(values=np.concatenate(numbers)[order].astype(np.int32), offsets=offsets_of(lengths))


def _thinned(texts: Sequence[str]) -> Sequence[str]:
    """Every k-th text, so that FIT_CHARACTERS are not exceeded by much."""
    return texts[:: max(1, -(-sum(map(len, texts)) // FIT_CHARACTERS))]


def _longer(
    coded: Ragged, units: int, longest: int, least: int
) -> tuple[tuple[NDArray[np.int64], ...], list[NDArray[np.int64]]]:
    """Keys of the n-grams of two units and more that occur at least so often, and how often they do."""
    rows, found = coded.rows(), _single(coded)
    known, frequencies = [], []
    for length in range(2, longest + 1):
        starts, keys = _extended(found, coded, rows, length, units)
        different, counts = np.unique(keys, return_counts=True)
        known.append(different[counts >= least])
        frequencies.append(counts[counts >= least])
        found = _among(starts, keys, known[-1])
    return tuple(known), frequencies


def _single(coded: Ragged) -> _Found:
    starts = np.flatnonzero(coded.values >= 0)
    return _Found(starts, coded.values[starts].astype(np.int64))


def _extended(
    found: _Found, coded: Ragged, rows: NDArray[np.int64], length: int, units: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and keys of the n-grams of `length` units whose beginning was found and whose last unit is known."""
    last = found.starts + length - 1
    inside = last < len(coded.values)
    starts, places, last = found.starts[inside], found.places[inside], last[inside]
    fits = (rows[last] == rows[starts]) & (coded.values[last] >= 0)
    return starts[fits], places[fits] * units + coded.values[last[fits]]


def _among(starts: NDArray[np.int64], keys: NDArray[np.int64], known: NDArray[np.int64]) -> _Found:
    """Those whose key is known."""
    places = np.searchsorted(known, keys)
    places[places == len(known)] = 0
    same = known[places] == keys if len(known) else np.zeros(len(keys), bool)
    return _Found(starts[same], places[same])
