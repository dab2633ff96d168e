"""What lets a model know more than it should: copies, a column that says the target, groups, time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from firstlight.data.tables import values
from firstlight.data.tables.column import UNSEEN
from firstlight.data.tables.finding import Finding
from firstlight.data.tables.giveaway import Measure, scores
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from firstlight.data.examples import Split
    from firstlight.data.tables.column import Column
    from firstlight.data.tables.encoder import Encoded, Encoder
    from firstlight.data.tables.task import TargetValues

# Of one column alone, from which on it gives the target away (judgement). On 18 real tables the highest of an
# honest column was AUROC 0.90 (penguins, the island) and R2 0.89 (movies, gross of the world for that of the US).
GIVES_AWAY: dict[Measure, float] = {"auroc": 0.99, "r2": 0.98}
MEASURES: dict[Measure, str] = {"auroc": "AUROC", "r2": "R2"}


def row_keys(frame: pl.DataFrame, columns: tuple[Column, ...]) -> NDArray[np.uint64]:
    """(rows,): equal for rows that are equal in everything that a model may see, so without columns of UNSEEN kinds.

    64 bits: in a million rows two different ones meet with a probability of 3e-8.
    """
    seen = [column.name for column in columns if column.kind not in UNSEEN]
    return frame.select(seen).hash_rows(seed=0).to_numpy() if seen else np.arange(len(frame), dtype=np.uint64)


def copies(keys: NDArray[np.uint64], target: TargetValues, split: Split) -> list[Finding]:
    """Rows that are equal in all features: within the table, across its parts, and with different targets."""
    _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    found = []
    more = len(keys) - len(counts)
    if more:
        told = f"{count(more, 'row')} ({percent(more / len(keys))}) equal to another in every feature"
        found.append(Finding(id="duplicates", level="note", sentence=told, value=more))
    trained = np.zeros(len(counts), bool)
    trained[place[split.train]] = True
    held = np.concatenate([split.val, split.test]).astype(np.int64)
    across = int(trained[place[held]].sum())
    if across:
        told = f"{count(across, 'row')} of val and test ({percent(across / len(held))}) equal a training row"
        found.append(Finding(id="duplicates_across", level="warning", sentence=told, value=across))
    if target.task == "classification":
        pairs = np.unique(np.stack([place, target.values]), axis=1)
        torn = np.bincount(pairs[0], minlength=len(counts)) > 1
        rows = int(torn[place].sum())
        if rows:
            told = f"{count(rows, 'row')} equal in every feature to a row of another class: no model can get all right"
            found.append(Finding(id="conflicts", level="note", sentence=told, value=rows))
    return found


def giveaways(encoder: Encoder, inputs: Encoded, target: TargetValues, split: Split) -> list[Finding]:
    """Columns that alone predict the target on held-out rows nearly without fault."""
    best: dict[str, tuple[Measure, float]] = {}
    for name, measure, score in scores(encoder, inputs, target, split):
        if score >= max(GIVES_AWAY[measure], best.get(name, (measure, 0.0))[1]):
            best[name] = measure, score
    return [
        Finding(
            id="giveaway",
            level="warning",
            sentence=f"the column {visible(name)} alone gives the target away ({MEASURES[measure]} {score:.3f} on "
            "held-out rows): leave it out unless it is known before the target is",
            value=score,
            columns=(name,),
        )
        for name, (measure, score) in best.items()
    ]


def groups(frame: pl.DataFrame, group: str | None, split: Split) -> list[Finding]:
    """Values of the group column that lie in train and elsewhere."""
    if group is None:
        return []
    text = values.as_text(frame[group])
    held = text.gather(np.concatenate([split.val, split.test]).astype(np.int64))
    shared = held.is_in(text.gather(split.train).drop_nulls().unique().implode()).fill_null(False)
    rows = int(shared.sum())
    if not rows:
        return []
    share = percent(rows / len(held))
    told = f"{count(rows, 'row')} of val and test ({share}) from a {visible(group)} that is in train too"
    return [Finding(id="group_leak", level="warning", sentence=told, value=rows, columns=(group,))]


def times(frame: pl.DataFrame, columns: tuple[Column, ...], time: str | None, split: Split) -> list[Finding]:
    """Whether validation comes after training, where a time is named or a column of dates is there."""
    dated = [column for column in columns if column.name == time or (time is None and column.kind == "date")]
    if not dated or not len(split.val):
        return []
    column = dated[0]
    series = frame[column.name]
    when = values.times(series, column.date_format, column.mark)
    train, val = when[split.train], when[split.val]
    early = int((val < np.nanmax(train)).sum()) if np.isfinite(train).any() else 0
    if not early:
        return []
    rows = f"{count(early, 'validation row')} ({percent(early / len(val))})"
    told = f"{rows} lie before the last training row in {visible(column.name)}"
    if time is None:
        told += ": if later rows are to be predicted, split by it"
    level: Literal["warning", "note"] = "note" if time is None else "warning"
    return [Finding(id="time_leak", level=level, sentence=told, value=early, columns=(column.name,))]
