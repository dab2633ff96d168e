"""From files to examples: broken files, sizes and channels, the cache that spares decoding."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firstlight.config.schema import Data
from firstlight.data.images import load as loading
from firstlight.data.load import load_examples
from firstlight.errors import DataError
from firstlight.watch.progress import Silent


class Watched(Silent):
    """Remembers what was done."""

    def __init__(self) -> None:
        self.done: dict[str, int] = {}

    def advance(self, what: str, done: int, total: int) -> None:
        assert done <= total
        self.done[what] = done


def watched(root: Path, cache: Path | None, fallback: Path | None = None, **data):
    progress = Watched()
    examples = load_examples(
        Data(source=str(root), **data),
        base=root,
        cache_folder=cache,
        fallback=fallback or root.parent / "fallback",
        progress=progress,
    )
    return examples, progress.done


def entries(cache: Path) -> list[Path]:
    """The folders with decoded pixels."""
    return [path for path in cache.iterdir() if path.is_dir()]


class TestBroken:
    @pytest.mark.requirement("BI01", "BI02", "BI03")
    def test_a_small_share_is_left_out_and_listed(self, folder, load, image):
        root = folder({"cats": 198, "dogs": 199})
        (root / "cats" / "cut.jpg").write_bytes(image("JPEG", (40, 40))[:-200])
        (root / "cats" / "empty.png").write_bytes(b"")
        (root / "dogs" / "paper.jpg").write_bytes(b"%PDF-1.7 text")
        examples = load(root)
        assert len(examples.ids) == len(examples.images.pixels) == len(examples.digests) == 397
        assert [s.id for s in examples.skipped] == ["cats/cut.jpg", "cats/empty.png", "dogs/paper.jpg"]
        assert "truncated" in examples.skipped[0].reason
        assert examples.skipped[1].reason == "the file is empty"
        assert examples.skipped[2].reason == "not an image of a known format"
        assert not {s.id for s in examples.skipped} & set(examples.ids)
        assert examples.targets.tolist() == [0] * 198 + [1] * 199

    def test_the_rows_after_a_broken_one_keep_their_own_pixels(self, folder, load, image):
        root = folder({"cats": 3, "dogs": 3})
        (root / "cats" / "1.png").write_bytes(image("PNG", (40, 40))[:-200])
        examples = load(root, image_size=8)
        for name, pixels in zip(examples.ids, examples.images.pixels, strict=True):
            with Image.open(root / name) as alone:
                expected = loading.decode((root / name).read_bytes(), side=(8, 8), channels=3)
                assert alone.size == (8, 9)
            assert np.array_equal(pixels, expected)

    @pytest.mark.requirement("BI14")
    @pytest.mark.parametrize("good_head", [False, True])
    def test_most_files_broken_is_refused_early_with_20_names(self, folder, load, image, good_head):
        root = folder({"cats": 40, "dogs": 0})
        for number in range(60):
            (root / "dogs" / f"{number:02}.png").write_bytes(
                image("PNG", (40, 40))[:-200] if good_head else b"x"
            )
        with pytest.raises(
            DataError, match=r"21 or more of 100 images cannot be read, 1.0 % are allowed"
        ) as error:
            load(root)
        assert error.value.exit_code == 3
        assert error.value.where.count("dogs/") == 20
        assert "data.max_bad_fraction" in error.value.remedy

    def test_a_few_broken_files_are_all_named(self, folder, load):
        root = folder({"cats": 5, "dogs": 5})
        for number in (1, 3):
            (root / "cats" / f"{number}.png").write_bytes(b"x\x1b")
        with pytest.raises(DataError, match="2 of 10 images cannot be read") as error:
            load(root)
        assert error.value.where.count("not an image") == 2

    def test_broken_files_at_the_front_do_not_refuse_a_large_set(self, folder, load):
        root = folder({"cats": 300, "dogs": 1})
        for number in range(3):
            (root / "cats" / f"{number:03}.png").unlink(missing_ok=True)
            (root / "cats" / f"+{number}.png").write_bytes(b"x")
        assert len(load(root).skipped) == 3

    def test_the_allowed_share_is_the_configs(self, folder, load):
        root = folder({"cats": 5, "dogs": 5})
        for number in range(4):
            (root / "cats" / f"{number}.png").write_bytes(b"x")
        with pytest.raises(DataError):
            load(root, max_bad_fraction=0.3)
        assert len(load(root, max_bad_fraction=0.4).skipped) == 4

    def test_none_allowed_means_none(self, folder, load):
        root = folder({"cats": 5, "dogs": 5})
        (root / "cats" / "0.png").write_bytes(b"x")
        assert len(load(root).skipped) == 1
        with pytest.raises(DataError, match="1 of 10 images cannot be read"):
            load(root, max_bad_fraction=0)

    def test_nothing_but_broken_files_is_refused_whatever_is_allowed(self, folder, load):
        root = folder({"cats": 1, "dogs": 1})
        for name in ("cats", "dogs"):
            (root / name / "0.png").write_bytes(b"x")
        with pytest.raises(DataError, match="2 of 2 images"):
            load(root, max_bad_fraction=1)

    def test_a_class_whose_only_image_is_broken_is_refused(self, folder, load):
        root = folder({"cats": 5, "dogs": 5, "owls": 1})
        (root / "owls" / "0.png").write_bytes(b"x")
        with pytest.raises(DataError, match=r"1 class with fewer than 1 readable example\n.*owls"):
            load(root)

    @pytest.mark.requirement("P06")
    def test_a_file_that_cannot_be_opened_is_a_broken_one(self, folder, load, monkeypatch):
        root = folder({"cats": 5, "dogs": 5})
        real = os.open

        def opened(path, *rest):  # what the system does to a user without the right
            if path == root / "cats" / "2.png":
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *rest)

        monkeypatch.setattr(os, "open", opened)
        (skipped,) = load(root).skipped
        assert (skipped.id, skipped.reason) == ("cats/2.png", "Permission denied")

    @pytest.mark.requirement("H04")
    def test_an_image_that_claims_to_be_huge_is_left_out(self, folder, load):
        root = folder({"cats": 5, "dogs": 5})
        small = io.BytesIO()
        Image.new("1", (9, 9)).save(small, "PNG")
        claim = b"IHDR" + struct.pack(">II", 50_000, 50_000) + small.getvalue()[24:29]
        bomb = small.getvalue()[:12] + claim + struct.pack(">I", zlib.crc32(claim)) + small.getvalue()[33:]
        (root / "cats" / "bomb.png").write_bytes(bomb)
        (skipped,) = load(root).skipped
        assert "decompression bomb" in skipped.reason

    def test_warnings_stay_those_of_the_caller(self, folder, load):
        import warnings

        before = list(warnings.filters)
        load(folder({"cats": 5, "dogs": 5}))
        assert warnings.filters == before


class TestSizes:
    def test_small_images_of_one_size_keep_it(self, folder, load):
        assert load(folder({"cats": 2, "dogs": 2})).images.pixels.shape == (4, 9, 8, 3)

    @pytest.mark.parametrize(
        ("sizes", "side"), [([(30, 50), (40, 40), (99, 42)], 40), ([(64, 64)] * 3, 64), ([(65, 65)] * 3, 128)]
    )
    def test_mixed_and_large_ones_become_square(self, folder, load, image, sizes, side):
        root = folder({"cats": 0, "dogs": 0})
        for number, size in enumerate(sizes):
            for name in ("cats", "dogs"):
                (root / name / f"{number}.png").write_bytes(image("PNG", size))
        examples = load(root)
        assert examples.images.pixels.shape[1:] == (side, side, 3)
        assert examples.images.original_sizes.tolist() == [list(size) for size in sizes] * 2

    def test_the_wanted_size_is_taken(self, folder, load):
        assert load(folder({"cats": 2, "dogs": 2}), image_size=5).images.pixels.shape == (4, 5, 5, 3)

    @pytest.mark.requirement("BI08")
    def test_modes_are_counted_and_one_coloured_image_makes_all_of_them_colour(self, folder, load, image):
        root = folder({"cats": 0, "dogs": 0})
        for number, mode in enumerate(("L", "1", "P", "LA", "RGBA")):
            (root / "cats" / f"{number}.png").write_bytes(image(mode=mode))
        (root / "dogs" / "0.jpg").write_bytes(image("JPEG", mode="CMYK"))
        Image.fromarray(np.arange(72, dtype=np.uint16).reshape(9, 8)).save(root / "dogs" / "1.png")
        examples = load(root)
        assert examples.images.modes == {"L": 1, "1": 1, "P": 1, "LA": 1, "RGBA": 1, "CMYK": 1, "I;16": 1}
        assert examples.images.pixels.shape[3] == 3

    def test_grey_images_alone_stay_grey(self, folder, load, image):
        root = folder({"cats": 0, "dogs": 0})
        for name, mode in (("cats", "L"), ("dogs", "1")):
            (root / name / "0.png").write_bytes(image(mode=mode))
        assert load(root).images.pixels.shape[3] == 1
        assert load(root, channels=3).images.pixels.shape[3] == 3

    @pytest.mark.requirement("BI15")
    @pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
    def test_a_dot_and_a_wall_are_resized_within_a_memory_limit(self, folder, tmp_path):
        root = folder({"cats": 2, "dogs": 2})
        Image.new("RGB", (1, 1)).save(root / "cats" / "dot.png")
        wall = root / "dogs" / "a.png"
        Image.new("RGB", (12_000, 9_000), (9, 99, 199)).save(wall, compress_level=1)
        (root / "dogs" / "b.png").write_bytes(wall.read_bytes())
        script = (
            "import sys\n"
            "from pathlib import Path\n"
            "from firstlight.config.schema import Data\n"
            "from firstlight.data.load import load_examples\n"
            "from firstlight.watch.progress import Silent\n"
            "root = Path(sys.argv[1])\n"
            "e = load_examples(Data(source=str(root), image_size=32), base=root, cache_folder=root.parent / 'c',\n"
            "                  fallback=root, progress=Silent())\n"
            "print(e.images.pixels[e.ids.index('dogs/b.png'), 3, 3].tolist(), len(e.ids))\n"
            "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"  # KiB, its highest
        )
        result = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        pixels, peak = result.stdout.splitlines()
        assert pixels == "[9, 99, 199] 7"
        assert int(peak) / 1024 < 700  # MiB: one of them takes 412 in Pillow; two at once would not fit


class TestCache:
    def test_the_second_time_nothing_is_decoded(self, folder, tmp_path):
        root = folder({"cats": 3, "dogs": 3})
        first, done = watched(root, tmp_path / "cache")
        assert done == {"reading images": 6, "looking at images": 6, "decoding images": 6}
        second, done = watched(root, tmp_path / "cache")
        assert done == {"reading images": 6}
        assert np.array_equal(first.images.pixels, second.images.pixels)
        assert np.array_equal(first.digests, second.digests)
        assert second.fingerprint == first.fingerprint

    def test_broken_files_are_still_known_the_second_time(self, folder, tmp_path, image):
        root = folder({"cats": 3, "dogs": 3})
        (root / "cats" / "1.png").write_bytes(image("PNG", (40, 40))[:-200])
        first, _ = watched(root, tmp_path / "cache")
        second, done = watched(root, tmp_path / "cache")
        assert "decoding images" not in done
        assert second.skipped == first.skipped
        assert second.ids == first.ids
        assert np.array_equal(first.images.pixels, second.images.pixels)

    @pytest.mark.parametrize("damage", ["pixel", "cut pixels", "index", "cut index", "no index", "no pixels"])
    def test_a_damaged_entry_is_made_again(self, folder, tmp_path, damage):
        root = folder({"cats": 3, "dogs": 3})
        first, _ = watched(root, tmp_path / "cache")
        expected = np.array(first.images.pixels)
        (entry,) = entries(tmp_path / "cache")
        pixels, index = entry / "pixels.npy", entry / "index.json"
        path = pixels if "pixel" in damage else index
        content = bytearray(path.read_bytes())
        if damage.startswith("no"):
            path.unlink()
        elif damage.startswith("cut"):
            path.write_bytes(content[: len(content) // 2])
        elif damage == "pixel":
            content[-1] ^= 1
            path.write_bytes(content)
        else:
            digest = index.read_text().split('"digests": [\n  "')[1][:64]
            index.write_text(index.read_text().replace(digest, digest[::-1]))
        again, done = watched(root, tmp_path / "cache")
        assert done["decoding images"] == 6
        assert np.array_equal(again.images.pixels, expected)
        assert np.array_equal(again.digests, first.digests)
        assert "decoding images" not in watched(root, tmp_path / "cache")[1]

    def test_a_changed_file_is_decoded_again(self, folder, tmp_path, image):
        root = folder({"cats": 3, "dogs": 3})
        first, _ = watched(root, tmp_path / "cache")
        (root / "cats" / "0.png").write_bytes(image())
        second, done = watched(root, tmp_path / "cache")
        assert done["decoding images"] == 6
        assert second.fingerprint != first.fingerprint
        assert not np.array_equal(second.images.pixels[0], first.images.pixels[0])

    @pytest.mark.parametrize("other", [{"image_size": 4}, {"channels": 1}])
    def test_another_size_or_depth_has_an_entry_of_its_own(self, folder, tmp_path, other):
        root = folder({"cats": 3, "dogs": 3})
        watched(root, tmp_path / "cache")
        _, done = watched(root, tmp_path / "cache", **other)
        assert done["decoding images"] == 6
        assert len(entries(tmp_path / "cache")) == 2

    def test_sizes_and_modes_that_are_damaged_are_found_again(self, folder, tmp_path):
        root = folder({"cats": 3, "dogs": 3})
        first, _ = watched(root, tmp_path / "cache")
        (heads,) = (tmp_path / "cache").glob("*.heads.npz")
        content = bytearray(heads.read_bytes())
        content[len(content) // 2] ^= 255
        heads.write_bytes(content)
        again, done = watched(root, tmp_path / "cache")
        assert done["looking at images"] == 6
        assert np.array_equal(again.images.original_sizes, first.images.original_sizes)
        assert again.images.modes == first.images.modes
        assert "looking at images" not in watched(root, tmp_path / "cache")[1]

    def test_a_table_in_another_order_gives_each_row_its_own_image(self, folder, tmp_path):
        root = folder({"cats": 3, "dogs": 3})
        rows = [f"{name}/{i}.png,{name}" for name in ("dogs", "cats") for i in (2, 0, 1)]
        found = []
        for number, order in enumerate((rows, rows[::-1])):
            table = root / f"{number}.csv"
            table.write_text("\n".join(["path,label", *order]))
            found.append(watched(table, tmp_path / "cache")[0])
        first, second = found
        assert first.fingerprint == second.fingerprint
        for examples in found:
            for row, name in enumerate(examples.ids):
                alone = loading.decode((root / name).read_bytes(), side=(9, 8), channels=3)
                assert np.array_equal(examples.images.pixels[row], alone)
                assert examples.classes[examples.targets[row]] == name.split("/")[0]

    def test_another_order_of_classes_reuses_the_pixels(self, folder, tmp_path):
        root = folder({"cats": 3, "dogs": 3})
        watched(root, tmp_path / "cache")
        assert "decoding images" not in watched(root, tmp_path / "cache", classes=("dogs", "cats"))[1]

    @pytest.mark.requirement("P03")
    def test_without_a_place_in_the_home_the_fallback_is_used(self, folder, tmp_path, monkeypatch):
        root = folder({"cats": 3, "dogs": 3})
        (tmp_path / "file").write_text("no folder can be made below a file, not even by root")
        for variable in ("FIRSTLIGHT_CACHE", "XDG_CACHE_HOME", "HOME"):
            monkeypatch.setenv(variable, str(tmp_path / "file" / "x"))
        examples, _ = watched(root, None, tmp_path / "experiment" / "cache")
        assert len(examples.ids) == 6
        assert len(entries(tmp_path / "experiment" / "cache")) == 1

    @pytest.mark.requirement("P03")
    def test_nothing_is_written_into_the_data(self, folder, tmp_path):
        root = folder({"cats": 3, "dogs": 3})
        before = sorted((str(p), p.stat().st_mtime_ns) for p in [root, *root.rglob("*")])
        watched(root, tmp_path / "cache")
        assert sorted((str(p), p.stat().st_mtime_ns) for p in [root, *root.rglob("*")]) == before
