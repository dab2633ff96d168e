"""The transformer: padding and company change nothing, the order of words does."""

from __future__ import annotations

import pytest
import torch

from firstlight.data.texts.batches import TextShape, TokenInputs
from firstlight.models.text_transformer import MODEL, TextTransformer

SHAPE = TextShape(inputs=30, outputs=4, longest=12)


@pytest.fixture
def model() -> TextTransformer:
    torch.manual_seed(0)
    return TextTransformer(SHAPE, 0.5, 0.2).eval()


def inputs(*rows: list[int], length: int) -> TokenInputs:
    ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
    mask = torch.tensor([[place < len(row) for place in range(length)] for row in rows])
    return TokenInputs(ids, mask)


def test_padding_changes_no_answer(model: TextTransformer) -> None:
    plain = model(inputs([1, 5, 9], length=3))
    padded = model(inputs([1, 5, 9], [1, *range(2, 13)], length=12))
    assert torch.allclose(plain[0], padded[0], atol=1e-5)


def test_what_stands_under_the_padding_changes_no_answer(model: TextTransformer) -> None:
    first = inputs([1, 5], length=6)
    second = TokenInputs(torch.where(first.mask, first.ids, 17), first.mask)
    assert torch.allclose(model(first), model(second), atol=1e-6)


def test_the_order_of_tokens_matters(model: TextTransformer) -> None:
    assert not torch.allclose(
        model(inputs([1, 5, 9], length=3)), model(inputs([1, 9, 5], length=3)), atol=1e-4
    )


def test_no_gradient_reaches_the_vector_of_padding(model: TextTransformer) -> None:
    model(inputs([1, 5], [1], length=4)).sum().backward()
    gradient = model.vectors.weight.grad
    assert gradient is not None
    assert gradient[0].abs().max() == 0
    assert gradient[5].abs().max() > 0


def test_it_learns_which_of_two_words_comes_first(model: TextTransformer) -> None:
    rows = [[1, 5, 9], [1, 9, 5]] * 8
    batch, targets = inputs(*rows, length=3), torch.tensor([0, 1] * 8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), targets).backward()
        optimizer.step()
    assert (model(batch).argmax(dim=1) == targets).all()


@pytest.mark.parametrize("width", MODEL.widths)
def test_every_width_answers(width: float) -> None:
    found = MODEL.build(SHAPE, width, 0.0)  # type: ignore[arg-type]
    assert found(inputs([1], [1, 2], length=2)).shape == (2, 4)
    assert MODEL.fits(SHAPE)  # type: ignore[arg-type]
    assert not MODEL.fits(TextShape(inputs=30, outputs=4))  # type: ignore[arg-type]


def test_tokens_that_no_training_text_has_are_all_the_same(model: TextTransformer) -> None:
    batch, targets = inputs([1, 5, 9], [1, 9, 5], length=4), torch.tensor([0, 1])
    MODEL.prepare(model, batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), targets).backward()
        optimizer.step()
    new = model(inputs([1, 5, 7], [1, 5, 11], [1, 5, 9], length=3))
    assert torch.equal(new[0], new[1])  # 7 and 11 are new
    assert not torch.allclose(new[0], new[2], atol=1e-4)
