"""Decoding: every kind of image file by its rule, and nothing half-read."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from firstlight.data.images.decoding import decode, quiet, read_header

NOISE = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What a grey image looks like in three channels."""
    return np.repeat(values[..., None], 3, axis=2)


def colours(content: bytes) -> np.ndarray[Any, Any]:
    return decode(content, side=None, channels=3)


class TestModes:
    @pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
    def test_colours_are_exact_in_a_lossless_file(self, kind):
        assert np.array_equal(colours(encoded(Image.fromarray(NOISE), kind, lossless=True)), NOISE)

    def test_a_jpeg_is_what_pillow_reads(self):
        content = encoded(Image.fromarray(NOISE), "JPEG", quality=90)
        assert np.array_equal(colours(content), np.asarray(Image.open(io.BytesIO(content))))

    @pytest.mark.requirement("BI08")
    def test_grey_is_the_same_in_one_channel_and_in_three(self):
        content = encoded(Image.fromarray(RAMP), "PNG")
        assert np.array_equal(colours(content), grey(RAMP))
        assert np.array_equal(decode(content, side=None, channels=1), RAMP[..., None])

    @pytest.mark.requirement("BI08")
    def test_one_bit_is_black_and_white(self):
        bits = Image.fromarray(RAMP > 100)
        assert bits.mode == "1"
        assert np.array_equal(colours(encoded(bits, "PNG")), grey((RAMP > 100) * np.uint8(255)))

    @pytest.mark.requirement("BI08")
    def test_a_palette_is_resolved(self):
        image = Image.fromarray(NOISE).quantize(16)
        assert np.array_equal(colours(encoded(image, "PNG")), np.asarray(image.convert("RGB")))

    @pytest.mark.requirement("BI08")
    @pytest.mark.parametrize(("alpha", "shade"), [(0, 255), (255, 60), (102, 177)])
    def test_alpha_is_laid_on_white(self, alpha, shade):
        for image in (Image.new("RGBA", (4, 4), (60, 60, 60, alpha)), Image.new("LA", (4, 4), (60, alpha))):
            assert np.abs(colours(encoded(image, "PNG")).astype(int) - shade).max() <= 1

    def test_a_transparent_palette_entry_is_white(self):
        image = Image.fromarray(RAMP).convert("P")
        expected = np.where(RAMP == 7, 255, RAMP).astype(np.uint8)
        assert np.array_equal(colours(encoded(image, "PNG", transparency=7)), grey(expected))
        gif = encoded(image, "GIF", transparency=7)
        assert np.array_equal(colours(gif), grey(expected))

    def test_a_transparent_colour_is_white(self):
        assert (
            colours(encoded(Image.new("RGB", (4, 4), (9, 9, 9)), "PNG", transparency=(9, 9, 9))) == 255
        ).all()
        assert (colours(encoded(Image.new("L", (4, 4), 9), "PNG", transparency=9)) == 255).all()

    @pytest.mark.requirement("BI08")
    def test_cmyk_becomes_colours(self):
        content = encoded(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG")
        assert np.abs(colours(content).astype(int) - [0, 255, 255]).max() <= 2

    @pytest.mark.requirement("BI08")
    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_sixteen_bits_are_scaled_not_clipped(self, kind):
        wide = Image.fromarray(RAMP.astype(np.uint16) * 257)
        assert np.array_equal(colours(encoded(wide, kind)), grey(RAMP))
        dark = Image.fromarray(RAMP.astype(np.uint16))
        assert colours(encoded(dark, kind)).max() == 1

    def test_the_transparent_value_of_a_16_bit_png_is_white(self):
        wide = Image.fromarray(RAMP.astype(np.uint16) * 257)
        expected = np.where(RAMP == 3, 255, RAMP).astype(np.uint8)
        assert np.array_equal(colours(encoded(wide, "PNG", transparency=3 * 257)), grey(expected))

    @pytest.mark.requirement("BI08")
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (RAMP / np.float32(255), RAMP),
            (RAMP.astype(np.float32), RAMP),
            (RAMP.astype(np.float32) * 257, RAMP),
            (RAMP.astype(np.float32) - 300, RAMP),
            (RAMP.astype(np.int32), RAMP),
            (RAMP.astype(np.int32) * 257, RAMP),
            (RAMP.astype(np.int32) * 1_000_000, RAMP),
            (np.where(RAMP == 0, np.nan, RAMP / 255).astype(np.float32), RAMP),
            (np.zeros((4, 4), np.float32), np.zeros((4, 4), np.uint8)),
        ],
    )
    def test_wide_tiffs_are_scaled_by_the_range_that_holds_them(self, values, expected):
        assert np.array_equal(
            colours(encoded(Image.fromarray(values.astype(values.dtype)), "TIFF")), grey(expected)
        )

    def test_of_an_animation_the_first_frame_counts(self):
        frames = [Image.fromarray(np.full((8, 8, 3), shade, np.uint8)) for shade in (10, 200, 90)]
        for kind in ("GIF", "WEBP", "PNG", "TIFF"):
            content = encoded(
                frames[0],
                kind,
                save_all=True,
                append_images=frames[1:],
                **({"lossless": True} if kind == "WEBP" else {}),
            )
            assert (colours(content) == 10).all(), kind


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    def test_the_exif_rotation_is_applied(self, orientation, kind):
        image = Image.fromarray(NOISE)
        exif = image.getexif()
        exif[0x0112] = orientation
        content = encoded(image, kind, exif=exif)
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
        assert np.array_equal(colours(content), np.asarray(upright.convert("RGB")))
        header = read_header(content)
        assert (header.height, header.width) == ((40, 30) if orientation < 5 else (30, 40))

    @pytest.mark.parametrize(
        "exif",
        [b"Exif\x00\x00MM\x00*\x00\x00", b"Exif\x00\x00nonsense", b"Exif\x00\x00II*\x00\xff\xff\xff\xff"],
    )
    def test_a_damaged_exif_block_spoils_no_image(self, exif):
        with quiet():
            plain = encoded(Image.fromarray(NOISE), "JPEG")
            block = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
            content = plain[:2] + block + plain[2:]
            assert np.array_equal(colours(content), colours(plain))
            assert read_header(content).height == 40


