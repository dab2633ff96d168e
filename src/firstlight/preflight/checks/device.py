"""The device that trains is the one that should.

**Shows** device, threads, number format and layout with the reasons that setup gave, and how many cores other
programs use at this moment.

**Thresholds** A GPU that is there and not used is a warning. So are other programs on more than half of the
cores (judgement): then the predicted finish depends on them.

**What to do** `parallel.device: auto`; a PyTorch that was built for the GPU; wait for the other programs, or
take fewer threads.
"""

from __future__ import annotations

import time

from firstlight.machine.choices import allotted_cores, available_devices
from firstlight.preflight.check import Bench, Check, Finding, ok, warning
from firstlight.text import number
from firstlight.watch.hardware import utilization_of

BUSY_SHARE = 0.5  # of the cores
LOOK_SECONDS = 0.3  # the kernel counts processor time in hundredths


def run(bench: Bench) -> Finding:
    """Asks the machine; sleeps a moment to see what others do."""
    machine = bench.job.machine
    meter = utilization_of(machine)
    time.sleep(LOOK_SECONDS)
    others = meter.read().others
    cores = allotted_cores()
    said = ", ".join(f"{key} {value}" for key, value in machine.described().items())
    said += f"; other programs use {number(round(others, 1))} of {cores} cores"
    idle = _idle_gpu() if machine.device.type == "cpu" else None
    if idle is not None:
        return warning(
            f"{said}; {idle}",
            str(machine.device),
            remedy="parallel.device: auto",
            page="resource_inefficiency",
        )
    if machine.device.type == "cpu" and others > BUSY_SHARE * cores:
        return warning(
            f"{said}: the run will be slower than alone",
            others,
            remedy="wait for them, or end them; a plan that becomes too long is shortened",
            page="resource_inefficiency",
        )
    return ok(said, str(machine.device))


def _idle_gpu() -> str | None:
    """A GPU that the run does not use, as a phrase."""
    others = [device for device in available_devices() if device != "cpu"]
    if others:
        return f"{others[0]} is there and not used"
    import pynvml

    try:
        pynvml.nvmlInit()
        found = pynvml.nvmlDeviceGetCount()
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:  # no driver: no NVIDIA device
        return None
    return "an NVIDIA GPU is there, this PyTorch was built without it" if found else None


CHECK = Check(run=run, order=150, share=0.5, steps=False)
