"""Whether an exception says that memory ran out, and how much was taken at the most."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Of allocators in torch, which raise a plain RuntimeError, of C++, of NVIDIA's libraries, and of oneDNN, which says so
# when there is no room for a kernel.
WORDS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "alloc_failed",
    "could not create a primitive",
)


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the device or of the process; torch is not imported to tell."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in WORDS)


def peak_memory(device: torch.device) -> int:
    """Peak bytes since `forget_peak` or the start: of the device on CUDA, of the process elsewhere."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    import resource

    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak(device: torch.device) -> None:
    """Lets the peak begin anew, of the process where the kernel can: an earlier and larger try must not count."""
    if device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")
