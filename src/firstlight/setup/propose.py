"""From what the data is to a whole config: every `auto` and null resolved, each with the reason.

What the user wrote always stands; only keys that were not written are proposed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from firstlight import catalog
from firstlight.config.schema import Config
from firstlight.errors import DataError, UsageError
from firstlight.kinds.kind import Dataset, Profile
from firstlight.machine.memory import out_of_memory
from firstlight.setup.draft import Draft, no_augmentation
from firstlight.setup.measure import Trial, fastest
from firstlight.setup.recipe import Recipe, recipe_for
from firstlight.setup.workers import best_workers
from firstlight.text import count, visible
from firstlight.training.job import build_job, load_kind
from firstlight.training.restart import smaller_parts

if TYPE_CHECKING:
    from firstlight.data.examples import Split
    from firstlight.experiment.folder import Folder
    from firstlight.machine.choices import Machine
    from firstlight.models.model import Shape

SAFETY = 0.9  # share of the training time that a plan may use before anything is measured for long
MODELS = "firstlight.models"
PARTS = "parallel.micro_batches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A resolved config, the reason for each value that setup chose, and the machine it was measured on."""

    config: Config
    reasons: dict[str, str]
    machine: Machine


def propose(
    config: Config,
    explicit: frozenset[str],
    data: Dataset,
    machine: Machine,
    folder: Folder,
    *,
    training_seconds: float,
) -> Proposal:
    """Resolves the config for this data on this machine.

    Args:
        config: As the user wrote it.
        explicit: Keys that the user wrote ("training.epochs").
        data: Its split, and what is fitted on the training rows.
        machine: Device chosen, everything else conservative.
        folder: Of the experiment.
        training_seconds: What the budget leaves for training.

    Raises:
        UsageError: A model that is made for another kind of data.
        DataError: No model is made for data of this shape.
    """
    draft = Draft(config, explicit)
    kind, examples = data.kind.name, data.examples
    draft.put("data.task", f"{kind}_{examples.task}", "as the targets are")
    if examples.classes:
        draft.put("data.classes", examples.classes, "as found in the data, in sorted order")
    recipe = recipe_for(kind)
    shape = _model(draft, data, machine)
    if load_kind(draft.config.model.name).fitted:
        _fitted(draft, kind)
    else:
        recipe.fill(draft, data, shape)
        machine = _measured(draft, data, recipe, machine, folder, training_seconds)
    _machine(draft, machine)
    _judgement(draft, data, recipe, machine, folder)
    return Proposal(
        config=Config.model_validate(draft.config.model_dump()),
        reasons={k: r for k, r in draft.reasons.items() if r},
        machine=machine,
    )


def _fitted(draft: Draft, kind: str) -> None:
    """Settings of a model that takes no steps: most of them say nothing to it."""
    no_augmentation(draft, kind)
    draft.put("model.width", 1.0, "")
    draft.put("training.epochs", 1, "the model is fitted as a whole")


