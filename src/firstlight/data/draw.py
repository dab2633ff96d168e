"""Which rows go to a part when they are drawn, class by class.

Drawn rows come in an order that depends on the row ids and the seed alone, not on how the disk lists them.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.bundles import Bundles, bundles
from firstlight.data.examples import MANY_PLACES, UNKNOWN_TARGETS, Part
from firstlight.text import count, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.examples import Examples

NAMES_SHOWN = 20
TENTHS = 10  # strata of a regression target


def drawn(
    examples: Examples, free: NDArray[np.int64], part: Part, fraction: float, seed: int, notes: list[str]
) -> NDArray[np.int64]:
    """Positions of about a fraction of the free rows of each stratum, whole bundles at a time.

    Every stratum keeps a bundle for training, and one for validation as long as the test part is drawn. Groups
    hold rows of many strata, so with groups only the whole is drawn by the fraction.
    """
    held = bundles(examples, free)
    labels = strata(examples)
    stratum = labels[held.firsts] if examples.groups is None else np.zeros(len(held), np.int64)
    pool = _Pool(held=held, labels=labels, left=_holding(held, labels), kept=1 if part == Part.VAL else 2)
    taken: list[int] = []
    short: list[int] = []
    seen = 0
    for label, members in _by_stratum(stratum, _ranked(examples, held, part, seed)):
        # Rounded over the strata so far: each by itself, many small classes would all give nothing.
        before, seen = seen, seen + int(held.sizes[members].sum())
        wanted = math.floor(fraction * seen + 0.5) - math.floor(fraction * before + 0.5)
        # A class of two bundles gives one to validation; a single one stays in train.
        wanted = max(wanted, 1 if part == Part.VAL else 0)
        found = pool.take(members.tolist(), wanted)
        taken += found
        if not found and part == Part.VAL and examples.groups is None:
            short.append(label)
    if short:
        names = ", ".join(_name(examples, label) for label in short[:NAMES_SHOWN])
        notes.append(
            f"{count(len(short), 'class')} with no {examples.noun} to spare for val, all in train: {names}"
        )
    return np.concatenate([held.of(bundle) for bundle in taken]) if taken else np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    """Bundles from which some are taken, as long as each stratum keeps enough."""

    held: Bundles
    labels: NDArray[np.int64]  # (rows,), the stratum of each row
    left: NDArray[np.int64]  # (strata,): bundles that hold a stratum and stay; counted down
    kept: int

    def take(self, members: list[int], wanted: int) -> list[int]:
        """Bundles of about `wanted` rows together, in the given order as they fit; when none does, the smallest."""
        sizes = self.held.sizes
        taken: list[int] = []
        rest = wanted
        for bundle in members:
            if rest <= 0:
                break
            if sizes[bundle] <= rest and self._spare(bundle):
                taken.append(bundle)
                rest -= int(sizes[bundle])
        if not taken and wanted > 0:
            smallest = next((b for b in sorted(members, key=sizes.__getitem__) if self._spare(b)), None)
            taken = [] if smallest is None else [smallest]
        return taken

    def _spare(self, bundle: int) -> bool:
        """Takes the bundle out, unless a stratum would be left with fewer than `kept`."""
        strata_of = list(set(self.labels[self.held.of(bundle)].tolist()))
        if any(self.left[label] <= self.kept for label in strata_of):
            return False
        self.left[strata_of] -= 1
        return True


def _holding(held: Bundles, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """(strata,): bundles that hold rows of it."""
    strata_count = int(labels.max(initial=0)) + 1
    owner = np.repeat(np.arange(len(held)), held.sizes)
    pairs = np.unique(owner * strata_count + labels[held.rows])
    return np.asarray(np.bincount(pairs % strata_count, minlength=strata_count), np.int64)


def _ranked(examples: Examples, held: Bundles, part: Part, seed: int) -> NDArray[np.int64]:
    """The bundles in the order of a hash of their first id."""
    ranks = [_rank(examples.ids[row], part, seed) for row in held.firsts.tolist()]
    return np.array(sorted(range(len(ranks)), key=ranks.__getitem__), dtype=np.int64)


def _rank(name: str, part: Part, seed: int) -> bytes:
    text = f"{seed} {part.name} {name}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _by_stratum(stratum: NDArray[np.int64], ranked: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Each stratum with its bundles, in their order."""
    order = ranked[np.argsort(stratum[ranked], kind="stable")]
    labels, starts = np.unique(stratum[order], return_index=True)
    return list(zip(labels.tolist(), np.split(order, starts[1:]), strict=True))


def strata(examples: Examples) -> NDArray[np.int64]:
    """int64 (rows,), of which each part gets its share: the class, the set of labels, or the tenth of the range."""
    targets = examples.targets
    if examples.task == "classification":
        return np.asarray(targets, dtype=np.int64)
    if examples.task in (*MANY_PLACES, UNKNOWN_TARGETS):
        return np.zeros(len(targets), np.int64)  # a row has something of everything
    if examples.task == "multilabel":
        return np.unique(targets, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    edges = np.unique(np.quantile(targets, np.linspace(0, 1, TENTHS + 1)[1:-1]))
    return np.searchsorted(edges, targets, side="right").astype(np.int64)


def _name(examples: Examples, stratum: int) -> str:
    """The class, where a stratum is one."""
    return visible(examples.classes[stratum]) if examples.task == "classification" else f"group {stratum}"
