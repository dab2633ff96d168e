"""What the user may set: the sections of training_config.yaml, typed, with units and defaults.

The defaults of `training`, `early_stopping`, `checkpointing` and `validation` are the conservative ones of
the contract. Setup writes other values where it measured better ones, each with its reason as a comment; a value
that the user wrote always stands.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MAX_SEED = 2**32 - 1  # NumPy's legacy seeding takes no more


def _number(value: object) -> object:
    """YAML 1.2 reads 1e-3 as a number only with a dot; people write it all the same."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is wanted, not true or false")
    return value


Number = Annotated[float, BeforeValidator(_not_bool), BeforeValidator(_number)]
Positive = Annotated[Number, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[Number, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Count = Annotated[int, BeforeValidator(_not_bool), Field(ge=1, strict=True)]
CountOrZero = Annotated[int, BeforeValidator(_not_bool), Field(ge=0, strict=True)]
Seed = Annotated[int, BeforeValidator(_not_bool), Field(ge=0, le=MAX_SEED, strict=True)]

MetricName = Literal[
    "val_loss",
    "val_accuracy",
    "val_balanced_accuracy",
    "val_macro_f1",
    "val_auroc",
    "val_r2",
    "val_rmse",
    "val_mae",
]
# Direction is a field of the metric, never guessed from its name.
LOWER_IS_BETTER: frozenset[str] = frozenset({"val_loss", "val_rmse", "val_mae"})


class Section(BaseModel):
    """A section: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Data(Section):
    """Where the examples come from and how they are split."""

    source: str | None = None  # a path (relative to this file's folder) or sample:NAME
    task: Literal["auto", "image_classification"] = "auto"
    classes: tuple[str, ...] | None = None  # class order; reports and predictions use it
    target: str | None = None  # column of a table
    path_column: str | None = None  # column of a table that holds image paths
    image_size: Count | None = None  # side in pixels after decoding; null = chosen from the data
    channels: Literal[1, 3] | None = None  # null = 1 when every image is grey, else 3
    val_fraction: Annotated[Fraction, Field(gt=0)] = 0.1
    test_fraction: Fraction = 0.1
    max_bad_fraction: Annotated[Number, Field(ge=0, le=1)] = 0.01  # above this share of unreadable files: exit 3
    min_per_class: Count = 1  # classes with fewer examples are an error


class Model(Section):
    """The network."""

    name: Literal["auto", "small_cnn", "resnet"] = "auto"
    width: Positive | None = None  # multiplier of the channel counts; null = fitted to the budget
    dropout: Fraction = 0.0


class Training(Section):
    """The long part of phase 2."""

    epochs: Count = 20
    batch_size: Count = 32
    learning_rate: Positive = 1e-3


class EarlyStopping(Section):
    """Stops when the watched metric no longer improves."""

    enabled: bool = True
    patience: Count = 10  # validated epochs without improvement
    min_delta: NonNegative = 0.001


class Checkpointing(Section):
    """Which checkpoints are written."""

    save_best: bool = True
    save_last: bool = True
    checkpoint_every_n_epochs: Count = 5


class Validation(Section):
    """When validation runs and which metric picks the best checkpoint."""

    validate_every_n_epochs: Count = 1
    metric: MetricName = "val_loss"


class Optimizer(Section):
    """The update rule. For muon the learning rate is the relative change of a weight matrix in one step."""

    name: Literal["adamw", "sgd", "muon"] = "adamw"
    weight_decay: NonNegative = 0.01
    momentum: Fraction = 0.9  # sgd and muon
    gradient_clip: Positive | None = None  # total norm; null = no clipping


class Scheduler(Section):
    """The learning rate as a function of progress; always fully annealed at the end of the plan."""

    name: Literal["linear", "cosine", "constant"] = "cosine"
    warmup_fraction: Fraction = 0.05  # of all steps
    final_fraction: Annotated[Number, Field(ge=0, le=1)] = 0.0  # of the peak rate


class Loss(Section):
    """The loss of the task."""

    label_smoothing: Fraction = 0.0
    class_weights: Literal["none", "balanced"] = "none"


class Augmentation(Section):
    """Random changes of a training batch, made on the device."""

    horizontal_flip: Literal["auto", "none", "random", "alternating"] = "auto"  # auto: measured in setup
    shift_pixels: CountOrZero | Literal["auto"] = "auto"  # largest shift in each direction
    cutout_pixels: CountOrZero = 0  # side of the square set to the mean


class Precision(Section):
    """Number formats and layout; auto = what measures fastest on this machine."""

    compute: Literal["auto", "fp32", "bf16"] = "auto"
    channels_last: bool | Literal["auto"] = "auto"
    deterministic: bool | Literal["auto"] = "auto"  # auto: on for a processor; on a GPU when it costs little


class Budget(Section):
    """Wall time of the whole command, report included."""

    minutes: Positive = 45.0


class Acceptance(Section):
    """The target. Without one, beating every reference beyond the interval is what counts."""

    metric: MetricName | None = None  # null = the task's own metric
    at_least: Number | None = None  # for metrics where lower is better: at most


class Tracking(Section):
    """Trackers beside the files of the experiment."""

    tensorboard: bool = False


class Parallel(Section):
    """Devices and threads."""

    device: str = "auto"  # auto, cpu, cuda, cuda:0, mps
    threads: Count | Literal["auto"] = "auto"  # auto = measured


class Experiment(Section):
    """Names for people; nothing depends on them."""

    name: str | None = None
    description: str | None = None


class Config(Section):
    """A whole training_config.yaml."""

    experiment: Experiment = Experiment()
    data: Data = Data()
    model: Model = Model()
    training: Training = Training()
    early_stopping: EarlyStopping = EarlyStopping()
    checkpointing: Checkpointing = Checkpointing()
    validation: Validation = Validation()
    optimizer: Optimizer = Optimizer()
    scheduler: Scheduler = Scheduler()
    loss: Loss = Loss()
    augmentation: Augmentation = Augmentation()
    precision: Precision = Precision()
    seed: Seed = 42
    budget: Budget = Budget()
    acceptance: Acceptance = Acceptance()
    tracking: Tracking = Tracking()
    parallel: Parallel = Parallel()
