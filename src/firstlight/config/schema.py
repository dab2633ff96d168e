"""What the user may set: the sections of training_config.yaml, typed, with meaning, unit and default.

This is the one source for strict reading, the comments of a written config, the template and the JSON
Schema. The defaults of `training`, `early_stopping`, `checkpointing` and `validation` are the conservative
ones of the contract. Setup writes other values where it measured better ones, each with its reason as a
comment; a value that the user wrote always stands.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from firstlight.config.kinds import (
    AnyNumber,
    ClassNames,
    Columns,
    Count,
    CountOrZero,
    Flag,
    Fraction,
    Minutes,
    NonNegative,
    OwnMetric,
    Positive,
    PositiveFraction,
    Seed,
    Share,
    Text,
)

KnownMetric = Literal[
    "val_loss",
    "val_accuracy",
    "val_balanced_accuracy",
    "val_macro_f1",
    "val_auroc",
    "val_r2",
    "val_rmse",
    "val_mae",
    "val_mean_iou",
    "val_perplexity",
]
MetricName = KnownMetric | OwnMetric
TaskName = Literal[
    "auto",
    "image_classification",
    "table_classification",
    "table_multilabel",
    "table_regression",
    "text_classification",
    "text_multilabel",
    "text_regression",
    "own_classification",
    "own_multilabel",
    "own_regression",
    "own_segmentation",
    "own_tokens",
    "own_language",
    "own_step",
]
ModelName = Literal[
    "auto",
    "small_cnn",
    "resnet",
    "table_mlp",
    "gradient_boosting",
    "ngram_bag",
    "text_transformer",
    "tfidf_linear",
    "own",
]
# Direction is a field of the metric, never guessed from its name.
LOWER_IS_BETTER: frozenset[str] = frozenset({"val_loss", "val_rmse", "val_mae", "val_perplexity"})


class Section(BaseModel):
    """A section: frozen, an unknown key is an error, and no number is infinite or NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class Experiment(Section):
    """Names for people; nothing depends on them."""

    name: Text | None = Field(default=None, description="shown in reports")
    description: Text | None = Field(default=None, description="a sentence for the report")


class Data(Section):
    """Where the examples come from and how they are split."""

    source: Text | None = Field(
        default=None, description="a path, relative to this file's folder, or sample:NAME"
    )
    task: TaskName = Field(default="auto", description="what is to be predicted; auto = taken from the data")
    classes: ClassNames | None = Field(
        default=None, description="class names in the order of the model's outputs; null = sorted by name"
    )
    target: Text | None = Field(
        default=None, description="column of a table that is predicted; several labels: a,b,c"
    )
    text_column: Text | None = Field(
        default=None, description="column of a table that holds the texts; several that are joined: a,b"
    )
    group: Text | None = Field(
        default=None, description="column of a table; rows with the same value are never parted; no feature"
    )
    time: Text | None = Field(
        default=None,
        description="column of a table; validation and test come after training by it; no feature",
    )
    weight: Text | None = Field(
        default=None,
        description="column of a table; how much a row counts in training; metrics count every row once",
    )
    drop: Columns | None = Field(
        default=None, description="columns of a table that are not used: a, or a,b, or a list"
    )
    path_column: Text | None = Field(default=None, description="column of a table that holds image paths")
    image_size: Count | None = Field(
        default=None, description="side in pixels after decoding; null = chosen from the data"
    )
    channels: Literal[1, 3] | None = Field(
        default=None, description="1 grey, 3 colour; null = 1 when every image is grey, else 3"
    )
    val_fraction: PositiveFraction = Field(
        default=0.1,
        description="share of the rows for validation, unless the data come split",
    )
    test_fraction: Fraction = Field(
        default=0.1, description="share of the rows sealed until phase 5, unless the data come split"
    )
    max_bad_fraction: Share = Field(
        default=0.01, description="above this share of unreadable files the data set is refused"
    )
    follow_links: Flag = Field(
        default=False, description="read files outside of the data folder that links in it lead to"
    )
    min_per_class: Count = Field(default=1, description="examples; a class or label with fewer is an error")

    @field_validator("test_fraction")
    @classmethod
    def _leaves_rows_to_train_on(cls, test_fraction: float, info: ValidationInfo) -> float:
        val_fraction = info.data.get("val_fraction", 0)
        if val_fraction + test_fraction >= 1:
            raise ValueError(f"{test_fraction:g} and val_fraction {val_fraction:g} leave nothing to train on")
        return test_fraction


class Model(Section):
    """The network."""

    name: ModelName = Field(
        default="auto",
        description="images: small_cnn up to 64 pixels, resnet for photos; tables: table_mlp, "
        "gradient_boosting; texts: ngram_bag, text_transformer, tfidf_linear; auto = by the data",
    )
    width: Positive | None = Field(
        default=None, description="multiplies the channel counts; null = fitted to the budget"
    )
    dropout: Fraction = Field(default=0.0, description="share of the features dropped before the last layer")
    mirror_average: bool = Field(
        default=False,
        description="predict the mean over an image and its mirror image, which takes twice as long",
    )


