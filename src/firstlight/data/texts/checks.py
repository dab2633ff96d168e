"""What phase 1 tells about texts: duplicates, contradictions, leaks, and what a model will not see.

Only training and validation texts are looked at; the test part stays sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firstlight.data.shift import Shift, shift
from firstlight.data.texts.duplicates import duplicates
from firstlight.data.texts.words import LONGEST_TEXT, count_units, encode_units, has_unseen
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    from firstlight.data.texts.ragged import Ragged

FEATURES = 200  # the most frequent units, by which train and validation are compared
SHIFT_ROWS = 2_000  # of each part
IMBALANCED = 10.0  # times as many rows in the largest class as in the smallest (judgement)
UNKNOWN = 0.15  # share of unknown units in validation from which on it is told; 0.003 to 0.09 on five sets
UNSEEN_LEAST = 20  # texts with unseen characters; fewer tell nothing
UNSEEN_OF_CLASS = 0.5  # share of a class's texts that have them ...
UNSEEN_TIMES = 2.0  # ... and so many times the share of all texts: they give the class away (judgement)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFindings:
    """Counts of rows, unless something else is said."""

    empty: int  # texts without a single unit
    truncated: int  # longer than what is read
    same_in_train: int  # training texts that occurred before
    same_across: int  # validation texts that are also training texts
    near_across: int  # validation texts that are nearly, but not quite, training texts
    conflicting: int  # rows whose text occurs with another label, too
    unknown: float  # share of the units of the validation texts that no training text has
    imbalance: float  # rows of the largest training class over those of the smallest
    unseen: int  # training texts with characters that cannot be seen
    shift: Shift
    notes: tuple[str, ...]  # a sentence for each that matters


def check_texts(
    train: Sequence[str],
    val: Sequence[str],
    labels: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
    classes: tuple[str, ...],
) -> TextFindings:
    """Looks at both parts; seconds for 100,000 tweets.

    Args:
        train: Training texts.
        val: Validation texts.
        labels: Classes of both, as places in `classes`; None when there are no classes.
        classes: Their names.
    """
    copies = _copies(train, val, labels)
    units, _ = count_units(train)
    coded = encode_units([*train, *val], units)
    known = coded.values[coded.offsets[len(train)] :] >= 0
    sizes = _sizes(labels, len(classes))
    present = sizes[0][sizes[0] > 0]
    unseen = np.fromiter(map(has_unseen, train), bool, len(train))
    found = TextFindings(
        **copies,
        empty=int((coded.lengths == 0).sum()),
        truncated=sum(len(text) > LONGEST_TEXT for part in (train, val) for text in part),
        unknown=float(1 - known.mean()) if len(known) else 0.0,
        imbalance=float(present.max() / present.min()) if len(present) else 1.0,
        unseen=int(unseen.sum()),
        shift=_shift(coded, len(train), sizes),
        notes=(),
    )
    given_away = _given_away(unseen, labels[0], classes) if labels else ()
    return replace(found, notes=(*_told(found, len(train), len(val), sizes[0], classes), *given_away))


def _copies(
    train: Sequence[str], val: Sequence[str], labels: tuple[NDArray[np.int64], NDArray[np.int64]] | None
) -> dict[str, int]:
    """What is counted of texts that occur twice."""
    found = duplicates([*train, *val])
    rows = np.arange(len(train) + len(val))
    in_val = rows >= len(train)
    # The first row of a group is in training when any is, because training rows come first.
    same = in_val & (found.same < len(train))
    return {
        "same_in_train": int((~in_val & (found.same != rows)).sum()),
        "same_across": int(same.sum()),
        "near_across": int((in_val & (found.near < len(train)) & ~same).sum()),
        "conflicting": _conflicting(found.same, np.concatenate(labels)) if labels else 0,
    }


def _conflicting(same: NDArray[np.int64], labels: NDArray[np.int64]) -> int:
    """Rows in a group of equal texts that has more than one label."""
    torn = np.zeros(len(same), bool)
    torn[same[labels != labels[same]]] = True
    return int(torn[same].sum())


def _sizes(
    labels: tuple[NDArray[np.int64], NDArray[np.int64]] | None, classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of each class in both parts; one class when there are none."""
    if labels is None:
        return np.ones(1, np.int64), np.ones(1, np.int64)
    return np.bincount(labels[0], minlength=classes), np.bincount(labels[1], minlength=classes)


