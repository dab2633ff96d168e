"""Tables through the command line: what is refused, what is read and told, and a model that is used."""

from __future__ import annotations

import csv
import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from tests_flow import error_lines, firstlight, one_by_one, told

HEADER = "age,score,colour,bought"
QUICK = ("--set", "training.epochs=2", "--set", "parallel.threads=1", "--minutes", "5", "--yes")


def rows(number: int = 60) -> list[list[str]]:
    """Age and colour decide, mostly; the last value is the target."""
    draw = random.Random(0)
    made = []
    for _ in range(number):
        age, colour = draw.randint(18, 80), draw.choice(["red", "green", "blue"])
        bought = age > 50 if colour == "red" else draw.random() < 0.3
        made.append([str(age), f"{draw.gauss(50, 10):.2f}", colour, "yes" if bought else "no"])
    return made


def text_of(table: list[list[str]], header: str = HEADER, separator: str = ",") -> bytes:
    return "".join(f"{line}\n" for line in [header, *map(separator.join, table)]).encode()


def changed(column: int, value: Callable[[int, str], str], number: int = 60) -> bytes:
    """The rows with one column made anew."""
    table = rows(number)
    for place, row in enumerate(table):
        row[column] = value(place, row[column])
    return text_of(table)


def parquet() -> bytes:
    import io

    file = io.BytesIO()
    pl.read_csv(text_of(rows())).write_parquet(file)
    return file.getvalue()


class Case(NamedTuple):
    """A file, and what `firstlight init` says to it."""

    content: bytes
    code: int
    words: tuple[str, ...]  # in the three lines, or in what is told
    name: str = "t.csv"
    target: str = "bought"


GOOD = text_of(rows())
SMALL = b"age,size,colour,bought\n1,2,a,x\n2,3,b,y\n3,4,a,z\n4,5,b,x\n5,6,c,y\n"
CASES = {
    "BT01": Case(changed(3, lambda i, v: "" if i % 10 == 0 else v), 0, ("6 rows without a target left out",)),
    "BT01-many": Case(changed(3, lambda i, v: "" if i % 3 == 0 else v), 3, ("20 rows of 60 (33.3 %)",)),
    "BT02": Case(changed(3, lambda i, v: "yes"), 3, ("always the same", "bought: yes")),
    "BT03": Case(GOOD, 2, ("no such column", "did you mean bought?"), target="bougth"),
    "BT04": Case(text_of(rows(), "age,age,colour,bought"), 3, ("the same name", "t.csv: age")),
    "BT05": Case(
        changed(3, lambda i, v: ("NA", "None", "null", "nan")[i % 4]), 0, ("taken as a class, not as missing",)
    ),
    "BT06": Case(
        changed(0, lambda i, v: "forty" if i == 2999 else v, 3000), 0, ("such as forty in row 3,000",)
    ),
    "BT07-16": Case(GOOD.decode().encode("utf-16"), 0, ("UTF-16 LE",)),
    "BT07-mark": Case(b"\xef\xbb\xbf" + GOOD, 0, ("UTF-8 with mark",)),
    "BT07-latin": Case(GOOD.replace(b"red", b"r\xf6t"), 0, ("read as Windows-1252", "röt")),
    "BT08": Case(GOOD + b"1,2,red,yes,more\n", 0, ("60 rows, 4 columns",)),
    "BT08-many": Case(GOOD + b"1,2,red,yes,more\n" * 9, 3, ("9 lines (12.9 %)", "line 62, 63")),
    "BT09-header": Case(HEADER.encode(), 3, ("a header and no rows",)),
    "BT09-empty": Case(b"", 3, ("the file is empty", "0 bytes")),
    "BT09-one": Case(text_of(rows(1)), 3, ("too few rows", "1 row", "at least 10 rows")),
    "BT10": Case(changed(0, lambda i, v: "inf" if i == 3 else v), 0, ("1 infinite value taken as missing",)),
    "BT10-target": Case(
        changed(1, lambda i, v: "-inf" if i == 3 else v), 3, ("infinite values", "-inf in row 4"), target="score"
    ),
    "BT11": Case(changed(0, lambda i, v: "7" if i % 2 else ""), 0, ("2 classes of bought",)),
    "BT12-cut": Case(parquet()[:-20], 3, ("the Parquet file is damaged",), "t.parquet"),
    "BT12-magic": Case(b"XXXX" + parquet()[4:], 3, ("the file is no Parquet",), "t.parquet"),
    "BT13": Case(changed(3, lambda i, v: f"name {i}"), 3, ("as many classes as rows", "looks like an id")),
    "BT14": Case(changed(0, lambda i, v: f"000{int(v) % 5}"), 0, ("1 number, 2 categories",)),
    "BT15": Case(
        text_of([[v.replace(".", ",") for v in row] for row in rows()], HEADER.replace(",", ";"), ";"),
        0,
        ("separated by semicolons", "decimal comma", "2 numbers, 1 category"),
    ),
    "BT16": Case(SMALL, 3, ("too few rows", "5 rows, 3 different values")),
    "words in a regression": Case(
        changed(1, lambda i, v: "ten" if i == 5 else v, 200), 3, ("words among numbers", "ten in row 6"), target="score"
    ),
    "no target": Case(GOOD, 2, ("which column is the target", "--target bought"), target=""),
    "not a table": Case(b"PK\x03\x04 and more", 3, ("an Excel or zip file",)),
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[subprocess.CompletedProcess, Path]]:
    """What `firstlight init` answered to each case, and the folder where it was to write."""
    root = tmp_path_factory.mktemp("faults")
    commands = []
    for number, case in enumerate(CASES.values()):
        folder = root / str(number)
        folder.mkdir()
        (folder / case.name).write_bytes(case.content)
        target = ["--target", case.target] if case.target else []
        commands.append(["init", str(folder / case.name), "-o", str(folder / "x"), *target, *QUICK[:-1]])
    done = one_by_one(commands, root)
    return {
        name: (one, root / str(number)) for number, (name, one) in enumerate(zip(CASES, done, strict=True))
    }


