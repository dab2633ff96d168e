"""A bag of n-grams: every n-gram has a vector, a text is the weighted sum of its own, a linear layer decides.

The network of A. Joulin et al., "Bag of tricks for efficient text classification" (2016), with the tf-idf
weights and the length of 1 that linear classifiers on text use: an n-gram of few texts counts more, and the
sum is divided by the length of its weights, so that long texts do not count more. Small vectors at the start,
so that all rows begin at the class shares; a text without a known n-gram stays there.

Width multiplies 32 numbers a vector.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from firstlight.data.texts.batches import TextInputs, TextShape
from firstlight.models.model import ALL_ROWS, ModelKind

NUMBERS = 32  # of an n-gram's vector; 64 gained nothing on TweetEval emoji
SPREAD = 0.01  # of the vectors at the start; 0.1 at a rate of 0.01 lost half a point on AG News
SHORTEST = 1e-6  # the length of an empty bag, so that 0 / 0 is 0

BATCH_SIZES = (32, 256)
STEPS_PER_EPOCH = 160  # that the batch is chosen for: more passes over a small set only overfit
EPOCHS = 5
LEAST_STEPS = 500  # below, the smallest sets are not learnt
FEW_OUTPUTS = 10  # up to here a strong dropout helps; with the 20 classes of emoji it costs macro-F1


class NgramBag(nn.Module):
    """Vectors, weighted sum, dropout, linear."""

    rarity: Tensor

    def __init__(self, shape: TextShape, width: float, dropout: float) -> None:
        super().__init__()
        numbers = max(4, round(NUMBERS * width))
        self.vectors = nn.Parameter(torch.randn(max(shape.inputs, 1), numbers) * SPREAD)
        self.register_buffer("rarity", torch.ones(max(shape.inputs, 1)))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(numbers, shape.outputs)

    def forward(self, inputs: TextInputs) -> Tensor:
        """Bags of a batch of texts -> (batch, outputs)."""
        ids, offsets = inputs
        weights = self.rarity[ids]
        summed = functional.embedding_bag(
            ids, self.vectors, offsets, mode="sum", per_sample_weights=weights.to(self.vectors.dtype)
        )
        squares = functional.embedding_bag(ids, self.rarity.square()[:, None], offsets, mode="sum")
        outputs: Tensor = self.head(self.dropout(summed / squares.sqrt().clamp(min=SHORTEST)))
        return outputs


def _build(shape: Any, width: float, dropout: float) -> NgramBag:
    assert isinstance(shape, TextShape)
    return NgramBag(shape, width, dropout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings that were measured to do well (docs/log.md), for AdamW and a rate that warms up and falls to 0."""

    batch_size: int
    epochs: int
    learning_rate: float
    weight_decay: float
    dropout: float


def recipe(rows: int, outputs: int) -> Recipe:
    """For a number of training rows, and of classes or labels."""
    smallest, largest = BATCH_SIZES
    batch = min(max(2 ** round(math.log2(max(rows, 1) / STEPS_PER_EPOCH)), smallest), largest)
    few = outputs <= FEW_OUTPUTS
    return Recipe(
        batch_size=batch,
        epochs=max(EPOCHS, math.ceil(LEAST_STEPS * batch / max(rows, 1))),
        learning_rate=0.003,
        weight_decay=0.3 if few else 0.1,
        dropout=0.7 if few else 0.3,
    )


@torch.no_grad()
def _prepare(model: nn.Module, inputs: Any) -> None:
    """Sets the weight of each n-gram from the training texts: ln((1 + texts) / (1 + texts that have it)) + 1.

    The smoothed inverse document frequency of scikit-learn. Give all training rows: counts of a few are poor.
    """
    assert isinstance(model, NgramBag)
    ids, offsets = inputs
    model.rarity.copy_(rarity(ids, offsets, len(model.rarity)))


def rarity(ids: Tensor, offsets: Tensor, size: int) -> Tensor:
    """Smoothed inverse document frequency of each of `size` n-grams in the given texts, float32 (size,)."""
    ends = torch.cat([offsets[1:], torch.tensor([len(ids)])])
    texts = torch.repeat_interleave(torch.arange(len(offsets)), ends - offsets)
    once = torch.unique(texts * size + ids)
    holding = torch.bincount(once % size, minlength=size)
    return torch.log((1 + len(offsets)) / (1 + holding.double())).add(1).float()


MODEL = ModelKind(
    data="text",
    fits=lambda shape: isinstance(shape, TextShape) and shape.longest == 0,
    build=_build,
    prepare=_prepare,
    widths=(0.5, 1.0, 2.0),
    prepare_rows=ALL_ROWS,
)
