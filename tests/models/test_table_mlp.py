"""The network for tables: what is fitted comes from training rows alone, and nothing in a table makes NaN of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn import functional

from firstlight.data.tables.batches import TableInputs
from firstlight.models.model import ImageShape, TableShape
from firstlight.models.table_mlp import MODEL, PIECES, TableMlp, piece_edges

SHAPE = TableShape(numbers=3, cardinalities=(4, 40), outputs=2)


def inputs(rows=200, *, seed=0, shape=SHAPE):
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, shape.numbers)).astype(np.float32) * 50 + 1000
    numbers[random.random(numbers.shape) < 0.1] = np.nan
    codes = (
        np.stack([random.integers(0, c, rows) for c in shape.cardinalities], axis=1)
        if shape.cardinalities
        else []
    )
    codes = np.asarray(codes, np.int32).reshape(rows, -1)
    return TableInputs(torch.from_numpy(numbers), torch.from_numpy(codes))


def prepared(shape=SHAPE, *, rows=None, dropout=0.0) -> TableMlp:
    torch.manual_seed(0)
    model = MODEL.build(shape, 0.25, dropout)
    MODEL.prepare(model, inputs(shape=shape) if rows is None else rows)
    return model


def test_it_is_for_tables():
    assert MODEL.fits(SHAPE)
    assert not MODEL.fits(ImageShape(channels=3, height=8, width=8, outputs=2))


@pytest.mark.parametrize("codes", [torch.int32, torch.int64])
@pytest.mark.parametrize(
    "shape",
    [
        SHAPE,
        TableShape(numbers=0, cardinalities=(3,), outputs=5),
        TableShape(numbers=2, cardinalities=(), outputs=1),
        TableShape(numbers=1, cardinalities=(5_000,), outputs=1),
    ],
)
def test_outputs_have_their_shape_and_every_weight_gets_a_gradient(shape, codes):
    some = inputs(shape=shape)
    model = prepared(shape)
    outputs = model(TableInputs(some.numbers, some.codes.to(codes)))
    assert outputs.shape == (200, shape.outputs)
    outputs.square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_a_state_dict_holds_what_was_fitted():
    model = prepared()
    stored = io.BytesIO()
    torch.save(model.state_dict(), stored)
    again = MODEL.build(SHAPE, 0.25, 0.0)
    again.load_state_dict(torch.load(io.BytesIO(stored.getvalue()), weights_only=True))
    assert torch.equal(again(inputs(seed=1)), model(inputs(seed=1)))


@pytest.mark.requirement("BT10", "BT11")
def test_constant_missing_and_infinite_numbers_give_finite_outputs_and_gradients():
    rows = inputs()
    rows.numbers[:, 0] = 7.0
    rows.numbers[::3, 0] = torch.nan  # constant but for missing values
    rows.numbers[:, 1] = torch.nan  # nothing at all
    rows.numbers[5, 2], rows.numbers[6, 2], rows.numbers[7, 2] = torch.inf, -torch.inf, 3e38
    model = prepared(rows=rows)
    outputs = model(rows)
    outputs.sum().backward()
    assert outputs.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_units_do_not_matter():
    """Kilometres or millimetres: robust scaling and pieces move with the numbers."""
    rows = inputs()
    other = TableInputs(rows.numbers * 1e4 + 3e5, rows.codes)
    assert torch.allclose(prepared(rows=rows)(rows), prepared(rows=other)(other), atol=2e-2)


def test_values_far_outside_the_training_range_move_the_output_by_little():
    model = prepared()
    far, farther = inputs(), inputs()
    far.numbers[:, 0], farther.numbers[:, 0] = 1e6, 1e12
    assert torch.allclose(model(far), model(farther), atol=1e-3)
    assert not torch.allclose(model(far), model(inputs()), atol=1e-3)


def test_a_missing_number_is_told_from_the_median():
    model = prepared()
    rows = inputs(4)
    rows.numbers[:, 0] = model.numbers.median[0]
    gone = TableInputs(rows.numbers.clone(), rows.codes)
    gone.numbers[:, 0] = torch.nan
    assert not torch.allclose(model(rows), model(gone))


def test_rows_are_predicted_alone_as_among_others():
    model = prepared().eval()
    rows = inputs()
    assert torch.allclose(model(TableInputs(rows.numbers[3:4], rows.codes[3:4])), model(rows)[3:4], atol=1e-6)


def test_it_learns_what_no_linear_model_can():
    rows = inputs(1000)
    model = prepared(rows=rows)
    x = rows.numbers.nan_to_num(1000.0)
    labels = ((x[:, 0] > 1000) ^ (rows.codes[:, 0] > 1)).long()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        functional.cross_entropy(model(rows), labels).backward()
        optimizer.step()
    assert (model(rows).argmax(1) == labels).float().mean() > 0.97


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float64,
        st.integers(1, 80),
        elements=st.one_of(st.sampled_from([0.0, 1.0, -1e30]), st.floats(-1e30, 1e30)),
    ),
    st.integers(1, 60),
)
def test_edges_increase_span_the_values_and_are_few(values, pieces):
    edges = piece_edges(values, pieces)
    assert (np.diff(edges) > 0).all()
    assert len(edges) <= pieces + 1
    assert (edges[0], edges[-1]) == (values.min(), values.max())


def test_a_value_that_occurs_often_does_not_take_the_pieces():
    rest = np.linspace(100, 200, 500)
    edges = piece_edges(np.concatenate([np.zeros(9_500), rest]), PIECES)
    assert len(edges) > PIECES / 2
    plain = np.unique(np.quantile(np.concatenate([np.zeros(9_500), rest]), np.linspace(0, 1, PIECES + 1)))
    assert len(plain) < 5


def test_pieces_of_evenly_spread_values_are_their_quantiles():
    values = np.random.default_rng(0).normal(size=20_000)
    expected = np.quantile(values, np.linspace(0, 1, 11))
    assert piece_edges(values, 10) == pytest.approx(expected, abs=0.02)


def test_two_preparations_are_equal_and_leave_the_weights_of_what_occurs_alone():
    rows = inputs(2_000)  # with every code
    after, again = prepared(rows=rows), prepared(rows=rows)
    assert all(
        torch.equal(a, b)
        for a, b in zip(after.state_dict().values(), again.state_dict().values(), strict=True)
    )
    torch.manual_seed(0)
    before = MODEL.build(SHAPE, 0.25, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


@pytest.mark.parametrize("cardinality", [6, 40], ids=["one-hot", "vectors"])
def test_what_training_rows_never_have_changes_no_answer(cardinality):
    """A code without a row, and a number that is missing where none ever was, add nothing, also after training."""
    shape = TableShape(numbers=2, cardinalities=(3, cardinality), outputs=2)
    rows = inputs(400, shape=shape)
    numbers = rows.numbers.nan_to_num(nan=1000.0)
    codes = rows.codes.clone()
    codes[codes[:, 1] == 0, 1] = 1  # neither the code of unknown values nor another one
    codes[codes[:, 1] == 4, 1] = 1
    seen = TableInputs(numbers, codes)
    model = prepared(shape, rows=seen)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    targets = (codes[:, 1] == 2).long()
    for _ in range(20):
        optimizer.zero_grad()
        functional.cross_entropy(model(seen), targets).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        unknown, other = (
            model(TableInputs(numbers, torch.stack([codes[:, 0], torch.full_like(codes[:, 1], code)], dim=1)))
            for code in (0, 4)
        )
        known = model(
            TableInputs(numbers, torch.stack([codes[:, 0], torch.full_like(codes[:, 1], 2)], dim=1))
        )
        middle = model(TableInputs(model.numbers.median.expand(400, -1), codes))
        missing = model(TableInputs(torch.full_like(numbers, torch.nan), codes))
    assert torch.equal(unknown, other)  # two codes that are nothing are the same
    assert not torch.allclose(unknown, known, atol=0.1)
    assert torch.allclose(missing, middle, atol=1e-6)  # the median, and no more


def test_with_no_effect_means_zero_and_not_the_mean_of_others():
    shape = TableShape(numbers=1, cardinalities=(5,), outputs=1)
    rows = inputs(100, shape=shape)
    rows.codes[rows.codes == 3] = 2
    model = prepared(shape, rows=rows)
    first = model.layers[0]
    assert (first.weight[:, -5:][:, 3] == 0).all()
    assert (first.weight[:, -5:][:, [0, 1, 2, 4]] != 0).all()
