"""When a run is saved, and what happens when the disk refuses.

A refusal does not end training: what could not be written waits in memory and is tried again with the next save. Only
at the end of the run, when the result would be lost, is it an error.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firstlight.errors import ResourceError
from firstlight.text import count, duration, size, visible
from firstlight.training import checkpoint
from firstlight.watch.alarms import spoiled

if TYPE_CHECKING:
    from pathlib import Path

    from firstlight.training.job import Job
    from firstlight.training.state import TrainingState
    from firstlight.watch.alarms import Alarm
    from firstlight.watch.progress import Progress

SAVE_SECONDS = 30.0  # of work that a kill may cost at most, or one step if that takes longer
SHORT = 3  # checkpoints of free space below which a person is told: best, last, and one being written


@dataclass(slots=True, kw_only=True)
class Saver:
    """Saves the states of one run.

    Attributes:
        job: The run.
        started: Monotonic seconds at which the budget began.
        progress: Told of every save, and of what the disk refused.
        seconds: What the last save took; 0 before the first.
        tried: Monotonic seconds of the last try.
    """

    job: Job
    started: float
    progress: Progress
    seconds: float = 0.0
    tried: float = field(default_factory=time.monotonic)
    _waiting: dict[Path, checkpoint.Packed] = field(default_factory=dict)
    _saved_step: int = 0
    _told_short: bool = False

    def due(self, now: float) -> bool:
        """Whether a state inside an epoch is to be saved."""
        return now - self.tried >= SAVE_SECONDS and self.job.config.checkpointing.save_last

    def save(self, state: TrainingState, names: tuple[str, ...]) -> Alarm | None:
        """Saves the state as `best`, `last` or under a number of epochs, after a look at its weights.

        When the disk refuses, it is tried again with the next save.

        Returns:
            The alarm when a weight is not finite; then nothing is saved. None when all is well.

        Raises:
            ResourceError: The memory does not suffice, or the folder is gone.
        """
        alarm = spoiled(state.step, state.model)
        if alarm is not None:
            return alarm
        began = time.monotonic()
        folder = self.job.folder
        state.used_seconds = began - self.started
        places = {"best": folder.best, "last": folder.last}
        paths = [places.get(name) or folder.periodic(int(name)) for name in names]
        packed = self._pack(state, paths)
        self._waiting |= dict.fromkeys(paths, packed)
        written = self._write()
        self.tried = time.monotonic()
        self.seconds = self.tried - began
        if written:
            self._saved_step = state.step
            self.progress.detail(f"saved step {state.step} in {duration(self.seconds)}")
            self._look_at_space(len(packed.content))
        return None

    def finish(self) -> None:
        """Writes what still waits; a checkpoint of every so many epochs is then given up.

        Raises:
            ResourceError: The disk still refuses best or last.
        """
        if self._waiting and not self._write():
            folder = self.job.folder
            sizes = sum(len(one.content) for one in self._waiting.values())
            raise ResourceError(
                "the checkpoints of the run cannot be written",
                f"{visible(str(folder.checkpoints))}: {size(sizes)} needed, {size(_free(folder.root))} free; "
                f"saved before: {self._saved()}",
                f"make room, then firstlight train {visible(str(folder.root))} --resume",
            )
        for path in self._waiting:
            self.progress.warn(f"{path.name} is left out: the disk refused it to the end")
        self._waiting.clear()

    def _pack(self, state: TrainingState, paths: list[Path]) -> checkpoint.Packed:
        """The state as bytes; when memory is short, once more without what it replaces."""
        for again in (True, False):
            try:
                return checkpoint.pack(
                    state.to_checkpoint(self.job.config.model_dump(mode="json"), self.job.meta)
                )
            except MemoryError:
                if not again:
                    break
            for path in paths:
                self._waiting.pop(path, None)
        raise ResourceError(
            "the memory does not suffice to save a checkpoint",
            f"step {state.step}; saved before: {self._saved()}",
            f"end other programs, then firstlight train {visible(str(self.job.folder.root))} --resume",
        )

    def _write(self) -> bool:
        """Writes what waits; whether best and last are on the disk now."""
        self._keep_few()
        try:
            refused = checkpoint.write(self.job.folder, self._waiting)
        except OSError as error:
            names = ", ".join(sorted(path.name for path in self._waiting))
            self.progress.warn(
                f"{names} not saved: {error.strerror or error}; training goes on, saved before: {self._saved()}"
            )
            return False
        for path, reason in refused.items():
            self.progress.warn(f"{path.name} not saved: {reason.strerror or reason}; training goes on")
        self._waiting = {path: one for path, one in self._waiting.items() if path in refused}
        return True

    def _keep_few(self) -> None:
        """Of the checkpoints of every so many epochs only the newest waits: memory would fill, as the disk did."""
        folder = self.job.folder
        periodic = [path for path in self._waiting if path not in (folder.best, folder.last)]
        for path in sorted(periodic, key=lambda path: int(self._waiting[path].entry["step"]))[:-1]:
            del self._waiting[path]
            self.progress.warn(f"{path.name} is left out: the disk refused it until the next one came")

    def _saved(self) -> str:
        return f"step {self._saved_step}" if self._saved_step else "nothing"

    def _look_at_space(self, needed: int) -> None:
        """Tells once that the disk is nearly full."""
        free = _free(self.job.folder.root)
        if free < SHORT * needed and not self._told_short:
            self._told_short = True
            self.progress.warn(
                f"the disk is nearly full: {size(free)} free, {count(SHORT, 'checkpoint')} need {size(SHORT * needed)}"
            )


def _free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
