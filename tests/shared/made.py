"""Data sets that tests make themselves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from firstlight.data.examples import Examples, Images


def image_examples(
    pixels: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], **changes: Any
) -> Examples:
    """Images (rows, height, width, channels) with a class each; digests are all alike unless given."""
    rows = len(pixels)
    sizes = np.tile(np.array([pixels.shape[1:3]], np.int32), (rows, 1))
    fields: dict[str, Any] = {
        "source": "made",
        "task": "classification",
        "ids": tuple(f"row-{i}" for i in range(rows)),
        "targets": np.asarray(labels, dtype=np.int64),
        "classes": classes,
        "parts": np.full(rows, -1, np.int8),
        "content": Images(pixels=pixels, original_sizes=sizes, modes={"array": rows}),
        "digests": np.zeros(rows, "S32"),
        "skipped": (),
        "ignored": (),
        "notes": (),
        "fingerprint": "0" * 64,
    }
    return Examples(**(fields | changes))


def with_pixels(examples: Examples, pixels: np.ndarray) -> Examples:
    """The same rows with other pixels."""
    return dataclasses.replace(examples, content=dataclasses.replace(examples.images, pixels=pixels))
