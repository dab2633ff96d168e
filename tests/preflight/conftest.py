"""Small real jobs on scikit-learn's digits, whole or with one thing broken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from firstlight.config.schema import Config
from firstlight.data.examples import Examples, Split
from firstlight.experiment.folder import Folder
from firstlight.machine.choices import Machine
from firstlight.training.job import Job, build_job

ROWS = 600  # 460 for training, 80 for validation, 60 sealed
SETTINGS = {"model": {"name": "small_cnn", "width": 0.25}, "parallel": {"device": "cpu", "threads": 1}}


def examples_of(pixels: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> Examples:
    rows = len(pixels)
    return Examples(
        source="sample:digits",
        ids=tuple(f"row-{i}" for i in range(rows)),
        labels=labels.astype(np.int64),
        classes=classes,
        parts=np.full(rows, -1, np.int8),
        pixels=pixels,
        digests=np.array([hashlib.sha256(p.tobytes()).digest() for p in pixels], dtype="S32"),
        original_sizes=np.tile(np.array([pixels.shape[1:3]], np.int32), (rows, 1)),
        modes={"array": rows},
        skipped=(),
        ignored=(),
        notes=(),
        fingerprint="0" * 64,
    )


@pytest.fixture(scope="session")
def digits() -> Examples:
    data = load_digits()
    pixels = np.round(data.images[:ROWS] / 16 * 255).astype(np.uint8)[..., None]
    return examples_of(pixels, data.target[:ROWS], tuple("0123456789"))


@pytest.fixture(scope="session")
def split() -> Split:
    order = np.random.default_rng(0).permutation(ROWS)
    return Split(
        train=np.sort(order[:460]),
        val=np.sort(order[460:540]),
        test=np.sort(order[540:]),
        method="stratified",
    )


@pytest.fixture
def make_job(digits: Examples, split: Split, tmp_path: Path) -> Callable[..., Job]:
    """make_job(training={...}, examples=..., split=...) -> a job in a fresh folder."""

    def make(*, examples: Examples | None = None, split_as: Split | None = None, **sections: object) -> Job:
        config = Config.model_validate(SETTINGS | sections)
        torch.set_num_threads(1)
        machine = Machine(
            device=torch.device("cpu"),
            threads=1,
            compute="fp32",
            channels_last=True,
            deterministic=True,
            reasons={},
        )
        return build_job(config, examples or digits, split_as or split, machine, Folder(tmp_path))

    return make


@pytest.fixture
def job(make_job: Callable[..., Job]) -> Job:
    return make_job()
