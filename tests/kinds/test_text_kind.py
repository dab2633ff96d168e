"""Texts from examples to batches, and new texts for a trained model."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
import torch

from firstlight.config.schema import Config, Data
from firstlight.data.load import load_examples
from firstlight.data.split import split
from firstlight.errors import DataError
from firstlight.kinds.kind import Dataset, dataset, kind_named
from firstlight.kinds.text import KIND
from firstlight.machine.choices import Machine, machine_of
from firstlight.watch.progress import Silent

ROWS = 120
WORDS = ("good", "bad", "fine", "awful", "great", "poor", "lovely", "dull", "film", "plot", "actor", "scene")


def sentences() -> list[str]:
    draw = random.Random(1)
    return [" ".join(draw.choices(WORDS, k=8)) for _ in range(ROWS)]


def dataset_of(tmp_path: Path, **columns: list[str]) -> Dataset:
    path = tmp_path / "t.csv"
    pl.DataFrame({**columns, "label": ["pos", "neg"] * (ROWS // 2)}).write_csv(path)
    settings = Data(source=str(path), target="label")
    examples = load_examples(settings, base=tmp_path, fallback=tmp_path, progress=Silent())
    return dataset(examples, split(examples, settings, 42))


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return dataset_of(tmp_path, remark=sentences())


@pytest.fixture
def machine() -> Machine:
    return machine_of(Config.model_validate({"parallel": {"device": "cpu"}}))


def new(data: Dataset, machine: Machine, path: Path, **model: str):
    """What predict is given for new texts, without the first portion, which only names what cannot be read."""
    meta = KIND.pipeline(Config.model_validate({"model": model}), data, 2, machine).meta
    found = KIND.unseen(meta, str(path), machine, Silent())
    left_out, *portions = found.portions
    return found, left_out.unreadable, portions


def test_it_is_the_kind_of_texts(data: Dataset) -> None:
    assert data.kind is kind_named("text") is KIND


@pytest.mark.parametrize("name", ["ngram_bag", "text_transformer"])
def test_new_texts_are_encoded_as_those_of_training(
    data: Dataset, machine: Machine, tmp_path: Path, name: str
) -> None:
    pipeline = KIND.pipeline(Config.model_validate({"model": {"name": name}}), data, 2, machine)
    path = tmp_path / "new.csv"
    pl.DataFrame({"other": [1] * ROWS, "remark": sentences()}).write_csv(path)
    found, _, (portion,) = new(data, machine, path, name=name)
    wanted = pipeline.train.take(torch.arange(ROWS)).inputs
    assert all(torch.equal(a, b) for a, b in zip(portion.inputs, wanted, strict=True))
    assert (portion.ids[0], found.total) == ("row-1", ROWS)


def test_vocabularies_are_those_of_the_training_texts_alone(tmp_path: Path) -> None:
    texts = sentences()
    first = dataset_of(tmp_path, remark=texts)
    for row in [*first.split.val, *first.split.test]:
        texts[row] += " unheard unheard"
    second = dataset_of(tmp_path, remark=texts)
    assert second.split.train.tolist() == first.split.train.tolist()
    assert second.fitted.ngrams[1].plain() == first.fitted.ngrams[1].plain()


class TestUnseen:
    def test_a_text_file_and_a_folder_of_them(self, data: Dataset, machine: Machine, tmp_path: Path) -> None:
        for name in ("b", "a/c"):
            (tmp_path / "new" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "new" / f"{name}.txt").write_text("good film")
        (tmp_path / "new" / "no.png").touch()
        _, _, (portion,) = new(data, machine, tmp_path / "new")
        assert portion.ids == ["b.txt", "a/c.txt"]
        _, _, (portion,) = new(data, machine, tmp_path / "new" / "b.txt")
        assert portion.ids == ["b.txt"]

    def test_a_table_with_another_single_text_column(
        self, data: Dataset, machine: Machine, tmp_path: Path
    ) -> None:
        path = tmp_path / "new.csv"
        pl.DataFrame({"number": range(ROWS), "comment": sentences()}).write_csv(path)
        found, _, (portion,) = new(data, machine, path)
        assert len(portion.ids) == ROWS
        assert "texts are read from the column comment" in found.notes

    def test_the_id_of_the_table_names_the_rows(self, machine: Machine, tmp_path: Path) -> None:
        ids = [f"tweet {i * 7 + i % 3}" for i in range(ROWS)]
        data = dataset_of(tmp_path, remark=sentences(), key=ids)
        path = tmp_path / "new.csv"
        pl.DataFrame({"key": ids[:3], "remark": sentences()[:3]}).write_csv(path)
        found, _, (portion,) = new(data, machine, path)
        assert portion.ids == ids[:3]
        assert "rows are named by the column key" in found.notes

    @pytest.mark.parametrize("name", ["new.csv", "new.jsonl"])
    def test_lines_that_are_left_out_are_told_and_shift_no_row(
        self, data: Dataset, machine: Machine, tmp_path: Path, name: str
    ) -> None:
        path = tmp_path / name
        table = pl.DataFrame({"remark": sentences(), "n": range(ROWS)})
        lines = (table.write_csv() if name.endswith("csv") else table.write_ndjson()).splitlines()
        lines[3] = '{"remark": "cut'
        path.write_text("\n".join(lines) + "\n")
        found, unreadable, (portion,) = new(data, machine, path)
        assert [line.partition(" (")[0] for line in unreadable] == ["line 4"]
        left_out = "row-3" if name == "new.csv" else "row-4"
        assert portion.ids == [f"row-{i}" for i in range(1, ROWS + 1) if f"row-{i}" != left_out]
        assert found.total == ROWS

    def test_texts_without_a_word_are_told(self, data: Dataset, machine: Machine, tmp_path: Path) -> None:
        path = tmp_path / "new.csv"
        pl.DataFrame({"remark": ["good film", None, "bad"], "n": [1, 2, 3]}).write_csv(path)
        found, *_ = new(data, machine, path)
        assert found.differences == ("1 text without a word, such as row-2: predicted all the same",)

    def test_a_file_of_lines_is_one_text_and_that_is_told(
        self, data: Dataset, machine: Machine, tmp_path: Path
    ) -> None:
        path = tmp_path / "new.txt"
        path.write_text("good film\nbad plot\n")
        found, _, (portion,) = new(data, machine, path)
        assert portion.ids == ["new.txt"]
        assert found.notes == ("new.txt: 2 lines, taken as one text; for one a line give a table",)

    @pytest.mark.parametrize("columns", [("a", "b"), ("n",)])
    def test_a_table_without_a_certain_column(
        self, data: Dataset, machine: Machine, tmp_path: Path, columns: tuple[str, ...]
    ) -> None:
        path = tmp_path / "new.csv"
        texts = {name: sentences() if name != "n" else ["x"] * ROWS for name in columns}
        pl.DataFrame({"id": range(ROWS), **texts}).write_csv(path)
        with pytest.raises(DataError, match=r"not certain\n.*new.csv: there is no remark") as raised:
            new(data, machine, path)
        assert raised.value.exit_code == 3

    def test_joined_columns_are_joined_again_and_none_may_lack(
        self, tmp_path: Path, machine: Machine
    ) -> None:
        data = dataset_of(tmp_path, title=sentences(), body=sentences()[::-1])
        path = tmp_path / "new.csv"
        pl.DataFrame({"body": sentences()[::-1], "title": sentences()}).write_csv(path)
        _, _, (portion,) = new(data, machine, path)
        wanted = KIND.pipeline(Config(), data, 2, machine).train.take(torch.arange(ROWS)).inputs
        assert torch.equal(portion.inputs.ids, wanted.ids)
        pl.DataFrame({"title": sentences()}).write_csv(path)
        with pytest.raises(DataError, match=r"are missing\n.*new.csv: body"):
            new(data, machine, path)


def test_the_profile_tells_the_form_and_the_columns(data: Dataset) -> None:
    found = KIND.profile(data)
    assert found.headline().startswith(
        "120 rows, 2 columns: separated by commas, UTF-8, with a header; 120 texts"
    )
    assert dict(found.shown())["Note"] == "texts are read from the column remark"
    assert found.to_json()["classes"] == {"neg": 60, "pos": 60}
