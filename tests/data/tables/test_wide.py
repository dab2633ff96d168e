"""Ten thousand columns: what is done for each takes a fraction of a millisecond, and the network stays small."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest
import torch

from firstlight.data.examples import Split
from firstlight.data.sources.image_table import _with_paths
from firstlight.data.tables.batches import TableInputs
from firstlight.data.tables.columns import describe, typed
from firstlight.data.tables.encoder import fit_encoder
from firstlight.data.tables.giveaway import scores
from firstlight.data.tables.task import TargetValues
from firstlight.models.model import TableShape
from firstlight.models.table_mlp import MODEL, NUMBER_SIZE, PIECES, TableMlp

COLUMNS, ROWS = 10_000, 60


@pytest.fixture(scope="module")
def wide() -> pl.DataFrame:
    numbers = np.random.default_rng(0).normal(size=(COLUMNS, ROWS)).round(3)
    return pl.DataFrame({f"f{i}": row.astype(str) for i, row in enumerate(numbers)})


@pytest.mark.requirement("BT11")
def test_columns_are_read_checked_and_encoded_in_seconds(wide: pl.DataFrame) -> None:
    target = TargetValues(
        task="classification",
        classes=("no", "yes"),
        values=np.arange(ROWS) % 2,
        rows=np.arange(ROWS),
        missing=0,
        notes=(),
    )
    split = Split(train=np.arange(35), val=np.arange(35, ROWS), test=np.arange(0), method="made")
    began = time.process_time()
    columns = describe(wide, target=None)
    frame = typed(wide, columns)
    encoder = fit_encoder(frame, columns, split.train)
    encoded = encoder.encode(frame)
    assert len(list(scores(encoder, encoded, target, split))) == COLUMNS
    assert not _with_paths(wide)
    assert time.process_time() - began < 40  # 10 s alone, 150 s when each column was looked at by itself
    assert {column.kind for column in columns} == {"number"}
    assert encoded.numbers[0, :3].tolist() == pytest.approx([float(wide[0, i]) for i in range(3)])


@pytest.mark.parametrize("numbers", [10_000, 100_000])
def test_the_network_shares_its_size_among_many_columns(numbers: int) -> None:
    model = MODEL.build(TableShape(numbers=numbers, cardinalities=(), outputs=2), 2.0, 0.1)
    assert sum(weight.numel() * 4 for weight in model.parameters()) < 80 * 2**20
    inputs = TableInputs(torch.randn(8, numbers), torch.empty(8, 0, dtype=torch.int32))
    assert model(inputs).isfinite().all()


def test_up_to_a_thousand_columns_it_is_as_it_was() -> None:
    model = MODEL.build(TableShape(numbers=1_000, cardinalities=(3,), outputs=2), 1.0, 0.1)
    assert isinstance(model, TableMlp)
    assert (model.numbers.pieces, model.numbers.size, model.head.in_features) == (PIECES, NUMBER_SIZE, 256)
