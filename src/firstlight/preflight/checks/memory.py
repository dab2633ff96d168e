"""The run fits into memory.

**Shows** the peak of real steps at the full batch, what a validation and a checkpoint need on top, and the
memory that is free: of the device on CUDA, otherwise of the machine, or what the process's own limits
(control group, address space) leave of it, whichever is less.

**Thresholds** Failed when what is predicted to come on top is more than what is free; a warning above 80 % of
it (judgement: other programs grow too).

**What to do** `train` computes each batch in more parts by itself (`parallel.micro_batches`), as a recorded attempt. A
smaller `training.batch_size` or a narrower `model.width` need less too; close other programs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from firstlight.preflight.check import Bench, Check, Finding, failed, ok, warning
from firstlight.text import size

if TYPE_CHECKING:
    import torch

CLOSE = 0.8  # of the free memory
PROBABILITY_COPIES = (
    3  # float32 tables of all validation rows while metrics are computed: parts, whole, one temporary
)
CHECKPOINT_COPIES = (
    2  # the tensors are copied into the file's buffer, and the buffer may be moved once while it grows
)
# Folder, limit and usage of the control group, versions 2 and 1.
GROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def run(bench: Bench) -> Finding:
    """Takes real steps at the full batch."""
    import psutil

    job = bench.job
    timing = bench.timing()
    table = job.val.count * len(job.classes) * 4 * PROBABILITY_COPIES
    extra = table + CHECKPOINT_COPIES * timing.checkpoint_bytes
    device = job.machine.device
    if device.type == "cuda":
        extra = 0
        free, now = _device_memory(device)
        needed = max(timing.peak_bytes - now, 0)
    else:
        free, now = free_memory(), psutil.Process().memory_info().rss
        needed = max(timing.peak_bytes - now, 0) + extra
    said = f"peak {size(timing.peak_bytes)} so far, {size(needed)} more to come, {size(free)} free"
    batch = job.config.training.batch_size
    remedy = f"training.batch_size: {batch} -> {max(1, batch // 2)}, or a narrower model.width"
    if needed > free:
        # More parts of a batch mend only what its steps need, not what a checkpoint or the probabilities do.
        fault: Literal["memory", "resource"] = "memory" if extra <= free else "resource"
        return failed(said, float(timing.peak_bytes), remedy=remedy, page="crashes", fault=fault)
    if needed > CLOSE * free:
        return warning(said, float(timing.peak_bytes), remedy=remedy, page="crashes")
    return ok(said, float(timing.peak_bytes))


def free_memory() -> int:
    """Bytes that this process may still take: the machine's, or what its limits leave of them."""
    import resource

    import psutil

    free: list[int] = [psutil.virtual_memory().available]
    for folder, limit, usage in GROUPS:
        try:
            left = int((folder / limit).read_text("ascii")) - int((folder / usage).read_text("ascii"))
            free.append(left + _reclaimable(folder / "memory.stat"))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY:
        free.append(space - psutil.Process().memory_info().vms)
    return max(0, min(free))


def _reclaimable(statistics: Path) -> int:
    """Bytes of file cache that count as used and are given back when memory is wanted."""
    lines = dict(line.split(maxsplit=1) for line in statistics.read_text("ascii").splitlines())
    return int(lines.get("total_inactive_file", lines.get("inactive_file", 0)))


def _device_memory(device: torch.device) -> tuple[int, int]:
    """(bytes free for tensors, bytes that tensors hold)."""
    import torch

    free: int = torch.cuda.mem_get_info(device)[0]
    used: int = torch.cuda.memory_allocated(device)
    return free + torch.cuda.memory_reserved(device) - used, used


CHECK = Check(run=run, order=120, share=5.0)
