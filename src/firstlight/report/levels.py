"""The lines beside the curve of the judged metric: what the references reach, and the target."""

from __future__ import annotations

import math

from firstlight.report import words
from firstlight.results.facts import Facts

TARGET = "target"
# A reference further from the curve than this many of its spans is left out: it would press the curve flat,
# and the table beside the references has it (judgement).
FARTHEST = 3.0


def levels_of(facts: Facts) -> tuple[tuple[str, float], ...]:
    """(name, value) of the metric that is drawn; the best reference and the target are always among them."""
    name = facts.drawn_metric
    reached = {
        words.reference(r.name): r.metrics[name]
        for r in facts.references
        if math.isfinite(r.metrics.get(name, math.nan))
    }
    best = facts.best_reference() if name == facts.metric else None
    kept = {words.reference(best.name)} if best else set()
    curve = [e.metrics[name] for e in facts.epochs if math.isfinite(e.metrics.get(name, math.nan))]
    curve += [reached[one] for one in kept]
    room = FARTHEST * (max(curve) - min(curve)) if curve else math.inf
    levels = [
        (one, value)
        for one, value in reached.items()
        if one in kept or not curve or min(curve) - room <= value <= max(curve) + room
    ]
    target = facts.config.acceptance.at_least if facts.config and name == facts.metric else None
    return (*levels, *(((TARGET, target),) if target is not None else ()))
