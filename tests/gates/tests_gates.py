"""An experiment whose two gates are open, as a sound run leaves it; the numbers are test input, not results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from firstlight.config.read import read_config
from firstlight.config.schema import Config
from firstlight.config.write import render_config
from firstlight.decision.rules import Evidence, decide
from firstlight.experiment import records_io, store
from firstlight.experiment.environment import read_environment, write_environment
from firstlight.experiment.folder import Folder
from firstlight.experiment.gate import SETUP_FILES, hashes
from firstlight.results.evidence import evidence
from firstlight.results.facts import read_facts

MACHINE = {"device": "cpu", "threads": "2 (measured: 2 is fastest)", "compute": "fp32 (measured)"}


def write_setup(folder: Folder) -> None:
    """What phase 1 leaves."""
    change_config(folder, **RESOLVED)
    parts = {"train": 80, "val": 10, "test": 10}
    ids = iter(range(100))
    split = store.write_npz(
        folder.splits,
        {f"{name}_ids": np.array([f"a/{next(ids)}.png" for _ in range(n)]) for name, n in parts.items()},
    )
    write_environment(
        folder,
        {
            "python": "3.11.7",
            "torch": "2.13.0",
            "os": "an operating system",
            "packages": {"numpy": "2.3.0", "torch": "2.13.0"},
            "hardware": {
                "processor": "a processor",
                "allotted_cores": 2,
                "memory_bytes": 1e9,
                "threads": 2,
                "gpus": [],
            },
            "determinism": {"algorithms": True, "cudnn_deterministic": True, "cudnn_benchmark": False},
            "known_values": True,
            "variables": {"OMP_NUM_THREADS": "2"},
            "git": {
                "commit": "ab" * 20,
                "branch": "main",
                "dirty": True,
                "changed": ["a.py"],
                "patch": "+x\n",
            },
            "seeds": [
                "Python: seed 42, first value 0.6",
                "NumPy: seed 42, first value 0.3",
                "torch: seed 42, first",
            ],
            "run_id": "0123456789abcdef",
            "data": {"source": "photos", "fingerprint": "cd" * 32, "rows": 100},
            "split": {"sha256": split, "method": "stratified"},
            "machine": MACHINE,
        },
    )
    store.write_json(
        folder.profile,
        {"rows": 100, "across_splits": 0, "batch_read": {"rows": 32, "form": "3 x 8 x 8", "finite": True}},
    )


RESOLVED: dict[str, dict[str, Any]] = {
    "model": {"name": "small_cnn", "width": 1.0},
    "augmentation": {"horizontal_flip": "none", "shift_pixels": 1},
    "precision": {"compute": "fp32", "channels_last": True, "deterministic": True},
    "parallel": {"device": "cpu", "threads": 2},
    "checkpointing": {"checkpoint_every_n_epochs": 4},
}


def change_config(folder: Folder, **sections: dict[str, Any]) -> None:
    """Writes the config with other values."""
    plain = read_config(folder.config).config.model_dump()
    for section, values in sections.items():
        plain[section] |= values
    store.write_text(folder.config, render_config(Config.model_validate(plain), {}))


def change_environment(folder: Folder, **values: Any) -> None:
    """Writes the environment with other values."""
    store.write_json(folder.environment, read_environment(folder) | values)


def change_outcome(folder: Folder, **values: Any) -> None:
    """Writes the outcome with other values."""
    records_io.write_outcome(folder.outcome, replace(records_io.read_outcome(folder.outcome), **values))


def write_training(folder: Folder) -> None:
    """What phase 2 leaves besides the logs: checkpoints, log, decision, report."""
    files = {}
    best = records_io.read_outcome(folder.outcome).best_epoch
    epochs = {"best_model": best, "last_model": 8, "checkpoint_epoch_4": 4, "checkpoint_epoch_8": 8}
    for name, epoch in ((f"{stem}.pt", epoch) for stem, epoch in epochs.items()):
        digest = store.write_bytes(folder.checkpoints / name, f"weights of {name}".encode())
        files[name] = {"sha256": digest, "previous": None, "bytes": 20, "step": 40 * epoch, "epoch": epoch}
    store.write_json(folder.manifest, {"format": 1, "files": files})
    store.append_line(folder.log, "training began")
    change_outcome(folder, machine=MACHINE, inputs=hashes(folder, SETUP_FILES))
    write_decision(folder)
    store.write_text(folder.results, "# Baseline\n")


def write_decision(folder: Folder) -> None:
    """The verdict that the files give."""
    records_io.write_decision(folder.decision, decide(Evidence(**evidence(read_facts(folder)))))
