"""Every path of an experiment, named once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folder:
    """The experiment folder; nothing here touches the disk."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "training_config.yaml"

    @property
    def environment(self) -> Path:
        return self.root / "environment.json"

    @property
    def splits(self) -> Path:
        return self.root / "splits.npz"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    @property
    def checklists(self) -> Path:
        return self.root / "checklists"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def manifest(self) -> Path:
        return self.checkpoints / "manifest.json"

    @property
    def best(self) -> Path:
        return self.checkpoints / "best_model.pt"

    @property
    def last(self) -> Path:
        return self.checkpoints / "last_model.pt"

    def periodic(self, epoch: int) -> Path:
        """The checkpoint kept for good after `epoch` epochs."""
        return self.checkpoints / f"checkpoint_epoch_{epoch}.pt"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def log(self) -> Path:
        return self.logs / "training.log"

    @property
    def metrics(self) -> Path:
        return self.logs / "metrics.json"

    @property
    def profile(self) -> Path:
        """What setup saw in the data."""
        return self.logs / "profile.json"

    @property
    def preflight(self) -> Path:
        return self.logs / "preflight.json"

    @property
    def references(self) -> Path:
        return self.logs / "references.json"

    @property
    def plan(self) -> Path:
        return self.logs / "plan.json"

    @property
    def outcome(self) -> Path:
        return self.logs / "outcome.json"

    @property
    def decision(self) -> Path:
        return self.logs / "decision.json"

    @property
    def predictions(self) -> Path:
        """Row ids, labels and probabilities of the best checkpoint on the validation part."""
        return self.logs / "predictions_val.npz"

    @property
    def worst_images(self) -> Path:
        """Small pictures of the examples that the best checkpoint gets most wrong."""
        return self.logs / "worst_images.npz"

    @property
    def plots(self) -> Path:
        return self.root / "plots"

    @property
    def results(self) -> Path:
        return self.root / "baseline_results.md"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def attempts(self) -> Path:
        return self.root / "attempts"

    @property
    def lock(self) -> Path:
        return self.root / ".lock"
