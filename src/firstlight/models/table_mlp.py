"""Network for tables: piecewise linear numbers, categories, and two hidden layers.

Raw numbers go in. What is fitted on the training rows (medians, scales, the edges of the pieces) is in the
state dict, so that a checkpoint needs nothing else. Each number becomes a learnt vector in two parts: one grows
with the number, robustly scaled and smoothly clipped, and one grows piece by piece over 48 pieces of its range
(Gorishniy, Rubachev, Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", 2022). Whether it is
missing is an input of its own. Small categories go in as one-hot, large ones as embeddings; a category that no
training row has adds nothing.

Scaling and clipping are those of RealMLP (Holzmuller, Grinsztajn, Steinwart, "Better by Default", 2024). Written
from the descriptions. Its learnt scale of each input, its NTK form and members in parallel (TabM) changed less than
another seed does, or cost twice the time for a tenth of a point (docs/log.md).

Width multiplies 256 hidden units. Beyond 1,000 columns of numbers their vectors and pieces become fewer, and from
16 million weights on the hidden units too: what a few rows of many columns say is learnt by less, and a checkpoint
of 10,000 columns has 100 MB, not 900.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from firstlight.models.model import ModelKind, TableShape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.tables.batches import TableInputs

HIDDEN = 256
FEWEST_HIDDEN = 16
MOST_WEIGHTS = 2**24  # of the first layer, 64 MiB: bounds memory and checkpoint (judgement)
LAYERS = 2
PIECES = 48
NUMBER_SIZE = 24  # of the vector of a number
FULL_NUMBERS = (
    1_000  # columns of numbers up to which each has these; with more they share as much (judgement)
)
CATEGORY_SIZE = 8  # of the vector of a category
CATEGORY_SPREAD = 0.3  # of its first numbers, about that of a one-hot column
ONE_HOT = 8  # codes up to which a category is one-hot
CLIP = 3.0  # scaled numbers stay within plus and minus this (RealMLP)
FITTED_ROWS = 200_000  # quantiles of more rows are no better (judgement)


class Numbers(nn.Module):
    """Numbers as vectors, with what was fitted on the training rows as buffers."""

    median: Tensor
    scale: Tensor
    low: Tensor
    width: Tensor

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.pieces, self.size = _shared(PIECES, numbers), _shared(NUMBER_SIZE, numbers)
        self.register_buffer("median", torch.zeros(numbers))
        self.register_buffer("scale", torch.ones(numbers))  # 1 / unit of the number
        self.register_buffer("low", torch.zeros(numbers, self.pieces))  # where a piece begins
        self.register_buffer(
            "width", torch.full((numbers, self.pieces), torch.inf)
        )  # infinite: piece not used
        self.piece = nn.Parameter(torch.randn(numbers, self.pieces, self.size) * 0.1)
        self.slope = nn.Parameter(torch.randn(numbers, 1, self.size))
        self.bias = nn.Parameter(torch.zeros(numbers, 1, self.size))

    def forward(self, numbers: Tensor) -> Tensor:
        """(batch, numbers), NaN for missing -> (batch, numbers * (self.size + 1))."""
        missing = ~numbers.isfinite()
        x = torch.where(missing, self.median, numbers)
        scaled = (x - self.median) * self.scale
        scaled = scaled / torch.sqrt(1 + (scaled / CLIP).square())
        filled = ((x[:, :, None] - self.low) / self.width).clamp(0, 1)  # (batch, numbers, pieces)
        vectors = (
            torch.baddbmm(self.bias, filled.transpose(0, 1), self.piece) + scaled.T[:, :, None] * self.slope
        )
        return torch.cat([missing.float(), functional.relu(vectors).transpose(0, 1).flatten(1)], dim=1)


def _shared(most: int, numbers: int) -> int:
    """What a column of numbers has of something of which FULL_NUMBERS columns have `most` each."""
    return max(1, min(most, most * FULL_NUMBERS // max(numbers, 1)))


class Categories(nn.Module):
    """Categories as one-hot or as learnt vectors."""

    def __init__(self, cardinalities: tuple[int, ...]) -> None:
        super().__init__()
        self.cardinalities = cardinalities
        self.tables = nn.ModuleDict()
        for j, size in enumerate(cardinalities):
            if size > ONE_HOT:
                first = torch.randn(size, CATEGORY_SIZE) * CATEGORY_SPREAD
                self.tables[str(j)] = nn.Embedding.from_pretrained(first, freeze=False)
        self.size = sum(size if size <= ONE_HOT else CATEGORY_SIZE for size in cardinalities)

    def forward(self, codes: Tensor) -> Tensor:
        """(batch, categories) -> (batch, size)."""
        codes = codes.long()
        parts = [torch.empty(len(codes), 0, device=codes.device)]
        for j, size in enumerate(self.cardinalities):
            if size > ONE_HOT:
                parts.append(self.tables[str(j)](codes[:, j]))
            else:
                parts.append(functional.one_hot(codes[:, j], size).float())
        return torch.cat(parts, dim=1)


class TableMlp(nn.Module):
    """Numbers and categories side by side, hidden layers, linear head."""

    def __init__(self, shape: TableShape, width: float, dropout: float) -> None:
        super().__init__()
        self.numbers = Numbers(shape.numbers)
        self.categories = Categories(shape.cardinalities)
        size = shape.numbers * (self.numbers.size + 1) + self.categories.size
        hidden = max(FEWEST_HIDDEN, min(round(HIDDEN * width), MOST_WEIGHTS // max(size, 1)))
        layers: list[nn.Module] = []
        for inputs in (size, *[hidden] * (LAYERS - 1)):
            layers += [nn.Linear(inputs, hidden), nn.SiLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(hidden, shape.outputs)

    def forward(self, inputs: TableInputs) -> Tensor:
        """TableInputs -> outputs (batch, outputs): logits, or standardised numbers for regression."""
        x = torch.cat([self.numbers(inputs.numbers), self.categories(inputs.codes)], dim=1)
        outputs: Tensor = self.head(self.layers(x))
        return outputs


@torch.no_grad()
def _prepare(model: nn.Module, inputs: TableInputs) -> None:
    """Fits medians, scales and pieces on training rows; more than FITTED_ROWS are thinned evenly.

    The weights of what these rows do not have (codes, missing numbers) become 0. Where training has it all the same
    they are learnt from there; where it has not they stay 0, and new rows do not get what chance made of them.
    """
    assert isinstance(model, TableMlp)
    _silence_unseen(model, inputs)
    columns = inputs.numbers[:: -(-len(inputs.numbers) // FITTED_ROWS) or 1].double().numpy()
    for j, column in enumerate(columns.T):
        values = column[np.isfinite(column)]
        if len(values):
            _fit_column(model.numbers, j, values)


def _silence_unseen(model: TableMlp, inputs: TableInputs) -> None:
    """Sets to 0 what the model would make of a code that does not occur, or of a number that is never missing.

    These are the vectors of codes, and columns of the first layer, which sees the flags of missing numbers first and
    the categories last.
    """
    first = model.layers[0]
    assert isinstance(first, nn.Linear)
    never = inputs.numbers.isfinite().all(dim=0).cpu()
    first.weight[:, : len(never)][:, never] = 0.0
    place = first.in_features - model.categories.size
    for j, size in enumerate(model.categories.cardinalities):
        unseen = torch.bincount(inputs.codes[:, j].long(), minlength=size).cpu() == 0
        if size > ONE_HOT:
            vectors = model.categories.tables[str(j)]
            assert isinstance(vectors, nn.Embedding)
            vectors.weight[unseen] = 0.0
            place += CATEGORY_SIZE
        else:
            first.weight[:, place : place + size][:, unseen] = 0.0
            place += size


def _fit_column(numbers: Numbers, j: int, values: NDArray[np.float64]) -> None:
    lowest, quarter, median, three_quarters, highest = np.quantile(values, (0, 0.25, 0.5, 0.75, 1))
    # Half the range where the middle half of the values is one value (RealMLP); a constant stays as it is.
    unit = (three_quarters - quarter) or (highest - lowest) / 2 or 1.0
    edges = torch.from_numpy(piece_edges(values, numbers.pieces)).float().unique()
    used = len(edges) - 1
    numbers.median[j] = median
    numbers.scale[j] = 1 / unit
    numbers.low[j, :used] = edges[:-1]
    numbers.width[j, :used] = edges.diff()


def piece_edges(values: NDArray[np.float64], pieces: int) -> NDArray[np.float64]:
    """Increasing edges of at most `pieces` pieces that hold about equally many values, no NaN among them.

    A value that occurs often counts for one piece at most. Plain quantiles spend all their edges on it: with them
    the capital gain of Adult, 92 % zeros, got 4 pieces, and the AUROC was 0.9132 instead of 0.9256.
    """
    distinct, counts = np.unique(values, return_counts=True)
    weights = np.minimum(counts, counts.sum() / pieces)
    reached = np.cumsum(weights) / weights.sum()
    inner = np.searchsorted(reached, np.arange(1, pieces) / pieces).clip(max=len(distinct) - 1)
    edges: NDArray[np.float64] = distinct[np.unique([0, *inner, len(distinct) - 1])]
    return edges


MODEL = ModelKind(
    data="table",
    fits=lambda shape: isinstance(shape, TableShape),
    build=TableMlp,
    prepare=_prepare,
    widths=(0.5, 1.0, 2.0),
    prepare_rows=FITTED_ROWS,
)
