"""Work on many files in threads."""

from __future__ import annotations

import os
import threading
import time

import pytest

from firstlight.data.threads import AHEAD, TAKEN, in_order


@pytest.mark.parametrize("number", [0, 1, TAKEN, TAKEN + 1, 40 * TAKEN + 3])
def test_results_come_in_the_order_of_the_items(number):
    def work(item: int) -> int:
        time.sleep(0.001 if item % 17 == 0 else 0)
        return item * item

    assert list(in_order(range(number), work)) == [item * item for item in range(number)]


def test_an_error_comes_up_at_its_item_and_ends_the_work():
    done: list[int] = []

    def work(item: int) -> int:
        done.append(item)
        if item == 100:
            raise ValueError("number 100")
        return item

    found: list[int] = []
    with pytest.raises(ValueError, match="number 100"):
        found.extend(in_order(range(100_000), work))
    assert found == list(range(100 - 100 % TAKEN))
    assert len(done) < 50_000


def test_threads_stay_a_bounded_way_ahead():
    started = 0
    lock = threading.Lock()

    def work(item: int) -> int:
        nonlocal started
        with lock:
            started += 1
        return item

    results = in_order(range(100_000), work)
    assert next(results) == 0
    time.sleep(0.05)
    assert started <= TAKEN * AHEAD * max(2, os.cpu_count() or 1)
    results.close()
