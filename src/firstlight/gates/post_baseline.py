"""Gate 2: is this baseline to be believed? Computed from the files of the experiment alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from firstlight.config.schema import Config, lower_is_better
from firstlight.decision.rules import TRIVIAL, Evidence, decide
from firstlight.errors import FirstlightError
from firstlight.experiment import records_io, store
from firstlight.experiment.attempts import archived, reason_of
from firstlight.experiment.environment import read_environment
from firstlight.experiment.folder import Folder
from firstlight.experiment.gate import SETUP_FILES, GateSpec, hashes, item, items_of, not_applicable
from firstlight.experiment.records import NETWORK, EpochRecord, Item, Outcome, Reference
from firstlight.gates import reproducibility
from firstlight.gates.baseline_files import BaselineFiles, read_baseline, same, wrong_file
from firstlight.results.evidence import evidence
from firstlight.results.facts import read_facts
from firstlight.text import count, duration, number, percent

TRIVIAL_ALONE = ("segmentation", "tokens", "language", "step")  # tasks for which there is no other reference
UTILIZATION_TARGET = 0.60  # of the describing page; 40 to 60 % is told with a warning
UTILIZATION_LEAST = 0.40  # below it the gate shuts
HALVED = 0.5  # of the loss at the start; a fall by more than half is what the describing page calls good
SLACK = 1.05  # of the budget: the fault plan's bound for a run that ends in time
OVERRUN = 1.5  # beyond which the gate shuts: the describing checklist tolerates 90 minutes where 60 are meant


def items(folder: Folder) -> tuple[Item, ...]:
    """Every item, in the order of the checklist."""
    files = read_baseline(folder)
    return items_of(CHECKS, files, folder)


def artifacts(folder: Folder) -> tuple[str, ...]:
    """The files that may not change once the gate has passed; reports can be written again from them."""
    logs = ("metrics", "outcome", "plan", "references", "decision")
    names = [
        *SETUP_FILES,
        *(f"logs/{name}.json" for name in logs),
        "logs/predictions_val.npz",
        "checkpoints/manifest.json",
    ]
    names += [f"checkpoints/{path.name}" for path in sorted(folder.checkpoints.glob("*.pt"))]
    names += [f"candidates/{path.name}" for path in sorted((folder.root / "candidates").glob("*.pt"))]
    return tuple(name for name in names if (folder.root / name).is_file())


def setup_holds(files: BaselineFiles) -> Item:
    """Gate 1 is open, and its files are those with which training began."""
    missing = [i.id for i in reproducibility.items(files.folder) if i.state in ("failed", "needs_person")]
    wrong = [f"gate 1: {', '.join(missing)}"] if missing else []
    if files.outcome is not None:
        began, now = files.outcome.inputs, hashes(files.folder, SETUP_FILES)
        other = [name for name in SETUP_FILES if began.get(name) != now.get(name)]
        wrong += [f"{name} is not the file with which training began" for name in other]
    value = "; ".join(wrong) or "config, environment and split are those of gate 1"
    return item("setup_holds", not wrong, value, "logs/outcome.json#inputs")


def training_completed(files: BaselineFiles) -> Item:
    """Training ended by itself."""
    outcome, evidence = files.outcome, "logs/outcome.json#state"
    if outcome is None:
        return item("training_completed", False, "no outcome", evidence, files.why("outcome"))
    passed = outcome.state in ("completed", "stopped_early") and outcome.alarm is None
    page = f"read: firstlight explain {outcome.alarm}" if outcome.alarm else ""
    return item(
        "training_completed", passed, f"{outcome.state.replace('_', ' ')}: {outcome.reason}", evidence, page
    )


def losses_finite(files: BaselineFiles) -> Item:
    """Every number of the metrics file is finite."""
    evidence = "logs/metrics.json#epochs"
    bad = [
        f"{name} of epoch {e.epoch}"
        for e in files.epochs
        for name, x in _numbers(e).items()
        if not math.isfinite(x)
    ]
    if not files.epochs:
        return item("losses_finite", False, "no epoch was validated", evidence, files.why("metrics"))
    value = f"not finite: {', '.join(bad[:5])}" if bad else f"all of {count(len(files.epochs), 'epoch')}"
    return item("losses_finite", not bad, value, evidence)


def _numbers(epoch: EpochRecord) -> dict[str, float]:
    return {"train_loss": epoch.train_loss, "grad_norm": epoch.grad_norm, **epoch.metrics}


def loss_fell(files: BaselineFiles) -> Item:
    """The training loss went down; with one epoch, below that of a guess."""
    evidence = "logs/metrics.json#epochs[-1].train_loss"
    if not files.epochs:
        return item("loss_fell", False, "no epoch was validated", evidence)
    if _falls_for_itself(files.config):
        return not_applicable("loss_fell", "a step's loss may rise; it is judged by another metric", evidence)
    last = files.epochs[-1].train_loss
    start, named = files.epochs[0].train_loss, "the first epoch"
    if len(files.epochs) == 1 and files.config is not None:
        start, named = _guess(files.config, files.references)
    value = f"{number(start)} of {named}, {number(last)} at the end"
    note = "" if last < HALVED * start else f"it fell by less than {percent(1 - HALVED)}"
    return item("loss_fell", last < start, value, evidence, note)


def _falls_for_itself(config: Config | None) -> bool:
    """Whether the loss need not fall: two networks that play against one another have losses that rise and fall."""
    return config is not None and config.data.task.endswith("step") and config.acceptance.metric != "val_loss"


def _guess(config: Config, references: tuple[Reference, ...]) -> tuple[float, str]:
    """The loss of knowing nothing, in the unit of the task."""
    if config.data.task.endswith(("language", "step")):
        found = next((r for r in references if r.name in TRIVIAL), None)
        name = found.name if found else "no reference"
        return (found.metrics.get("val_loss", math.nan) if found else math.nan), name
    if config.data.task.endswith("regression"):
        return 1.0, "the mean of the target"
    if config.data.task.endswith("multilabel"):
        return math.log(2), "a guess at each label"
    return math.log(max(len(config.data.classes or ()), 2)), "a guess among the classes"


def metrics_complete(files: BaselineFiles) -> Item:
    """One entry for each validated epoch, up to the last one that ran."""
    evidence = "logs/metrics.json"
    if not files.epochs or files.config is None:
        return item("metrics_complete", False, "not readable", evidence, files.why("metrics"))
    every, ran = files.config.validation.validate_every_n_epochs, files.epochs[-1].epoch
    there = {e.epoch for e in files.epochs}
    wanted = set(range(every, ran + 1, every)) | ({files.outcome.epochs_run} if files.outcome else set())
    gaps = sorted(wanted - there)
    value = f"missing: epoch {', '.join(map(str, gaps))}" if gaps else count(len(there), "entry")
    return item("metrics_complete", not gaps, value, evidence)


def best_checkpoint(files: BaselineFiles) -> Item:
    """It is whole, it is the best of the history, and loaded again it gave its recorded metrics."""
    outcome, evidence = files.outcome, "logs/outcome.json#reloaded_metrics"
    if outcome is None:
        return item("best_checkpoint", False, "no outcome", evidence)
    wrong = wrong_file(files, files.folder.best.name)
    recorded = next((e.metrics for e in files.epochs if e.epoch == outcome.best_epoch), {})
    if not outcome.reloaded_metrics:
        wrong.append("it was not loaded and measured again")
    wrong += [
        f"{name} is {number(x)} loaded again, {number(recorded.get(name, math.nan))} in logs/metrics.json"
        for name, x in outcome.reloaded_metrics.items()
        if not same(x, recorded.get(name, math.nan))
    ]
    entry = files.manifest.get(files.folder.best.name, {})
    if entry.get("epoch", outcome.best_epoch) != outcome.best_epoch:
        wrong.append(f"it is of epoch {entry['epoch']}, the outcome names epoch {outcome.best_epoch}")
    wrong += _better_epochs(files, outcome, recorded)
    figure = f"epoch {outcome.best_epoch}, {outcome.metric} {number(recorded.get(outcome.metric, math.nan))}"
    return item("best_checkpoint", not wrong, "; ".join(wrong) or figure, evidence)


def _better_epochs(files: BaselineFiles, outcome: Outcome, recorded: Mapping[str, float]) -> list[str]:
    sign = -1.0 if lower_is_better(files.config, outcome.metric) else 1.0
    best = recorded.get(outcome.metric, math.nan)
    better = [e for e in files.epochs if sign * (e.metrics.get(outcome.metric, math.nan) - best) > 0]
    return [
        f"epoch {e.epoch} has a better {outcome.metric}, {number(e.metrics[outcome.metric])}"
        for e in better[:1]
    ]


def first_model(files: BaselineFiles) -> Item:
    """The fitted reference that the decision puts first is whole, when it is not the network."""
    where = "logs/references.json"
    try:
        name = records_io.read_decision(files.folder.decision).model
    except FirstlightError as error:
        return item("first_model", False, "no decision", "logs/decision.json", error.where)
    if name == NETWORK:
        return not_applicable("first_model", "the network is put first", "logs/decision.json#model")
    path = files.folder.candidate(name)
    recorded = {r.name: r.sha256 for r in files.references}.get(name)
    if not path.is_file():
        return item("first_model", False, f"candidates/{path.name} does not exist", where)
    whole = recorded is not None and store.sha256(path) == recorded
    return item("first_model", whole, name if whole else f"{path.name} has another hash than recorded", where)


def last_checkpoint(files: BaselineFiles) -> Item:
    """The newest state is there and whole."""
    wrong = wrong_file(files, files.folder.last.name)
    step = files.manifest.get(files.folder.last.name, {}).get("step")
    return item("last_checkpoint", not wrong, "; ".join(wrong) or f"step {step}", "checkpoints/manifest.json")


def periodic_checkpoints(files: BaselineFiles) -> Item:
    """One for each multiple of `checkpoint_every_n_epochs` among the validated epochs."""
    evidence = "checkpoints/manifest.json"
    if files.config is None:
        return item("periodic_checkpoints", False, "no config", evidence)
    every = files.config.checkpointing.checkpoint_every_n_epochs
    due = [e.epoch for e in files.epochs if e.epoch % every == 0]
    if not due:
        return not_applicable("periodic_checkpoints", f"fewer than {count(every, 'epoch')} ran", evidence)
    wrong = [w for epoch in due for w in wrong_file(files, files.folder.periodic(epoch).name)]
    value = "; ".join(wrong) or f"epoch {', '.join(map(str, due))}"
    return item("periodic_checkpoints", not wrong, value, evidence)


def text_log(files: BaselineFiles) -> Item:
    """The log has lines."""
    try:
        lines = sum(1 for line in files.folder.log.read_bytes().splitlines() if line.strip())
    except OSError:
        lines = 0
    return item("text_log", lines > 0, count(lines, "line"), "logs/training.log")


def preflight_passed(files: BaselineFiles) -> Item:
    """No line of the preflight failed."""
    where = "logs/preflight.json"
    try:
        lines = records_io.read_preflight(files.folder.preflight)
    except FirstlightError as error:
        return item("preflight_passed", False, "no preflight", where, error.where)
    failed = [f"{line.id}: {line.message}" for line in lines if line.level == "failed"]
    warned = [line.id for line in lines if line.level == "warning"]
    value = "; ".join(failed) or f"{count(len(lines), 'line')}, none failed"
    return item(
        "preflight_passed",
        bool(lines) and not failed,
        value,
        where,
        ", ".join(warned) and f"warnings: {', '.join(warned)}",
    )


def references_run(files: BaselineFiles) -> Item:
    """At least a trivial predictor and, where the task has one, another model were measured on the same split."""
    ran = [r.name for r in files.references if any(math.isfinite(x) for x in r.metrics.values())]
    task = files.config.data.task if files.config is not None else ""
    least = 1 if task.endswith(TRIVIAL_ALONE) else 2
    passed = bool(TRIVIAL & set(ran)) and len(ran) >= least
    return item("references_run", passed, ", ".join(ran) or "none", "logs/references.json")


def utilization_documented(files: BaselineFiles) -> Item:
    """Documented against the 60 % target; under 40 % the gate shuts."""
    evidence = "logs/outcome.json#utilization"
    outcome = files.outcome
    if outcome is None:
        return item("utilization_documented", False, "no outcome", evidence)
    if outcome.utilization is None:
        if outcome.utilization_note:
            return not_applicable("utilization_documented", outcome.utilization_note, evidence)
        return item("utilization_documented", False, "not measured, and no reason is recorded", evidence)
    mean = outcome.utilization.get("mean", math.nan)
    note = outcome.utilization_note
    if not mean >= UTILIZATION_TARGET:
        advice = "read: firstlight explain resource_inefficiency"
        state = (
            "the gate is shut"
            if not mean >= UTILIZATION_LEAST
            else "a warning: state the reason in your notes"
        )
        note = f"below the target of {percent(UTILIZATION_TARGET)}, {state}; {advice}"
    return item("utilization_documented", mean >= UTILIZATION_LEAST, f"mean {percent(mean)}", evidence, note)


def within_budget(files: BaselineFiles) -> Item:
    """Wall time of the command against the budget; an overrun is told, a large one shuts the gate."""
    evidence = "logs/outcome.json#command_seconds"
    if files.outcome is None or files.config is None:
        return item("within_budget", False, "not known", evidence)
    used, budget = files.outcome.command_seconds, 60 * files.config.budget.minutes
    value = f"{duration(used)} of {duration(budget)}"
    over = (
        f"over the budget by {duration(used - budget)}; logs/plan.json tells what was slower"
        if used > budget * SLACK
        else ""
    )
    return item("within_budget", used <= budget * OVERRUN, value, evidence, over)


def results_written(files: BaselineFiles) -> Item:
    """The report exists. Its text is not read: nothing that a person writes there opens a gate."""
    path = files.folder.results
    written = path.is_file() and path.stat().st_size > 0
    note = "" if written else "write it again: firstlight report"
    return item("results_written", written, "written" if written else "missing", path.name, note)


def decision_made(files: BaselineFiles) -> Item:
    """The recorded verdict is the one that the rules give for the files as they are."""
    where = "logs/decision.json"
    try:
        recorded = records_io.read_decision(files.folder.decision)
    except FirstlightError as error:
        return item("decision_made", False, "none", where, error.where)
    due = decide(Evidence(**evidence(read_facts(files.folder))))
    figures = (recorded.verdict, recorded.metric, recorded.target) == (due.verdict, due.metric, due.target)
    agree = figures and _same_or_none(recorded.value, due.value)
    value = recorded.verdict if agree else f"recorded {recorded.verdict}, the rules give {due.verdict}"
    reasons = recorded.reasons if agree else due.reasons
    return item("decision_made", agree, value, where, " ".join(reasons))


def _same_or_none(a: float | None, b: float | None) -> bool:
    return a is b if a is None or b is None else same(a, b)


def environment_unchanged(files: BaselineFiles) -> Item:
    """Trained as set up: device, threads, number format, layout, determinism."""
    where = "logs/outcome.json#machine"
    try:
        planned = read_environment(files.folder).get("machine") or {}
    except FirstlightError as error:
        return item("environment_unchanged", False, "environment.json cannot be read", where, error.where)
    ran = files.outcome.machine if files.outcome else {}
    if not ran:
        return item("environment_unchanged", False, "not recorded", where)
    other = [
        f"{k}: {planned[k]} -> {ran[k]}"
        for k in sorted(planned.keys() & ran.keys())
        if _word(planned[k]) != _word(ran[k])
    ]
    note = f"not the same bits as planned: {'; '.join(other)}" if other else ""
    return item("environment_unchanged", True, "as set up" if not other else "differs", where, note)


def _word(described: object) -> str:
    """`2` of `2 (measured: ...)`."""
    return str(described).partition(" (")[0]


def attempts_kept(files: BaselineFiles) -> Item:
    """Earlier attempts are there with config and reason."""
    earlier = archived(files.folder)
    if not earlier:
        return not_applicable("attempts_kept", "nothing was restarted", "attempts/")
    lost, reasons = [], []
    for attempt in earlier:
        try:
            reasons.append(f"{attempt.root.name}: {reason_of(attempt)}")
        except FirstlightError:
            lost.append(f"attempts/{attempt.root.name} has no record")
        if not attempt.config.is_file():
            lost.append(f"attempts/{attempt.root.name} has no config")
    return item("attempts_kept", not lost, "; ".join(lost or reasons), "attempts/")


CHECKS: tuple[Callable[[BaselineFiles], Item], ...] = (
    setup_holds,
    training_completed,
    losses_finite,
    loss_fell,
    metrics_complete,
    best_checkpoint,
    first_model,
    last_checkpoint,
    periodic_checkpoints,
    attempts_kept,
    text_log,
    preflight_passed,
    references_run,
    utilization_documented,
    within_budget,
    environment_unchanged,
    decision_made,
    results_written,
)

GATE = GateSpec(
    phase="baseline",
    name="post_baseline",
    title="Is this baseline to be believed?",
    items=items,
    artifacts=artifacts,
)
