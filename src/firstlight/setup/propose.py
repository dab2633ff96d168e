"""From what the data is to a whole config: every `auto` and null resolved, each with the reason.

What the user wrote always stands; only keys that were not written are proposed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from firstlight import catalog
from firstlight.config.schema import Config
from firstlight.errors import DataError
from firstlight.models.model import ImageShape
from firstlight.setup.measure import Trial, fastest
from firstlight.text import count
from firstlight.training.job import load_kind

if TYPE_CHECKING:
    from firstlight.data.examples import Examples, Split
    from firstlight.data.flip import FlipEvidence
    from firstlight.data.profile import Profile
    from firstlight.experiment.folder import Folder
    from firstlight.machine.choices import Machine

WANTED_EPOCHS = 12  # the widest network that still gets so many epochs is taken (docs/log.md)
MOST_EPOCHS = 30  # more brought nothing on the sets that were measured
FEW_ROWS = 10_000  # below this a narrow network and the default number of epochs are enough
SAFETY = 0.9  # share of the training time that a plan may use before anything is measured for long
BATCH = 250  # for sets of FEW_ROWS and more; measured on CIFAR-10
STEPS_WANTED = 40  # steps an epoch that a smaller set should have
PHOTO_BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A resolved config, the reason for each value that setup chose, and the machine it was measured on."""

    config: Config
    reasons: dict[str, str]
    machine: Machine


class _Draft:
    """A config that is being resolved: a key is set once, and never against the user."""

    def __init__(self, config: Config, explicit: frozenset[str]) -> None:
        self.config = config
        self.explicit = explicit
        self.reasons: dict[str, str] = {}

    def put(self, key: str, value: Any, reason: str) -> None:
        if key in self.explicit:
            return
        section, name = key.split(".")
        changed = getattr(self.config, section).model_copy(update={name: value})
        self.config = self.config.model_copy(update={section: changed})
        self.reasons[key] = reason


