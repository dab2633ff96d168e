"""No row is on two sides of the split.

**Shows** rows that are in two parts, and exact duplicates across parts by the hash of the content.
Only hashes of the sealed test part are compared, never its content. Near duplicates (the same photo, saved
again) are not seen.

**Thresholds** 0 is expected, since firstlight keeps duplicates together when it splits. A row in two parts is
a failure. Duplicates in a split that was given are a warning up to 1 % of the validation part and a failure
above (judgement: then the accuracy says more about memory than about the task); of texts up to 10 %, and of
rows of a table always a warning, since they may be equal by nature. Where groups or times are named, they alone
decide the split, and rows that are equal in several parts are a warning.

**What to do** Remove the duplicates from one side, or let firstlight split.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firstlight.data.examples import Examples
from firstlight.preflight.check import Bench, Check, Finding, failed, ok, warning
from firstlight.text import count, percent, visible

# Of the validation rows. Equal photos are copies; short texts and rows of few columns may be equal by nature. What a
# person's own items are is not known: only most of them being copies is surely wrong.
MOST_SHARE = {"image": 0.01, "text": 0.1, "table": 1.0, "own": 0.5}
NAMES_SHOWN = 3


def run(bench: Bench) -> Finding:
    """Compares positions and hashes."""
    split, examples = bench.job.data.split, bench.job.data.examples
    rows = np.concatenate([split.train, split.val, split.test])
    twice = len(rows) - len(np.unique(rows))
    if twice:
        return failed(
            f"{count(twice, 'row')} in two parts of the split",
            float(twice),
            remedy="make the split again: firstlight init",
            page="data_quality",
            fault="data",
        )
    val = _also_in(examples.digests, split.val, split.train)
    test = _also_in(examples.digests, split.test, np.concatenate([split.train, split.val]))
    if len(val) == 0 and len(test) == 0:
        return ok(f"0 rows and 0 identical {examples.noun}s in two parts of the split", 0.0)
    share = len(val) / len(split.val)
    names = visible(", ".join(examples.ids[i] for i in np.concatenate([val, test])[:NAMES_SHOWN]))
    said = (
        f"{count(len(val), examples.noun)} of the validation part ({percent(share)}) are also in training, "
        f"{len(test):,} of the sealed test part elsewhere: {names}"
    )
    remedy = "remove them from one side, or let firstlight split (data without given parts)"
    asked = _deciding(examples)
    if asked:
        said, remedy = f"{said}; the {asked} decided", "see whether they are copies, or equal by chance"
    if not asked and share > MOST_SHARE[bench.job.data.kind.name]:
        return failed(said, float(len(val)), remedy=remedy, page="data_quality", fault="data")
    return warning(said, float(len(val)), remedy=remedy, page="data_quality")


def _deciding(examples: Examples) -> str:
    """What was named to decide the split, and keeps no equal rows together."""
    named = {"groups": examples.groups, "times": examples.times}
    return " and ".join(name for name, held in named.items() if held is not None)


def _also_in(
    digests: NDArray[np.bytes_], rows: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The rows whose content is also among the others."""
    return rows[np.isin(digests[rows], digests[others])]


CHECK = Check(run=run, order=40, share=0.3, steps=False)
