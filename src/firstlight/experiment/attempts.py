"""An automatic restart is a new attempt; the one before is kept whole, nothing is overwritten.

    attempts/1/  training_config.yaml, environment.json, logs/, checkpoints/, plots/, reports, attempt.json

Checkpoints and logs are moved by renaming; the few small files that both attempts need are copied.
"""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path
from typing import Any

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.folder import Folder

RECORD = "attempt.json"
STAGING = ".archiving"  # an attempt that is half moved; a kill leaves it, and the next call goes on with it
# What is the same for every attempt: setup, and what was found out about data and references before training.
_KEPT_LOGS = ("profile.json", "preflight.json", "references.json")


def archive_attempt(
    folder: Folder, reason: str, *, cause: str = "nan_loss", config: str | None = None
) -> int:
    """Moves the present attempt to attempts/N and leaves the folder ready for the next.

    Config, environment, split, profile, preflight and references stay, and are in the archive too.
    Checkpoints, metrics, plan, outcome, log and reports move; `Folder(attempts/N)` names them there.

    Args:
        folder: The experiment, with its lock held.
        reason: Why there is a new attempt, a sentence with its number.
        cause: Page of the handbook that the reason belongs to.
        config: The next attempt's training_config.yaml; None leaves it as it is.

    Returns:
        N, from 1.

    Raises:
        OSError: The disk refused; the next call goes on where this one stopped.
    """
    number = len(archived(folder)) + 1
    staging = folder.attempts / STAGING
    staging.mkdir(parents=True, exist_ok=True)
    archive = Folder(staging)
    record = {
        "format": 1,
        "attempt": number,
        "reason": reason,
        "cause": cause,
        "next_config": config,
        "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "paths": "relative paths in training_config.yaml are relative to the experiment, two folders up",
    }
    store.write_json(staging / RECORD, record)
    for path in (folder.config, folder.environment, folder.splits, folder.status, folder.patch):
        _copy(path, staging / path.name)
    for name in _KEPT_LOGS:
        archive.logs.mkdir(exist_ok=True)
        _copy(folder.logs / name, archive.logs / name)
    for path in tuple(folder.logs.iterdir()) if folder.logs.is_dir() else ():
        if path.name not in _KEPT_LOGS:
            os.replace(path, _free(archive.logs / path.name))
    _copy_all(folder.checklists, archive.checklists)
    for path in (folder.checkpoints, folder.plots, folder.results, folder.report):
        if path.exists() and not (staging / path.name).exists():
            os.replace(path, staging / path.name)
    if config is not None:
        store.write_text(folder.config, config)
    os.rename(staging, folder.attempts / str(number))
    folder.checkpoints.mkdir(exist_ok=True)
    store.sync_folder(folder.attempts)
    store.sync_folder(folder.root)
    return number


def finish_archiving(folder: Folder) -> bool:
    """Goes on with an archiving that a kill interrupted; says whether there was one. Call it with the lock held."""
    staging = folder.attempts / STAGING
    if not staging.is_dir():
        return False
    try:
        record = store.read_json(staging / RECORD)
        reason, cause, config = record["reason"], record["cause"], record["next_config"]
    except (OSError, ValueError, KeyError, TypeError):
        staging.rmdir()  # nothing was moved yet: the record comes first
        return False
    archive_attempt(folder, reason, cause=cause, config=config)
    return True


def archived(folder: Folder) -> tuple[Folder, ...]:
    """The earlier attempts, oldest first."""
    if not folder.attempts.is_dir():
        return ()
    numbers = sorted(int(p.name) for p in folder.attempts.iterdir() if p.name.isdecimal() and p.is_dir())
    return tuple(Folder(folder.attempts / str(n)) for n in numbers)


def reason_of(attempt: Folder) -> str:
    """Why an archived attempt was given up.

    Raises:
        ResumeRefused: Its record cannot be read.
    """
    return str(_recorded(attempt, "reason"))


def cause_of(attempt: Folder) -> str:
    """The page of the handbook that the reason belongs to, such as `nan_loss`.

    Raises:
        ResumeRefused: Its record cannot be read.
    """
    return str(_recorded(attempt, "cause"))


def next_config_of_newest(folder: Folder) -> str | None:
    """The config that the newest archiving wrote for the attempt after it; None when it wrote none.

    Raises:
        ResumeRefused: The record cannot be read.
    """
    earlier = archived(folder)
    config: str | None = _recorded(earlier[-1], "next_config") if earlier else None
    return config


def _recorded(attempt: Folder, key: str) -> Any:
    path = attempt.root / RECORD
    try:
        return store.read_json(path)[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResumeRefused(
            "the record of an earlier attempt cannot be read", f"{path}: {error}", "restore the file"
        ) from None


def _free(path: Path) -> Path:
    """The name itself or, when it is staged already, training-2.log: what came after a stop replaces nothing."""
    names = (path if n == 1 else path.with_stem(f"{path.stem}-{n}") for n in itertools.count(1))
    return next(name for name in names if not name.exists())


def _copy(path: Path, to: Path) -> None:
    if path.is_file() and not to.exists():
        store.write_bytes(to, path.read_bytes())


def _copy_all(folder: Path, to: Path) -> None:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        _copy(path, to / path.name)