@pytest.mark.requirement(*(f"BT{i:02d}" for i in range(1, 17)))
@pytest.mark.parametrize("name", CASES)
def test_a_faulty_table_is_read_and_told_or_refused_in_three_lines(name, answers):
    done, folder = answers[name]
    case = CASES[name]
    assert done.returncode == case.code, done.stderr
    lines = error_lines(done)
    assert len(lines) == (3 if case.code else 0)
    said = "\n".join(lines) if case.code else told(done, folder / "x")
    for word in case.words:
        assert word in said
    assert (folder / "x" / "splits.npz").is_file() is (case.code == 0)
    assert sorted(p.name for p in folder.iterdir()) == sorted([case.name, *(["x"] if case.code == 0 else [])])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished experiment `x` on t.csv, whose classes and names are awkward."""
    folder = tmp_path_factory.mktemp("table")
    names = {"yes": "=1+1", "no": "not at all"}
    table = [[f"c{i:04d}q", *row[:3], names[row[3]]] for i, row in enumerate(rows(400))]
    (folder / "t.csv").write_bytes(text_of(table, f"id,{HEADER}"))
    done = firstlight("run", "t.csv", "-o", "x", *QUICK, "--set", "data.drop=[score]", cwd=folder)
    assert done.returncode in (0, 7), done.stderr  # two epochs may be too few to learn
    assert "Traceback" not in done.stderr
    assert (folder / "x/baseline_results.md").is_file()
    return folder


def predictions(folder: Path, table: pl.DataFrame) -> tuple[list[dict[str, str]], str]:
    """The rows of predictions.csv for a new table, and what was said."""
    table.write_csv(folder / "new.csv")
    done = firstlight("predict", "x", "new.csv", "-o", "p.csv", cwd=folder)
    assert done.returncode == 0, done.stderr
    with (folder / "p.csv").open(newline="") as file:
        return list(csv.DictReader(file)), done.stderr


@pytest.mark.requirement("BT03")
def test_without_a_target_run_proposes_and_yes_takes_it(trained):
    status = json.loads((trained / "x/status.json").read_text())
    assert status["task"] == "table_classification"
    config = (trained / "x/training_config.yaml").read_text()
    assert "drop:" in config
    refused = firstlight("run", "t.csv", "-o", "y", cwd=trained)
    assert refused.returncode == 2
    assert "--target bought" in error_lines(refused)[2]
    assert not (trained / "y").exists()


@pytest.mark.slow
def test_a_new_table_in_another_order_with_more_columns_and_unknown_values(trained):
    new = pl.read_csv(trained / "t.csv").head(20).drop("bought", "score")
    changed = new.select("colour", "age", "id").with_columns(colour=pl.lit("pink"), more=pl.lit(1))
    same, _ = predictions(trained, new.select("age", "id", "colour"))
    assert [row["id"] for row in same] == new["id"].to_list()
    found, said = predictions(trained, changed)
    assert "columns that training did not have, not used: more" in said
    assert "such as pink" in said
    assert found != same


@pytest.mark.slow
@pytest.mark.requirement("H08")
def test_no_prediction_is_a_formula_and_names_with_blanks_stay(trained):
    found, _ = predictions(
        trained, pl.read_csv(trained / "t.csv").head(30).with_columns(id=pl.concat_str(pl.lit("=cmd"), "id"))
    )
    assert list(found[0]) == ["id", "prediction", "probability_=1+1", "probability_not at all"]
    assert found[0]["id"] == "'=cmdc0000q"
    assert {row["prediction"] for row in found} <= {"'=1+1", "not at all"}
    assert sum(float(found[0][name]) for name in list(found[0])[2:]) == pytest.approx(1, abs=1e-5)


def test_a_new_table_without_a_column_is_exit_3(trained):
    pl.read_csv(trained / "t.csv").drop("age").write_csv(trained / "less.csv")
    refused = firstlight("predict", "x", "less.csv", "-o", "no.csv", cwd=trained)
    assert refused.returncode == 3
    assert "less.csv: age" in error_lines(refused)[1]
    assert not (trained / "no.csv").exists()


@pytest.mark.requirement("P1.6")
def test_a_folder_of_train_and_test_without_target_groups_and_time(tmp_path):
    table = pl.read_csv(text_of(rows(200))).with_columns(
        shop=pl.int_range(200) // 10,
        day=pl.int_range(200).map_elements(lambda i: f"2024-01-{1 + i // 10:02d}"),
    )
    (tmp_path / "data").mkdir()
    table.write_csv(tmp_path / "data/train.csv")
    table.drop("bought").write_csv(tmp_path / "data/test.csv")
    base = ["init", "data", *QUICK]
    plain, grouped, timed, dropped = one_by_one(
        [
            [*base, "-o", "plain"],
            [*base, "-o", "grouped", "--set", "data.group=shop"],
            [*base, "-o", "timed", "--set", "data.time=day"],
            [*base, "-o", "dropped", "--set", "data.drop=[shop, dya]"],
        ],
        tmp_path,
    )  # fmt: skip
    assert [one.returncode for one in (plain, grouped, timed, dropped)] == [0, 0, 0, 2], plain.stderr
    assert "test.csv has no column bought: left out, use predict on it" in told(plain, tmp_path / "plain")
    assert "drawn, groups of shop together" in grouped.stderr
    assert "the latest by day, 0.1 val, 0.1 test" in timed.stderr
    assert error_lines(dropped)[2].endswith("did you mean day?")
