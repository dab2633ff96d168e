"""One image file to uint8 pixels of one size: every mode and depth by a rule, and nothing half-decoded.

Rules: EXIF rotation is applied; palettes are resolved; alpha is laid on white; CMYK and the like become RGB;
16-bit and float greys are scaled, not clipped; of an animation the first frame counts. A truncated file is an
error, never half an image.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

# What Pillow may open. Not MPO: it has no opener, and naming it ends every failed search with a KeyError; a JPEG of a
# camera that holds a second picture is opened as JPEG and becomes MPO by itself.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".jfif", ".mpo"}
)
LARGEST_PIXELS = 178_956_970  # pixels; Pillow's own limit for an image that is taken for a decompression bomb
WIDE_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
RULES = 2  # version of the rules below
PNG_EXIF = (b"eXIf", b"Raw profile type", b"com.adobe.xmp")  # one of these is in a PNG with an orientation
ORIENTATION = 0x0112  # EXIF tag; 2 to 8 are mirrored or turned, 5 to 8 lie on their side
TURNS = {  # what puts an image upright
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
LARGE_PIXELS = 16_000_000  # pixels; above, an image is converted in bands, and only one at a time is decoded
BAND_PIXELS = 2_000_000  # pixels; a band takes about 25 MB while it is converted


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What is known of an image before its pixels are read."""

    height: int
    width: int
    mode: str


def holds_images(folder: Path, most: int = 10_000) -> bool:
    """Whether a file among the first `most` below the folder is an image by its name."""
    files = (name for _, _, names in os.walk(folder) for name in names)
    return any(name.lower().endswith(tuple(SUFFIXES)) for name in itertools.islice(files, most))


def decoder() -> str:
    """Name and version of what decodes, part of the cache's key: another one gives other pixels."""
    import PIL

    return f"pillow {PIL.__version__} rules {RULES}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps Pillow's warnings back: what counts, an image that cannot be read, is an error.

    The filters belong to the whole process, so this stands around the threads that decode, never inside them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def read_header(content: bytes) -> Header:
    """Size (EXIF rotation applied) and mode from the head of the file.

    Raises:
        ValueError: Not an image of a known format, or too large.
    """
    with _hostile(), _opened(content) as image:
        width, height = image.size
        # Of a TIFF Pillow gives the upright size. To look for EXIF it decodes a whole PNG, where most have none.
        told = image.format != "PNG" or any(mark in content for mark in PNG_EXIF)
        if image.format != "TIFF" and told and _orientation(image) >= 5:
            width, height = height, width
        return Header(height=height, width=width, mode=image.mode)


def decode(content: bytes, *, side: tuple[int, int] | None, channels: int) -> NDArray[np.uint8]:
    """Pixels as uint8 (height, width, channels).

    Args:
        content: The file.
        side: (height, width) of the result: the image is shrunk or enlarged until it covers it and cut in the
            centre. None = as it is.
        channels: 1 for grey, 3 for RGB.

    Raises:
        ValueError: Not an image of a known format, truncated, or too large.
    """
    from PIL import Image, ImageOps

    with _hostile(), _opened(content) as image:
        if side is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, (2 * side[1], 2 * side[0]))  # decodes a large JPEG at a fraction of its size
        image.load()
        turn = TURNS.get(_orientation(image))
        plain = _eight_bits(image, channels) if side is None else _covering(image, side, channels)
        if turn is not None:
            plain = plain.transpose(Image.Transpose[turn])
        if side is not None and (plain.height, plain.width) != side:
            plain = ImageOps.fit(plain, (side[1], side[0]), Image.Resampling.BICUBIC)
        pixels = np.array(plain, dtype=np.uint8)
    return pixels[..., None] if channels == 1 else pixels


def _covering(image: Image.Image, side: tuple[int, int], channels: int) -> Image.Image:
    """The image in mode L or RGB; a very large one shrunk by a whole factor, to about twice the side at the least.

    A large one is converted in bands: whole, its conversions would take several times its own memory.
    """
    from PIL import Image

    factor = min(image.size) // (2 * max(side))
    # How a range is chosen for modes I and F depends on the whole image.
    if factor < 2 or image.width * image.height <= LARGE_PIXELS or image.mode in ("I", "F"):
        return _eight_bits(image, channels)
    small_size = (-(-image.width // factor), -(-image.height // factor))
    small = Image.new("L" if channels == 1 else "RGB", small_size)
    rows = factor * max(1, BAND_PIXELS // (image.width * factor))
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(image.height, top + rows)))
        small.paste(_eight_bits(band, channels).reduce(factor), (0, top // factor))
    return small


@contextlib.contextmanager
def _hostile() -> Iterator[None]:
    """Whatever Pillow raises on a file of any content becomes a ValueError with one line of reason."""
    from PIL import UnidentifiedImageError

    try:
        yield
    except UnidentifiedImageError:
        raise ValueError("not an image of a known format") from None
    except MemoryError:
        raise ValueError("too large for the memory") from None
    except Exception as error:  # its readers were seen to raise over a dozen kinds, struct.error among them
        raise ValueError(next(iter(str(error).splitlines()), "") or type(error).__name__) from None


def _opened(content: bytes) -> Image.Image:
    from PIL import Image

    if not content:
        raise ValueError("the file is empty")
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    if image.width * image.height > LARGEST_PIXELS:
        raise ValueError(f"{image.width}x{image.height} pixels are more than {LARGEST_PIXELS:,}")
    return image


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, as it is, when there is none or it cannot be read, as viewers do."""
    with contextlib.suppress(Exception):
        value = image.getexif().get(ORIENTATION, 1)
        return value if isinstance(value, int) else 1
    return 1


def _eight_bits(image: Image.Image, channels: int) -> Image.Image:
    """The image in mode L or RGB."""
    from PIL import Image

    if image.mode in WIDE_MODES:
        image = _narrow(image)
    if image.mode in ("P", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("LA", "La", "RGBA", "RGBa"):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        image = Image.alpha_composite(white, rgba).convert("RGB")
    wanted = "L" if channels == 1 else "RGB"
    return (
        image if image.mode == wanted else image.convert(wanted)
    )  # converting to its own mode would copy it


def _narrow(image: Image.Image) -> Image.Image:
    """A wide grey as mode L; the value that a 16-bit PNG declares transparent becomes white."""
    from PIL import Image

    values = np.asarray(image)
    narrow = _scaled(values)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        narrow[values == clear] = 255
    return Image.fromarray(narrow)


def _scaled(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Wide greys to 0..255, by the smallest customary range that holds them, else by what occurs.

    16-bit files are always scaled by 65535, so that a dark image stays dark. Wider ones do not say their range:
    floats up to 1, values up to 255 and up to 65535 are taken as such, all others from their least to their
    largest value.
    """
    wide = np.nan_to_num(values.astype(np.float32), copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(wide.min()), float(wide.max())
    whole = np.issubdtype(values.dtype, np.integer)
    ranges = (
        (65535.0,) if values.dtype.itemsize == 2 else (255.0, 65535.0) if whole else (1.0, 255.0, 65535.0)
    )
    if low >= 0 and high <= ranges[-1]:
        low, high = 0.0, next(r for r in ranges if high <= r)
    wide -= np.float32(low)
    wide *= np.float32(255 / max(high - low, 1e-12))
    return np.rint(wide, out=wide).clip(0, 255).astype(np.uint8)
