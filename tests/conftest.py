"""Experiment folders as a run leaves them, made through the write layer; their numbers are test input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_answers import TARGET_STD, TASK_METRIC, answers, metrics_of, simple_models

from firstlight.config.schema import Config
from firstlight.config.write import render_config
from firstlight.experiment import records_io, store
from firstlight.experiment.folder import Folder
from firstlight.experiment.metrics import write_metrics
from firstlight.experiment.records import CheckLine, EpochRecord, Outcome, PlanChange

BuildExperiment = Callable[..., Folder]


def build(
    root: Path,
    *,
    task: str = "classification",
    metric: str | None = None,
    classes: tuple[str, ...] = tuple(f"class {i}" for i in range(10)),
    rows: int = 500,
    epochs: int = 8,
    skill: float = 4.0,
    seed: int = 42,
    target: float | None = 0.85,
    utilization: float | None = 0.83,
    alarm: str | None = None,
    ids: tuple[str, ...] | None = None,
    groups: np.ndarray[Any, Any] | None = None,
) -> Folder:
    """Writes what a run leaves: config, environment, logs, predictions, small images."""
    root.mkdir(parents=True)
    folder = Folder(root)
    classes = () if task == "regression" else classes
    kind = "image" if task == "classification" else "table"
    config = Config.model_validate(
        {
            "data": {"source": "photos", "task": f"{kind}_{task}", "classes": list(classes) or None},
            "model": {"name": "small_cnn" if kind == "image" else "table_mlp", "width": 1.0},
            "training": {"epochs": epochs, "learning_rate": 0.01},
            "seed": seed,
            "acceptance": {"metric": metric or (TASK_METRIC[task] if target else None), "at_least": target},
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
    targets, predicted = answers(task, rows, len(classes), seed=1, skill=skill)
    records_io.write_references(folder.references, simple_models(folder, task, targets, predicted))
    final = metrics_of(task, targets, predicted)
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
    places = targets.astype(int) if task == "classification" else np.arange(rows)
    stems = [f"class {place}/{i}.png" if kind == "image" else f"row-{i}" for i, place in enumerate(places)]
    names = np.array(ids if ids is not None else stems, dtype=np.str_)
    arrays = {
        "task": np.array(task),
        "ids": names,
        "targets": targets,
        "predictions": predicted,
        "classes": np.array(classes, dtype=np.str_),
    }
    if task == "regression":
        arrays["target_std"] = np.array(TARGET_STD)
    if groups is not None:
        arrays["groups"] = groups
    store.write_npz(folder.predictions, arrays)
    if kind == "image":
        _images(folder, names, targets, predicted)
    return folder


def _images(
    folder: Folder, names: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]
) -> None:
    """Small pictures of the rows that are most wrong."""
    worst = np.argsort(predicted[np.arange(len(labels)), labels])[:24]
    worst = worst[predicted[worst].argmax(axis=1) != labels[worst]]
    images = np.random.default_rng(3).integers(0, 256, size=(len(worst), 16, 16, 3), dtype=np.uint8)
    store.write_npz(folder.worst_images, {"images": images, "ids": names[worst]})


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
    records: list[EpochRecord] = []
    chosen = {}
    for epoch in range(1, epochs + 1):
        lag = 0 if epoch == best else 0.9 * np.exp(-0.5 * epoch) + 0.01
        chosen[epoch] = {n: float(v + lag * (2 if n == "val_loss" else -0.4 * v)) for n, v in final.items()}
    for epoch, metrics in chosen.items():
        last = diverged and epoch == epochs
        records.append(
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
    write_metrics(folder.metrics, records)


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


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A real experiment on a small table after phase 1, made once; tests that change it work on a copy."""
    from small_experiment import make  # it imports torch, which most tests do without

    return make(tmp_path_factory.mktemp("small"))
