"""One image file to uint8 pixels of one size: every mode and depth by a rule, and nothing half-decoded.

Rules: EXIF rotation is applied; palettes are resolved; alpha is laid on white; CMYK and the like become RGB;
16-bit and float greys are
scaled, not clipped; of an animation the first frame counts. A truncated file is an error, never half an
image.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

FORMATS = (
    "JPEG",
    "PNG",
    "BMP",
    "GIF",
    "WEBP",
    "TIFF",
    "MPO",
)  # MPO: a JPEG of a camera that holds a second picture
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
LARGEST_PIXELS = 178_956_970  # pixels; Pillow's own limit for an image that is taken for a decompression bomb
WIDE_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
DECODER = "pillow-1"  # part of the cache's key: another decoder gives other pixels
SIXTEEN_BITS = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What is known of an image before its pixels are read."""

    height: int
    width: int
    mode: str


def read_header(content: bytes) -> Header:
    """Size (EXIF rotation applied) and mode from the head of the file.

    Raises:
        ValueError: Not an image of a known format.
    """
    with _opened(content) as image:
        width, height = image.size
        if image.getexif().get(0x0112, 1) >= 5:  # orientations 5 to 8 lie on their side
            width, height = height, width
        return Header(height=height, width=width, mode=image.mode)


def decode(content: bytes, *, side: tuple[int, int] | None, channels: int) -> NDArray[np.uint8]:
    """Pixels as uint8 (height, width, channels).

    Args:
        content: The file.
        side: (height, width) of the result: the image is shrunk or enlarged until it covers it and cut in the
            centre.
            None = as it is.
        channels: 1 for grey, 3 for RGB.

    Raises:
        ValueError: Not an image of a known format, truncated, or too large.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _opened(content) as image:
                if side is not None and image.format in ("JPEG", "MPO"):
                    image.draft(
                        None, (2 * side[1], 2 * side[0])
                    )  # decodes a large JPEG at a fraction of its size
                image.load()
                upright = ImageOps.exif_transpose(image)
            plain = _eight_bits(upright, channels)
            if side is not None and (plain.height, plain.width) != side:
                plain = ImageOps.fit(plain, (side[1], side[0]), Image.Resampling.BICUBIC)
    except (
        OSError,
        SyntaxError,
        EOFError,
        ArithmeticError,
        MemoryError,
        TypeError,
        IndexError,
        KeyError,
    ) as error:
        raise ValueError(str(error) or type(error).__name__) from None
    pixels = np.asarray(plain, dtype=np.uint8)
    return pixels[..., None] if channels == 1 else pixels


def _opened(content: bytes) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise ValueError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (
        OSError,
        SyntaxError,
        EOFError,
        Image.DecompressionBombError,
        TypeError,
        IndexError,
        KeyError,
    ) as error:
        reason = "not an image of a known format" if isinstance(error, UnidentifiedImageError) else str(error)
        raise ValueError(reason) from None
    if image.width * image.height > LARGEST_PIXELS:
        raise ValueError(f"{image.width}x{image.height} pixels are more than {LARGEST_PIXELS:,}")
    return image


def _eight_bits(image: Image.Image, channels: int) -> Image.Image:
    """The image in mode L or RGB."""
    from PIL import Image

    if image.mode in WIDE_MODES:
        image = Image.fromarray(_scaled(np.asarray(image)))
    if image.mode in ("P", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("LA", "La", "RGBA", "RGBa"):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        image = Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def _scaled(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Wide greys to 0..255: 16-bit integers by their range, floats in 0..1 by theirs, all others by what occurs."""
    wide = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(wide.min()), float(wide.max())
    if np.issubdtype(values.dtype, np.integer) and low >= 0 and high <= SIXTEEN_BITS:
        low, high = 0.0, float(SIXTEEN_BITS)
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return np.rint((wide - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
