"""What is remembered is remembered by content: equal arguments are computed once, other ones anew."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from firstlight.results.remembered import KEPT, remembered


@dataclass(frozen=True)
class Record:
    values: np.ndarray
    names: tuple[str, ...] = ("a", "b")
    number: float | None = None


ARRAY = np.arange(6.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ARRAY, ARRAY.reshape(2, 3)),
        (ARRAY, ARRAY.astype(np.float32)),
        (ARRAY, np.nextafter(ARRAY, 9)),
        (Record(ARRAY), replace(Record(ARRAY), names=("ab",))),
        (Record(ARRAY), replace(Record(ARRAY), number=0.0)),
        ({"a": ARRAY}, {"b": ARRAY}),
        (("a", "bc"), ("ab", "c")),
        (1, "1"),
        (None, "None"),
    ],
)
def test_other_content_is_computed_anew(one, other):
    calls = []

    def compute():
        calls.append(1)
        return len(calls)

    name = f"{one!r} {other!r}"
    assert remembered(compute, name, one) == 1
    assert remembered(compute, name, one) == 1
    assert remembered(compute, name, other) == 2
    assert remembered(compute, name, one) == 1


def test_a_failure_is_not_remembered_and_old_results_make_room():
    def fail():
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            remembered(fail, "fails")
    for number in range(2 * KEPT):
        assert remembered(lambda n=number: n, "many", number) == number
    assert remembered(lambda: "again", "many", 0) == "again"
