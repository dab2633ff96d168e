"""Gate 2, after the baseline: is this result to be believed?

Every item is read from the files of the experiment. A run that lost against a reference can pass: the verdict
is another question.
"""

from __future__ import annotations

import math
from typing import Any

from firstlight.config.read import read_config
from firstlight.config.schema import Config
from firstlight.errors import FirstlightError
from firstlight.experiment import records_io, store
from firstlight.experiment.folder import Folder
from firstlight.experiment.gate import GateSpec
from firstlight.experiment.metrics import read_metrics
from firstlight.experiment.records import EpochRecord, Item, Outcome

UTILIZATION_TARGET = 0.60  # the describing page's target
UTILIZATION_LEAST = 0.40  # below it the gate shuts
RELOAD_TOLERANCE = 1e-6  # of a metric: the same weights on the same rows; a GPU may add up in another order
BUDGET_TOLERANCE = 1.05  # of the budget (FAULTS T03)


def items(folder: Folder) -> tuple[Item, ...]:
    """All items of the gate."""
    outcome = _try(records_io.read_outcome, folder.outcome)
    epochs = _try(read_metrics, folder.metrics) or ()
    config = _try(lambda path: read_config(path).config, folder.config)
    return (
        _completed(outcome),
        _inputs(folder, outcome),
        *_losses(epochs, outcome),
        *_checkpoints(folder, config, outcome, epochs),
        *_files(folder, epochs, outcome),
        _utilization(outcome),
        _preflight(folder),
        _references(folder),
        _budget(outcome, config),
        _decision(folder),
    )


def _completed(outcome: Outcome | None) -> Item:
    if outcome is None:
        return _item("training_completed", False, "no outcome", "logs/outcome.json#state")
    good = outcome.state in ("completed", "stopped_early")
    return _item("training_completed", good, outcome.state, "logs/outcome.json#state", outcome.reason)


def _inputs(folder: Folder, outcome: Outcome | None) -> Item:
    """Config, environment and split are those that the run was trained with."""
    recorded = outcome.inputs if outcome else {}
    changed = [
        name
        for name, digest in recorded.items()
        if not (folder.root / name).is_file() or store.sha256(folder.root / name) != digest
    ]
    value = ", ".join(recorded) or "none recorded"
    note = f"changed since: {', '.join(changed)}" if changed else ""
    return _item("inputs_unchanged", bool(recorded) and not changed, value, "logs/outcome.json#inputs", note)


def _losses(epochs: tuple[EpochRecord, ...], outcome: Outcome | None) -> tuple[Item, ...]:
    losses = [e.train_loss for e in epochs]
    values = [v for e in epochs for v in (e.train_loss, e.grad_norm, *e.metrics.values())]
    finite = bool(values) and all(math.isfinite(v) for v in values)
    shown = f"{losses[0]:.4g} to {min(losses):.4g}" if losses else "no epoch"
    one = len(losses) == 1
    fell = len(losses) > 1 and min(losses[1:]) < losses[0]
    note = (
        "one epoch only: its validation is above the trivial reference or the verdict is failed"
        if one
        else ""
    )
    return (
        _item("loss_fell", fell or one, shown, "logs/metrics.json#train_loss", note),
        _item("losses_finite", finite, f"{len(values)} values", "logs/metrics.json"),
    )


def _checkpoints(
    folder: Folder, config: Config | None, outcome: Outcome | None, epochs: tuple[EpochRecord, ...]
) -> tuple[Item, ...]:
    files = (_try(store.read_json, folder.manifest) or {}).get("files", {})

    def listed(name: str) -> bool:
        path, entry = folder.checkpoints / name, files.get(name)
        return (
            entry is not None
            and path.is_file()
            and store.sha256(path) in (entry["sha256"], entry.get("previous"))
        )

    reloaded = outcome.reloaded_metrics if outcome else {}
    recorded = outcome.best_metrics if outcome else {}
    same = bool(recorded) and all(
        math.isclose(reloaded.get(k, math.nan), v, rel_tol=RELOAD_TOLERANCE, abs_tol=RELOAD_TOLERANCE)
        for k, v in recorded.items()
    )
    every = config.checkpointing.checkpoint_every_n_epochs if config else 0
    wanted = [folder.periodic(e.epoch).name for e in epochs if every and e.epoch % every == 0]
    wanted.append(folder.last.name)
    missing = [name for name in wanted if not listed(name)]
    return (
        _item(
            "best_checkpoint_kept", listed(folder.best.name), folder.best.name, "checkpoints/manifest.json"
        ),
        _item(
            "best_checkpoint_reproduces",
            same,
            ", ".join(f"{k} {v:.6g}" for k, v in reloaded.items()) or "not loaded",
            "logs/outcome.json#reloaded_metrics",
        ),
        _item(
            "last_and_periodic_checkpoints",
            not missing,
            f"{len(wanted) - len(missing)} of {len(wanted)}",
            "checkpoints/manifest.json",
            f"missing: {', '.join(missing)}" if missing else "",
        ),
    )


