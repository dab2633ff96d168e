"""The bag of n-grams: an average that order and company do not change, and a recipe that learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from firstlight.data.texts.batches import TextBatches, TextShape, bag
from firstlight.data.texts.ragged import Ragged, offsets_of
from firstlight.models.ngram_bag import MODEL, NgramBag, recipe

SHAPE = TextShape(inputs=5, outputs=3)


def ragged(*rows: list[int]) -> Ragged:
    values = np.array([value for row in rows for value in row], dtype=np.int32)
    return Ragged(values=values, offsets=offsets_of(np.array([len(row) for row in rows], dtype=np.int64)))


@pytest.fixture
def model() -> NgramBag:
    torch.manual_seed(0)
    found = NgramBag(SHAPE, 1.0, 0.5).eval()
    MODEL.prepare(found, bag(ragged([0, 1, 1], [0, 2], [0])))
    return found


def test_rarity_is_the_inverse_document_frequency_of_scikit_learn(model: NgramBag) -> None:
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = np.array([[1, 2, 0, 0, 0], [1, 0, 1, 0, 0], [1, 0, 0, 0, 0]])
    assert model.rarity.tolist() == pytest.approx(TfidfTransformer().fit(counts).idf_.tolist())


def test_it_is_the_weighted_sum_over_the_length_of_the_weights(model: NgramBag) -> None:
    weights = model.rarity[[1, 2]]
    vector = (weights @ model.vectors[[1, 2]]) / weights.norm()
    assert torch.allclose(model(bag(ragged([1, 2])))[0], model.head(vector), atol=1e-6)


def test_order_and_other_rows_of_the_batch_change_nothing(model: NgramBag) -> None:
    alone = model(bag(ragged([0, 3, 1])))
    together = model(bag(ragged([4], [1, 0, 3], [])))
    assert torch.allclose(alone[0], together[1], atol=1e-6)


@pytest.mark.requirement("BX07")
def test_an_empty_text_gets_the_bias_and_finite_gradients(model: NgramBag) -> None:
    outputs = model(bag(ragged([], [1])))
    assert torch.equal(outputs[0], model.head.bias)
    functional.cross_entropy(outputs, torch.tensor([0, 1])).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_vocabulary_without_ngrams_still_answers() -> None:
    found = NgramBag(TextShape(inputs=0, outputs=2), 1.0, 0.0)
    assert found(bag(ragged([], []))).shape == (2, 2)


def test_the_state_dict_holds_all_of_it(model: NgramBag) -> None:
    again = MODEL.build(SHAPE, 1.0, 0.5).eval()  # type: ignore[arg-type]
    again.load_state_dict(model.state_dict())
    inputs = bag(ragged([0, 1, 4], [2]))
    assert torch.equal(again(inputs), model(inputs))


def test_it_fits_texts_without_order_only() -> None:
    from firstlight.models.model import ImageShape

    assert MODEL.fits(SHAPE)  # type: ignore[arg-type]
    assert not MODEL.fits(TextShape(inputs=5, outputs=3, longest=9))  # type: ignore[arg-type]
    assert not MODEL.fits(ImageShape(channels=1, height=8, width=8, outputs=2))


@pytest.mark.parametrize("rows", [1, 100, 5_000, 45_000, 10_000_000])
@pytest.mark.parametrize("outputs", [1, 20])
def test_the_recipe_gives_enough_steps_for_any_size(rows: int, outputs: int) -> None:
    found = recipe(rows, outputs)
    assert 32 <= found.batch_size <= 256
    assert found.epochs >= 5
    assert found.epochs * rows / found.batch_size >= 500


def test_the_recipe_learns_which_word_tells_the_class() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(2, size=600)
    rows = ragged(*([int(label), *random.integers(2, 50, 8).tolist()] for label in labels))
    found = recipe(500, 2)
    torch.manual_seed(0)
    model = NgramBag(TextShape(inputs=50, outputs=2), 1.0, found.dropout)
    batches = TextBatches(
        ragged=rows,
        targets=torch.from_numpy(labels),
        rows=torch.arange(500),
        size=found.batch_size,
        seed=0,
        device=torch.device("cpu"),
        form="bag",
    )
    MODEL.prepare(model, batches.take(batches.rows).inputs)
    optimizer = torch.optim.AdamW(model.parameters(), lr=found.learning_rate, weight_decay=found.weight_decay)
    for epoch in range(10):
        for batch in batches.epoch(epoch):
            optimizer.zero_grad()
            functional.cross_entropy(model(batch.inputs), batch.targets).backward()
            optimizer.step()
    last = torch.arange(500, 600)
    answers = model.eval()(batches.take(last).inputs).argmax(dim=1)
    assert (answers == torch.from_numpy(labels)[last]).float().mean() > 0.95