def propose(
    config: Config,
    explicit: frozenset[str],
    examples: Examples,
    split: Split,
    flip: FlipEvidence | None,
    machine: Machine,
    folder: Folder,
    *,
    training_seconds: float,
) -> Proposal:
    """Resolves the config for these examples on this machine.

    Args:
        config: As the user wrote it.
        explicit: Keys that the user wrote ("training.epochs").
        examples: Decoded data.
        split: Its split.
        flip: Whether mirrored images keep their class, as measured; None when it was not asked.
        machine: Device chosen, everything else conservative.
        folder: Of the experiment.
        training_seconds: What the budget leaves for training.
    """
    # `auto` and null are written by those who leave the choice to us.
    explicit = frozenset(key for key in explicit if _value(config, key) not in ("auto", None))
    draft = _Draft(config, explicit)
    _data(draft, examples)
    shape = _shape(examples)
    kind = draft.config.model.name
    if kind == "auto":
        name = next((n for n in _model_names() if load_kind(n).fits(shape)), None)
        if name is None:
            raise DataError(
                "no network is made for images of this shape",
                f"{shape.height} x {shape.width} pixels",
                "set data.image_size, or pad the images to squares",
            )
        draft.put("model.name", name, f"made for images of {shape.height}x{shape.width}")
    kind = draft.config.model.name
    _recipe(draft, kind, len(split.train))
    _augmentation(draft, shape, flip)
    widths = load_kind(kind).widths
    middle = widths[len(widths) // 2]
    if config.model.width is None:
        draft.put("model.width", middle, "")
    trial = Trial(config=draft.config, examples=examples, split=split, folder=folder)
    machine = fastest(trial, machine, explicit)
    draft.put("precision.compute", machine.compute, machine.reasons.get("compute", ""))
    draft.put("precision.channels_last", machine.channels_last, machine.reasons.get("channels_last", ""))
    draft.put("parallel.threads", machine.threads, machine.reasons.get("threads", ""))
    draft.put("parallel.device", str(machine.device), "the device that is there")
    draft.put(
        "precision.deterministic",
        machine.deterministic,
        "on: operations with one order of additions"
        if machine.deterministic
        else "off on this device unless asked for",
    )
    _size(draft, trial, machine, widths, training_seconds)
    _judgement(draft, examples)
    return Proposal(
        config=Config.model_validate(draft.config.model_dump()),
        reasons={k: r for k, r in draft.reasons.items() if r},
        machine=machine,
    )


def _value(config: Config, key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _model_names() -> tuple[str, ...]:
    """Small images first: a kind is taken when it is the first that fits."""
    names = catalog.names("firstlight.models")
    return tuple(sorted((n for n in names if n != "model"), key=lambda n: n != "small_cnn"))


def _shape(examples: Examples) -> ImageShape:
    _, height, width, channels = examples.pixels.shape
    return ImageShape(channels=channels, height=height, width=width, classes=len(examples.classes))


def summary(found: Proposal, seen: Profile, split_method: str) -> tuple[str, ...]:
    """What setup found and chose, in a few lines; each value with its reason is in the config."""
    config, parts = found.config, seen.parts
    high, wide = seen.image_size
    form = f"{wide}x{high} {'grey' if seen.channels == 1 else 'colour'}"
    sealed = f", test {parts['test']:,} (sealed until the end)" if parts["test"] else ""
    return (
        f"data: {count(seen.rows, 'image')}, {form}, {count(len(seen.classes), 'class')}",
        f"split: train {parts['train']:,}, val {parts['val']:,}{sealed}; {split_method}",
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


def _data(draft: _Draft, examples: Examples) -> None:
    _, height, width, channels = examples.pixels.shape
    draft.put("data.task", "image_classification", "class labels on images")
    draft.put("data.classes", examples.classes, "as found in the data, in sorted order")
    draft.put("data.channels", channels, "all images are grey" if channels == 1 else "colour images")
    if height == width:
        draft.put("data.image_size", height, "side in pixels of the decoded images")


def _recipe(draft: _Draft, kind: str, rows: int) -> None:
    """Update rule, rate, schedule and loss that were measured together; not mixed with the user's own rate."""
    own = {"optimizer.name", "training.learning_rate"} & draft.explicit
    small = kind == "small_cnn"
    batch = PHOTO_BATCH if not small else BATCH if rows >= FEW_ROWS else _power_of_two(rows / STEPS_WANTED)
    draft.put("training.batch_size", batch, f"measured recipe for {rows} training images")
    if own:
        return
    why = "measured recipe, see docs/log.md"
    draft.put("optimizer.name", "muon", why)
    draft.put("optimizer.momentum", 0.85, why)
    draft.put("optimizer.weight_decay", 0.0, "with muon the weights keep their norm")
    draft.put(
        "training.learning_rate",
        0.05 if small else 0.02,
        "relative change of a weight in one step, annealed to 0",
    )
    draft.put("scheduler.name", "linear", why)
    draft.put("scheduler.warmup_fraction", 0.0 if small else 0.05, why)
    draft.put("loss.label_smoothing", 0.2 if rows >= FEW_ROWS else 0.1, why)


def _power_of_two(size: float) -> int:
    return int(min(BATCH, max(16, 2 ** round(math.log2(max(size, 1))))))


def _augmentation(draft: _Draft, shape: ImageShape, flip: FlipEvidence | None) -> None:
    allowed = flip is not None and flip.allowed
    reason = flip.reason if flip is not None else "not measured"
    draft.put("augmentation.horizontal_flip", "alternating" if allowed else "none", reason)
    draft.put("model.mirror_average", allowed, reason)
    side = min(shape.height, shape.width)
    shift = min(max(1, round(side / 16)), side - 1)
    draft.put("augmentation.shift_pixels", shift, "a sixteenth of the side")


def _size(
    draft: _Draft, trial: Trial, machine: Machine, widths: tuple[float, ...], training_seconds: float
) -> None:
    """The widest network that gets its epochs in time, and the epochs."""
    rows, batch = len(trial.split.train), draft.config.training.batch_size
    steps = math.ceil(rows / batch)
    trial = replace(trial, config=draft.config)
    fixed = "model.width" in draft.explicit
    offered = (draft.config.model.width or 1.0,) if fixed else widths
    if rows < FEW_ROWS and not fixed:
        offered = widths[: max(1, len(widths) // 2)]
    wanted = draft.config.training.epochs if "training.epochs" in draft.explicit else WANTED_EPOCHS

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
    draft.put(
        "model.width",
        chosen,
        f"widest of those measured that gets {wanted} epochs: an epoch takes about {seconds:.3g} s",
    )
    most = MOST_EPOCHS if rows >= FEW_ROWS else Config().training.epochs
    epochs = max(1, min(most, math.floor(fitting)))
    draft.put(
        "training.epochs",
        epochs,
        f"{fitting:.0f} would fit the {training_seconds:.0f} s that the budget leaves; at most {most} help",
    )
    draft.put(
        "early_stopping.patience",
        max(Config().early_stopping.patience, math.ceil(draft.config.training.epochs / 2)),
        "an annealed rate gains most in its last third: half of the epochs must pass without a gain",
    )


def _judgement(draft: _Draft, examples: Examples) -> None:
    draft.put("acceptance.metric", "val_accuracy", "the metric of the task")
    draft.put(
        "validation.metric",
        draft.config.acceptance.metric,
        "one metric to choose the checkpoint and to judge it",
    )
    if (
        examples.suggested_target is not None
        and draft.config.acceptance.metric == examples.suggested_target[0]
    ):
        draft.put("acceptance.at_least", examples.suggested_target[1], "target that the sample declares")
