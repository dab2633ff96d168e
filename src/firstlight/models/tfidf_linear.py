"""Tf-idf and a linear model as a module: what was fitted, as tensors.

N-grams are weighted by 1 + ln(count) and their inverse document frequency, each text to length 1; a linear map gives
the scores, and a steepness turns those of classes and labels into logits. `references/texts/tfidf_linear.py` fits it;
as tensors it is stored and loaded like a network.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from firstlight.data.texts.batches import TextInputs, TextShape
from firstlight.models.model import ModelKind


class TfidfLinear(nn.Module):
    """What was fitted, as tensors; nothing in it is trained further."""

    rarity: Tensor
    weight: Tensor
    bias: Tensor
    steepness: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("rarity", torch.ones(inputs))
        self.register_buffer("weight", torch.zeros(inputs, outputs))
        self.register_buffer("bias", torch.zeros(outputs))
        self.register_buffer("steepness", torch.ones(()))

    def plain_shape(self) -> dict[str, Any]:
        """Plain values from which `MODEL.restore` builds an empty model of this shape."""
        inputs, outputs = self.weight.shape
        return {"inputs": inputs, "outputs": outputs}

    def forward(self, inputs: TextInputs) -> Tensor:
        """Bags of a batch of texts -> logits (batch, outputs), or numbers (batch, 1)."""
        ids, offsets = inputs
        size = len(self.rarity)
        ends = torch.cat([offsets[1:], offsets.new_tensor([len(ids)])])
        texts = torch.repeat_interleave(torch.arange(len(offsets), device=ids.device), ends - offsets)
        pairs, counts = torch.unique(texts * size + ids, return_counts=True)
        texts, ids = pairs // size, pairs % size
        values = (1 + counts.float().log()) * self.rarity[ids]
        offsets = torch.searchsorted(texts, torch.arange(len(offsets), device=ids.device))
        length = functional.embedding_bag(
            ids, self.rarity.new_ones(size, 1), offsets, mode="sum", per_sample_weights=values.square()
        ).sqrt()
        scores = functional.embedding_bag(ids, self.weight, offsets, mode="sum", per_sample_weights=values)
        return (scores / length.clamp(min=1e-12) + self.bias) * self.steepness


def _build(shape: Any, width: float, dropout: float) -> TfidfLinear:
    assert isinstance(shape, TextShape)
    return TfidfLinear(shape.inputs, shape.outputs)


# Fitted, not trained: a run never proposes it as its network, but a checkpoint of it is built by its name.
MODEL = ModelKind(
    data="text",
    fits=lambda shape: False,
    build=_build,
    prepare=lambda model, inputs: None,
    widths=(1.0,),
    fitted=True,
    restore=lambda shape: TfidfLinear(**shape),
)
