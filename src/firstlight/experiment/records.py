"""The records that are written to logs/, and read back by results, gates and reports.

They hold plain values only, so that a report can be written again from the files alone, without torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Fault = Literal["data", "resource", "memory", "training"]
Level = Literal["ok", "warning", "failed", "not_applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One line of the preflight (logs/preflight.json: {"format": 1, "lines": [...], "seconds": ...})."""

    id: str  # name of the check's file: "one_batch", "finish_time", ...
    level: Level
    message: str  # a sentence with its number
    value: float | str | None = None
    seconds: float = 0.0
    remedy: str | None = None  # for warning and failed
    page: str | None = None  # handbook page
    fault: Fault | None = None  # of a failed line: which error stops the run


NETWORK = "network"  # how the trained network is called beside the references


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a simple model reaches on the same split (logs/references.json)."""

    name: str  # "majority", "logistic_regression", "nearest_neighbours"
    metrics: dict[str, float]  # same names as in metrics.json
    seconds: float
    note: str = ""  # what was cut to stay in time
    correct: tuple[bool, ...] = ()  # right or wrong for each validation row, for paired intervals
    sha256: str | None = None  # of candidates/NAME.pt, when the model can be put first and used
    error: str = ""  # what it ended with, in a line, when it raised an error; it has no metrics then


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One validated epoch (an entry of logs/metrics.json)."""

    epoch: int
    step: int  # optimizer steps since the start of the run
    train_loss: float
    learning_rate: float
    grad_norm: float  # mean total norm before clipping
    grad_norm_max: float
    seconds: float  # training part of the epoch
    validation_seconds: float
    examples_per_second: float
    data_wait: float  # share of the time spent waiting for data, 0..1
    utilization: float | None  # 0..1, None = not measurable
    memory_bytes: int  # peak so far, of the device (CUDA) or of the process
    metrics: dict[str, float] = field(default_factory=dict)  # val_loss, val_accuracy, ...; written flat


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChange:
    """The plan was changed at `step` because the predicted finish would have broken the budget."""

    step: int
    epochs: int
    total_steps: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How training ended (logs/outcome.json)."""

    state: Literal["completed", "stopped_early", "interrupted", "halted"]
    reason: str
    epochs_run: int
    epochs_planned: int
    best_epoch: int
    best_metrics: dict[str, float]
    metric: str  # the one that picked the best checkpoint
    train_seconds: float
    command_seconds: float  # whole command so far; the report adds nothing to it
    utilization: dict[str, float] | None  # mean, min, samples, others (cores taken by other processes)
    utilization_note: str  # how it was measured, or why it could not be
    reloaded_metrics: dict[str, float] = field(default_factory=dict)  # best checkpoint, measured again
    alarm: str | None = None  # page name of what stopped the run: "nan_loss", ...
    alarm_detail: str | None = None
    parameters: int = 0
    # Device, threads, precision, layout, determinism, each with its reason.
    machine: dict[str, str] = field(default_factory=dict)
    # SHA-256 of config, environment and split as they were when training began (experiment.gate.hashes).
    inputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict after phase 2."""

    verdict: Literal["accept", "optimize", "failed"]
    reasons: tuple[str, ...]
    metric: str
    value: float | None
    interval: tuple[float, float] | None
    target: float | None
    reference: dict[str, float | str] | None  # {"name": ..., "value": ...}: the best one
    model: str = NETWORK  # the model that is put first: the network, or a reference that is better


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a gate."""

    id: str
    state: Literal["passed", "failed", "not_applicable", "needs_person"]
    value: str
    evidence: str  # file#key
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A gate, computed from artifacts."""

    phase: Literal["setup", "baseline"]
    items: tuple[Item, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Ids of the items that keep the gate shut."""
        return tuple(i.id for i in self.items if i.state in ("failed", "needs_person"))

    @property
    def open(self) -> bool:
        """True when no item is missing."""
        return not self.missing
