"""Utilization of the device that trains, sampled while it works.

On NVIDIA: the share of time in which a kernel ran, from NVML. On a processor: the processor time of this
process over the
capacity it had, which is its threads, or fewer when other processes held cores (their share is kept beside
it). Elsewhere
it is not measurable, and that is said.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firstlight.machine.choices import Machine

SMALLEST_CAPACITY = 0.25  # cores left by other processes; below this a share would be noise (judgement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Utilization over the time since the reading before."""

    share: float | None  # 0..1
    others: float  # cores that other processes used meanwhile


@dataclass(slots=True, kw_only=True)
class Utilization:
    """Reads utilization when asked; keeps the samples."""

    device: str  # "cpu", "cuda", ...
    threads: int
    cores: int
    note: str
    samples: list[Reading] = field(default_factory=list)
    _wall: float = 0.0
    _own: float = 0.0
    _busy: float = 0.0
    _nvml: object | None = None

    def read(self) -> Reading:
        """One sample; the interval since the last one should be some tenths of a second at least."""
        reading = self._read_nvml() if self._nvml is not None else self._read_processor()
        self.samples.append(reading)
        return reading

    def mean(self, since: int = 0) -> float | None:
        """Mean share of the samples from index `since` on; None when there is none."""
        shares = [s.share for s in self.samples[since:] if s.share is not None]
        return sum(shares) / len(shares) if shares else None

    def summary(self) -> dict[str, float] | None:
        """mean, min, samples, others; None when not measurable."""
        shares = [s.share for s in self.samples if s.share is not None]
        if not shares:
            return None
        others = sum(s.others for s in self.samples) / len(self.samples)
        return {
            "mean": sum(shares) / len(shares),
            "min": min(shares),
            "samples": float(len(shares)),
            "others": others,
        }

    def explained(self) -> str:
        """How it was measured, or why it could not be."""
        if self.device == "cpu" and self.samples and self.summary() is None:
            return "not measurable: other processes held the cores all the time"
        return self.note

    def start(self) -> None:
        """Begins the first interval."""
        self._wall, self._own, self._busy = time.monotonic(), time.process_time(), _busy_seconds()

    def _read_processor(self) -> Reading:
        wall, own, busy = time.monotonic(), time.process_time(), _busy_seconds()
        seconds = max(wall - self._wall, 1e-9)
        used = (own - self._own) / seconds
        others = max(0.0, (busy - self._busy) / seconds - used)
        self._wall, self._own, self._busy = wall, own, busy
        if self.device != "cpu":
            return Reading(share=None, others=others)
        capacity = min(self.threads, self.cores - others)
        share = min(1.0, used / capacity) if capacity >= SMALLEST_CAPACITY else None
        return Reading(share=share, others=others)

    def _read_nvml(self) -> Reading:
        import pynvml

        try:
            share = pynvml.nvmlDeviceGetUtilizationRates(self._nvml).gpu / 100
        except pynvml.NVMLError as error:  # a part of a GPU (MIG, vGPU) has no counter
            self._nvml, self.note = None, f"not measurable: NVML says {error}"
            return Reading(share=None, others=0.0)
        return Reading(share=share, others=0.0)


def utilization_of(machine: Machine) -> Utilization:
    """A sampler for the device of the run."""
    from firstlight.machine.choices import allotted_cores

    cores = allotted_cores()
    meter = Utilization(device=machine.device.type, threads=machine.threads, cores=cores, note="")
    if machine.device.type == "cpu":
        meter.note = (
            f"processor time of this process over its capacity: {machine.threads} of {cores} cores, "
            "less what other processes took"
        )
    elif machine.device.type == "cuda":
        meter._nvml, meter.note = _nvml_handle(machine.device.index or 0)
    else:
        meter.note = f"not measurable: no counter is known for the device {machine.device.type}"
    meter.start()
    return meter


def _nvml_handle(index: int) -> tuple[object | None, str]:
    import pynvml
    import torch

    try:
        pynvml.nvmlInit()
        uuid = torch.cuda.get_device_properties(index).uuid
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    except (pynvml.NVMLError, AttributeError) as error:
        return None, f"not measurable: NVML says {error}"
    return handle, "share of time in which a kernel ran, from NVML"


def _busy_seconds() -> float:
    """Processor seconds that all processes of the machine have used since boot."""
    import psutil

    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
