"""A small transformer from scratch: it sees the order of words, and wants more texts and time than a bag.

An encoder with normalisation before each layer (R. Xiong et al., "On layer normalization in the transformer
architecture", 2020), learnt positions, GELU, and the mean over the tokens of a text. Padding is masked in
attention and mean, so it changes no answer. Nor does it matter which token of a new text is one that no training
text has (a single byte, or a piece that always became part of a longer one): all of them begin, and stay, at 0.

Width multiplies 128 numbers a token; 2 layers, 32 numbers a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from firstlight.data.texts.batches import TextShape, TokenInputs
from firstlight.models.model import ModelKind

NUMBERS = 128  # of a token
PER_HEAD = 32
LAYERS = 2
SPREAD = 0.02  # of vectors and positions at the start, as in BERT
PREPARED_ROWS = 20_000  # training texts whose tokens are looked for: 50 MB at the most (judgement)


class Layer(nn.Module):
    """Attention and two linear layers, each added to what came in."""

    def __init__(self, numbers: int, dropout: float) -> None:
        super().__init__()
        self.heads = numbers // PER_HEAD
        self.norm1 = nn.LayerNorm(numbers)
        self.attention = nn.Linear(numbers, 3 * numbers)
        self.joined = nn.Linear(numbers, numbers)
        self.norm2 = nn.LayerNorm(numbers)
        self.wide = nn.Linear(numbers, 4 * numbers)
        self.narrow = nn.Linear(4 * numbers, numbers)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, numbers), mask (batch, 1, 1, length) -> (batch, length, numbers)."""
        batch, length, numbers = x.shape
        parts = self.attention(self.norm1(x)).view(batch, length, 3, self.heads, PER_HEAD)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.dropout(self.joined(seen.transpose(1, 2).reshape(batch, length, numbers)))
        added: Tensor = self.dropout(self.narrow(functional.gelu(self.wide(self.norm2(x)))))
        return x + added


class TextTransformer(nn.Module):
    """Vectors with positions, layers, mean, linear."""

    def __init__(self, shape: TextShape, width: float, dropout: float) -> None:
        super().__init__()
        numbers = PER_HEAD * max(1, round(NUMBERS * width / PER_HEAD))
        self.vectors = nn.Embedding(shape.inputs, numbers)
        self.positions = nn.Parameter(torch.randn(shape.longest, numbers) * SPREAD)
        nn.init.normal_(self.vectors.weight, std=SPREAD)
        self.layers = nn.ModuleList(Layer(numbers, dropout) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(numbers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(numbers, shape.outputs)

    def forward(self, inputs: TokenInputs) -> Tensor:
        """Tokens of a batch of texts, each with one at least -> (batch, outputs)."""
        ids, mask = inputs
        x = self.dropout(self.vectors(ids) + self.positions[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, mask[:, None, None, :])
        x = self.norm(x).masked_fill(~mask[:, :, None], 0.0)
        mean = x.sum(dim=1) / mask.sum(dim=1, keepdim=True)
        outputs: Tensor = self.head(self.dropout(mean))
        return outputs


@torch.no_grad()
def _prepare(model: nn.Module, inputs: Any) -> None:
    """Sets the vectors of tokens that these training texts do not have to 0; those of later texts learn from there."""
    assert isinstance(model, TextTransformer)
    ids, mask = inputs
    unseen = torch.bincount(ids[mask], minlength=model.vectors.num_embeddings) == 0
    model.vectors.weight[unseen.to(model.vectors.weight.device)] = 0.0


def _build(shape: Any, width: float, dropout: float) -> TextTransformer:
    assert isinstance(shape, TextShape)
    return TextTransformer(shape, width, dropout)


MODEL = ModelKind(
    data="text",
    fits=lambda shape: isinstance(shape, TextShape) and shape.longest > 0,
    build=_build,
    prepare=_prepare,
    widths=(0.25, 0.5, 1.0, 2.0),
    rank=1,
    prepare_rows=PREPARED_ROWS,
)