def _files(folder: Folder, epochs: tuple[EpochRecord, ...], outcome: Outcome | None) -> tuple[Item, ...]:
    numbers = [e.epoch for e in epochs]
    whole = bool(numbers) and numbers == sorted(set(numbers))
    whole = whole and (outcome is None or numbers[-1] == outcome.epochs_run)
    lines = len(folder.log.read_bytes().splitlines()) if folder.log.is_file() else 0
    return (
        _item("metrics_complete", whole, f"{len(numbers)} epochs", "logs/metrics.json#epochs"),
        _item("text_log", lines > 0, f"{lines} lines", "logs/training.log"),
        _item("results_written", folder.results.is_file(), folder.results.name, folder.results.name),
    )


def _utilization(outcome: Outcome | None) -> Item:
    evidence = "logs/outcome.json#utilization"
    if outcome is None:
        return _item("utilization_documented", False, "no outcome", evidence)
    if outcome.utilization is None:
        return Item(
            id="utilization_documented",
            state="not_applicable",
            value="not measured",
            evidence=evidence,
            note=outcome.utilization_note,
        )
    mean = outcome.utilization["mean"]
    value = f"{mean:.0%} of {outcome.utilization_note}"
    if mean < UTILIZATION_LEAST:
        note = f"under {UTILIZATION_LEAST:.0%}: read firstlight explain resource_inefficiency"
    elif mean < UTILIZATION_TARGET:
        note = f"under the target of {UTILIZATION_TARGET:.0%}: write down the reason"
    else:
        note = ""
    return _item("utilization_documented", mean >= UTILIZATION_LEAST, value, evidence, note)


def _preflight(folder: Folder) -> Item:
    lines = _try(records_io.read_preflight, folder.preflight) or ()
    bad = [line.id for line in lines if line.level == "failed"]
    return _item(
        "preflight_passed",
        bool(lines) and not bad,
        f"{len(lines)} checks",
        "logs/preflight.json",
        ", ".join(bad),
    )


def _references(folder: Folder) -> Item:
    found = _try(records_io.read_references, folder.references) or ()
    names = [r.name for r in found if r.metrics]
    return _item("references_run", bool(names), ", ".join(names) or "none", "logs/references.json")


def _budget(outcome: Outcome | None, config: Config | None) -> Item:
    evidence = "logs/outcome.json#command_seconds"
    if outcome is None or config is None:
        return _item("within_budget", False, "unknown", evidence)
    budget = config.budget.minutes * 60
    value = f"{outcome.command_seconds:.0f} s of {budget:.0f} s"
    return _item("within_budget", outcome.command_seconds <= budget * BUDGET_TOLERANCE, value, evidence)


def _decision(folder: Folder) -> Item:
    found = _try(records_io.read_decision, folder.decision)
    return _item("decision_made", found is not None, found.verdict if found else "none", "logs/decision.json")


def _try(read: Any, path: Any) -> Any:
    """What `read` gives for the path; None when there is nothing that can be read."""
    try:
        return read(path)
    except (OSError, ValueError, FirstlightError):
        return None


def _item(name: str, passed: bool, value: str, evidence: str, note: str = "") -> Item:
    return Item(id=name, state="passed" if passed else "failed", value=value, evidence=evidence, note=note)


def artifacts(folder: Folder) -> tuple[str, ...]:
    """What the gate rests on; the report is not among it, since nothing is read from a report."""
    return (
        folder.config.name,
        folder.environment.name,
        folder.splits.name,
        f"checkpoints/{folder.best.name}",
        f"checkpoints/{folder.last.name}",
        "logs/metrics.json",
        "logs/outcome.json",
        "logs/references.json",
        "logs/preflight.json",
        "logs/decision.json",
        "logs/predictions_val.npz",
    )


GATE = GateSpec(
    phase="baseline",
    name="post_baseline",
    title="Is this baseline to be believed?",
    items=items,
    artifacts=artifacts,
)
