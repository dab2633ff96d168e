"""Experiment folders as a run leaves them, made through the write layer; their numbers are test input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstlight.config.schema import Config
from firstlight.config.write import render_config
from firstlight.experiment import records_io, store
from firstlight.experiment.folder import Folder
from firstlight.experiment.metrics import MetricsFile
from firstlight.experiment.records import CheckLine, EpochRecord, Outcome, PlanChange, Reference

BuildExperiment = Callable[..., Folder]


def predictions(
    rows: int, classes: int, *, seed: int, skill: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Labels (rows,) and probabilities (rows, classes) of a model that is better the higher `skill`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=rows)
    scores = rng.normal(size=(rows, classes)).astype(np.float32)
    scores[np.arange(rows), labels] += skill
    odds = np.exp(scores)
    return labels, odds / odds.sum(axis=1, keepdims=True)


def metrics_of(labels: np.ndarray[Any, Any], probabilities: np.ndarray[Any, Any]) -> dict[str, float]:
    """As training measures them."""
    from firstlight.tasks.classification import measure

    return measure(probabilities, labels)


def build(
    root: Path,
    *,
    classes: tuple[str, ...] = tuple(f"class {i}" for i in range(10)),
    rows: int = 500,
    epochs: int = 8,
    skill: float = 4.0,
    seed: int = 42,
    target: float | None = 0.85,
    utilization: float | None = 0.83,
    alarm: str | None = None,
    ids: tuple[str, ...] | None = None,
) -> Folder:
    """Writes what a run leaves: config, environment, logs, predictions, small images."""
    root.mkdir(parents=True)
    folder = Folder(root)
    config = Config.model_validate(
        {
            "data": {"source": "photos", "task": "image_classification", "classes": list(classes)},
            "model": {"name": "small_cnn", "width": 1.0},
            "training": {"epochs": epochs, "learning_rate": 0.01},
            "seed": seed,
            "acceptance": {"metric": "val_accuracy" if target else None, "at_least": target},
        }
    )
    store.write_text(folder.config, render_config(config, {"training.epochs": "fits the budget"}))
    store.write_json(
        folder.environment,
        {
            "format": 1,
            "python": "3.11.7",
            "packages": {f"package-{i}": "1.0" for i in range(200)},
            "hardware": {"processor": "a processor", "cores": 2},
            "git": None,
        },
    )
    store.write_json(folder.profile, {"rows": 10 * rows, "classes": len(classes), "duplicates": 3})
    records_io.write_preflight(
        folder.preflight,
        (
            CheckLine(id="one_batch", level="ok", message="one batch was learnt to loss 0.01", value=0.01),
            CheckLine(
                id="loader_speed",
                level="warning",
                message="the loader gives 900 images/s",
                value=900.0,
                remedy="cache the decoded images",
                page="resource_inefficiency",
            ),
        ),
        12.5,
    )
    labels, probabilities = predictions(rows, len(classes), seed=1, skill=skill)
    correct = probabilities.argmax(axis=1) == labels
    weaker = correct & (np.random.default_rng(2).random(rows) < 0.5)
    records_io.write_references(
        folder.references,
        (
            Reference(
                name="majority",
                metrics={"val_accuracy": float((labels == 0).mean()), "val_loss": 2.31},
                seconds=0.01,
                correct=tuple((labels == 0).tolist()),
            ),
            Reference(
                name="logistic_regression",
                metrics={"val_accuracy": float(weaker.mean()), "val_loss": 1.5},
                seconds=3.2,
                note="fitted on 2,000 rows",
                correct=tuple(weaker.tolist()),
            ),
        ),
    )
    final = metrics_of(labels, probabilities)
    best_epoch = max(1, epochs - 1)
    _epochs(folder, epochs, best_epoch, final, utilization, diverged=alarm is not None)
    records_io.write_plan(
        folder.plan,
        12,
        40,
        (PlanChange(step=80, epochs=epochs, total_steps=40 * epochs, reason="400 s predicted, 300 s left"),),
    )
    records_io.write_outcome(
        folder.outcome,
        Outcome(
            state="halted" if alarm else "completed",
            reason="the loss is not finite" if alarm else "the plan was carried out",
            epochs_run=epochs,
            epochs_planned=epochs,
            best_epoch=best_epoch,
            best_metrics=final,
            metric="val_loss",
            train_seconds=31.5 * epochs,
            command_seconds=35.0 * epochs + 60,
            utilization=None
            if utilization is None
            else {"mean": utilization, "min": utilization / 2, "samples": 480.0, "others": 0.1},
            utilization_note="processor time of this process over its capacity: 2 of 2 cores"
            if utilization is not None
            else "not measurable: no counter is known for the device mps",
            reloaded_metrics={} if alarm else final,
            alarm=alarm,
            alarm_detail="the loss was nan at step 97" if alarm else None,
            parameters=1_234_567,
            machine={"device": "cpu", "threads": "2 (measured: 2 is fastest)", "compute": "fp32 (measured)"},
        ),
    )
    store.write_json(
        folder.manifest,
        {
            "format": 1,
            "files": {
                "best_model.pt": {
                    "sha256": "ab" * 32,
                    "bytes": 5_000_000,
                    "step": 40 * best_epoch,
                    "epoch": best_epoch,
                },
                "last_model.pt": {
                    "sha256": "cd" * 32,
                    "bytes": 5_000_000,
                    "step": 40 * epochs,
                    "epoch": epochs,
                },
            },
        },
    )
    names = np.array(
        ids if ids is not None else [f"class {label}/{i}.png" for i, label in enumerate(labels)],
        dtype=np.str_,
    )
    store.write_npz(
        folder.predictions,
        {
            "task": np.array("classification"),
            "ids": names,
            "targets": labels,
            "predictions": probabilities,
            "classes": np.array(classes, dtype=np.str_),
        },
    )
    own = probabilities[np.arange(rows), labels]
    worst = np.argsort(own)[:24]
    worst = worst[~correct[worst]]
    images = np.random.default_rng(3).integers(0, 256, size=(len(worst), 16, 16, 3), dtype=np.uint8)
    store.write_npz(folder.worst_images, {"images": images, "ids": names[worst]})
    return folder


def _epochs(
    folder: Folder,
    epochs: int,
    best: int,
    final: dict[str, float],
    utilization: float | None,
    *,
    diverged: bool,
) -> None:
    """A curve that falls and flattens; the best epoch has the metrics of the predictions."""
    file = MetricsFile(folder.metrics)
    chosen = {}
    for epoch in range(1, epochs + 1):
        lag = 0 if epoch == best else 0.9 * np.exp(-0.5 * epoch) + 0.01
        chosen[epoch] = {n: float(v + lag * (2 if n == "val_loss" else -0.4 * v)) for n, v in final.items()}
    for epoch, metrics in chosen.items():
        last = diverged and epoch == epochs
        file.append(
            EpochRecord(
                epoch=epoch,
                step=40 * epoch,
                train_loss=float("nan") if last else float(2.3 * np.exp(-0.4 * epoch) + 0.05),
                learning_rate=0.01 * (1 - (epoch - 1) / epochs),
                grad_norm=1.3 / epoch,
                grad_norm_max=float("inf") if last else 3.1 / epoch,
                seconds=30.0 + epoch % 3,
                validation_seconds=1.5,
                examples_per_second=1600.0 + 10 * epoch,
                data_wait=0.012,
                utilization=utilization,
                memory_bytes=800_000_000,
                metrics={n: float("nan") for n in metrics} if last else metrics,
            )
        )


@pytest.fixture
def build_experiment(tmp_path: Path) -> BuildExperiment:
    """Writes an experiment folder with the given properties below the test's own folder."""

    def make(name: str = "run", **properties: Any) -> Folder:
        return build(tmp_path / name, **properties)

    return make


@pytest.fixture(scope="session")
def build_at() -> BuildExperiment:
    """The same at any path, for folders that several tests read."""
    return build
