"""What is wrong with texts is counted; what is well is not told."""

from __future__ import annotations

import numpy as np
import pytest

from firstlight.data.texts import checks
from firstlight.data.texts.checks import TextFindings, check_texts

CLASSES = ("bad", "good")
WORDS = [f"{first}{rest}" for first in "bdfgkl" for rest in ("ane", "ore", "imu")]


def texts(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, 12)) for _ in range(count)]


def look(train: list[str], val: list[str], *labels: list[int]) -> TextFindings:
    given = [np.arange(len(part)) % 2 for part in (train, val)]
    if labels:
        given = [np.array(part) for part in labels]
    return check_texts(train, val, (given[0], given[1]), CLASSES)


def test_sound_texts_give_no_notes() -> None:
    found = look(texts(200, 0), texts(80, 1))
    assert found.notes == ()
    assert (found.empty, found.same_across, found.conflicting, found.unknown) == (0, 0, 0, 0.0)


@pytest.mark.requirement("P1.7")
def test_copies_in_validation_are_told() -> None:
    train = texts(100, 0)
    found = look(train, [train[3].upper(), train[5] + " once", *texts(48, 1)])
    assert (found.same_across, found.near_across) == (1, 1)
    assert "1 of 50 (2.0 %) validation texts are training texts, too" in found.notes
    assert "1 of 50 (2.0 %) validation texts are nearly training texts" in found.notes


@pytest.mark.requirement("P1.7")
def test_equal_texts_with_different_labels_are_conflicts() -> None:
    found = look(["x y", "X y", "x y", "z"], ["z", "w"], [0, 0, 1, 1], [1, 0])
    assert found.conflicting == 3
    assert found.same_in_train == 2
    assert found.same_across == 1
    assert "3 of 6 (50.0 %) texts occur with different labels" in found.notes


@pytest.mark.requirement("BX07", "BX08")
def test_empty_and_endless_texts_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LONGEST_TEXT", 500)
    found = look(["", " \n", *texts(48, 0)], ["word " * 101, *texts(50, 1)])
    assert (found.empty, found.truncated) == (2, 1)
    assert found.notes[0] == "2 texts without a word or mark"


def test_words_that_training_never_saw() -> None:
    found = look(["a b"] * 4, ["a c"] * 4)
    assert found.unknown == 0.5
    assert any(note.startswith("50.0 % of the words of validation") for note in found.notes)


def test_imbalance_names_both_classes() -> None:
    found = look(texts(110, 0), texts(60, 1), [0] * 100 + [1] * 10, [0, 1] * 30)
    assert found.imbalance == 10.0
    assert any(
        "the class bad has 10 times the training rows of good (10 rows)" in note for note in found.notes
    )


def test_other_words_in_validation_are_a_shift() -> None:
    found = look(texts(100, 0), [f"{text} {WORDS[0]} {WORDS[0]} {WORDS[0]}" for text in texts(100, 1)])
    assert found.shift.shifted
    assert any("told apart by their words" in note for note in found.notes)


def test_remains_that_nobody_sees_give_a_class_away() -> None:
    train = texts(100, 0)
    labels = [int(i < 30) for i in range(100)]
    marked = [f"{text} \ufe0f" if label else text for text, label in zip(train, labels, strict=True)]
    found = look(marked, texts(60, 1), labels, [0, 1] * 30)
    assert found.unseen == 30
    assert found.notes == (
        "characters that cannot be seen are in 100.0 % of the texts of good, in 30.0 % of all: "
        "they give the class away and were taken out",
    )


def test_without_classes_the_rest_is_counted() -> None:
    found = check_texts(["a b", "a b"], ["a b"], None, ())
    assert (found.same_in_train, found.same_across, found.conflicting, found.imbalance) == (1, 1, 0, 1.0)