class TestSize:
    @pytest.mark.requirement("BI15")
    @pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (33, 32), (31, 32)])
    def test_any_size_becomes_the_wanted_one(self, size):
        content = encoded(Image.new("RGB", size, (10, 20, 30)), "PNG")
        pixels = decode(content, side=(32, 32), channels=3)
        assert pixels.shape == (32, 32, 3)
        assert (pixels == [10, 20, 30]).all()

    def test_the_middle_is_kept_and_nothing_is_squeezed(self):
        wide = np.zeros((20, 60), np.uint8)
        wide[:, 20:40] = 255
        assert (decode(encoded(Image.fromarray(wide), "PNG"), side=(20, 20), channels=1) == 255).all()

    @pytest.mark.requirement("BI15")
    def test_a_huge_jpeg_is_decoded_small(self):
        content = encoded(Image.new("RGB", (12_000, 9_000), (200, 100, 50)), "JPEG")
        with quiet():
            assert (read_header(content).height, read_header(content).width) == (9_000, 12_000)
            pixels = decode(content, side=(64, 64), channels=3)
        assert np.abs(pixels.astype(int) - [200, 100, 50]).max() <= 2

    @pytest.mark.requirement("BI15")
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "I;16"])
    def test_a_very_large_image_in_bands_looks_as_one_that_is_converted_whole(self, mode, monkeypatch):
        generator = np.random.default_rng(1)
        blocks = generator.integers(0, 256, (8, 10, 4), dtype=np.uint8)
        large = np.kron(blocks, np.ones((100, 101, 1), np.uint8))
        if mode == "I;16":
            image = Image.fromarray(large[..., 0].astype(np.uint16) * 257)
        elif mode == "P":
            image = Image.fromarray(large[..., :3]).quantize(50)
        else:
            image = Image.fromarray(large[..., : len(mode)])
        exif = Image.Exif()
        exif[0x0112] = 6
        content = encoded(image, "PNG", exif=exif)
        whole = decode(content, side=(40, 40), channels=3).astype(int)
        monkeypatch.setattr("firstlight.data.images.decoding.LARGE_PIXELS", 1000)
        monkeypatch.setattr("firstlight.data.images.decoding.BAND_PIXELS", 10_000)
        banded = decode(content, side=(40, 40), channels=3).astype(int)
        assert not np.array_equal(banded, whole)  # it did go another way
        assert np.abs(banded - whole).mean() < 2
        assert np.abs(banded - whole).max() < 40  # at the edges of the blocks, which are 255 high at the most

    @pytest.mark.requirement("H04")
    def test_a_decompression_bomb_is_refused_before_it_is_unpacked(self):
        side = 50_000

        def chunk(name: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

        head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        packed = zlib.compress(bytes(10**7))
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
        assert len(bomb) < 100_000
        tracemalloc.start()
        for read in (read_header, colours):
            with quiet(), pytest.raises(ValueError, match="decompression bomb"):
                read(bomb)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10_000_000

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"])
    def test_to_read_the_head_no_pixel_is_decoded(self, kind, monkeypatch):
        content = encoded(Image.fromarray(NOISE), kind)

        def load(image):
            raise AssertionError("decoded")

        Image.init()
        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
        assert (read_header(content).height, read_header(content).width) == (40, 30)
        with pytest.raises(ValueError, match="decoded"):
            colours(content)


class TestBroken:
    @pytest.mark.requirement("BI01")
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP"])
    @pytest.mark.parametrize("side", [None, (8, 8)])
    def test_a_file_cut_in_the_middle_is_an_error(self, kind, side):
        content = encoded(Image.fromarray(NOISE), kind)
        assert decode(content, side=side, channels=3).any()
        for share in (0.1, 0.5, 0.9):
            with pytest.raises(ValueError, match=r"\w"):
                decode(content[: int(share * len(content))], side=side, channels=3)

    @pytest.mark.requirement("BI02", "BI03")
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "the file is empty"),
            (b"hello, I am text\n" * 50, "not an image of a known format"),
            (b"%PDF-1.7\n" + bytes(500), "not an image of a known format"),
            (b"\xff\xd8\xff", "not an image of a known format"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known format"),
            (b"P6 2 2 255\n" + bytes(12), "not an image of a known format"),
        ],
    )
    def test_what_is_no_image_says_why(self, content, reason):
        for read in (read_header, colours):
            with pytest.raises(ValueError, match=reason):
                read(content)

    def test_damaged_data_of_a_png_are_an_error(self):
        content = bytearray(encoded(Image.fromarray(NOISE), "PNG"))
        content[len(content) // 2] ^= 255
        with pytest.raises(ValueError, match=r"broken|corrupt|error"):
            colours(bytes(content))

    @settings(max_examples=150, deadline=None)
    @given(
        kind=st.sampled_from(["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP"]),
        changes=st.lists(
            st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
        ),
        cut=st.floats(0.2, 1),
    )
    def test_whatever_is_in_a_file_it_decodes_or_says_why(self, kind, changes, cut):
        content = bytearray(encoded(Image.fromarray(NOISE[:12, :9]), kind))
        for place, value in changes:
            content[int(place * len(content))] = value
        found: object
        with quiet():
            try:
                found = decode(bytes(content[: int(cut * len(content))]), side=(8, 8), channels=3).shape
            except ValueError as error:
                found = len(str(error).splitlines())
        assert found in ((8, 8, 3), 1)
