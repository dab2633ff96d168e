"""How this machine computes: device, threads, number format and memory layout, each with the reason for the choice."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from firstlight.errors import UsageError

if TYPE_CHECKING:
    import torch

    from firstlight.config.schema import Config

Compute = Literal["fp32", "bf16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The choices under which every step of a run is made."""

    device: torch.device
    threads: int
    compute: Compute
    channels_last: bool
    deterministic: bool
    reasons: Mapping[str, str]

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context in which the forward pass runs."""
        import torch

        if self.compute == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def described(self) -> dict[str, str]:
        """Each choice with its reason, for the log and the report."""
        values = {
            "device": str(self.device),
            "threads": str(self.threads),
            "compute": self.compute,
            "channels_last": "yes" if self.channels_last else "no",
            "deterministic": "yes" if self.deterministic else "no",
        }
        return {
            key: f"{value} ({self.reasons[key]})" if key in self.reasons else value
            for key, value in values.items()
        }


def allotted_cores() -> int:
    """Processor cores that this process may use (affinity mask, not the machine's total)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def available_devices() -> tuple[str, ...]:
    """Names that `parallel.device` may have here."""
    import torch

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return tuple(devices)


def choose_device(wanted: str) -> torch.device:
    """The device of the run; `auto` takes an accelerator when there is one.

    Raises:
        UsageError: The device is not there.
    """
    import torch

    devices = available_devices()
    if wanted == "auto":
        return torch.device(next((d for d in devices if d != "cpu"), "cpu"))
    if wanted not in devices:
        raise UsageError(
            "the device is not there",
            f"parallel.device = {wanted!r}",
            f"use one of: auto, {', '.join(devices)}",
        )
    return torch.device(wanted)


def machine_of(config: Config) -> Machine:
    """The machine as a resolved config states it; what is still `auto` takes the safe value.

    Setup replaces `auto` by what it measured (see `setup.measure`), so that a repeated run makes the same
    choices.
    """
    import torch

    from firstlight.machine.seeds import deterministic

    device = choose_device(config.parallel.device)
    on_processor = device.type == "cpu"
    threads = config.parallel.threads if config.parallel.threads != "auto" else allotted_cores()
    torch.set_num_threads(threads)
    strict = on_processor if config.precision.deterministic == "auto" else config.precision.deterministic
    deterministic(strict)
    return Machine(
        device=device,
        threads=threads,
        compute="fp32" if config.precision.compute == "auto" else config.precision.compute,
        channels_last=True if config.precision.channels_last == "auto" else config.precision.channels_last,
        deterministic=strict,
        reasons={},
    )
