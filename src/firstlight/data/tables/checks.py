"""What is wrong, or may be, with a table and its split: copies, contradictions, leaks, shift, imbalance.

The test part stays sealed: its rows are only compared with the others for being the same, class included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firstlight.data.tables import balance, leaks

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from firstlight.data.examples import Split
    from firstlight.data.tables.column import Column
    from firstlight.data.tables.encoder import Encoded, Encoder
    from firstlight.data.tables.finding import Finding
    from firstlight.data.tables.task import TargetValues


def check_table(
    frame: pl.DataFrame,
    columns: tuple[Column, ...],
    target: TargetValues,
    split: Split,
    encoder: Encoder,
    inputs: Encoded,
    *,
    group: str | None = None,
    time: str | None = None,
    groups: NDArray[np.int64] | None = None,
) -> tuple[Finding, ...]:
    """Every finding, the warnings first.

    Args:
        frame: The rows that have a target, in the order of `target.values`.
        columns: From `describe`.
        target: From `decide_task`.
        split: Positions in the frame.
        encoder: Fitted on the training rows.
        inputs: The encoded frame.
        group: A column whose values must not lie on two sides.
        time: A column of dates or numbers by which validation must come after training.
        groups: Of the rows, as in Examples; None when each stands alone.
    """
    found = [
        *leaks.copies(leaks.row_keys(frame, columns), target, split),
        *leaks.giveaways(encoder, inputs, target, split),
        *leaks.groups(frame, group, split),
        *leaks.times(frame, columns, time, split),
        *balance.shifts(encoder, inputs, target, split, groups),
        *balance.unknown(encoder, inputs, split),
        *balance.imbalance(target, split),
    ]
    return tuple(sorted(found, key=lambda finding: finding.level != "warning"))
