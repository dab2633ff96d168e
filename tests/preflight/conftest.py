"""Small real jobs on scikit-learn's digits, whole or with one thing broken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from made import image_examples
from sklearn.datasets import load_digits

from firstlight.config.schema import Config
from firstlight.data.examples import Examples, Split
from firstlight.experiment.folder import Folder
from firstlight.kinds.kind import dataset
from firstlight.machine.choices import Machine
from firstlight.training.job import Job, build_job

ROWS = 600  # 460 for training, 80 for validation, 60 sealed
SETTINGS = {"model": {"name": "small_cnn", "width": 0.25}, "parallel": {"device": "cpu", "threads": 1}}


def examples_of(pixels: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> Examples:
    digests = np.array([hashlib.sha256(p.tobytes()).digest() for p in pixels], dtype="S32")
    return image_examples(pixels, labels, classes, source="sample:digits", digests=digests)


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
        data = dataset(examples or digits, split_as or split)
        return build_job(config, data, machine, Folder(tmp_path))

    return make


@pytest.fixture
def job(make_job: Callable[..., Job]) -> Job:
    return make_job()
