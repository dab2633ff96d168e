"""What a run is at one moment, and nothing else: the content of a checkpoint.

Everything that decides the next step is here, as tensors and plain values: weights, optimizer, plan,
position, random states,
best value and patience, and the records of the epochs so far.
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.experiment.records import EpochRecord, PlanChange
from firstlight.training.plan import Plan
from firstlight.training.stopping import Best

if TYPE_CHECKING:
    from torch import nn

    from firstlight.training.optimizer import Optimizer

FORMAT = 1


@dataclass(slots=True, kw_only=True)
class TrainingState:
    """A run at one moment, between two steps."""

    model: nn.Module
    optimizer: Optimizer
    plan: Plan
    best: Best
    epoch: int = 0  # epochs done
    step: int = 0  # steps done
    position: int = 0  # batches of the present epoch that the model has seen
    sums: dict[str, float] = field(default_factory=dict)  # of the present epoch, see watch.meter
    records: list[EpochRecord] = field(default_factory=list)
    alarms: dict[str, Any] = field(default_factory=dict)  # see watch.alarms; empty for a fresh run
    used_seconds: float = 0.0  # of the budget, by all processes of the run so far

    def to_checkpoint(self, config: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
        """Tensors and plain values only, readable with weights_only=True.

        Args:
            config: The resolved config.
            meta: What a prediction needs beside the weights: classes, image shape, normalisation.
        """
        return {
            "format": FORMAT,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": {"plan": _plan_to_plain(self.plan), "progress": self.plan.progress(self.step)},
            "scaler": None,  # bf16 and fp32 need no loss scaling
            "epoch": self.epoch,
            "step": self.step,
            "position": self.position,
            "sums": dict(self.sums),
            "best": dataclasses.asdict(self.best),
            "records": [dataclasses.asdict(r) for r in self.records],
            "alarms": dict(self.alarms),
            "random": random_states(),
            "used_seconds": self.used_seconds,
            "config": config,
            "meta": meta,
        }

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Puts this run where the checkpoint was saved, random states last."""
        self.model.load_state_dict(checkpoint["model"])
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.plan = _plan_from_plain(checkpoint["scheduler"]["plan"])
        self.best = dataclasses.replace(self.best, **checkpoint["best"])
        self.epoch, self.step = checkpoint["epoch"], checkpoint["step"]
        self.position, self.sums = checkpoint["position"], dict(checkpoint["sums"])
        self.records = [EpochRecord(**r) for r in checkpoint["records"]]
        self.alarms = dict(checkpoint["alarms"])
        self.used_seconds = checkpoint["used_seconds"]
        set_random_states(checkpoint["random"])


def random_states() -> dict[str, Any]:
    """Every generator of the process, as plain values."""
    import torch

    version, internal, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, list(internal), gauss],
        "numpy": [name, [int(k) for k in keys], position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_states(states: dict[str, Any]) -> None:
    """The reverse of `random_states`."""
    import torch

    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, cached))
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])


def _plan_to_plain(plan: Plan) -> dict[str, Any]:
    return dataclasses.asdict(plan)


def _plan_from_plain(plain: dict[str, Any]) -> Plan:
    changes = tuple(PlanChange(**c) for c in plain["changes"])
    return Plan(epochs=plain["epochs"], steps_per_epoch=plain["steps_per_epoch"], changes=changes)
