"""Folders of texts, pairs of files and labelled lines are read; what cannot be used is counted and told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import pytest

from firstlight.data.examples import Part
from firstlight.data.texts import reading
from firstlight.data.texts.reading import matches, read_texts
from firstlight.errors import DataError


def fill(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


class TestFolders:
    def test_class_folders(self, tmp_path: Path) -> None:
        fill(
            tmp_path,
            {"pos/1.txt": "good ", "neg/deep/2.TXT": "bad", "neg/.hidden.txt": "x", "pos/a.pdf": "x"},
        )
        assert matches(tmp_path)
        found = read_texts(tmp_path)
        assert found.texts == ["bad", "good"]
        assert found.labels == ["neg", "pos"]
        assert found.ids == ("neg/deep/2.TXT", "pos/1.txt")
        assert set(found.parts.tolist()) == {Part.UNASSIGNED}
        assert found.notes == ("files that are no texts by their names were passed over: 1 .pdf",)

    def test_parts_above_the_classes_are_kept(self, tmp_path: Path) -> None:
        fill(tmp_path, {f"{part}/{c}/1.txt": part + c for part in ("train", "dev", "test") for c in "ab"})
        fill(tmp_path, {"unsup/a/1.txt": "unlabelled"})
        found = read_texts(tmp_path)
        assert dict(zip(found.ids, found.parts.tolist(), strict=True))["dev/a/1.txt"] == Part.VAL
        assert len(found.texts) == 6
        assert found.notes == ("the folder unsup is none of train, val and test: passed over",)

    def test_a_class_may_be_called_train(self, tmp_path: Path) -> None:
        fill(tmp_path, {f"{name}/1.txt": name for name in ("bus", "car", "train")})
        assert read_texts(tmp_path).labels == ["bus", "car", "train"]

    def test_two_folders_of_one_part_are_refused(self, tmp_path: Path) -> None:
        fill(tmp_path, {f"{part}/{c}/1.txt": "x" for part in ("train", "val", "dev") for c in "ab"})
        with pytest.raises(DataError, match="same part"):
            read_texts(tmp_path)

    @pytest.mark.requirement("BX07", "BX06")
    def test_empty_texts_are_left_out_and_encodings_told(self, tmp_path: Path) -> None:
        fill(tmp_path, {"a/1.txt": " \n", "a/2.txt": "caf\xe9".encode("latin-1"), "b/1.txt": "\ufeffmarked"})
        found = read_texts(tmp_path)
        assert found.texts == ["café", "marked"]
        assert [(s.id, s.reason) for s in found.left_out] == [("a/1.txt", "no text")]
        assert found.notes == (
            "1 file read as UTF-8 with mark",
            "1 file read as Windows-1252",
            "1 row left out (33.3 %), no text: a/1.txt",
        )

    def test_links_out_of_the_data_or_to_folders_are_not_followed(self, tmp_path: Path) -> None:
        root = fill(tmp_path / "data", {"a/1.txt": "x", "b/1.txt": "y"})
        fill(tmp_path, {"secret.txt": "secret"})
        os.symlink(tmp_path / "secret.txt", root / "a" / "2.txt")
        os.symlink(root / "a", root / "a" / "again")
        os.symlink(root / "b" / "1.txt", root / "a" / "3.txt")
        found = read_texts(root)
        assert found.texts == ["x", "y", "y"]
        assert "2 links passed over" in found.notes[0]
        assert "data.follow_links=true" in found.notes[0]
        assert read_texts(root, follow_links=True).texts == ["x", "secret", "y", "y"]

    @pytest.mark.requirement("H06")
    def test_a_class_that_is_a_link_is_followed_only_when_that_is_asked_for(self, tmp_path: Path) -> None:
        root = fill(tmp_path / "data", {"a/1.txt": "x", "b/1.txt": "y"})
        fill(tmp_path, {"outside/1.txt": "secret"})
        os.symlink(tmp_path / "outside", root / "c")
        os.symlink(tmp_path, root / "a" / "up")
        assert set(read_texts(root).labels) == {"a", "b"}
        followed = read_texts(root, follow_links=True)
        assert set(followed.labels) == {"a", "b", "c"}
        assert matches(root)

    @pytest.mark.requirement("H06")
    @pytest.mark.parametrize("name", ["train_text.txt", "val_labels.txt", "mapping.txt"])
    def test_a_file_of_a_pair_that_is_a_link_out_is_refused(self, tmp_path: Path, name: str) -> None:
        files = {
            "train_text.txt": "a\nb",
            "train_labels.txt": "0\n1",
            "val_text.txt": "a\nb",
            "val_labels.txt": "0\n1",
        }
        root = fill(tmp_path / "data", files | {"mapping.txt": "0\tno\n1\tyes"})
        (root / name).rename(tmp_path / name)
        os.symlink(tmp_path / name, root / name)
        with pytest.raises(DataError, match="leaves the data folder") as caught:
            read_texts(root)
        assert name in caught.value.where
        assert len(read_texts(root, follow_links=True).texts) == 4

    @pytest.mark.requirement("H06")
    def test_lines_beside_the_file_that_lie_elsewhere_are_refused(self, tmp_path: Path) -> None:
        lines = "__label__a x\n__label__b y\n" * 8
        root = fill(tmp_path / "data", {"train.txt": lines})
        fill(tmp_path, {"test.txt": lines})
        os.symlink(tmp_path / "test.txt", root / "test.txt")
        with pytest.raises(DataError, match="leaves the data folder"):
            read_texts(root / "train.txt")

    @pytest.mark.requirement("BI03")
    def test_a_pipe_is_never_waited_for(self, tmp_path: Path) -> None:
        root = fill(tmp_path, {"a/1.txt": "x", "b/1.txt": "y"})
        os.mkfifo(root / "a" / "2.txt")
        assert read_texts(root).texts == ["x", "y"]

    def test_one_class_is_refused(self, tmp_path: Path) -> None:
        fill(tmp_path, {"a/1.txt": "x", "b/1.txt": "", "top.txt": "y"})
        with pytest.raises(DataError, match="only one class") as caught:
            read_texts(tmp_path)
        assert "b/1.txt (no text)" in caught.value.where

    @pytest.mark.requirement("BX08")
    def test_a_text_without_an_end_is_cut_and_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "LONGEST", 10)
        fill(tmp_path, {"a/1.txt": "x" * 11, "b/1.txt": "y" * 10})
        found = read_texts(tmp_path)
        assert list(map(len, found.texts)) == [10, 10]
        assert found.notes == ("1 text cut after 10 characters",)

    def test_the_fingerprint_follows_the_content_and_not_the_place(self, tmp_path: Path) -> None:
        files: dict[str, str | bytes] = {"a/1.txt": "x", "b/1.txt": "y"}
        first, second = (read_texts(fill(tmp_path / name, files)).fingerprint for name in "12")
        assert first == second
        fill(tmp_path / "1", {"a/1.txt": "z"})
        assert read_texts(tmp_path / "1").fingerprint != first


class TestPairs:
    FILES: ClassVar[dict[str, str | bytes]] = {
        "train_text.txt": "one\u2028line\ntwo\r\n\nfour\n",
        "train_labels.txt": "0\n1\n1\n\n",
        "val_text.txt": "five",
        "val_labels.txt": "1",
    }

    @pytest.mark.requirement("BX05", "BX07")
    def test_lines_belong_together_by_their_number(self, tmp_path: Path) -> None:
        fill(tmp_path, self.FILES)
        assert matches(tmp_path)
        found = read_texts(tmp_path)
        assert found.texts == ["one\u2028line", "two", "five"]
        assert found.labels == ["0", "1", "1"]
        assert found.ids == ("train_text.txt:1", "train_text.txt:2", "val_text.txt:1")
        assert found.parts.tolist() == [Part.TRAIN, Part.TRAIN, Part.VAL]
        assert [(s.id, s.reason) for s in found.left_out] == [
            ("train_text.txt:3", "no text"),
            ("train_text.txt:4", "no label"),
        ]

    def test_labels_get_their_names(self, tmp_path: Path) -> None:
        fill(tmp_path, {**self.FILES, "mapping.txt": "0\tX\tbad\t\n1\tgood\n"})
        assert read_texts(tmp_path).labels == ["bad", "good", "good"]

    def test_a_mapping_that_misses_a_label_is_not_used(self, tmp_path: Path) -> None:
        fill(tmp_path, {**self.FILES, "mapping.txt": "0\tbad\n"})
        found = read_texts(tmp_path)
        assert found.labels == ["0", "1", "1"]
        assert found.notes[0] == "mapping.txt does not name 1, so labels stay as they are"

    @pytest.mark.requirement("BX02")
    def test_a_line_too_few_is_refused(self, tmp_path: Path) -> None:
        fill(tmp_path, {**self.FILES, "val_labels.txt": "1\n0\n"})
        with pytest.raises(DataError) as caught:
            read_texts(tmp_path)
        assert "val_text.txt has 1 lines, val_labels.txt 2" in caught.value.where


class TestLabelledLines:
    LINES = "".join(f"{n % 2} some text {n}\n" for n in range(12))

    def test_parts_are_the_files_beside_it(self, tmp_path: Path) -> None:
        fill(
            tmp_path, {"x.binary.train": self.LINES, "x.binary.dev": self.LINES, "y.binary.test": self.LINES}
        )
        assert matches(tmp_path / "x.binary.train")
        found = read_texts(tmp_path / "x.binary.train")
        assert len(found.texts) == 24
        assert found.texts[0] == "some text 0"
        assert set(found.parts.tolist()) == {Part.TRAIN, Part.VAL}
        assert found.notes == ("the parts of the data are the files x.binary.train, x.binary.dev",)

    def test_other_forms_of_a_label(self, tmp_path: Path) -> None:
        fill(tmp_path, {"a": self.LINES.replace("0 s", "__label__no s").replace("1 s", "__label__yes s")})
        assert set(read_texts(tmp_path / "a").labels) == {"no", "yes"}

    @pytest.mark.parametrize(
        "content",
        [
            "a first line\n" * 20,
            "".join(f"{n} a numbered list\n" for n in range(20)),
            "1 the same\n" * 20,
            LINES + "no label here\n",
            "0 few\n1 lines\n",
            "a,b\n" + "1,2\n" * 20,
            "",
        ],
    )
    def test_what_may_be_something_else_is_not_taken(self, tmp_path: Path, content: str) -> None:
        fill(tmp_path, {"a": content})
        assert not matches(tmp_path / "a")

    def test_a_file_sorted_by_label_is_seen_at_its_end(self, tmp_path: Path) -> None:
        fill(tmp_path, {"a": "0 some text of a class\n" * 20_000 + "1 other text\n" * 20_000})
        assert matches(tmp_path / "a")

    def test_a_line_without_a_label_further_down_is_told_by_its_number(self, tmp_path: Path) -> None:
        fill(tmp_path, {"a": self.LINES * 2_000 + "oops\n" + self.LINES * 2_000})
        with pytest.raises(DataError) as caught:
            read_texts(tmp_path / "a")
        assert "line 24001: oops" in caught.value.where
