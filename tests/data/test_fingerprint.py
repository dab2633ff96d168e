"""The identity of a data set."""

from __future__ import annotations

import random

import pytest

from firstlight.data.fingerprint import fingerprint

ROWS = [("a/1.png", "a", -1, b"1"), ("a/2.png", "a", -1, b"2"), ("caf\udce9/1.png", "caf\udce9", 0, b"3")]


def of(rows):
    return fingerprint(*map(list, zip(*rows, strict=True)))


@pytest.mark.requirement("P1.6")
def test_it_does_not_depend_on_the_order_of_the_listing():
    shuffled = random.Random(0).sample(ROWS, 3)
    assert of(shuffled) == of(ROWS)
    assert len(of(ROWS)) == 64


@pytest.mark.parametrize(
    "change",
    [
        ("b.png", "a", -1, b"1"),
        ("a/1.png", "b", -1, b"1"),
        ("a/1.png", "a", 0, b"1"),
        ("a/1.png", "a", -1, b"x"),
    ],
)
def test_it_depends_on_name_class_part_and_content(change):
    assert of([change, *ROWS[1:]]) != of(ROWS)


def test_fields_do_not_run_into_one_another():
    assert of([("ab", "c", -1, b"")]) != of([("a", "bc", -1, b"")])
    assert of(ROWS[:2]) != of(ROWS[:1])
