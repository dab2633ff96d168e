"""Experiments side by side, with paired intervals where they predicted the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from firstlight import text
from firstlight.config.schema import LOWER_IS_BETTER
from firstlight.data.groups import FEW_GROUPS, too_few
from firstlight.experiment.folder import Folder
from firstlight.report import words
from firstlight.results.added_up import METRICS, truth
from firstlight.results.facts import Facts, read_facts
from firstlight.results.groups import Groups
from firstlight.results.intervals import Paired
from firstlight.results.pairs import differences
from firstlight.results.predictions import TASK_METRIC, Predictions

GAP = "  "  # between columns
FIRST = "first"  # the experiment that all others are compared with


def compare(folders: Sequence[Folder]) -> tuple[str, dict[str, Any]]:
    """Compares each experiment with the first one.

    Args:
        folders: Two or more experiments.

    Returns:
        A table for the terminal, names harmless in it, and the same as plain values for JSON.
    """
    every = [read_facts(folder) for folder in folders]
    first = every[0]
    pairs = [_against(first, other) for other in every[1:]]
    document = {
        "format": 1,
        "experiments": [_figures(facts) for facts in every],
        "differences": [
            {"experiment": str(other.root), "to": str(first.root), **found}
            for other, found in zip(every[1:], pairs, strict=True)
        ],
        "notes": _notes(every),
    }
    return _table(document), document


def _figures(facts: Facts) -> dict[str, Any]:
    """One experiment as plain values; None for what is not known."""
    outcome, config, figure = facts.outcome, facts.config, facts.figure(facts.metric)
    loss = facts.figure("val_loss")
    interval = facts.interval(facts.metric)
    reference = facts.best_reference()
    return {
        "experiment": str(facts.root),
        "metric": facts.metric,
        "value": figure.value if figure else None,
        "interval": list(interval) if interval else None,
        "val_loss": loss.value if loss else None,
        "reference": reference.metrics[facts.metric] if reference else None,
        "rows": len(facts.predictions.targets) if facts.predictions else None,
        "best_epoch": outcome.best_epoch if outcome else None,
        "epochs": outcome.epochs_run if outcome else len(facts.epochs),
        "parameters": outcome.parameters if outcome else None,
        "seconds": outcome.command_seconds if outcome else None,
        "utilization": outcome.utilization["mean"] if outcome and outcome.utilization else None,
        "seed": config.seed if config else None,
        "learning_rate": config.training.learning_rate if config else None,
        "batch_size": config.training.batch_size if config else None,
    }


def _against(first: Facts, other: Facts) -> dict[str, Any]:
    """The paired difference other minus first, or why there is none."""
    if first.predictions is None or other.predictions is None:
        missing = first if first.predictions is None else other
        return {"comparable": False, "reason": f"{missing.root} has no predictions of a best checkpoint"}
    values, groups, reason = _aligned(first.predictions, other.predictions)
    if reason:
        return {"comparable": False, "reason": reason}
    own = TASK_METRIC[first.task]
    judged = first.metric if first.metric == other.metric else own
    for metric in dict.fromkeys((judged, own)):
        pairs = differences(
            metric,
            replace(first.predictions, values=values, groups=groups),
            {FIRST: first.predictions.values},
        )
        if FIRST in pairs:
            return {"comparable": True, "metric": metric, **_plain(pairs[FIRST])}
    return {"comparable": False, "reason": f"{judged} has no paired interval"}


def _aligned(first: Predictions, other: Predictions) -> tuple[Any, Groups | None, str]:
    """What `other` predicts, with rows and classes in the order of `first`; or a reason why they differ.

    The groups are those of either, also where only one of the two was made with `data.group`: the rows belong
    together in both. Where both have some, those of the first count.
    """
    import numpy as np

    if first.task != other.task:
        return None, None, f"{other.task} is another task than {first.task}"
    if len(first.ids) != len(other.ids) or set(first.ids.tolist()) != set(other.ids.tolist()):
        common = len(set(first.ids.tolist()) & set(other.ids.tolist()))
        told = f"{common:,} in common of {len(first.ids):,} and {len(other.ids):,}"
        return None, None, f"other validation rows: {told}"
    added = first.task in METRICS
    if sorted(first.classes) != sorted(other.classes) or (added and first.classes != other.classes):
        return None, None, "they have other classes, or in another order"
    rows = np.empty(len(first.ids), dtype=np.int64)
    rows[np.argsort(first.ids, kind="stable")] = np.argsort(other.ids, kind="stable")
    columns = [other.classes.index(name) for name in first.classes]
    targets, values = _truth(other)[rows], other.values[rows]
    if first.classes and not added:
        values = values[:, columns]
        targets = targets[:, columns] if targets.ndim == 2 else np.argsort(columns)[targets]
    differ = (targets != _truth(first)).reshape(len(rows), -1).any(axis=1)
    changed = int(differ.sum())
    noun = "target" if first.task == "regression" else "label"
    groups = first.groups or (other.groups and other.groups.taken(rows))
    return values, groups, f"the same rows, but {changed:,} have another {noun}" if changed else ""


def _truth(predictions: Predictions) -> Any:
    """What is true of each row, as far as it was kept."""
    task = predictions.task
    return truth(task, predictions.values) if task in METRICS else predictions.targets


def _plain(pair: Paired) -> dict[str, Any]:
    return {
        "difference": pair.difference,
        "interval": [pair.low, pair.high],
        "p": pair.p_value,
        "rows": pair.rows,
        "groups": pair.groups,
    }


def _notes(every: list[Facts]) -> list[str]:
    """What a reader must know before believing a difference."""
    notes = []
    if len({facts.metric for facts in every}) > 1:
        notes.append("The experiments are judged by different metrics: their values cannot be compared.")
    devices = {facts.outcome.machine.get("device", "") for facts in every if facts.outcome}
    hosts = {str(facts.environment.get("hardware")) for facts in every}
    if len(devices) > 1 or len(hosts) > 1:
        notes.append("They ran on different machines: times and utilization cannot be compared.")
    seeds = {facts.config.seed for facts in every if facts.config}
    if len(seeds) > 1:
        notes.append("They have different seeds: a part of each difference is the luck of the seed.")
    counts = {f.predictions.groups.count for f in every if f.predictions and f.predictions.groups}
    luck = "groups that the rows belong to" if counts else "rows"
    notes.append(
        f"Intervals cover the luck of the {luck}, not that of the seed; that takes several runs of each."
    )
    if counts and min(counts) < FEW_GROUPS:
        notes.append(too_few(min(counts)))
    return notes


def _table(document: dict[str, Any]) -> str:
    experiments = document["experiments"]
    lines: list[tuple[str, ...]] = [("", *(f"[{i}]" for i in range(1, len(experiments) + 1)))]
    judged = {e["metric"] for e in experiments}
    lines.append(
        (judged.pop() if len(judged) == 1 else "value", *(words.value(e["value"]) for e in experiments))
    )
    lines.append(("95 % interval", *(words.span(e["interval"]) for e in experiments)))
    lines.append(("val_loss", *(words.value(e["val_loss"]) for e in experiments)))
    lines.append(("best reference", *(words.value(e["reference"]) for e in experiments)))
    for label, key in (("validation rows", "rows"), ("epochs", "epochs"), ("best epoch", "best_epoch")):
        lines.append((label, *(words.value(e[key]) for e in experiments)))
    lines.append(("parameters", *(words.value(e["parameters"]) for e in experiments)))
    lines.append(("seed", *(_or_dash(e["seed"], str) for e in experiments)))
    for key in ("learning_rate", "batch_size"):
        lines.append((key.replace("_", " "), *(words.value(e[key]) for e in experiments)))
    lines.append(("time", *(_or_dash(e["seconds"], text.duration) for e in experiments)))
    lines.append(("utilization", *(_or_dash(e["utilization"], text.percent) for e in experiments)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(experiments) + 1)]
    shown = [f"[{i}] {text.visible(e['experiment'])}" for i, e in enumerate(experiments, start=1)]
    shown.append("")
    for line in lines:
        cells = (
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        shown.append(GAP.join(cells).rstrip())
    shown.append("")
    for number, difference in enumerate(document["differences"], start=2):
        shown.append(f"[{number}] against [1]: {_difference(difference)}")
    return "\n".join([*shown, *document["notes"]])


def _difference(found: dict[str, Any]) -> str:
    if not found["comparable"]:
        return f"not comparable: {text.visible(found['reason'])}"
    metric, (low, high) = found["metric"], found["interval"]
    if low <= 0 <= high:
        verdict = "no difference shown"
    else:
        verdict = "better" if (high < 0) == (metric in LOWER_IS_BETTER) else "worse"
    p = "" if found["p"] is None else f"p {words.probability(found['p'])}, "
    return (
        f"{verdict} in {words.metric(metric)}: {words.difference(metric, found['difference'])}, "
        f"95 % interval {words.difference_span(metric, low, high)}, {p}"
        f"the same {text.count(found['rows'], 'row')}{_in_groups(found['groups'])}"
    )


def _in_groups(groups: int | None) -> str:
    return "" if groups is None else f" in {text.count(groups, 'group')}"


def _or_dash(x: float | None, write: Any) -> str:
    return words.NOT_KNOWN if x is None else str(write(x))
