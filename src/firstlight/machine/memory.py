"""Whether an exception says that memory ran out."""

from __future__ import annotations

# Of the processor's allocator in torch, which raises a plain RuntimeError, and of drivers.
WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the device or of the process; torch is not imported to tell."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in WORDS)
