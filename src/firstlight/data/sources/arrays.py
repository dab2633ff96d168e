"""An .npz with images and labels, split or not.

Keys: `x`/`y`, `images`/`labels` or `data`/`target`, alone or with train, val and test before or after them
(x_train, train_images); `classes` may name the classes.
Images are (rows, height, width), with the channels last or first. Arrays of objects are never read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from firstlight.data.examples import Listing, Part
from firstlight.data.source import Source
from firstlight.errors import DataError
from firstlight.experiment import store
from firstlight.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress

PAIRS = (("x", "y"), ("images", "labels"), ("data", "target"))
PARTS = (
    ("", Part.UNASSIGNED),
    ("train", Part.TRAIN),
    ("val", Part.VAL),
    ("valid", Part.VAL),
    ("test", Part.TEST),
)
EXPECTED = "save uint8 images as x (rows, height, width[, channels]) and whole-number labels as y (rows,)"
LARGEST_BYTE = 255


def _matches(data: Data, path: Path) -> bool:
    return path.suffix.lower() == ".npz" and os.path.isfile(path)


def _read(data: Data, path: Path, progress: Progress) -> Listing:
    arrays = _load(path)
    found = next(filter(None, (_parts(arrays, *pair) for pair in PAIRS)), None)
    if found is None:
        raise DataError(
            "the file holds no pair of images and labels", visible(f"{path}: {sorted(arrays)}"), EXPECTED
        )
    notes: list[str] = []
    images = [_images(pair.x, path, notes) for pair in found]
    labels = [_labels(pair.y, path, notes) for pair in found]
    for x, y in zip(images, labels, strict=True):
        if len(x) != len(y):
            raise DataError(
                "images and labels differ in number", f"{path}: {len(x):,} and {len(y):,}", EXPECTED
            )
    shapes = sorted({x.shape[1:] for x in images})
    if len(shapes) > 1:
        raise DataError("the parts have images of different shapes", f"{path}: {shapes}", EXPECTED)
    raw = np.concatenate(labels)
    if not len(raw):
        raise DataError("the file holds no images", f"{path}: 0 rows", EXPECTED)
    classes, numbers = _classes(raw, arrays.get("classes"), path)
    return Listing(
        source=data.source or str(path),
        root=None,
        ids=_ids({pair.key: len(pair.x) for pair in found}),
        labels=numbers,
        classes=classes,
        parts=np.concatenate([np.full(len(pair.x), pair.part, np.int8) for pair in found]),
        arrays=np.concatenate(images),
        notes=tuple(dict.fromkeys(notes)),
    )


def _ids(rows: dict[str, int]) -> tuple[str, ...]:
    """`row-0` as numpy counts, and `x_test:row-0` where there are several arrays."""
    several = len(rows) > 1
    return tuple(
        f"{key}:row-{number}" if several else f"row-{number}"
        for key, n in rows.items()
        for number in range(n)
    )


def read_images(path: Path) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """The ids and the images (rows, height, width, channels) of an .npz, every part; no labels are needed.

    Raises:
        DataError: The file cannot be read, or holds no images.
    """
    arrays = _load(path)
    names = [form.format(x, part) for x, _ in PAIRS for part, _ in PARTS for form in _forms(part)]
    found = {name: _images(arrays[name], path, []) for name in names if name in arrays}
    images = list(found.values())
    shapes = sorted({x.shape[1:] for x in images})
    if len(shapes) != 1:
        problem = f"images of different shapes {shapes}" if shapes else f"no images, but {sorted(arrays)}"
        raise DataError("the file cannot be predicted on", visible(f"{path} holds {problem}"), EXPECTED)
    return _ids({name: len(x) for name, x in found.items()}), np.concatenate(images)


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return {key.lower(): array for key, array in store.read_npz(path).items()}
    except (OSError, ValueError, MemoryError) as error:
        raise DataError("the .npz cannot be read", visible(f"{path}: {error}"), EXPECTED) from None


def _forms(part: str) -> tuple[str, ...]:
    """How the key of a part is written: x_train or train_x."""
    return ("{0}_{1}", "{1}_{0}") if part else ("{0}",)


class _Pair(NamedTuple):
    key: str  # of the images
    x: NDArray[Any]
    y: NDArray[Any]
    part: Part


def _parts(arrays: dict[str, NDArray[Any]], x: str, y: str) -> list[_Pair]:
    """Images, labels and part of every pair of that name: x, x_train or train_x."""
    found = []
    for name, part in PARTS:
        for form in _forms(name):
            keys = form.format(x, name), form.format(y, name)
            if all(key in arrays for key in keys):
                found.append(_Pair(keys[0], arrays[keys[0]], arrays[keys[1]], part))
                break
    return found


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


def _labels(y: NDArray[Any], path: Path, notes: list[str]) -> NDArray[Any]:
    """(rows,): whole numbers or names."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    elif y.ndim == 2 and y.shape[1] > 1 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        notes.append("labels came one-hot")
        y = y.argmax(axis=1)
    if y.ndim != 1:
        raise DataError("the labels have a shape that is not known", f"{path}: {y.shape}", EXPECTED)
    if y.dtype.kind == "S":
        return np.char.decode(y, "utf-8", "surrogateescape")
    if y.dtype.kind == "f":
        if not (np.isfinite(y).all() and (y == np.rint(y)).all()):
            raise DataError("the labels are no classes", f"{path}: fractions or NaN among them", EXPECTED)
        return y.astype(np.int64)
    if y.dtype.kind not in "iubU":
        raise DataError("the labels are no classes", f"{path}: {y.dtype}", EXPECTED)
    return y


def _classes(
    raw: NDArray[Any], named: NDArray[Any] | None, path: Path
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    if named is None or raw.dtype.kind not in "iu":
        values, labels = np.unique(raw, return_inverse=True)
        return tuple(str(v) for v in values), labels.reshape(-1).astype(np.int64)
    names = tuple(
        n.decode("utf-8", "surrogateescape") if isinstance(n, bytes) else str(n) for n in named.ravel()
    )
    if raw.min() < 0 or raw.max() >= len(names):
        where = f"{path}: labels {raw.min()} to {raw.max()}, {len(names)} names"
        raise DataError("a label has no class", where, EXPECTED)
    return names, raw.astype(np.int64)


SOURCE = Source(
    matches=_matches,
    read=_read,
    noun="a file of arrays",
    tasks=("image_classification",),
    settings=frozenset({"channels", "image_size"}),
)
