"""What is known of image files before their pixels are decoded: size and mode of each, kept in the cache.

The side of the decoded images follows from the sizes of all of them, so every file is looked at before the first is
decoded. A second command finds the result under the fingerprint of the data and looks at none.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.experiment import store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.data.images.decoding import Header

FORMAT = 1
SUFFIX = ".heads.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """Sizes and modes of all rows."""

    sizes: NDArray[
        np.int32
    ]  # (rows, 2): height, width with the EXIF rotation applied; 0 where there is a problem
    modes: NDArray[np.str_]  # (rows,), Pillow mode; empty where there is a problem
    problems: dict[int, str]  # row -> why it cannot be used

    @property
    def readable(self) -> NDArray[np.bool_]:
        """(rows,): no problem so far."""
        return self.sizes[:, 0] > 0


def gathered(headers: Mapping[int, Header], problems: Mapping[int, str]) -> Heads:
    """The heads of rows 0 to n - 1, each of which is in one of the two."""
    rows = len(headers) + len(problems)
    found = [headers.get(row) for row in range(rows)]
    return Heads(
        sizes=np.array([(h.height, h.width) if h else (0, 0) for h in found], dtype=np.int32).reshape(-1, 2),
        modes=np.array([h.mode if h else "" for h in found], dtype=np.str_),
        problems=dict(problems),
    )


def read(root: Path, fingerprint: str) -> Heads | None:
    """The heads of this data; None when they are not in the cache, or not whole (an .npz has checksums)."""
    path = _path(root, fingerprint)
    try:
        arrays = store.read_npz(path)
        if int(arrays["format"]) != FORMAT:
            return None
        reasons = dict(zip(arrays["problem_rows"].tolist(), arrays["reasons"].tolist(), strict=True))
        found = Heads(sizes=arrays["sizes"], modes=arrays["modes"], problems=reasons)
        os.utime(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def write(root: Path, fingerprint: str, heads: Heads) -> None:
    """Keeps the heads; a cache that cannot be written is no error here, the files are looked at again."""
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "format": np.array(FORMAT),
        "sizes": heads.sizes,
        "modes": heads.modes,
        "problem_rows": np.array(list(heads.problems), dtype=np.int64),
        "reasons": np.array(list(heads.problems.values()), dtype=np.str_),
    }
    with contextlib.suppress(OSError):
        store.write_npz(_path(root, fingerprint), arrays)


def _path(root: Path, fingerprint: str) -> Path:
    return root / f"{fingerprint[:32]}{SUFFIX}"