def _measured(
    draft: Draft,
    data: Dataset,
    recipe: Recipe,
    machine: Machine,
    folder: Folder,
    training_seconds: float,
) -> Machine:
    """Machine settings, width and epochs by real steps."""
    widths = load_kind(draft.config.model.name).widths
    if draft.config.model.width is None:
        draft.put("model.width", widths[len(widths) // 2], "")
    while True:
        try:
            trial = Trial(config=draft.config, data=data, folder=folder)
            found = fastest(trial, machine, draft.explicit, recipe.measured)
            _machine(draft, found)
            if "workers" in recipe.measured and draft.config.parallel.workers is None:
                workers, why = best_workers(replace(trial, config=draft.config), found)
                draft.put("parallel.workers", workers, why)
            _size(draft, replace(trial, config=draft.config), recipe, found, training_seconds)
            return found
        except (MemoryError, RuntimeError) as error:
            change = smaller_parts(draft.config, str(error))
            if not out_of_memory(error) or PARTS in draft.explicit or change is None:
                raise
        parts = change.config.parallel.micro_batches
        draft.put(PARTS, parts, "memory ran out in a step with the batch in fewer parts")


def _model(draft: Draft, data: Dataset, machine: Machine) -> Shape:
    """Chooses the network by the shape of the data; returns the shape."""
    kind = data.kind.name
    wanted = draft.config.model.name
    known = {name: load_kind(name) for name in _model_names()}
    if wanted != "auto" and known[wanted].data != kind:
        fitting = ", ".join(name for name, model in known.items() if model.data == kind)
        raise UsageError(
            f"this network is made for another kind of data than {data.kind.noun}s",
            f"model.name = {wanted}",
            f"use one of {fitting}, or auto",
        )
    outputs = max(len(data.examples.classes), 1)
    shape = data.kind.pipeline(draft.config, data, outputs, machine).shape
    if wanted == "auto":
        name = next((n for n, model in known.items() if model.data == kind and model.fits(shape)), None)
        if name is None:
            raise DataError(
                "no network is made for data of this shape",
                visible(str(shape)),
                "set data.image_size, or pad the images to squares",
            )
        draft.put("model.name", name, f"made for {data.kind.noun}s of this shape and number")
    return shape


def _model_names() -> tuple[str, ...]:
    """In the order in which they are tried: a kind is taken when it is the first that fits."""
    names = [n for n in catalog.names(MODELS) if n != "model"]
    return tuple(sorted(names, key=lambda n: (load_kind(n).rank, n)))


def _machine(draft: Draft, machine: Machine) -> None:
    draft.put("precision.compute", machine.compute, machine.reasons.get("compute", ""))
    draft.put("precision.channels_last", machine.channels_last, machine.reasons.get("channels_last", ""))
    draft.put("parallel.threads", machine.threads, machine.reasons.get("threads", ""))
    draft.put("parallel.device", str(machine.device), "the device that is there")
    on = "on: operations with one order of additions"
    off = "off on this device unless asked for"
    draft.put("precision.deterministic", machine.deterministic, on if machine.deterministic else off)


def _size(draft: Draft, trial: Trial, recipe: Recipe, machine: Machine, training_seconds: float) -> None:
    """The widest network that gets its epochs in time, and the epochs."""
    rows, batch = len(trial.data.split.train), draft.config.training.batch_size
    steps = math.ceil(rows / batch)
    widths = (recipe.width,) if recipe.width else load_kind(draft.config.model.name).widths
    fixed = "model.width" in draft.explicit
    offered = (draft.config.model.width or 1.0,) if fixed else widths
    if recipe.narrow(rows) and not fixed:
        offered = widths[: max(1, len(widths) // 2)]
    wanted = draft.config.training.epochs if "training.epochs" in draft.explicit else recipe.wanted_epochs

    def epoch_seconds(width: float) -> float:
        step = trial.step_seconds(machine, width=width)
        return steps * step + trial.validation_seconds(step)

    usable = SAFETY * training_seconds
    chosen, seconds = offered[0], epoch_seconds(offered[0])
    for width in offered[1:]:
        measured = epoch_seconds(width)
        if usable / measured < wanted:  # perhaps something else ran just then: a second look
            measured = min(measured, epoch_seconds(width))
        if usable / measured < wanted:
            break
        chosen, seconds = width, measured
    fitting = usable / seconds
    why = (
        "the width that was measured to do"
        if recipe.width
        else f"widest of those measured that gets {wanted} epochs"
    )
    draft.put("model.width", chosen, f"{why}: an epoch takes about {seconds:.3g} s")
    most = recipe.most_epochs(rows, trial.data.examples.task, draft.config.model.name)
    draft.put(
        "training.epochs",
        max(1, min(most, math.floor(fitting))),
        f"{fitting:.0f} would fit the {training_seconds:.0f} s that the budget leaves; at most {most} help",
    )
    draft.put(
        "early_stopping.patience",
        max(Config().early_stopping.patience, math.ceil(draft.config.training.epochs / 2)),
        "an annealed rate gains most in its last third: half of the epochs must pass without a gain",
    )


def _judgement(draft: Draft, data: Dataset, recipe: Recipe, machine: Machine, folder: Folder) -> None:
    examples = data.examples
    own = recipe.metric(examples.task, len(examples.classes))
    metric = own or build_job(draft.config, data, machine, folder).objective.metric
    draft.put("acceptance.metric", metric, "the metric of the task")
    chosen = draft.config.acceptance.metric
    draft.put("validation.metric", chosen, "one metric to choose the checkpoint and to judge it")
    if examples.suggested_target is not None and chosen == examples.suggested_target[0]:
        draft.put("acceptance.at_least", examples.suggested_target[1], "target that the sample declares")


def summary(found: Proposal, seen: Profile, split: Split) -> tuple[str, ...]:
    """What setup found and chose, in a few lines; each value with its reason is in the config."""
    config = found.config
    sealed = f", test {len(split.test):,} (sealed until the end)" if len(split.test) else ""
    return (
        f"data: {seen.headline()}",
        f"split: train {len(split.train):,}, val {len(split.val):,}{sealed}; {split.method}",
        f"network: {config.model.name}, width {config.model.width:g}; at most "
        f"{count(config.training.epochs, 'epoch')} of batches of {config.training.batch_size}",
        f"machine: {config.parallel.device}, {count(int(config.parallel.threads), 'thread')}, "
        f"{config.precision.compute}, chosen by measuring",
        f"metric: {config.acceptance.metric}, {_target(config)}",
        "every setting with its reason: training_config.yaml",
    )


def _target(config: Config) -> str:
    wanted = config.acceptance.at_least
    return "no target, so the references are to be beaten" if wanted is None else f"target {wanted:g}"
