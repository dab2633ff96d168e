"""The better of network and fitted reference is put first and used; a fitted model goes the whole way, too."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from tests_flow import firstlight

ROWS = 600
ONE_EPOCH = ("--set", "training.epochs=1")  # a network that is far from done, so that boosting is better


def table(path: Path, seed: int = 0) -> Path:
    """A target that jumps at thresholds of a number, rises with another, and depends on a category."""
    random = np.random.default_rng(seed)
    a, b = random.random(ROWS), random.random(ROWS)
    colour = random.choice(["red", "green", "blue"], ROWS)
    signal = 3.0 * (np.floor(a * 4) % 2) + b + 2.0 * (colour == "red") + random.normal(0, 0.2, ROWS)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "colour", "size", "kind"])
        for row in zip(a, b, colour, signal, np.where(signal > 2.5, "high", "low"), strict=True):
            writer.writerow([f"{row[0]:.6f}", f"{row[1]:.6f}", row[2], f"{row[3]:.5f}", row[4]])
    return path


def texts(path: Path) -> Path:
    random = np.random.default_rng(0)
    words = {"good": ["bright", "clear", "lovely", "warm"], "bad": ["dull", "noisy", "awful", "cold"]}
    shared = ["the", "film", "was", "and", "it", "scene", "with", "actors", "today", "really"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "verdict"])
        for number in range(ROWS):
            verdict = "good" if number % 2 else "bad"
            picked = [
                *random.choice(shared, 8),
                *random.choice(words[verdict], 2),
                f"take{random.integers(60)}",
            ]
            writer.writerow([" ".join(random.permutation(picked)), verdict])
    return path


def run(folder: Path, *arguments: str) -> dict:
    done = firstlight("run", *arguments, "-o", "x", "--minutes", "2", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "x" / "status.json").read_text())


def predicted(folder: Path, data: str, *arguments: str) -> list[dict[str, str]]:
    done = firstlight("predict", "x", data, "-o", "p.csv", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader((folder / "p.csv").read_text().splitlines()))


@pytest.mark.requirement("P2.13", "P2.15", "X9")
def test_boosting_that_is_better_is_put_first_and_predict_uses_it(tmp_path: Path) -> None:
    table(tmp_path / "t.csv")
    status = run(tmp_path, "t.csv", "--target", "size", "--set", 'data.drop=["kind"]', *ONE_EPOCH)
    decision = status["decision"]
    assert decision["model"] == "gradient_boosting"
    assert decision["metric"] == "val_r2"
    low, high = decision["interval"]
    assert low < decision["value"] < high
    assert "gradient_boosting: val_r2" in decision["reasons"][0]
    assert status["phases"]["baseline"]["gate"]["open"]
    first = predicted(tmp_path, "t.csv")
    named = predicted(tmp_path, "t.csv", "--model", "gradient_boosting")
    network = predicted(tmp_path, "t.csv", "--model", "network")
    assert first == named != network
    truth = [float(row["size"]) for row in csv.DictReader((tmp_path / "t.csv").read_text().splitlines())]
    found = np.array([float(row["prediction"]) for row in first])
    assert np.abs(found - truth).mean() < 0.5  # in the unit of the target


@pytest.mark.requirement("X5")
def test_a_damaged_candidate_is_refused_and_shuts_the_gate(tmp_path: Path) -> None:
    table(tmp_path / "t.csv")
    run(tmp_path, "t.csv", "--target", "size", "--set", 'data.drop=["kind"]', *ONE_EPOCH)
    path = tmp_path / "x" / "candidates" / "gradient_boosting.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = firstlight("predict", "x", "t.csv", cwd=tmp_path)
    assert done.returncode == 6
    assert "damaged" in done.stderr
    status = json.loads(firstlight("status", "x", "--json", cwd=tmp_path).stdout)
    assert "first_model" in status["phases"]["baseline"]["gate"]["missing"]
    assert predicted(tmp_path, "t.csv", "--model", "network")


@pytest.mark.parametrize(("target", "metric"), [("size", "val_r2"), ("kind", "val_auroc")])
def test_gradient_boosting_is_a_model_like_any_other(tmp_path: Path, target: str, metric: str) -> None:
    table(tmp_path / "t.csv")
    other = "kind" if target == "size" else "size"
    status = run(
        tmp_path,
        "t.csv",
        "--target",
        target,
        "--set",
        f'data.drop=["{other}"]',
        "--set",
        "model.name=gradient_boosting",
    )
    assert status["decision"]["metric"] == metric
    assert status["decision"]["value"] > 0.8
    assert status["phases"]["baseline"]["gate"]["open"]
    names = [
        r["name"] for r in json.loads((tmp_path / "x" / "logs" / "references.json").read_text())["references"]
    ]
    assert "gradient_boosting" not in names
    again = firstlight("report", "x", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(predicted(tmp_path, "t.csv")) == ROWS


def test_tfidf_is_a_model_like_any_other(tmp_path: Path) -> None:
    texts(tmp_path / "t.csv")
    status = run(tmp_path, "t.csv", "--target", "verdict", "--set", "model.name=tfidf_linear")
    assert status["task"] == "text_classification"
    assert status["decision"]["value"] > 0.95
    rows = predicted(tmp_path, "t.csv")
    assert {row["prediction"] for row in rows} == {"good", "bad"}


def test_a_model_of_another_kind_of_data_is_refused(tmp_path: Path) -> None:
    table(tmp_path / "t.csv")
    done = firstlight("run", "t.csv", "--target", "kind", "--set", "model.name=small_cnn", cwd=tmp_path)
    assert done.returncode == 2
    assert "gradient_boosting, table_mlp" in done.stderr
    assert not (tmp_path / "runs").exists()