def _shift(coded: Ragged, train: int, sizes: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Shift:
    """Compares how often the most frequent units occur in some texts of both parts."""
    parts = []
    for begin, end in ((0, train), (train, len(coded))):
        rows = np.linspace(begin, max(end - 1, begin), min(SHIFT_ROWS, end - begin)).astype(np.int64)
        some = coded.take(rows)
        frequent = (some.values >= 0) & (some.values < FEATURES)
        places = some.rows()[frequent] * FEATURES + some.values[frequent]
        counts = np.bincount(places, minlength=len(some) * FEATURES).reshape(len(some), FEATURES)
        parts.append(np.log1p(counts).astype(np.float32))
    return shift(parts[0], parts[1], sizes)


def _given_away(
    unseen: NDArray[np.bool_], labels: NDArray[np.int64], classes: tuple[str, ...]
) -> tuple[str, ...]:
    """Classes that stand out by characters nobody sees, such as what is left of an emoji that was taken out."""
    if unseen.sum() < UNSEEN_LEAST:
        return ()
    having = np.bincount(labels[unseen], minlength=len(classes))
    total = np.bincount(labels, minlength=len(classes))
    told = []
    for place in np.flatnonzero(having >= UNSEEN_OF_CLASS * np.maximum(total, 1)):
        if having[place] / total[place] >= UNSEEN_TIMES * unseen.mean():
            told.append(
                f"characters that cannot be seen are in {percent(having[place] / total[place])} of the texts of "
                f"{visible(classes[place])}, in {percent(float(unseen.mean()))} of all: they give the class away and "
                "were taken out"
            )
    return tuple(told)


def _told(
    found: TextFindings, train: int, val: int, sizes: NDArray[np.int64], classes: tuple[str, ...]
) -> tuple[str, ...]:
    """A sentence for each finding that matters."""
    told = [
        (found.empty, f"{count(found.empty, 'text')} without a word or mark"),
        (
            found.truncated,
            f"{count(found.truncated, 'text')} longer than {LONGEST_TEXT:,} characters: the rest is not read",
        ),
        (found.same_in_train, f"{count(found.same_in_train, 'training text')} occurred before"),
        (found.same_across, f"{_of(found.same_across, val)} validation texts are training texts, too"),
        (found.near_across, f"{_of(found.near_across, val)} validation texts are nearly training texts"),
        (found.conflicting, f"{_of(found.conflicting, train + val)} texts occur with different labels"),
        (
            found.unknown >= UNKNOWN,
            f"{percent(found.unknown)} of the words of validation are in no training text",
        ),
        (found.imbalance >= IMBALANCED, _imbalance(found.imbalance, sizes, classes)),
        (found.shift.shifted, _apart(found.shift)),
    ]
    return tuple(sentence for matters, sentence in told if matters)


def _of(number: int, total: int) -> str:
    return f"{number:,} of {total:,} ({percent(number / max(total, 1))})"


def _imbalance(times: float, sizes: NDArray[np.int64], classes: tuple[str, ...]) -> str:
    if not classes:
        return ""
    rows = np.where(sizes > 0, sizes, np.iinfo(np.int64).max)
    return (
        f"the class {visible(classes[int(sizes.argmax())])} has {times:.0f} times the training rows of "
        f"{visible(classes[int(rows.argmin())])} ({count(int(rows.min()), 'row')})"
    )


def _apart(found: Shift) -> str:
    return f"training and validation texts can be told apart by their words (AUROC {found.auroc or 0:.2f})"