class Training(Section):
    """The long part of phase 2."""

    epochs: Count = Field(default=20, description="passes over the training rows, at most")
    batch_size: Count = Field(default=32, description="examples in one step")
    learning_rate: Positive = Field(
        default=1e-3, description="peak of the schedule; 1e-3 and 0.001 are the same"
    )


class EarlyStopping(Section):
    """Stops when the watched metric (validation.metric) no longer improves."""

    enabled: Flag = Field(default=True, description="false = always train all epochs")
    patience: Count = Field(default=10, description="validated epochs without improvement")
    min_delta: NonNegative = Field(
        default=0.001, description="a smaller change is no improvement; metric's unit"
    )


class Checkpointing(Section):
    """Which checkpoints are written."""

    save_best: Flag = Field(default=True, description="best_model.pt, the best epoch by validation.metric")
    save_last: Flag = Field(default=True, description="last_model.pt, from which an interrupted run goes on")
    checkpoint_every_n_epochs: Count = Field(default=5, description="epochs between checkpoint_epoch_N.pt")


class Validation(Section):
    """When validation runs and which metric picks the best checkpoint."""

    validate_every_n_epochs: Count = Field(default=1, description="epochs")
    metric: MetricName = Field(
        default="val_loss", description="picks the best checkpoint and stops early; its direction is known"
    )
    lower_is_better: Columns | None = Field(
        default=None, description="metrics of your own where less is better: own_a, or own_a,own_b, or a list"
    )


class Optimizer(Section):
    """The update rule."""

    name: Literal["adamw", "sgd", "muon"] = Field(
        default="adamw", description="for muon the rate is the relative change of a weight matrix in one step"
    )
    weight_decay: NonNegative = Field(default=0.01, description="pull of the weights to zero, times the rate")
    momentum: Fraction = Field(default=0.9, description="for sgd and muon")
    gradient_clip: Positive | None = Field(
        default=None, description="largest total norm of the gradient; null = no clipping"
    )


class Scheduler(Section):
    """The learning rate as a function of progress; always fully annealed at the end of the plan."""

    name: Literal["linear", "cosine", "constant"] = Field(
        default="cosine", description="shape of the way down after the warm-up"
    )
    warmup_fraction: Fraction = Field(default=0.05, description="share of all steps in which the rate rises")
    final_fraction: Share = Field(default=0.0, description="rate at the end, as a share of the peak")


class Loss(Section):
    """The loss of the task."""

    label_smoothing: Fraction = Field(default=0.0, description="share of the label spread over all classes")
    class_weights: Literal["none", "balanced"] = Field(
        default="none", description="balanced = rare classes count more, by the inverse of their frequency"
    )


class Augmentation(Section):
    """Random changes of a training batch, made on the device."""

    horizontal_flip: Literal["auto", "none", "random", "alternating"] = Field(
        default="auto", description="auto = measured in setup; alternating = every image every other epoch"
    )
    shift_pixels: CountOrZero | Literal["auto"] = Field(
        default="auto", description="largest shift in each direction; auto = by image size"
    )
    cutout_pixels: CountOrZero = Field(default=0, description="side of the square that is set to the mean")


class Precision(Section):
    """Number formats and layout; auto = what measures fastest on this machine."""

    compute: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="number format of the network"
    )
    channels_last: Flag | Literal["auto"] = Field(default="auto", description="memory layout of the images")
    deterministic: Flag | Literal["auto"] = Field(
        default="auto", description="auto = on for a processor; on a GPU when it costs little"
    )


class Budget(Section):
    """Wall time of the whole command, report included."""

    minutes: Minutes = Field(default=45.0, description="90 means minutes; 45m, 1h, 2h30 and 30s work too")


class Acceptance(Section):
    """The target. Without one, beating every reference beyond the interval is what counts."""

    metric: MetricName | None = Field(default=None, description="null = the task's own metric")
    at_least: AnyNumber | None = Field(
        default=None, description="the target; for metrics where lower is better: at most"
    )


class Parallel(Section):
    """Devices and threads."""

    device: Text = Field(default="auto", description="auto, cpu, cuda, cuda:0 or mps")
    threads: Count | Literal["auto"] = Field(default="auto", description="processor threads; auto = measured")
    workers: CountOrZero | None = Field(
        default=None, description="processes that read items of your own data; null = measured in setup"
    )
    micro_batches: Count = Field(
        default=1,
        description="parts in which a batch is computed, to need less memory; the update is that of the whole batch, "
        "but batch normalisation sees a part at a time",
    )


class Config(Section):
    """Settings of firstlight (training_config.yaml)."""

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
    seed: Seed = Field(default=42, description="of every random generator")
    budget: Budget = Budget()
    acceptance: Acceptance = Acceptance()
    parallel: Parallel = Parallel()


def lower_is_better(config: Config | None, metric: str | None) -> bool:
    """The direction of a metric: known, or said by the person whose own it is."""
    own = config.validation.lower_is_better if config is not None else None
    return metric in LOWER_IS_BETTER or metric in (own or ())
