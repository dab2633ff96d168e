"""Small real image files and what loads them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from firstlight.config.schema import Data
from firstlight.data.examples import Examples
from firstlight.data.load import load_examples
from firstlight.watch.progress import Silent

Load = Callable[..., Examples]
MakeImage = Callable[..., bytes]


@pytest.fixture
def image() -> MakeImage:
    """Bytes of an image file, another one at each call."""
    generator = np.random.default_rng(0)

    def make(kind: str = "PNG", size: tuple[int, int] = (9, 8), mode: str = "RGB", **options: Any) -> bytes:
        pixels = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
        return buffer.getvalue()

    return make


@pytest.fixture
def folder(tmp_path: Path, image: MakeImage) -> Callable[[dict[str | bytes, int]], Path]:
    """Makes a data folder: class folder (text, or bytes that need not be UTF-8) -> number of images."""

    def make(classes: dict[str | bytes, int], name: str = "photos") -> Path:
        root = tmp_path / name
        for label, number in classes.items():
            place = root / os.fsdecode(label)
            place.mkdir(parents=True)
            for i in range(number):
                (place / f"{i}.png").write_bytes(image())
        return root

    return make


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a source with a cache of the test's own."""

    def run(source: Path | str, **data: Any) -> Examples:
        return load_examples(
            Data(source=str(source), **data),
            base=tmp_path,
            cache_folder=tmp_path / "cache",
            fallback=tmp_path / "fallback",
            progress=Silent(),
        )

    return run
