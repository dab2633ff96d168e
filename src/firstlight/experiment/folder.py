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
        """Every setting, resolved, with comments."""
        return self.root / "training_config.yaml"

    @property
    def environment(self) -> Path:
        """Versions, machine, git state, fingerprint of the data."""
        return self.root / "environment.json"

    @property
    def splits(self) -> Path:
        """Frozen row ids of the three parts."""
        return self.root / "splits.npz"

    @property
    def status(self) -> Path:
        """Phases, gates, decision, next command."""
        return self.root / "status.json"

    @property
    def checklists(self) -> Path:
        """The gates for people, and what a person confirmed."""
        return self.root / "checklists"

    @property
    def checkpoints(self) -> Path:
        """All checkpoints and their manifest."""
        return self.root / "checkpoints"

    @property
    def manifest(self) -> Path:
        """Name, size, hash and step of each checkpoint."""
        return self.checkpoints / "manifest.json"

    @property
    def best(self) -> Path:
        """The checkpoint with the best validation metric."""
        return self.checkpoints / "best_model.pt"

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self.checkpoints / "last_model.pt"

    @property
    def previous(self) -> Path:
        """The newest checkpoint but one: where a run goes on when the newest is damaged."""
        return self.checkpoints / "previous_model.pt"

    def periodic(self, epoch: int) -> Path:
        """The checkpoint kept for good after `epoch` epochs."""
        return self.checkpoints / f"checkpoint_epoch_{epoch}.pt"

    @property
    def logs(self) -> Path:
        """Everything that reports are made of."""
        return self.root / "logs"

    @property
    def log(self) -> Path:
        """What happened, a line for each event."""
        return self.logs / "training.log"

    @property
    def metrics(self) -> Path:
        """One entry for each validated epoch."""
        return self.logs / "metrics.json"

    @property
    def profile(self) -> Path:
        """What setup saw in the data."""
        return self.logs / "profile.json"

    @property
    def preflight(self) -> Path:
        """The lines of the preflight."""
        return self.logs / "preflight.json"

    @property
    def references(self) -> Path:
        """What simple models reach on the same split."""
        return self.logs / "references.json"

    @property
    def plan(self) -> Path:
        """Epochs, steps and the changes of the plan."""
        return self.logs / "plan.json"

    @property
    def outcome(self) -> Path:
        """How training ended."""
        return self.logs / "outcome.json"

    @property
    def decision(self) -> Path:
        """The verdict after phase 2."""
        return self.logs / "decision.json"

    @property
    def candidates(self) -> Path:
        """References that were fitted and may be used for predictions."""
        return self.root / "candidates"

    def candidate(self, name: str) -> Path:
        """One of them."""
        return self.candidates / f"{name}.pt"

    @property
    def reference_scores(self) -> Path:
        """What references say of each validation row, where a paired comparison needs it."""
        return self.logs / "references.npz"

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
        """The figures of the report as PNG."""
        return self.root / "plots"

    @property
    def results(self) -> Path:
        """The report for a person."""
        return self.root / "baseline_results.md"

    @property
    def report(self) -> Path:
        """The report as one HTML file."""
        return self.root / "report.html"

    @property
    def attempts(self) -> Path:
        """Earlier attempts, each whole."""
        return self.root / "attempts"

    @property
    def confirmed(self) -> Path:
        """What a person confirmed on the command line."""
        return self.checklists / "confirmed.json"

    @property
    def patch(self) -> Path:
        """Changes of the code that were not committed at setup."""
        return self.root / "uncommitted.patch"

    @property
    def lock(self) -> Path:
        """Held by the process that works here."""
        return self.root / ".lock"
