"""Tables: numbers and category codes, encoded by what the training rows determine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.tables.batches import TableBatches, TableInputs
from firstlight.data.tables.profile import profile
from firstlight.errors import DataError
from firstlight.kinds.kind import Dataset, Kind, Pipeline, Portion, Unseen, only, weights_of
from firstlight.models.model import TableShape
from firstlight.text import visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from firstlight.config.schema import Config
    from firstlight.data.examples import Examples, Split
    from firstlight.data.tables.encoder import Encoded, Encoder
    from firstlight.machine.choices import Machine
    from firstlight.watch.progress import Progress

PORTION = 65_536  # new rows predicted at a time: bounds the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The encoder, and every row of the table as it encodes it."""

    encoder: Encoder
    encoded: Encoded
    inputs: TableInputs  # the same memory as tensors


def _fit(examples: Examples, split: Split) -> Fitted:
    from firstlight.data.tables.encoder import fit_encoder

    rows = examples.table
    encoder = fit_encoder(rows.frame, rows.columns, split.train)
    encoded = encoder.encode(rows.frame)
    return Fitted(encoder=encoder, encoded=encoded, inputs=_tensors(encoded))


def _tensors(encoded: Encoded) -> TableInputs:
    import torch

    return TableInputs(torch.from_numpy(encoded.numbers), torch.from_numpy(encoded.codes))


def _profile(data: Dataset) -> Any:
    return profile(data.examples, data.split, data.fitted.encoder, data.fitted.encoded)


def _pipeline(config: Config, data: Dataset, outputs: int, machine: Machine) -> Pipeline:
    import torch

    fitted: Fitted = data.fitted
    targets = torch.from_numpy(data.examples.targets)
    weights = weights_of(data)

    def batches(rows: NDArray[np.int64]) -> TableBatches:
        return TableBatches(
            numbers=fitted.inputs.numbers,
            codes=fitted.inputs.codes,
            targets=targets,
            rows=torch.from_numpy(rows),
            size=config.training.batch_size,
            seed=config.seed,
            device=machine.device,
            weights=None if weights is None else torch.from_numpy(weights.astype(np.float32)),
        )

    meta = {
        "encoder": fitted.encoder.to_meta(),
        "target_columns": list(data.examples.table.targets),
        "set_aside": list(data.examples.table.set_aside),
        "id_columns": [column.name for column in data.examples.table.columns if column.kind == "id"],
        "shape": {
            "numbers": fitted.inputs.numbers.shape[1],
            "cardinalities": list(fitted.encoder.cardinalities),
        },
    }
    return Pipeline(
        train=batches(data.split.train),
        val=batches(data.split.val),
        shape=_shape(meta, outputs),
        views=only,
        meta=meta,
    )


def _shape(meta: Mapping[str, Any], outputs: int) -> TableShape:
    found = meta["shape"]
    return TableShape(numbers=found["numbers"], cardinalities=tuple(found["cardinalities"]), outputs=outputs)


def _unseen(meta: Mapping[str, Any], source: str, machine: Machine, progress: Progress) -> Unseen:
    from firstlight.data.source import new_file
    from firstlight.data.tables.differences import check_columns, named
    from firstlight.data.tables.encoder import from_meta
    from firstlight.data.tables.ids import name_rows, unread
    from firstlight.data.tables.reading import read_table

    table = read_table(Path(new_file(source)))
    encoder = from_meta(meta["encoder"])
    answers = [name for name in meta["target_columns"] if name in table.frame.columns]
    # Of a model that an older version trained these are not known.
    aside = [name for name in meta.get("set_aside", ()) if name in table.frame.columns]
    found = check_columns(encoder, table.frame.drop(answers, aside))
    if found.missing:
        headless = (
            "" if table.form.header else "write a header with the names of the columns above the rows; "
        )
        raise DataError(
            "columns of the training table are missing",
            visible(f"{source}: {named(found.missing)}"),
            f"{headless}add them; empty values are allowed",
        )
    names, lines = name_rows(table, meta.get("id_columns", ())), unread(table)
    told = [f"{visible(', '.join(answers))} is what is predicted, and was not looked at"] if answers else []
    return Unseen(
        total=len(names.ids) + len(lines),
        portions=_portions(table.frame, encoder, names.ids, lines, machine),
        notes=(visible(f"{source}: {table.form.sentence()}"), *table.notes, *names.notes, *told),
        differences=found.sentences(),
    )


def _portions(
    frame: pl.DataFrame, encoder: Encoder, ids: list[str], lines: list[str], machine: Machine
) -> Iterator[Portion]:
    if lines:
        yield Portion([], None, lines)
    for start in range(0, len(ids), PORTION):
        inputs = _tensors(encoder.encode(frame[start : start + PORTION]))
        on_device = TableInputs(inputs.numbers.to(machine.device), inputs.codes.to(machine.device))
        yield Portion(ids[start : start + PORTION], on_device, [])


KIND = Kind(
    name="table",
    noun="row",
    profile=_profile,
    fit=_fit,
    pipeline=_pipeline,
    shape=_shape,
    views=lambda meta: only,
    unseen=_unseen,
)
