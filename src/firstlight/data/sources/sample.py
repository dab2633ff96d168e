"""Real data that comes with an installed package, so that it needs no network: sample:digits.

digits: 1,797 handwritten digits of 8x8 grey pixels, from scikit-learn (E. Alpaydin and C. Kaynak, 1998, UCI
repository). Its target, a
validation accuracy of 0.97, is declared here: it is what careful simple methods reach on it.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import Listing, Part
from firstlight.data.source import Source
from firstlight.errors import UsageError
from firstlight.text import visible

if TYPE_CHECKING:
    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress

PREFIX = "sample:"
NAMES = ("digits",)
DIGITS_TARGET = ("val_accuracy", 0.97)
DIGITS_LARGEST = 16  # values are counts of 0 to 16


def _matches(data: Data, path: Path) -> bool:
    return (data.source or "").startswith(PREFIX)


def _read(data: Data, path: Path, progress: Progress) -> Listing:
    name = (data.source or "").removeprefix(PREFIX)
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        remedy = (
            f"did you mean sample:{near[0]}?"
            if near
            else f"there are: {', '.join(PREFIX + n for n in NAMES)}"
        )
        raise UsageError("there is no such sample", visible(f"{PREFIX}{name}"), remedy)
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / DIGITS_LARGEST)).astype(np.uint8)
    return Listing(
        source=data.source or f"{PREFIX}{name}",
        root=None,
        ids=tuple(f"row-{number}" for number in range(len(pixels))),
        labels=digits.target.astype(np.int64),
        classes=tuple(str(name) for name in digits.target_names),
        parts=np.full(len(pixels), Part.UNASSIGNED, np.int8),
        arrays=pixels[..., None],
        suggested_target=DIGITS_TARGET,
    )


SOURCE = Source(
    matches=_matches,
    read=_read,
    noun="a sample of images",
    tasks=("image_classification",),
    settings=frozenset({"channels", "image_size"}),
)
