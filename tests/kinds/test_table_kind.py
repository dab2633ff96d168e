"""Tables from examples to batches, and new tables for a trained model."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
import torch

from firstlight.config.schema import Config, Data
from firstlight.data.load import load_examples
from firstlight.data.split import split
from firstlight.errors import DataError, UsageError
from firstlight.kinds.kind import Dataset, dataset, kind_named
from firstlight.kinds.table import KIND
from firstlight.machine.choices import Machine, machine_of
from firstlight.watch.progress import Silent

ROWS = 200


def table(rows: int = ROWS) -> pl.DataFrame:
    draw = random.Random(0)
    return pl.DataFrame(
        {
            "id": [f"c-{i}" for i in range(rows)],
            "age": [draw.randint(18, 80) for _ in range(rows)],
            "colour": [draw.choice(["red", "green", "blue"]) for _ in range(rows)],
            "bought": [draw.choice(["yes", "no"]) for _ in range(rows)],
        }
    )


def dataset_of(tmp_path: Path, frame: pl.DataFrame, **roles: object) -> Dataset:
    """Read from a file."""
    path = tmp_path / "t.csv"
    frame.write_csv(path)
    settings = Data.model_validate({"source": str(path), "target": "bought", **roles})
    examples = load_examples(settings, base=tmp_path, fallback=tmp_path, progress=Silent())
    return dataset(examples, split(examples, settings, 42))


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return dataset_of(tmp_path, table())


@pytest.fixture
def machine() -> Machine:
    return machine_of(Config.model_validate({"parallel": {"device": "cpu"}}))


def new(data: Dataset, machine: Machine, path: Path):
    """What predict is given for a new table."""
    meta = KIND.pipeline(Config(), data, 2, machine).meta
    return KIND.unseen(meta, str(path), machine, Silent())


def test_it_is_the_kind_of_a_table(data: Dataset) -> None:
    assert data.kind is kind_named("table") is KIND


def test_every_row_of_a_part_is_in_its_batches_once(data: Dataset, machine: Machine) -> None:
    pipeline = KIND.pipeline(Config(), data, 2, machine)
    seen = torch.cat([batch.rows for batch in pipeline.train.epoch(0)])
    assert sorted(seen.tolist()) == data.split.train.tolist()
    assert (pipeline.shape.numbers, pipeline.shape.cardinalities) == (1, (5,))
    batch = next(iter(pipeline.val.ordered()))
    assert batch.inputs.numbers[:, 0].tolist() == table()["age"].gather(batch.rows.numpy()).to_list()


def test_new_rows_are_encoded_as_those_of_training(data: Dataset, machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    table().select("colour", "id", "age").write_csv(path)  # another order, no target
    (portion,) = new(data, machine, path).portions
    assert portion.ids[:2] == ["c-0", "c-1"]
    assert torch.equal(portion.inputs.numbers, data.fitted.inputs.numbers)
    assert torch.equal(portion.inputs.codes, data.fitted.inputs.codes)


def test_what_differs_is_told(data: Dataset, machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    changed = table(10).with_columns(more=pl.lit(1), colour=pl.lit("pink"), age=pl.lit("old"))
    changed.write_csv(path)
    told = new(data, machine, path)
    notes = told.differences
    assert "separated by commas" in told.notes[0]
    assert "columns that training did not have, not used: more" in notes
    assert "10 rows (100.0 %, such as pink) with a value in colour that training did not have" in notes
    assert "10 rows (100.0 %, such as old) with no number in age, taken as missing" in notes


@pytest.mark.parametrize("ids", [["a"] * 10, [None, *"bcdefghij"]])
def test_ids_that_do_not_name_every_row_are_not_used(
    data: Dataset, machine: Machine, tmp_path: Path, ids: list[str | None]
) -> None:
    path = tmp_path / "new.csv"
    table(10).with_columns(id=pl.Series(ids)).write_csv(path)
    told = new(data, machine, path)
    (portion,) = told.portions
    assert portion.ids[:2] == ["row-1", "row-2"]
    assert "the column id does not name every row: they are numbered" in told.notes


class TestRoles:
    """Columns that are no features: they name no rows, are not needed, and are not called unknown."""

    def with_roles(self) -> pl.DataFrame:
        parts = random.Random(0).choices(["train", "val", "test"], [8, 1, 1], k=ROWS)
        return table().with_columns(
            shop=pl.Series([f"s-{i}" for i in range(ROWS)]),
            when=pl.Series(range(ROWS)),
            counts=pl.Series([1.5 + i**1.5 for i in range(ROWS)]),
            split=pl.Series(parts),
            junk=pl.Series(range(ROWS)),
        )

    @pytest.fixture
    def trained(self, tmp_path: Path) -> Dataset:
        roles = {"group": "shop", "time": "when", "weight": "counts", "drop": ["junk"]}
        return dataset_of(tmp_path, self.with_roles(), **roles)

    @pytest.mark.parametrize("role", ["shop", "when", "counts", "split", "junk"])
    def test_they_name_no_rows(self, trained: Dataset, machine: Machine, tmp_path: Path, role: str) -> None:
        path = tmp_path / "new.csv"
        self.with_roles().select("age", "colour", role).write_csv(path)
        told = new(trained, machine, path)
        assert next(told.portions).ids[:2] == ["row-1", "row-2"]
        assert told.differences == ()

    def test_an_id_of_its_own_evidence_does(self, trained: Dataset, machine: Machine, tmp_path: Path) -> None:
        path = tmp_path / "new.csv"
        self.with_roles().write_csv(path)
        told = new(trained, machine, path)
        assert next(told.portions).ids[:2] == ["c-0", "c-1"]
        assert "rows are named by the column id" in told.notes
        assert "bought is what is predicted, and was not looked at" in told.notes
        assert told.differences == ()

    def test_without_an_id_in_training_none_is_taken(self, machine: Machine, tmp_path: Path) -> None:
        data = dataset_of(tmp_path, self.with_roles().drop("id", "when", "counts", "junk"), group="shop")
        path = tmp_path / "new.csv"
        self.with_roles().write_csv(path)
        told = new(data, machine, path)
        assert next(told.portions).ids[:2] == ["row-1", "row-2"]
        assert told.differences == ("columns that training did not have, not used: id, when, counts, junk",)


def test_lines_that_are_left_out_have_no_row_and_shift_no_other(
    data: Dataset, machine: Machine, tmp_path: Path
) -> None:
    path = tmp_path / "new.csv"
    lines = table(150).drop("id", "bought").write_csv().splitlines()
    lines[3] += ",too many"
    path.write_text("\n".join(lines) + "\n")
    found = new(data, machine, path)
    left_out, portion = found.portions
    assert left_out.unreadable == ["line 4 (3 values instead of 2)"]
    assert (portion.ids[:4], found.total) == (["row-1", "row-2", "row-4", "row-5"], 150)
    assert portion.inputs.numbers[2, 0] == table()["age"][3]


def test_a_file_without_a_header_is_told_to_get_one(data: Dataset, machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    table(10).write_csv(path, include_header=False)
    with pytest.raises(DataError, match=r"age, colour\n.*write a header with the names of the columns"):
        new(data, machine, path)


def test_a_column_that_is_empty_throughout_is_told(data: Dataset, machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    table(10).with_columns(age=pl.lit(None)).write_csv(path)
    assert "columns without a value in any row: age" in new(data, machine, path).differences


def test_a_missing_column_is_refused_with_its_name(data: Dataset, machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    table(10).drop("age").write_csv(path)
    with pytest.raises(DataError, match=r"columns of the training table are missing\n.*new.csv: age"):
        new(data, machine, path)
    with pytest.raises(UsageError, match="no such inputs"):
        new(data, machine, tmp_path / "nothing.csv")


def test_one_row_is_enough(data: Dataset, machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    table().head(1).write_csv(path)
    (portion,) = new(data, machine, path).portions
    assert portion.inputs.numbers.tolist() == [[float(table()["age"][0])]]
    assert portion.inputs.codes.tolist() == data.fitted.inputs.codes[:1].tolist()


def test_the_profile_tells_columns_and_findings(data: Dataset) -> None:
    found = KIND.profile(data)
    assert found.headline() == (
        "200 rows, 4 columns: separated by commas, UTF-8, with a header; 1 number, 1 category; 2 classes of bought"
    )
    shown = dict(found.shown())
    assert shown["Column colour"] == "category: 3 different values"
    assert shown["Not seen by a model"] == "id"
    assert found.to_json()["parts"] == {"train": 160, "val": 20, "test": 20}
    assert "columns that a model does not see: id (id)" in found.notes
    assert not set(found.notes) & set(found.warnings)
