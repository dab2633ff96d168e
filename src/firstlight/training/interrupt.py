"""Signals become a flag; the loop looks at it between two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any


@dataclass(slots=True)
class Stop:
    """Set by the first SIGINT, SIGTERM, SIGHUP or SIGUSR1, which SLURM sends before it ends a job."""

    number: int | None = None
    handlers: dict[int, Any] = field(default_factory=dict)  # signal -> ours

    @property
    def requested(self) -> bool:
        """Whether the run should save its state and end."""
        return self.number is not None

    @property
    def exit_code(self) -> int:
        """130 for SIGINT, 143 for the others (128 + the signal's number, all treated as SIGTERM)."""
        return 130 if self.number == signal.SIGINT else 143

    def heard_again(self) -> tuple[str, ...]:
        """Puts our handlers back where other code took their place; the names of those signals."""
        taken = [number for number, ours in self.handlers.items() if signal.getsignal(number) is not ours]
        for number in taken:
            signal.signal(number, self.handlers[number])
        return tuple(signal.Signals(number).name for number in taken)


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Catches the signals for the length of the block; a second SIGINT leaves at once by KeyboardInterrupt.

    Outside the main thread Python takes no signal handlers; then nothing is caught.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.number = number

    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    # What is ignored stays ignored: `nohup` means that a closed terminal does not end the run.
    heard = [number for number in caught if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heard}
    stop.handlers = dict.fromkeys(heard, handle)
    try:
        yield stop
    finally:
        stop.handlers = {}
        for number, handler in before.items():
            signal.signal(number, handler)
