"""Tables as a source: target, parts, groups, times, texts, and what is told about them."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from firstlight.config.schema import Data
from firstlight.data.bundles import ALONE
from firstlight.data.examples import Examples, Part
from firstlight.data.load import load_examples
from firstlight.data.source import wants
from firstlight.data.sources.table import SOURCE
from firstlight.errors import DataError, Undecided, UsageError
from firstlight.watch.progress import Silent

ROWS = 40
WORDS = ("good", "bad", "fine", "awful", "great", "poor", "lovely", "dull", "film", "plot", "actor", "scene")


def columns(rows: int = ROWS) -> dict[str, list[object]]:
    """A number, a category, an id and a target."""
    draw = random.Random(0)
    return {
        "id": [f"c-{i:04d}-x{draw.random()}" for i in range(rows)],
        "age": [draw.randint(18, 80) for _ in range(rows)],
        "colour": [draw.choice("rgb") for _ in range(rows)],
        "bought": [draw.choice(["yes", "no"]) for _ in range(rows)],
    }


def sentences(rows: int = ROWS) -> list[str]:
    draw = random.Random(1)
    return [" ".join(draw.choices(WORDS, k=8)) for _ in range(rows)]


def write(path: Path, table: dict[str, list[object]]) -> Path:
    pl.DataFrame(table, strict=False).write_csv(path)
    return path


def load(path: Path, **data: object) -> Examples:
    return load_examples(
        Data(source=str(path), **data), base=path.parent, fallback=path.parent, progress=Silent()
    )


class TestRows:
    @pytest.mark.requirement("P1.7")
    def test_a_table_is_rows_and_a_target(self, tmp_path: Path) -> None:
        table = columns()
        found = load(write(tmp_path / "t.csv", table), target="bought")
        assert (found.task, found.classes) == ("classification", ("no", "yes"))
        assert [found.classes[i] for i in found.targets] == table["bought"]
        assert found.ids[:2] == ("row-1", "row-2")
        assert found.table.frame.columns == ["id", "age", "colour"]
        assert found.table.headline == "40 rows, 4 columns: separated by commas, UTF-8, with a header"
        assert "columns that a model does not see: id (id)" in found.notes

    def test_equal_rows_have_equal_digests_whatever_their_id_and_class(self, tmp_path: Path) -> None:
        table = columns() | {"age": [*range(20, 59), 20], "colour": ["r"] * ROWS}
        digests = load(write(tmp_path / "t.csv", table), target="bought").digests.tolist()
        assert digests[0] == digests[-1]
        assert len(set(digests)) == ROWS - 1

    def test_a_missing_target_is_left_out_with_its_row(self, tmp_path: Path) -> None:
        table = columns()
        table["bought"][3] = None
        found = load(write(tmp_path / "t.csv", table), target="bought")
        assert "row-4" not in found.ids
        assert [s.id for s in found.skipped] == ["row-4"]
        assert "1 row without a target left out" in found.notes

    @pytest.mark.requirement("BT06", "BT10")
    def test_values_that_fit_no_other_are_told_with_their_row(self, tmp_path: Path) -> None:
        table = columns(300)
        table["age"][250], table["age"][7] = "forty", "inf"
        notes = load(write(tmp_path / "t.csv", table), target="bought").notes
        told = "age: 1 value no number, such as forty in row 251: taken as missing; 1 infinite value taken as missing"
        assert told in notes

    @pytest.mark.parametrize("wanted", [None, "table_regression"])
    def test_a_column_of_many_numbers_is_a_regression(self, tmp_path: Path, wanted: str | None) -> None:
        table = columns() | {"price": [float(i) + 0.5 for i in range(ROWS)]}
        found = load(write(tmp_path / "t.csv", table), target="price", **({"task": wanted} if wanted else {}))
        assert (found.task, found.classes, found.targets.dtype) == ("regression", (), np.float64)
        assert found.targets.flags.writeable

    def test_several_targets_are_labels(self, tmp_path: Path) -> None:
        table = columns() | {"a": [0, 1] * 20, "b": [1, 1, 0, 0] * 10}
        found = load(write(tmp_path / "t.csv", table), target="a,b")
        assert (found.task, found.classes, found.targets.shape) == ("multilabel", ("a", "b"), (ROWS, 2))

    def test_the_target_is_asked_for_and_the_last_that_can_be_is_proposed(self, tmp_path: Path) -> None:
        table = columns() | {"remark": sentences()}
        with pytest.raises(Undecided) as raised:
            load(write(tmp_path / "t.csv", table))
        assert raised.value.proposals[0] == "bought"

    @pytest.mark.parametrize("key", ["drop", "group", "time", "text_column"])
    def test_a_column_that_is_not_there_names_the_nearest(self, tmp_path: Path, key: str) -> None:
        value = ("clour",) if key == "drop" else "clour"
        with pytest.raises(UsageError, match=f"data.{key} = clour") as raised:
            load(write(tmp_path / "t.csv", columns()), target="bought", **{key: value})
        assert raised.value.remedy == "did you mean colour?"

    def test_a_dropped_column_is_gone_and_part_of_the_fingerprint(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.csv", columns())
        whole, less = (load(path, target="bought", drop=drop) for drop in (None, ("age",)))
        assert less.table.frame.columns == ["id", "colour"]
        assert whole.fingerprint != less.fingerprint

    def test_lines_left_out_are_bounded_by_the_config(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.csv", columns())
        path.write_text(path.read_text() + "1,2,3,yes,more,more\n")
        assert [s.id for s in load(path, target="bought").skipped] == ["line 42"]
        with pytest.raises(DataError, match=r"1 of 41 rows cannot be read, 0.0 % are allowed"):
            load(path, target="bought", max_bad_fraction=0.0)


class TestParts:
    def test_files_called_after_the_parts_are_one_table(self, tmp_path: Path) -> None:
        for name in ("train", "val"):
            write(tmp_path / f"adult-{name}.csv", columns())
        (tmp_path / "adult-test.csv.gz").write_bytes(gzip.compress((tmp_path / "adult-val.csv").read_bytes()))
        (tmp_path / "readme.txt").write_text("hello")
        parts = load(tmp_path, target="bought").parts.tolist()
        assert parts == [Part.TRAIN] * ROWS + [Part.VAL] * ROWS + [Part.TEST] * ROWS

    def test_a_test_file_without_the_target_tells_it_and_is_left_out(self, tmp_path: Path) -> None:
        write(tmp_path / "train.csv", columns())
        write(tmp_path / "test.csv", {k: v for k, v in columns().items() if k != "bought"})
        found = load(tmp_path)
        assert (found.table.targets, len(found.ids)) == (("bought",), ROWS)
        assert "test.csv has no column bought: left out, use predict on it" in found.notes

    def test_two_files_for_one_part_are_not_chosen_between(self, tmp_path: Path) -> None:
        for name in ("train", "my_test", "test"):
            write(tmp_path / f"{name}.csv", columns())
        with pytest.raises(DataError, match=r"my_test.csv, test.csv") as raised:
            load(tmp_path, target="bought")
        assert raised.value.exit_code == 3

    def test_a_split_column_is_kept_and_no_feature(self, tmp_path: Path) -> None:
        table = columns() | {"split": ["train", "Val", "train", "TEST"] * 10}
        found = load(write(tmp_path / "t.csv", table), target="bought")
        assert found.parts.tolist() == [Part.TRAIN, Part.VAL, Part.TRAIN, Part.TEST] * 10
        assert "split" not in found.table.frame.columns

    @pytest.mark.parametrize("values", [["train", "x"], ["train", None], ["val", "val"]])
    def test_a_split_column_of_other_words_is_a_feature_and_told(
        self, tmp_path: Path, values: list[str]
    ) -> None:
        table = columns() | {"split": values * 20}
        found = load(write(tmp_path / "t.csv", table), target="bought")
        assert set(found.parts.tolist()) == {Part.UNASSIGNED}
        assert "split" in found.table.frame.columns
        assert any("was not taken for the split" in note for note in found.notes)

    def test_a_folder_without_a_training_file_is_no_table(self, tmp_path: Path) -> None:
        write(tmp_path / "red.csv", columns())
        write(tmp_path / "test.csv", columns())
        assert not SOURCE.matches(Data(), tmp_path)


class TestOrder:
    @pytest.mark.requirement("P1.6")
    def test_groups_are_numbered_and_no_feature(self, tmp_path: Path) -> None:
        table = columns() | {"patient": ["a", "b", None, "a"] * 10}
        found = load(write(tmp_path / "t.csv", table), target="bought", group="patient")
        assert found.groups is not None
        first, second, none, again = found.groups[:4].tolist()
        assert (first == again, first == second, none) == (True, False, ALONE)
        (column,) = [c for c in found.table.columns if c.name == "patient"]
        assert (column.kind, column.reason) == ("group", "it is data.group")
        assert "2 groups by patient; 10 rows without one, each taken as a group of its own" in found.notes

    @pytest.mark.parametrize(
        "values", [["2024-01-02", "2024-03-01"], ["02.01.2024", "01.03.2024"], [3, 62.0]]
    )
    def test_times_are_dates_or_numbers(self, tmp_path: Path, values: list[object]) -> None:
        table = columns() | {"when": values * 20}
        times = load(write(tmp_path / "t.csv", table), target="bought", time="when").times
        assert times is not None
        assert times[1] - times[0] == 59.0

    def test_a_time_that_is_none_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"holds no times\n.*colour: category, 3 different values"):
            load(write(tmp_path / "t.csv", columns()), target="bought", time="colour")

    def test_a_row_without_a_time_is_told(self, tmp_path: Path) -> None:
        table = columns() | {"when": [None, *(f"2024-01-{1 + i % 28:02d}" for i in range(ROWS - 1))]}
        found = load(write(tmp_path / "t.csv", table), target="bought", time="when")
        assert np.isnan(found.times[0])
        assert "1 row without a when: all in train" in found.notes


class TestTexts:
    def test_a_table_in_which_only_a_text_says_something_is_texts(self, tmp_path: Path) -> None:
        table = {"id": columns()["id"], "remark": sentences(), "bought": columns()["bought"]}
        found = load(write(tmp_path / "t.csv", table), target="bought")
        assert found.texts == tuple(sentences())
        assert found.text_columns == ("remark",)
        assert "columns that are not used: id" in found.notes

    def test_several_columns_of_texts_are_joined(self, tmp_path: Path) -> None:
        table = {"bought": columns()["bought"], "title": sentences(), "body": sentences()[::-1]}
        table["body"][0] = None
        path = write(tmp_path / "t.csv", table)
        found = load(path, target="bought")
        assert found.text_columns == ("title", "body")
        assert found.texts[0] == sentences()[0]
        assert found.texts[1] == f"{sentences()[1]}\n{sentences()[-2]}"
        assert load(path, target="bought", task="text_classification").texts == found.texts
        assert load(path, target="bought", text_column="title").texts == tuple(sentences())

    def test_beside_useful_columns_texts_are_left_out_unless_asked_for(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.csv", columns() | {"remark": sentences()})
        rows = load(path, target="bought")
        assert rows.content.kind == "table"
        assert any("--set data.task=text_classification" in note for note in rows.notes)
        assert load(path, target="bought", task="text_classification").texts == tuple(sentences())
        assert load(path, target="bought", text_column="remark").content.kind == "text"

    def test_texts_asked_for_where_there_are_none(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.csv", {k: v for k, v in columns().items() if k != "id"})
        with pytest.raises(UsageError, match=r"no column looks like texts\n.*age \(number\)"):
            load(path, target="bought", task="text_classification")

    @pytest.mark.requirement("BX07")
    def test_an_empty_text_stays_a_row(self, tmp_path: Path) -> None:
        table = {"remark": [None, *sentences()[1:]], "bought": columns()["bought"]}
        found = load(write(tmp_path / "t.csv", table), target="bought")
        assert found.texts[0] == ""
        assert len(found.ids) == ROWS


class TestWhose:
    """Which of the sources reads a table."""

    def test_a_table_of_image_paths_is_images_unless_a_table_is_asked_for(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.csv", columns() | {"picture": [f"{i}.jpg" for i in range(ROWS)]})
        with pytest.raises(Undecided, match="which column is the class"):
            load(path)
        found = load(path, target="bought", task="table_classification")
        assert found.content.kind == "table"

    def test_a_task_of_another_kind_is_left_alone(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.csv", columns())
        data = Data(task="image_classification")
        assert not wants(data, "table")
        assert not SOURCE.matches(data, path)

    @pytest.mark.parametrize(
        "name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet", "t.json", "T.CSV.GZ", "t.txt"]
    )
    def test_by_its_name(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).touch()
        assert SOURCE.matches(Data(), tmp_path / name)
        assert not SOURCE.matches(Data(), tmp_path / f"{'x' * 300}.csv")
