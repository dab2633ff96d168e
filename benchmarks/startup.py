"""How long `firstlight --help` takes from process start to end: the median of ten runs.

    python benchmarks/startup.py

Ends with status 1 when the median is above the promise of 0.3 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 10
PROMISE_SECONDS = 0.3


def seconds() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "firstlight", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    seconds()  # the first one compiles and fills the file cache
    times = sorted(seconds() for _ in range(RUNS))
    median = statistics.median(times)
    print(f"startup --help median {median:.3f} s, {times[0]:.3f} to {times[-1]:.3f} s over {RUNS} runs")
    return int(median > PROMISE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
