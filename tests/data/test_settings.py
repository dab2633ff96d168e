"""Every setting of the data section and every source: it has an effect, or it is refused."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from firstlight import catalog
from firstlight.config.schema import Data
from firstlight.data.examples import Examples
from firstlight.data.load import load_examples
from firstlight.data.source import PACKAGE
from firstlight.data.split import split
from firstlight.errors import DataError, UsageError
from firstlight.watch.progress import Silent

ROWS = 40
WORDS = ("good", "bad", "fine", "awful", "great", "poor", "lovely", "dull", "film", "plot", "actor", "scene")
Make = Callable[[Path], tuple[str, dict[str, Any]]]


def _pixels(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (8, 8)).astype(np.uint8)


def _sentence(number: int) -> str:
    return " ".join(random.Random(number).choices(WORDS, k=9)) + f" {number}"


def _arrays(folder: Path) -> tuple[str, dict[str, Any]]:
    np.savez(folder / "a.npz", x=np.stack(list(map(_pixels, range(ROWS)))), y=np.arange(ROWS) % 2)
    return str(folder / "a.npz"), {}


def _sample(folder: Path) -> tuple[str, dict[str, Any]]:
    return "sample:digits", {}


def _image_folder(folder: Path) -> tuple[str, dict[str, Any]]:
    for number in range(ROWS):
        path = folder / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_pixels(number)).save(path)
    (folder / "images" / "a" / "broken.png").write_bytes(b"no image")
    return str(folder / "images"), {}


def _image_table(folder: Path) -> tuple[str, dict[str, Any]]:
    _image_folder(folder)
    paths = sorted(path.relative_to(folder / "images").as_posix() for path in folder.rglob("*.png"))
    table = pl.DataFrame({"image": paths, "label": [path[0] for path in paths], "more": range(len(paths))})
    table.write_csv(folder / "images" / "t.csv")
    return str(folder / "images" / "t.csv"), {"target": "label"}


def _write(folder: Path, **columns: list[Any]) -> str:
    path = folder / "t.csv"
    pl.DataFrame({**columns, "y": ["p", "q"] * (ROWS // 2)}).write_csv(path)
    path.write_text(path.read_text() + "one,too,many,for,any,table\n")
    return str(path)


def _table(folder: Path) -> tuple[str, dict[str, Any]]:
    draw = random.Random(0)
    numbers = {name: [draw.random() for _ in range(ROWS)] for name in "ac"}
    return _write(folder, **numbers, b=list("uv") * (ROWS // 2)), {"target": "y"}


def _numbers(folder: Path) -> tuple[str, dict[str, Any]]:
    return _table(folder)[0], {"target": "a"}


def _text_table(folder: Path) -> tuple[str, dict[str, Any]]:
    return _write(folder, t=list(map(_sentence, range(ROWS))), n=[1] * ROWS), {"target": "y"}


def _text_folder(folder: Path) -> tuple[str, dict[str, Any]]:
    for number in range(ROWS):
        path = folder / "texts" / "ab"[number % 2] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_sentence(number))
    (folder / "texts" / "a" / "empty.txt").write_text("")
    return str(folder / "texts"), {}


def _text_lines(folder: Path) -> tuple[str, dict[str, Any]]:
    texts = [*map(_sentence, range(ROWS)), ""]
    (folder / "train_text.txt").write_text("\n".join(texts) + "\n")
    (folder / "train_labels.txt").write_text("\n".join("01"[i % 2] for i in range(ROWS + 1)) + "\n")
    return str(folder), {}


SOURCES: dict[str, tuple[str, Make]] = {  # name -> module of data/sources, how it is made
    "arrays": ("arrays", _arrays),
    "sample": ("sample", _sample),
    "image folder": ("image_folder", _image_folder),
    "image table": ("image_table", _image_table),
    "table": ("table", _table),
    "numbers": ("table", _numbers),
    "text table": ("table", _text_table),
    "text folder": ("text_folder", _text_folder),
    "text lines": ("text_folder", _text_lines),
}
TABLES = {"table", "numbers", "text table"}
IMAGES = {"arrays", "sample", "image folder", "image table"}
EVERY = set(SOURCES)
USED = {  # setting -> the sources that heed it; the others refuse it
    "task": EVERY,
    "classes": EVERY - {"numbers"},
    "target": TABLES | {"image table"},
    "text_column": TABLES,
    "group": TABLES,
    "time": TABLES,
    "weight": {"table", "numbers"},
    "drop": TABLES,
    "path_column": {"image table"},
    "image_size": {"image folder", "image table"},
    "channels": IMAGES,
    "val_fraction": EVERY,
    "test_fraction": EVERY,
    "max_bad_fraction": EVERY,
    "min_per_class": EVERY - {"numbers"},
}
VALUES: dict[str, Any] = {
    "task": "auto",
    "classes": ("one", "two"),
    "drop": ("nowhere",),
    "image_size": 16,
    "channels": 3,
    "val_fraction": 0.3,
    "test_fraction": 0.3,
    "max_bad_fraction": 0.0,
    "min_per_class": 1_000,
}
COLUMN = "nowhere"


def load(source: str, folder: Path, **settings: Any) -> Examples:
    data = Data.model_validate({"source": source, **settings})
    return load_examples(data, base=folder, cache_folder=folder, fallback=folder, progress=Silent())


def test_the_table_names_every_setting_and_every_source() -> None:
    assert set(USED) == set(Data.model_fields) - {"source"}
    assert {module for module, _ in SOURCES.values()} == set(catalog.names(PACKAGE))


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("key", [key for key in USED if USED[key] != EVERY])
def test_a_setting_that_says_nothing_to_the_data_is_refused(name: str, key: str, tmp_path: Path) -> None:
    if name in USED[key]:
        return
    source, needed = SOURCES[name][1](tmp_path)
    value = VALUES.get(key, "y" if key == "weight" else COLUMN)
    if (
        key == "path_column" and name in TABLES
    ):  # which makes images of it, unless something else is asked for
        needed["task"] = "table_classification"
    with pytest.raises(UsageError, match=rf"data.{key}") as raised:
        load(source, tmp_path, **{**needed, key: value})
    assert raised.value.exit_code == 2
    assert len(raised.value.lines()) == 3


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("key", ["target", "text_column", "group", "time", "weight", "drop", "path_column"])
def test_a_column_that_is_heeded_has_to_be_there(name: str, key: str, tmp_path: Path) -> None:
    if name not in USED[key]:
        return
    source, needed = SOURCES[name][1](tmp_path)
    with pytest.raises(UsageError, match=rf"no such column\n.*{'--target' if key == 'target' else key}"):
        load(source, tmp_path, **{**needed, key: VALUES.get(key, COLUMN)})


@pytest.mark.parametrize("name", SOURCES)
def test_the_other_settings_have_an_effect_on_every_source(name: str, tmp_path: Path) -> None:
    source, needed = SOURCES[name][1](tmp_path)
    plain = load(source, tmp_path, **needed)
    if plain.classes:
        back = load(source, tmp_path, **needed, classes=plain.classes[::-1])
        assert back.classes == plain.classes[::-1]
        assert back.targets.tolist() == (len(plain.classes) - 1 - plain.targets).tolist()
        with pytest.raises(DataError, match="does not name"):
            load(source, tmp_path, **needed, classes=VALUES["classes"])
        with pytest.raises(DataError, match="fewer than 1,000 readable examples"):
            load(source, tmp_path, **needed, min_per_class=VALUES["min_per_class"])
    for part in ("val", "test"):
        few, many = (Data.model_validate({**needed, f"{part}_fraction": share}) for share in (0.1, 0.3))
        assert len(getattr(split(plain, many, 0), part)) > len(getattr(split(plain, few, 0), part))
    if name not in ("arrays", "sample"):  # in which no row can be broken
        with pytest.raises(DataError, match=r"0.0 % are allowed"):
            load(source, tmp_path, **needed, max_bad_fraction=VALUES["max_bad_fraction"])


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_size_and_channels_of_images(name: str, tmp_path: Path) -> None:
    source, needed = SOURCES[name][1](tmp_path)
    assert load(source, tmp_path, **needed, channels=3).images.pixels.shape[1:] == (8, 8, 3)
    assert load(source, tmp_path, **needed, image_size=8).images.pixels.shape[1:] == (8, 8, 1)
    if name in USED["image_size"]:
        assert load(source, tmp_path, **needed, image_size=16).images.pixels.shape[1:3] == (16, 16)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("task", Data.model_json_schema()["properties"]["task"]["enum"])
def test_a_task_is_that_of_the_examples_or_an_error(name: str, task: str, tmp_path: Path) -> None:
    source, needed = SOURCES[name][1](tmp_path)
    with contextlib.suppress(DataError, UsageError):
        found = load(source, tmp_path, **needed, task=task)
        assert task in ("auto", f"{found.content.kind}_{found.task}")


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("arrays", "text_classification"),
        ("sample", "table_regression"),
        ("image folder", "text_regression"),
        ("text folder", "text_regression"),
        ("text folder", "table_classification"),
        ("text lines", "text_multilabel"),
    ],
)
def test_a_task_that_the_source_cannot_give_is_refused(name: str, task: str, tmp_path: Path) -> None:
    source, needed = SOURCES[name][1](tmp_path)
    with pytest.raises(UsageError, match=rf"cannot be used for that task\n.*data.task = {task}"):
        load(source, tmp_path, **needed, task=task)


def test_all_that_is_refused_is_told_at_once(tmp_path: Path) -> None:
    source, _ = _text_folder(tmp_path)
    with pytest.raises(UsageError) as raised:
        load(source, tmp_path, target="y", drop=("q",))
    assert raised.value.what == "settings do not apply to this data"
    assert raised.value.where.startswith("data.drop = q, data.target = y; ")
    assert raised.value.remedy == "leave data.drop and data.target out, or give a table with such a column"


def test_arrays_of_another_size_are_not_resized_unnoticed(tmp_path: Path) -> None:
    source, _ = _arrays(tmp_path)
    with pytest.raises(UsageError, match=r"data.image_size = 16; the arrays of .* are 8x8 and stay so"):
        load(source, tmp_path, image_size=16)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"weight": "y"}, "y is in data.target and in data.weight"),
        ({"group": "b", "drop": ("b",)}, "b is in data.drop and in data.group"),
        ({"drop": ("y",)}, "y is in data.target and in data.drop"),
        ({"text_column": "b", "task": "table_classification"}, "data.text_column = b; data.task = table_"),
    ],
)
def test_roles_that_contradict_each_other_are_refused(
    tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    source, needed = _table(tmp_path)
    with pytest.raises(UsageError, match=told):
        load(source, tmp_path, **needed, **settings)


@pytest.mark.parametrize(("allowed", "enough"), [(0.01, False), (0.1, True)])
def test_more_lines_may_be_bad_where_the_config_allows_them(
    tmp_path: Path, allowed: float, enough: bool
) -> None:
    source, needed = _table(tmp_path)
    path = Path(source)
    path.write_text(path.read_text() + "one,too,many,for,any,table\n" * 2)
    if enough:
        assert len(load(source, tmp_path, **needed, max_bad_fraction=allowed).skipped) == 3
        return
    with pytest.raises(DataError, match="3 lines"):
        load(source, tmp_path, **needed, max_bad_fraction=allowed)
