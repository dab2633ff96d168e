"""An .npz with images and labels, split or not.

Keys: `x`/`y`, `images`/`labels` or `data`/`target`, alone or as x_train, y_train, x_val, y_val, x_test,
y_test; `classes` may name the classes.
Images are (rows, height, width), with the channels last or first. Arrays of objects are never read.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import Listing, Part
from firstlight.data.source import Source
from firstlight.errors import DataError
from firstlight.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Data

PAIRS = (("x", "y"), ("images", "labels"), ("data", "target"))
PARTS = (
    ("", Part.UNASSIGNED),
    ("_train", Part.TRAIN),
    ("_val", Part.VAL),
    ("_valid", Part.VAL),
    ("_test", Part.TEST),
)
EXPECTED = "save uint8 images as x (rows, height, width[, channels]) and whole-number labels as y (rows,)"
LARGEST_BYTE = 255


def _matches(source: str, path: Path) -> bool:
    return path.suffix.lower() == ".npz" and path.is_file()


def _read(data: Data, path: Path) -> Listing:
    arrays = _load(path)
    found = [
        (arrays[a + suffix], arrays[b + suffix], part)
        for a, b in PAIRS
        for suffix, part in PARTS
        if a + suffix in arrays and b + suffix in arrays
    ]
    if not found:
        raise DataError(
            "the file holds no pair of images and labels", visible(f"{path}: {sorted(arrays)}"), EXPECTED
        )
    notes: list[str] = []
    images = np.concatenate([_images(x, path, notes) for x, _, _ in found])
    raw = np.concatenate(
        [np.asarray(y).reshape(len(y), -1)[:, 0] if len(y) else np.asarray(y) for _, y, _ in found]
    )
    if len(images) != len(raw):
        raise DataError(
            "images and labels differ in number", f"{path}: {len(images)} and {len(raw)}", EXPECTED
        )
    classes, labels = _classes(raw, arrays.get("classes"), data, path)
    return Listing(
        source=data.source or str(path),
        root=None,
        ids=tuple(f"row-{number}" for number in range(len(raw))),
        labels=labels,
        classes=classes,
        parts=np.concatenate([np.full(len(y), part, np.int8) for _, y, part in found]),
        arrays=images,
        notes=tuple(dict.fromkeys(notes)),
    )


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key.lower(): file[key] for key in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError("the .npz cannot be read", visible(f"{path}: {error}"), EXPECTED) from None


def _images(x: NDArray[Any], path: Path, notes: list[str]) -> NDArray[np.uint8]:
    """uint8 (rows, height, width, channels)."""
    if x.ndim == 3:
        x = x[..., None]
    elif x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] not in (1, 3):
        x = x.transpose(0, 2, 3, 1)
        notes.append("channels came first and were moved last")
    if x.ndim != 4 or x.shape[3] not in (1, 3) or min(x.shape[1:3]) < 1:
        raise DataError("the images have a shape that is not known", f"{path}: {x.shape}", EXPECTED)
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    if not (np.issubdtype(x.dtype, np.number) or x.dtype == np.bool_) or np.iscomplexobj(x):
        raise DataError("the images are no numbers", f"{path}: {x.dtype}", EXPECTED)
    values = x.astype(np.float64)
    if values.size and not np.isfinite(values).all():
        raise DataError("the images hold values that are not finite", f"{path}: NaN or infinity", EXPECTED)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if low < 0 or high > LARGEST_BYTE:
        raise DataError(
            "the pixel values are out of range", f"{path}: {low:g} to {high:g}", "scale them to 0..255"
        )
    if high <= 1 and not np.issubdtype(x.dtype, np.integer):
        values *= LARGEST_BYTE
        notes.append("values in 0..1 were scaled to 0..255")
    return np.rint(values).astype(np.uint8)


def _classes(
    raw: NDArray[Any], named: NDArray[Any] | None, data: Data, path: Path
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    if np.issubdtype(raw.dtype, np.floating):
        if not (np.isfinite(raw).all() and (raw == np.rint(raw)).all()):
            raise DataError("the labels are no classes", f"{path}: fractions or NaN among them", EXPECTED)
        raw = raw.astype(np.int64)
    if named is not None and np.issubdtype(raw.dtype, np.integer):
        names = tuple(str(n) for n in named)
        if raw.size and (raw.min() < 0 or raw.max() >= len(names)):
            raise DataError(
                "a label has no class",
                f"{path}: labels {raw.min()} to {raw.max()}, {len(names)} names",
                EXPECTED,
            )
        return names, raw.astype(np.int64)
    values, labels = np.unique(raw, return_inverse=True)
    names = tuple(str(v) for v in values)
    if data.classes is not None and set(names) <= set(data.classes):
        order = {name: number for number, name in enumerate(data.classes)}
        return data.classes, np.array([order[n] for n in names], dtype=np.int64)[labels]
    return names, labels.astype(np.int64)


SOURCE = Source(matches=_matches, read=_read)
