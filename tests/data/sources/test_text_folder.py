"""Folders and files of texts as a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.config.schema import Data
from firstlight.data.examples import Examples, Part
from firstlight.data.load import load_examples
from firstlight.data.sources.text_folder import SOURCE
from firstlight.errors import DataError, UsageError
from firstlight.watch.progress import Silent


def load(path: Path, **data: object) -> Examples:
    return load_examples(
        Data(source=str(path), **data), base=path.parent, fallback=path.parent, progress=Silent()
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two class folders of three texts."""
    for label in ("sports", "world news"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "data" / label / f"{number}.txt").write_text(f"{label} number {number}")
    return tmp_path / "data"


def test_class_folders(folder: Path) -> None:
    found = load(folder)
    assert found.classes == ("sports", "world news")
    assert found.ids[0] == "sports/0.txt"
    assert found.texts[-1] == "world news number 2"
    assert found.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert set(found.parts.tolist()) == {Part.UNASSIGNED}


def test_the_order_of_the_config_is_the_order_of_the_classes(folder: Path) -> None:
    assert load(folder, classes=("world news", "sports")).targets.tolist() == [1, 1, 1, 0, 0, 0]


@pytest.mark.requirement("BX07")
def test_an_empty_file_is_left_out_and_told(folder: Path) -> None:
    (folder / "sports" / "0.txt").write_text(" \n")
    found = load(folder)
    assert [(s.id, s.reason) for s in found.skipped] == [("sports/0.txt", "no text")]
    assert any(note.startswith("1 row left out") for note in found.notes)


def test_texts_that_differ_by_case_and_blanks_are_the_same(folder: Path) -> None:
    (folder / "sports" / "1.txt").write_text("  SPORTS   number 0")
    digests = load(folder).digests.tolist()
    assert digests[0] == digests[1]
    assert len(set(digests)) == 5


def test_pairs_of_files(tmp_path: Path) -> None:
    for part, rows in (("train", 4), ("val", 2)):
        (tmp_path / f"{part}_text.txt").write_text("".join(f"text {part} {i}\n" for i in range(rows)))
        (tmp_path / f"{part}_labels.txt").write_text("0\n1\n" * (rows // 2))
    found = load(tmp_path)
    assert found.parts.tolist() == [Part.TRAIN] * 4 + [Part.VAL] * 2
    assert found.ids[-1] == "val_text.txt:2"


def test_lines_of_a_label_and_a_text(tmp_path: Path) -> None:
    path = tmp_path / "questions.all"
    path.write_text("".join(f"{i % 3} what is number {i} ?\n" for i in range(30)))
    found = load(path)
    assert found.classes == ("0", "1", "2")
    assert found.texts[0] == "what is number 0 ?"


def test_one_class_is_refused(folder: Path) -> None:
    for path in (folder / "sports").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="there is only one class"):
        load(folder)


def test_photos_with_a_stray_text_are_no_texts(folder: Path) -> None:
    assert SOURCE.matches(Data(), folder)
    (folder / "sports" / "a.png").write_bytes(b"no matter")
    assert not SOURCE.matches(Data(), folder)
    assert SOURCE.matches(Data(task="text_classification"), folder)


@pytest.mark.parametrize("key", ["group", "time", "weight"])
def test_a_column_of_texts_that_lie_in_no_table_is_refused(folder: Path, key: str) -> None:
    from firstlight.data.split import split

    with pytest.raises(UsageError, match=rf"have no columns\n.*data.{key} = author"):
        split(load(folder), Data.model_validate({key: "author"}), 42)
