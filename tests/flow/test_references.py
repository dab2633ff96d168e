"""References and groups through whole commands: an error in one, nothing to count, tokens beside n-grams, groups."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests_flow import firstlight

QUICK = ("--set", "training.epochs=1", "--set", "parallel.threads=1", "--minutes", "5", "-o", "x")

# The command line, with a linear reference that breaks.
BROKEN = """
import sys
from firstlight.references import run
from firstlight.references.spec import ReferenceSpec
real = run.specifications
def broken(rows, seconds, seed):
    raise ZeroDivisionError("planted <b>here</b>\\nand there")
run.specifications = lambda kind, task: tuple(
    ReferenceSpec(name=s.name, tasks=s.tasks, run=broken if s.name == "linear" else s.run, share=s.share)
    for s in real(kind, task)
)
from firstlight.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


def table(path: Path, groups: int = 30) -> None:
    """400 rows of shops; a number tells the kind, and each shop has a taste of its own."""
    draw = np.random.default_rng(0)
    shop, size = draw.integers(groups, size=400), draw.random(400)
    kind = np.where(size + 0.3 * draw.normal(size=groups)[shop] > 0.5, "large", "small")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["shop", "size", "colour", "kind"])
        colour = draw.choice(["red", "blue"], 400)
        for a, b, c, d in zip(shop, size, colour, kind, strict=True):
            writer.writerow([f"s{a}", f"{b:.5f}", c, d])


def texts(path: Path, of: str) -> None:
    """Texts whose words tell the label, or of which no word occurs twice."""
    draw = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(120):
            label = ("pos", "neg")[number % 2]
            words = draw.choices(("good", "fine") if number % 2 == 0 else ("bad", "dull"), k=3)
            words += draw.choices(("film", "plot", "scene", "story"), k=4)
            lone = [f"alpha{number}", f"beta{number}", f"gamma{number}"]
            writer.writerow([" ".join(lone if of == "lone" else words), label])


def references(folder: Path) -> dict[str, dict]:
    found = json.loads((folder / "x/logs/references.json").read_text())["references"]
    return {one["name"]: one for one in found}


def test_a_reference_that_breaks_is_told_everywhere_and_the_run_goes_on(tmp_path: Path) -> None:
    table(tmp_path / "t.csv")
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, "run", "t.csv", "--target", "kind", *QUICK],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode in (0, 7), done.stderr  # one epoch may be too few to learn
    assert "reference linear failed, the run goes on without it: ZeroDivisionError: planted" in done.stderr
    found = references(tmp_path)
    assert found["linear"]["error"].startswith(
        r"ZeroDivisionError: planted <b>here</b>\nand there (<string>, line "
    )
    assert found["linear"]["metrics"] == {}
    assert found["gradient_boosting"]["metrics"]
    log = (tmp_path / "x/logs/training.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert "in broken" in log
    page = (tmp_path / "x/baseline_results.md").read_text()
    assert "linear failed, so nothing was compared with it: ZeroDivisionError: planted" in page
    assert "<b>here" not in page
    reasons = json.loads((tmp_path / "x/status.json").read_text())["decision"]["reasons"]
    if done.returncode == 0 and not reasons[0].startswith("Nothing was learnt"):
        assert any("The reference linear failed and was not compared" in reason for reason in reasons)


def test_texts_of_which_no_word_occurs_twice_go_by_their_characters(tmp_path: Path) -> None:
    texts(tmp_path / "t.csv", "lone")
    task = ("--set", "data.task=text_classification", "--set", "data.text_column=text")
    done = firstlight("run", "t.csv", "--target", "label", *task, *QUICK, cwd=tmp_path)
    assert done.returncode in (0, 7), done.stderr
    assert "Traceback" not in done.stderr
    found = references(tmp_path)["tfidf_linear"]
    assert found["note"].endswith("n-grams of characters, because hardly a word occurs twice")
    assert found["metrics"]["val_accuracy"] > 0.8  # even numbers are pos: the last digit tells
    assert "n-grams of characters" in (tmp_path / "x/baseline_results.md").read_text().replace("\\", "")
    said = firstlight("predict", "x", "t.csv", "-o", "p.csv", "--model", "tfidf_linear", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    with (tmp_path / "p.csv").open(newline="") as file:
        predicted = [row["prediction"] for row in csv.DictReader(file)]
    assert np.mean([one == ("pos", "neg")[i % 2] for i, one in enumerate(predicted)]) > 0.9


def test_predict_with_tfidf_beside_a_network_that_reads_tokens(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    texts(tmp_path / "t.csv", "words")
    done = firstlight(
        "run", "t.csv", "--target", "label", *QUICK, "--set", "model.name=text_transformer", "--set",
        "model.width=0.25", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (0, 7), done.stderr
    answers = {}
    for model in ("tfidf_linear", "network"):
        said = firstlight("predict", "x", "t.csv", "-o", "p.csv", "--model", model, cwd=tmp_path)
        assert said.returncode == 0, said.stderr
        with (tmp_path / "p.csv").open(newline="") as file:
            answers[model] = [row["prediction"] for row in csv.DictReader(file)]
    truth = ["pos", "neg"] * 60
    assert answers["tfidf_linear"] == truth
    assert len(answers["network"]) == 120


@pytest.mark.parametrize("groups", [12, 200])
def test_groups_are_kept_with_the_predictions_and_few_are_told(tmp_path: Path, groups: int) -> None:
    table(tmp_path / "t.csv", groups)
    done = firstlight(
        "run", "t.csv", "--target", "kind", *QUICK, "--set", "data.group=shop", "--set", "data.val_fraction=0.3",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (0, 7), done.stderr
    with np.load(tmp_path / "x/logs/predictions_val.npz") as kept, (tmp_path / "t.csv").open() as file:
        shops = [line.split(",")[0] for line in file][1:]
        rows = [int(name.removeprefix("row-")) - 1 for name in kept["ids"]]
        pairs = set(zip(kept["groups"].tolist(), (shops[row] for row in rows), strict=True))
    assert len(pairs) == len({code for code, _ in pairs}) == len({shop for _, shop in pairs})
    page = (tmp_path / "x/baseline_results.md").read_text().replace("\\", "")
    assert f"{len(pairs)} groups of data.group" in page
    few = "below 20 the intervals are too narrow to be trusted"
    assert (few in page) == (groups == 12)
    assert (few in done.stderr) == (groups == 12)  # setup says so before anything is trained
