"""Images in class folders: what is taken, what is passed over and told, what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from firstlight.config.schema import Data
from firstlight.data.examples import Part
from firstlight.data.source import read_source
from firstlight.data.split import read_split, split, write_split
from firstlight.errors import DataError, UsageError
from firstlight.watch.progress import Silent

HOSTILE = (
    "with space",
    "Ünï 猫",
    "new\nline",
    "-rf",
    "--config=x",
    "\x1b[31mred\x1b]0;title\x07",
    "cr\rline",
    "$(touch x)",
    "<img src=x onerror=alert(1)>",
    "a|b`[x](link)",
    "=1+1",
    "null",
    os.fsdecode(b"caf\xe9"),
)


class TestLayouts:
    def test_class_folders_give_sorted_classes_and_stable_ids(self, folder, load):
        root = folder({"dogs": 3, "cats": 2})
        examples = load(root)
        assert examples.classes == ("cats", "dogs")
        assert examples.ids == ("cats/0.png", "cats/1.png", "dogs/0.png", "dogs/1.png", "dogs/2.png")
        assert examples.targets.tolist() == [0, 0, 1, 1, 1]
        assert set(examples.parts.tolist()) == {Part.UNASSIGNED}
        assert examples.images.pixels.shape == (5, 9, 8, 3)
        moved = root.rename(root.with_name("elsewhere"))
        assert load(moved).fingerprint == examples.fingerprint

    def test_folders_in_a_class_belong_to_it(self, folder, load, image):
        root = folder({"dogs": 2, "cats": 2})
        (root / "cats" / "old" / "small").mkdir(parents=True)
        (root / "cats" / "old" / "small" / "x.PNG").write_bytes(image())
        examples = load(root)
        assert "cats/old/small/x.PNG" in examples.ids
        assert examples.targets.tolist().count(0) == 3

    def test_parts_at_the_top_are_kept(self, folder, load):
        root = folder({"Train/a": 3, "Train/b": 3, "valid/a": 1, "valid/b": 1, "test/a": 2, "extra/a": 1})
        examples = load(root)
        assert [examples.parts.tolist().count(p) for p in (Part.TRAIN, Part.VAL, Part.TEST)] == [6, 2, 2]
        assert examples.classes == ("a", "b")
        assert any("the folder extra is none of train, val and test" in note for note in examples.notes)
        assert any("the part test has no image of: b" in note for note in examples.notes)

    def test_a_class_may_be_called_train(self, folder, load):
        examples = load(folder({"bus": 3, "car": 3, "train": 3}))
        assert examples.classes == ("bus", "car", "train")
        assert set(examples.parts.tolist()) == {Part.UNASSIGNED}

    def test_parts_without_class_folders_are_no_classes(self, folder, load):
        with pytest.raises(DataError, match="no class folder with images") as error:
            load(folder({"train": 3, "test": 3}))
        assert "6 images outside of any class folder" in error.value.where
        assert error.value.remedy.startswith("expected: DATA/CLASS/image.jpg")

    def test_a_table_beside_the_images_is_pointed_out(self, folder, load):
        root = folder({"images": 3})
        (root / "labels.csv").write_text("file,label\nimages/1.png,a\n")
        with pytest.raises(DataError, match="there is only one class") as error:
            load(root)
        assert "there are tables: labels.csv" in error.value.where

    def test_two_folders_for_one_part_are_refused(self, folder, load):
        with pytest.raises(DataError, match="two folders are the same part") as error:
            load(folder({"train/a": 2, "train/b": 2, "val/a": 1, "valid/b": 1}))
        assert "val, valid" in error.value.where

    def test_a_folder_around_the_data_is_pointed_out(self, folder, load):
        root = folder({"download/train/a": 2, "download/train/b": 2})
        with pytest.raises(DataError, match="only one class") as error:
            load(root)
        assert "download/train/a" in error.value.where
        assert f"name {root / 'download'};" in error.value.remedy

    def test_classes_whose_images_all_lie_deeper_are_told(self, folder, load):
        examples = load(folder({"images/cat": 2, "images/dog": 2, "masks/cat": 2, "plain": 2}))
        assert examples.classes == ("images", "masks", "plain")
        (note,) = examples.notes
        assert "such as images/cat; each is one class: images, masks" in note

    def test_the_config_orders_the_classes(self, folder, load):
        root = folder({"cats": 2, "dogs": 3})
        examples = load(root, classes=("dogs", "cats"))
        assert examples.classes == ("dogs", "cats")
        assert examples.targets.tolist() == [1, 1, 0, 0, 0]

    def test_a_class_that_the_config_does_not_name_is_refused(self, folder, load):
        with pytest.raises(DataError, match=r"data.classes lacks dogs"):
            load(folder({"cats": 2, "dogs": 3}), classes=("cats", "birds"))

    def test_a_class_that_the_config_names_and_nobody_fills_is_refused(self, folder, load):
        with pytest.raises(DataError, match="1 class with fewer than 1 readable example"):
            load(folder({"cats": 2, "dogs": 3}), classes=("cats", "dogs", "birds"))

    def test_a_class_below_the_least_number_is_refused(self, folder, load):
        with pytest.raises(DataError, match=r"1 class with fewer than 3 readable examples\n.*cats"):
            load(folder({"cats": 2, "dogs": 3}), min_per_class=3)


class TestPassedOver:
    @pytest.mark.requirement("BI04")
    def test_litter_of_systems_is_no_class_and_no_image(self, folder, load, image):
        root = folder({"cats": 2, "dogs": 2, ".ipynb_checkpoints": 2, "__MACOSX": 2})
        for name in (".DS_Store", "Thumbs.db", "cats/.DS_Store", "cats/Thumbs.db", "cats/._0.png"):
            (root / name).write_bytes(image())
        (root / "dogs" / ".ipynb_checkpoints").mkdir()
        (root / "dogs" / ".ipynb_checkpoints" / "0-checkpoint.png").write_bytes(image())
        examples = load(root)
        assert examples.classes == ("cats", "dogs")
        assert len(examples.ids) == 4
        assert {"__MACOSX", "cats/._0.png", "dogs/.ipynb_checkpoints"} < set(examples.ignored)

    @pytest.mark.requirement("BI05")
    def test_an_empty_class_is_left_out_and_told(self, folder, load):
        examples = load(folder({"cats": 2, "dogs": 2, "birds\x1b": 0}))
        assert examples.classes == ("cats", "dogs")
        assert "the class folder birds\\x1b holds no image and was left out" in examples.notes

    def test_other_files_are_counted_by_kind(self, folder, load):
        root = folder({"cats": 2, "dogs": 2})
        for name in ("a.heic", "b.HEIC", "notes.txt", "README"):
            (root / "cats" / name).write_bytes(b"x")
        examples = load(root)
        assert len(examples.ids) == 4
        told = next(note for note in examples.notes if "no images by their names" in note)
        assert "2 .heic" in told
        assert "1 .txt" in told
        assert "1 without a suffix" in told

    def test_images_beside_the_class_folders_are_told(self, folder, load, image):
        root = folder({"cats": 2, "dogs": 2})
        (root / "stray.png").write_bytes(image())
        examples = load(root)
        assert len(examples.ids) == 4
        assert "1 image outside of any class folder not used: stray.png" in examples.notes

    def test_a_pipe_with_the_name_of_an_image_does_not_hang(self, folder, load):
        root = folder({"cats": 2, "dogs": 2})
        os.mkfifo(root / "cats" / "pipe.png")
        assert len(load(root).ids) == 4


class TestLinks:
    @pytest.mark.requirement("BI09")
    @pytest.mark.parametrize(("link", "target"), [("cats/up", ".."), ("cats/self", "self"), ("cats/in", ".")])
    def test_a_loop_ends_and_is_told(self, folder, load, link, target):
        root = folder({"cats": 2, "dogs": 2})
        (root / link).symlink_to(target)
        examples = load(root)
        assert len(examples.ids) == 4
        assert any(link in note and ("circle" in note or "back into" in note) for note in examples.notes)

    @pytest.mark.requirement("BI09")
    def test_two_folders_that_link_to_each_other_end(self, folder, load, image):
        root = folder({"cats": 1, "dogs": 1})
        (root / "cats" / "x").symlink_to("../dogs")
        (root / "dogs" / "y").symlink_to("../cats")
        examples = load(root)
        assert sorted(examples.ids) == ["cats/0.png", "cats/x/0.png", "dogs/0.png", "dogs/y/0.png"]
        assert any("lead to a folder that was read already (2)" in note for note in examples.notes)

    def test_links_that_multiply_are_read_once(self, folder, load):
        root = folder({"cats": 1, "dogs": 1})
        for depth in range(30):
            (root / "cats" / f"d{depth}").mkdir()
            for name in ("a", "b"):
                (root / "cats" / f"d{depth}" / name).symlink_to(f"../d{(depth + 1) % 30}")
        assert len(load(root).ids) == 2

    @pytest.mark.requirement("H06")
    @pytest.mark.parametrize("kind", ["file", "folder", "class"])
    def test_a_link_out_of_the_data_is_not_followed(self, folder, load, image, tmp_path, kind):
        secret = tmp_path / "outside"
        secret.mkdir()
        (secret / "secret.png").write_bytes(image())
        root = folder({"cats": 2, "dogs": 2})
        link = root / {"file": "cats/9.png", "folder": "cats/more", "class": "birds"}[kind]
        link.symlink_to(secret / "secret.png" if kind == "file" else secret)
        examples = load(root)
        assert examples.classes == ("cats", "dogs")
        assert len(examples.ids) == 4
        told = next(note for note in examples.notes if "leave the data folder" in note)
        assert str(link.relative_to(root)) in told
        assert "secret" not in "".join((*examples.notes, *examples.ignored, *examples.ids))
        assert "data.follow_links=true" in told
        followed = load(root, follow_links=True)
        assert len(followed.ids) == 5
        assert ("birds" in followed.classes) == (kind == "class")

    @pytest.mark.requirement("H06")
    def test_a_data_set_of_nothing_but_links_out_names_the_setting(self, folder, load, tmp_path):
        root = folder({"cats": 2, "dogs": 2})
        (tmp_path / "linked").mkdir()
        for name in ("cats", "dogs"):
            (tmp_path / "linked" / name).symlink_to(root / name)
        with pytest.raises(DataError, match=r"data\.follow_links=true"):
            load(tmp_path / "linked")
        assert load(tmp_path / "linked", follow_links=True).classes == ("cats", "dogs")

    @pytest.mark.requirement("H06", "BI09")
    def test_links_that_are_followed_end_too(self, folder, load, tmp_path):
        root = folder({"cats": 2, "dogs": 2})
        (root / "cats" / "up").symlink_to(tmp_path)
        (root / "cats" / "again").symlink_to(root / "cats")
        assert len(load(root, follow_links=True).ids) >= 4

    def test_many_links_give_one_sentence(self, folder, load, tmp_path):
        root = folder({"cats": 2, "dogs": 2})
        for number in range(100):
            (root / "cats" / f"l{number}.png").symlink_to(tmp_path / "nothing")
        notes = load(root).notes
        assert len(notes) == 1
        assert notes[0].startswith(
            "links passed over, because they lead nowhere or in a circle (100): cats/l0.png"
        )
        assert notes[0].endswith("and 80 more")

    def test_a_link_within_the_data_is_followed(self, folder, load):
        root = folder({"cats": 2, "dogs": 2})
        (root / "cats" / "2.png").symlink_to("0.png")
        assert "cats/2.png" in load(root).ids

    def test_the_data_folder_itself_may_be_a_link(self, folder, load, tmp_path):
        root = folder({"cats": 2, "dogs": 2})
        (tmp_path / "link").symlink_to(root)
        assert load(tmp_path / "link").fingerprint == load(root).fingerprint


class TestNames:
    @pytest.mark.requirement("BI11", "H07", "H08", "H09", "H16")
    def test_any_name_works_up_to_the_frozen_split(self, folder, load, image, tmp_path):
        root = folder(dict.fromkeys(HOSTILE, 3))
        for name in (b"caf\xe9 \xff.png", b"-f.png", b"\x1b[1m.png", b"new\nline.png"):
            (root / "null" / os.fsdecode(name)).write_bytes(image())
        examples = load(root)
        assert set(examples.classes) == set(HOSTILE)
        assert os.fsdecode(b"null/caf\xe9 \xff.png") in examples.ids
        made = split(examples, Data(), 42)
        write_split(tmp_path / "splits.npz", made, examples)
        assert np.array_equal(read_split(tmp_path / "splits.npz", examples).train, made.train)
        assert not (tmp_path / "x").exists()

    @pytest.mark.requirement("BI10")
    def test_classes_that_differ_only_by_case_are_two(self, folder, load):
        root = folder({"Cat": 2, "cat": 2})
        if len(list(root.iterdir())) < 2:
            pytest.skip("this disk does not know case")
        assert load(root).classes == ("Cat", "cat")


class TestRefused:
    def check(self, error: pytest.ExceptionInfo[DataError], what: str) -> None:
        assert error.value.what == what
        assert error.value.exit_code == 3
        assert "DATA/CLASS/image.jpg" in error.value.remedy
        assert all(line.isprintable() for line in error.value.lines())

    @pytest.mark.requirement("BI13")
    def test_an_empty_folder(self, load, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError) as error:
            load("empty")
        self.check(error, "no class folder with images was found")

    @pytest.mark.requirement("BI13")
    def test_images_in_the_root(self, folder, load, image):
        root = folder({"cats": 0})
        for number in range(3):
            (root / f"{number}.png").write_bytes(image())
        with pytest.raises(DataError) as error:
            load(root)
        self.check(error, "no class folder with images was found")
        assert "3 images outside of any class folder" in error.value.where

    @pytest.mark.requirement("BI06")
    def test_one_class(self, folder, load):
        with pytest.raises(DataError) as error:
            load(folder({"only\x1b": 5}))
        self.check(error, "there is only one class")
        assert "only\\x1b" in error.value.where

    def test_photos_of_a_kind_that_is_not_read(self, folder, load):
        root = folder({"cats": 0, "dogs": 0})
        (root / "cats" / "a.heic").write_bytes(b"x")
        with pytest.raises(DataError, match=r"no images by their names: 1 .heic"):
            load(root)

    def test_a_folder_that_is_not_there(self, load, tmp_path):
        for name in ("nothing", "x" * 300, "~nobody/photos"):
            with pytest.raises(UsageError, match="there is no such data") as error:
                load(tmp_path / name)
            assert error.value.exit_code == 2

    @pytest.mark.requirement("H05", "H13")
    @pytest.mark.parametrize(
        "name", ["photo.jpg", "data.zip", "data.tar", "data.pkl", "data.feather", "a.npy"]
    )
    def test_a_file_of_another_kind(self, load, tmp_path, name):
        (tmp_path / name).write_bytes(b"\x80\x04cposix\nsystem\n.")
        with pytest.raises(UsageError, match="this kind of data is not known") as error:
            load(tmp_path / name)
        assert error.value.exit_code == 2
        assert [p.name for p in tmp_path.iterdir() if p.name != "cache"] == [name]

    def test_an_unreadable_folder(self, folder, monkeypatch):
        root = folder({"cats": 2, "dogs": 2})
        real = os.scandir

        def scandir(path):  # what the system does to a user without the right; root has every right
            if Path(path) == root / "dogs":
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(os, "scandir", scandir)
        with pytest.raises(DataError, match=re.escape("dogs: Permission denied")) as error:
            read_source(Data(source=str(root)), root, Silent())
        assert error.value.exit_code == 3
