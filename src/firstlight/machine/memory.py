"""Whether an exception says that memory ran out."""

from __future__ import annotations

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
