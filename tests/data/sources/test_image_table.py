"""Tables of image paths: which columns, which parts, and what is asked or refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
import pytest

from firstlight.data.examples import Part
from firstlight.errors import DataError, Undecided, UsageError

COLUMNS = {
    "path": ["a/0.png", "a/1.png", "b/2.png", "b/3.png"],
    "kind": ["cat", "cat", "dog", "dog"],
}


@pytest.fixture
def images(tmp_path: Path, image) -> Path:
    """Four images in two folders that say nothing about the class."""
    for name in COLUMNS["path"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(image())
    return tmp_path


def write(path: Path, columns: dict[str, list[object]]) -> Path:
    frame = pl.DataFrame(columns)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dicts()))
    else:
        frame.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
    return path


class TestKinds:
    @pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet", "T.CSV"])
    def test_paths_and_classes_are_found(self, images, load, name):
        examples = load(write(images / name, COLUMNS))
        assert examples.ids == tuple(COLUMNS["path"])
        assert examples.classes == ("cat", "dog")
        assert examples.targets.tolist() == [0, 0, 1, 1]
        assert examples.notes == ("image paths are read from the column path, classes from kind",)

    def test_a_mark_at_the_start_of_the_file_is_no_part_of_a_name(self, images, load):
        (images / "t.csv").write_text("\ufeffpath,kind\na/0.png,cat\nb/2.png,dog\n", "utf-8")
        assert load("t.csv").ids == ("a/0.png", "b/2.png")

    def test_names_that_look_like_numbers_stay_names(self, images, load):
        table = {"path": COLUMNS["path"], "label": ["007", "1.0", "007", "1.0"]}
        assert load(write(images / "t.csv", table)).classes == ("007", "1.0")

    @pytest.mark.requirement("H08", "H09")
    def test_any_class_name(self, images, load):
        names = ['a,b\n"c"', "\x1b[31m", "=1+1", "a|b"]
        with (images / "t.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["path", "kind"], *zip(COLUMNS["path"], names, strict=True)])
        assert set(load("t.csv").classes) == set(names)

    def test_the_config_orders_the_classes(self, images, load):
        examples = load(write(images / "t.csv", COLUMNS), classes=("dog", "cat"))
        assert examples.targets.tolist() == [1, 1, 0, 0]

    def test_a_path_named_twice_is_two_rows(self, images, load):
        (images / "a/0.png#1").write_bytes(b"")
        table = {"path": ["a/0.png", "a/0.png", "a/0.png#1", "a/0.png"], "kind": ["cat", "dog", "dog", "cat"]}
        examples = load(write(images / "t.csv", table), max_bad_fraction=0.5)
        assert examples.ids == ("a/0.png", "a/0.png#2", "a/0.png#3")


class TestColumns:
    def test_the_target_column_may_be_named(self, images, load):
        table = COLUMNS | {"size": ["s", "l", "s", "l"]}
        assert load(write(images / "t.csv", table), target="size").classes == ("l", "s")

    def test_a_column_called_label_is_the_target(self, images, load):
        table = {"label": COLUMNS["kind"], "path": COLUMNS["path"], "size": ["s", "l", "s", "l"]}
        assert load(write(images / "t.csv", table)).classes == ("cat", "dog")

    def test_which_column_is_the_target_is_asked(self, images, load):
        table = COLUMNS | {"size": ["s", "l", "s", "l"]}
        with pytest.raises(Undecided) as error:
            load(write(images / "t.csv", table))
        assert error.value.exit_code == 2
        assert error.value.key == "data.target"
        assert error.value.proposals == ("size", "kind")
        assert "--target size" in error.value.remedy

    @pytest.mark.parametrize("key", ["target", "path_column"])
    def test_a_name_that_is_nearly_right_is_suggested(self, images, load, key):
        wrong = {"target": "knid", "path_column": "pth"}[key]
        with pytest.raises(
            UsageError, match=f"{wrong}\n.*did you mean {'kind' if key == 'target' else 'path'}?"
        ) as e:
            load(write(images / "t.csv", COLUMNS), **{key: wrong})
        assert e.value.exit_code == 2

    def test_a_name_that_is_far_off_lists_the_columns(self, images, load):
        with pytest.raises(UsageError, match="there are: path, kind"):
            load(write(images / "t.csv", COLUMNS), target="zzzz")

    def test_a_table_without_paths_or_classes(self, images, load):
        with pytest.raises(DataError, match="no column of the table holds image paths"):
            load(write(images / "t.csv", {"a": ["x", "y"], "b": ["1", "2"]}), task="image_classification")
        with pytest.raises(DataError, match="no column of classes"):
            load(write(images / "t.csv", {"path": COLUMNS["path"]}))

    def test_parts_are_kept(self, images, load):
        table = COLUMNS | {"split": ["train", "Validation", "train", "test"]}
        assert load(write(images / "t.csv", table)).parts.tolist() == [
            Part.TRAIN,
            Part.VAL,
            Part.TRAIN,
            Part.TEST,
        ]

    @pytest.mark.parametrize(
        "values", [["train", "x", "train", "test"], ["train", None, "val", "val"], ["val"] * 4]
    )
    def test_parts_that_are_not_clear_are_not_used_and_told(self, images, load, values):
        examples = load(write(images / "t.csv", COLUMNS | {"split": values}))
        assert set(examples.parts.tolist()) == {Part.UNASSIGNED}
        assert any("the split column has other values" in note for note in examples.notes)


class TestRows:
    @pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
    def test_rows_without_a_value_are_left_out_and_counted(self, images, load, name):
        table = {"path": ["a/0.png", None, "b/2.png", "b/3.png"], "kind": ["cat", "cat", "dog", None]}
        examples = load(write(images / name, table))
        assert examples.ids == ("a/0.png", "b/2.png")
        assert "2 rows without a path or a class left out: row-2, row-4" in examples.notes

    @pytest.mark.requirement("H06")
    @pytest.mark.parametrize("way", ["../secret.png", "a/../../secret.png", "absolute", "link"])
    def test_a_path_that_leaves_the_folder_is_refused(self, images, load, image, way):
        root = images / "inner"
        root.mkdir()
        (images / "secret.png").write_bytes(image())
        (root / "link.png").symlink_to(images / "secret.png")
        path = {"absolute": str(images / "secret.png"), "link": "link.png"}.get(way, way)
        table = {"path": [path, "x.png"], "kind": ["cat", "dog"]}
        with pytest.raises(DataError, match="leaves the table's folder") as error:
            load(write(root / "t.csv", table))
        assert error.value.exit_code == 3

    def test_a_circle_of_links_and_a_name_no_disk_holds(self, images, load):
        (images / "loop.png").symlink_to("loop.png")
        for path in ("loop.png", "a\0.png"):
            table = {"path": [path, "b/2.png"], "kind": ["cat", "dog"]}
            with pytest.raises(DataError, match="an image path is none"):
                load(write(images / "t.parquet", table))

    def test_an_image_that_is_not_there_is_a_broken_one(self, images, load):
        table = {"path": [*COLUMNS["path"], "a/gone.png"], "kind": [*COLUMNS["kind"], "cat"]}
        (skipped,) = load(write(images / "t.csv", table)).skipped
        assert (skipped.id, skipped.reason) == ("a/gone.png", "No such file or directory")

    @pytest.mark.requirement("BI06")
    def test_one_class(self, images, load):
        with pytest.raises(DataError, match="there is only one class"):
            load(write(images / "t.csv", COLUMNS | {"kind": ["cat"] * 4}))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b""),
        ("t.csv", b"path,kind\n"),
        ("t.csv", b"path,kind\na/0.png,caf\xe9\n"),
        ("t.csv", b"path,kind\na/0.png,cat,more,and more\n"),
        ("t.jsonl", b"{not json"),
        ("t.jsonl", b""),
        ("t.parquet", b"PAR1"),
        ("t.parquet", b""),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(images, load, name, content):
    (images / name).write_bytes(content)
    with pytest.raises(DataError, match=r"the (table|file|Parquet file) (cannot|has|is)") as error:
        load(name)
    assert error.value.exit_code == 3
    assert all(line.isprintable() for line in error.value.lines())
