"""Gradient boosting as a module: the trees of scikit-learn's histogram boosting, stored as tensors.

The state dict holds every tree, so that the model is saved, verified and loaded like any checkpoint, without
pickle. `forward` walks all trees of all rows together and adds what their leaves say; it gives the same raw
scores as scikit-learn. `data/tables` encodes what goes in, `references/tables/gradient_boosting.py` grows the trees.

Columns are ordered categories first, as scikit-learn orders them. A category that the training rows did not
have is missing, as it is there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from firstlight.models.model import ModelKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.tables.batches import TableInputs

CATEGORIES = 256  # values that a split on a category can tell apart (scikit-learn stores them in a byte)
# Rows times trees that are walked together: what a step needs stays in the cache (2,000,000 took twice as long).
WALKERS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TreesShape:
    """What has to be known to build an empty ensemble for a state dict."""

    numbers: int  # number columns
    cardinalities: tuple[int, ...]  # codes of each category column, 0 included
    outputs: int
    trees: int
    nodes: int  # of all trees
    splits: int  # nodes that ask for a category
    depth: int  # of the deepest tree

    def to_meta(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"cardinalities": list(self.cardinalities)}

    @staticmethod
    def from_meta(meta: dict[str, Any]) -> TreesShape:
        """The reverse of `to_meta`.

        Raises:
            ValueError: A tree would be deeper than it has nodes, which a forged file may claim.
        """
        shape = TreesShape(**{**meta, "cardinalities": tuple(meta["cardinalities"])})
        if shape.depth > max(shape.nodes, 1):
            raise ValueError(f"a depth of {shape.depth:,} in {shape.nodes:,} nodes")
        return shape


class TreeEnsemble(nn.Module):
    """Trees whose leaves are added up; made empty, filled by `load_state_dict` or by `fit`.

    A node sends a row left or right; a leaf sends it to itself, so that all rows take the same number of steps.
    """

    category_map: Tensor
    category_start: Tensor
    roots: Tensor
    tree_output: Tensor
    feature: Tensor
    threshold: Tensor
    next_node: Tensor
    missing_left: Tensor
    split: Tensor
    split_left: Tensor
    value: Tensor
    baseline: Tensor

    def __init__(self, shape: TreesShape) -> None:
        super().__init__()
        self.shape = shape
        starts = torch.tensor((0, *shape.cardinalities), dtype=torch.int64).cumsum(0)
        long, real = torch.int64, torch.float64
        # code of a category column -> the value that the trees know, -1 for one that they do not
        self.register_buffer("category_map", torch.zeros(int(starts[-1]), dtype=torch.int16))
        self.register_buffer("category_start", starts[:-1], persistent=False)
        self.register_buffer("roots", torch.zeros(shape.trees, dtype=long))
        self.register_buffer("tree_output", torch.zeros(shape.trees, dtype=long))
        self.register_buffer("feature", torch.zeros(shape.nodes, dtype=long))
        self.register_buffer("threshold", torch.zeros(shape.nodes, dtype=real))  # left when at most this
        self.register_buffer("next_node", torch.zeros(shape.nodes, 2, dtype=long))  # right, left
        self.register_buffer("missing_left", torch.zeros(shape.nodes, dtype=torch.bool))
        self.register_buffer("split", torch.full((shape.nodes,), -1, dtype=long))  # row of split_left
        self.register_buffer("split_left", torch.zeros(max(shape.splits, 1), CATEGORIES, dtype=torch.bool))
        self.register_buffer("value", torch.zeros(shape.nodes, dtype=real))
        self.register_buffer("baseline", torch.zeros(shape.outputs, dtype=real))

    def forward(self, inputs: TableInputs) -> Tensor:
        """Raw scores float64 (batch, outputs): logits, or numbers in the unit of the targets."""
        columns = self.columns(inputs)
        rows = max(1, WALKERS // max(self.shape.trees, 1))
        parts = [self._scores(part) for part in columns.split(rows)]
        return torch.cat(parts) if parts else self.baseline.expand(0, -1)

    def plain_shape(self) -> dict[str, Any]:
        """Plain values from which `MODEL.restore` builds an empty ensemble of this shape."""
        return self.shape.to_meta()

    def columns(self, inputs: TableInputs) -> Tensor:
        """float64 (batch, categories + numbers): what the trees ask for, NaN for missing or not known."""
        limit = torch.tensor(self.shape.cardinalities, dtype=torch.int64, device=self.category_start.device)
        codes = inputs.codes.long()
        place = self.category_start + torch.where((codes < 0) | (codes >= limit), 0, codes)
        known = self.category_map[place].double()
        return torch.cat([known.masked_fill(known < 0, torch.nan), inputs.numbers.double()], dim=1)

    def _scores(self, columns: Tensor) -> Tensor:
        """The baseline and what the reached leaves add, float64 (batch, outputs)."""
        node = self.roots.expand(len(columns), -1)
        for _ in range(self.shape.depth):
            node = self._next(columns, node)
        scores = self.baseline.repeat(len(columns), 1)
        return scores.index_add_(1, self.tree_output, self.value[node])

    def _next(self, columns: Tensor, node: Tensor) -> Tensor:
        """One step down, (batch, trees) -> (batch, trees)."""
        value = columns.gather(1, self.feature[node])
        left = value <= self.threshold[node]
        if self.shape.splits:
            split = self.split[node]
            among = self.split_left[split.clamp_min(0), value.nan_to_num().clamp(0, CATEGORIES - 1).long()]
            left = torch.where(split >= 0, among, left)
        left = torch.where(value.isnan(), self.missing_left[node], left)
        return self.next_node.view(-1)[2 * node + left]


class Forest(NamedTuple):
    """The trees of one scikit-learn estimator, and the outputs that they add to."""

    rounds: Sequence[Sequence[Any]]  # TreePredictor of scikit-learn; in a round one for each of `outputs`
    outputs: tuple[int, ...]


def ensemble(
    forests: Sequence[Forest],
    baseline: NDArray[np.float64],
    category_maps: Sequence[NDArray[np.int16]],
    *,
    numbers: int,
) -> TreeEnsemble:
    """The module of the given trees.

    Args:
        forests: Grown on columns as `TreeEnsemble.columns` gives them.
        baseline: (outputs,), the scores before the first tree.
        category_maps: For each category column the value of each code, 0 .. 254, or -1 for not known.
        numbers: Number columns.
    """
    grown = [
        (tree, out) for f in forests for one in f.rounds for tree, out in zip(one, f.outputs, strict=True)
    ]
    nodes = [tree.nodes for tree, _ in grown]
    bits = [tree.raw_left_cat_bitsets for tree, _ in grown]
    shape = TreesShape(
        numbers=numbers,
        cardinalities=tuple(map(len, category_maps)),
        outputs=len(baseline),
        trees=len(grown),
        nodes=sum(map(len, nodes)),
        splits=sum(map(len, bits)),
        depth=max((int(one["depth"].max()) for one in nodes), default=0),
    )
    model = TreeEnsemble(shape)
    model.baseline.copy_(torch.from_numpy(baseline))
    model.tree_output.copy_(torch.tensor([out for _, out in grown], dtype=torch.int64))
    if category_maps:
        model.category_map.copy_(torch.from_numpy(np.concatenate(category_maps)))
    if grown:
        _fill(model, nodes, bits)
    return model


def _fill(model: TreeEnsemble, nodes: list[NDArray[Any]], bits: list[NDArray[np.uint32]]) -> None:
    """Puts the nodes of all trees one after the other; nodes and splits are counted through."""
    roots = np.array([0, *itertools.accumulate(map(len, nodes))])[:-1]
    first_split = np.array([0, *itertools.accumulate(map(len, bits))])[:-1]
    every = np.concatenate(nodes)
    sizes = [len(one) for one in nodes]
    leaf = every["is_leaf"] == 1
    itself = np.arange(len(every))
    below = (
        np.stack([every["right"], every["left"]], axis=1).astype(np.int64) + np.repeat(roots, sizes)[:, None]
    )
    asks_category = (every["is_categorical"] == 1) & ~leaf
    split = every["bitset_idx"].astype(np.int64) + np.repeat(first_split, sizes)
    filled = {
        "roots": roots,
        "feature": np.where(leaf, 0, every["feature_idx"]),
        "threshold": every["num_threshold"],
        "next_node": np.where(leaf[:, None], itself[:, None], below),
        "missing_left": every["missing_go_to_left"] == 1,
        "split": np.where(asks_category, split, -1),
        "value": np.where(leaf, every["value"], 0.0),
    }
    for name, values in filled.items():
        getattr(model, name).copy_(torch.from_numpy(np.ascontiguousarray(values)))
    words = np.concatenate(bits)
    if len(words):
        # 8 words of 32 bits, the lowest bit first: category c is bit c % 32 of word c // 32.
        bytes_ = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
        model.split_left.copy_(
            torch.from_numpy(np.unpackbits(bytes_, axis=1, bitorder="little").astype(bool))
        )


def _build(shape: TreesShape, width: float, dropout: float) -> TreeEnsemble:
    return TreeEnsemble(shape)


# It is grown by references/tables/gradient_boosting.py and not trained by steps: `build` is for loading.
MODEL = ModelKind(
    data="table",
    fits=lambda shape: isinstance(shape, TreesShape),
    build=_build,
    prepare=lambda model, inputs: None,
    widths=(1.0,),
    fitted=True,
    restore=lambda shape: TreeEnsemble(TreesShape.from_meta(shape)),
)
