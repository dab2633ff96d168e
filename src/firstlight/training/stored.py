"""The one place where a stored model is read: tensors and plain values, never code.

A file may come from a stranger. torch also reads its older formats (pickles beside one another, a tar), through which
CVE-2025-32434 led; only the zip that `torch.save` writes is taken here.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from firstlight.errors import ResourceError, ResumeRefused
from firstlight.machine.unpacked import check_archive
from firstlight.text import visible

ZIP = b"PK\x03\x04"
SHOWN = 200  # characters of the reason, which may quote the file


def read_stored(content: bytes, path: Path) -> dict[str, Any]:
    """What `torch.save` wrote, on the processor.

    Args:
        content: The file; the caller has compared its hash, so it is not read from the disk again.
        path: Where it was read, for messages.

    Raises:
        ResourceError: It does not fit the memory.
        ResumeRefused: It is no such file, or holds more than tensors and plain values.
    """
    import torch

    file = io.BytesIO(content)
    try:
        if not content.startswith(ZIP):
            raise ValueError("it is not a file of torch.save")
        check_archive(file, path)
        file.seek(0)
        found = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(found, dict):
            raise ValueError(f"it holds a {type(found).__name__}")
    except (MemoryError, ResourceError):
        raise
    except Exception as error:  # torch raises many kinds, some of modules that nothing here may import
        raise _refused(error, path) from error
    return found


def _refused(error: Exception, path: Path) -> ResumeRefused:
    reason = next(iter(str(error).splitlines()), "")[:SHOWN] or type(error).__name__
    return ResumeRefused(
        "the checkpoint holds more than tensors and plain values, or is no checkpoint",
        visible(f"{path}: {reason}"),
        "use a checkpoint that firstlight wrote",
    )
