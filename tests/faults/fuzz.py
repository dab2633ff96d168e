"""Fuzzing of the whole command: real files, mutated, each read by the real command in a process of its own.

    python tests/faults/fuzz.py --inputs 10000 --seed 1

Prints a table of kinds and outcomes, and keeps each input that shows a defect. Wrong is: an exit code outside the
contract or 1, a traceback, a panic, an end by a signal, more than 60 s, a process that stays, a file that changes
outside the experiment and the cache, an error that is not three lines, a control character on the console.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}  # before anything that makes threads

import fuzz_cases
import fuzz_corpus
import fuzz_server

DEFECTS_KEPT = 200
TOLD_EVERY = 500  # inputs


@dataclass
class Table:
    """Outcomes of each kind."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    defects: dict[str, int] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)

    def add(self, kind: str, result: fuzz_server.Result) -> None:
        self.outcomes.setdefault(kind, Counter())[result.outcome] += 1
        self.defects[kind] = self.defects.get(kind, 0) + bool(result.defects)
        self.slowest[kind] = max(self.slowest.get(kind, 0.0), result.seconds)

    def lines(self) -> list[str]:
        codes = sorted(
            {c for counts in self.outcomes.values() for c in counts}, key=lambda c: (not c.isdigit(), c)
        )
        head = (
            f"{'kind':<11}{'inputs':>7}" + "".join(f"{c:>7}" for c in codes) + f"{'slowest':>9}{'defects':>9}"
        )
        rows = [
            f"{kind:<11}{sum(counts.values()):>7}"
            + "".join(f"{counts[c] or '':>7}" for c in codes)
            + f"{self.slowest[kind]:>7.1f} s{self.defects[kind]:>9}"
            for kind, counts in sorted(self.outcomes.items())
        ]
        total = sum(sum(c.values()) for c in self.outcomes.values())
        sums = "".join(f"{sum(c[code] for c in self.outcomes.values()):>7}" for code in codes)
        slowest, defects = max(self.slowest.values(), default=0), sum(self.defects.values())
        last = f"{'all':<11}{total:>7}{sums}{slowest:>7.1f} s{defects:>9}"
        return [head, *rows, last]


def fuzz(
    inputs: int,
    seed: int,
    *,
    kinds: tuple[str, ...] = tuple(fuzz_cases.KINDS),
    keep: Path | None = None,
    extra: Path | None = None,
    seconds: float = fuzz_server.SECONDS,
    until: float = float("inf"),
) -> Table:
    """Runs the commands on that many mutated inputs.

    Args:
        inputs: How many.
        seed: Of everything that is drawn.
        kinds: Which kinds of input.
        keep: A folder for the inputs that show a defect.
        extra: A folder of further files to mutate.
        seconds: After which an input counts as a hang.
        until: time.monotonic() at which to stop, whatever is left.
    """
    fuzz_server.prepare()
    table, stopped = Table(), _stopped_by_signals()
    weights = [fuzz_cases.KINDS[kind][0] for kind in kinds]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        box = fuzz_server.Sandbox(Path(folder).resolve())
        corpus = fuzz_corpus.build(box, extra)
        for number in range(inputs):
            if stopped or (number and time.monotonic() > until):  # one at least, however slow the machine is
                break
            chance = random.Random(f"{seed} {number}")
            kind = chance.choices(kinds, weights)[0]
            box.clean()
            shutil.copy(corpus.sources["table"], box.data)
            case = fuzz_cases.KINDS[kind][1](box, corpus, chance)
            if keep and number % TOLD_EVERY == 0:
                print(f"{number:,} inputs, {len(table.found)} with a defect", file=sys.stderr, flush=True)
            result = fuzz_server.run(box, case.words, case.writes, seconds)
            table.add(kind, result)
            if result.defects:
                _keep(table, keep, number, kind, case, result)
    return table


def _stopped_by_signals() -> list[int]:
    """Gets the number of a signal to stop, so that the table of what was done is still printed."""
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: stopped.append(got))
    return stopped


def _keep(
    table: Table, keep: Path | None, number: int, kind: str, case: fuzz_cases.Case, result: fuzz_server.Result
) -> None:
    name = f"{number:05d}-{kind}"
    table.found.append(f"{name}: {'; '.join(result.defects)[:200]}")
    if keep is None or len(table.found) > DEFECTS_KEPT:
        return
    place = keep / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if case.mutant.is_file():
        shutil.copy(case.mutant, place)
    (place / "case.json").write_text(
        json.dumps({**fuzz_cases.describe(case), "defects": result.defects}, indent=1)
    )
    (place / "out").write_bytes(result.out)
    (place / "err").write_bytes(result.err)


def main() -> int:
    """Prints the table; 1 when there is a defect."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--kind", action="append", choices=[*fuzz_cases.KINDS], help="only this kind; repeatable"
    )
    parser.add_argument(
        "--keep", type=Path, default=Path("fuzz-defects"), help="folder for inputs with a defect"
    )
    parser.add_argument("--corpus", type=Path, help="folder of further files to mutate")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    given = parser.parse_args()
    began = time.monotonic()
    table = fuzz(
        given.inputs,
        given.seed,
        kinds=tuple(given.kind or fuzz_cases.KINDS),
        keep=given.keep,
        extra=given.corpus,
        until=began + 60 * given.minutes,
    )
    print(f"seed {given.seed}, {time.monotonic() - began:.0f} s")
    print("\n".join([*table.lines(), *table.found]))
    return 1 if table.found else 0


if __name__ == "__main__":
    sys.exit(main())
