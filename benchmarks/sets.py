"""Whole runs on public tables and texts, with the official test part where there is one; prints a table in Markdown.

    python benchmarks/sets.py DATA [NAME ...]

DATA holds the files as their public sources have them, in the folders named below (benchmarks/README.md says where
they come from). Each set is run by the command line in a folder of its own; where a set has a labelled test file, both
the network and the fitted reference predict it, and its labels are looked at for nothing else.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

MINUTES = "10"  # a budget that none of them needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A labelled test part, as texts or rows to predict and the truth."""

    inputs: Path
    truth: list[str]
    scores: tuple[str, ...]  # of "accuracy", "macro-F1", "AUROC"
    positive: str = ""  # class whose probability the AUROC looks at


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """A data set: what the command is given, and the test."""

    source: str  # below DATA, or what `prepare` wrote
    options: tuple[str, ...] = ()
    prepare: Callable[[Path, Path], Path] | None = None  # (DATA, working folder) -> source
    test: Callable[[Path, Path], Test] | None = None  # (DATA, working folder)


def adult_test(data: Path, work: Path) -> Test:
    path = data / "tables/adult/adult-test.csv"
    rows = [row for row in csv.reader(path.open()) if row]
    truth = [row[-1].strip().rstrip(".") for row in rows]
    return Test(inputs=path, truth=truth, scores=("AUROC", "accuracy"), positive=">50K")


def ag_news(data: Path, work: Path) -> Path:
    """The 20,000 training rows; the same header as the test file gets."""
    return data / "text/ag_news/jatin_archive_train.csv"


def ag_news_test(data: Path, work: Path) -> Test:
    rows = list(csv.reader((data / "text/ag_news/test.csv").open(encoding="utf-8")))
    path = work / "test.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["title", "description"], *(row[1:3] for row in rows)])
    return Test(inputs=path, truth=[row[0] for row in rows], scores=("accuracy",))


def emoji_test(data: Path, work: Path) -> Test:
    folder = data / "text/tweeteval_emoji"
    names = dict(line.split("\t")[:2] for line in _lines(folder / "mapping.txt"))
    tags = {
        number: line.split("\t")[2]
        for number, line in zip(names, _lines(folder / "mapping.txt"), strict=True)
    }
    path = work / "test.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([line] for line in _lines(folder / "test_text.txt"))])
    truth = [tags[number.strip()] for number in _lines(folder / "test_labels.txt")]
    return Test(inputs=path, truth=truth, scores=("accuracy", "macro-F1"))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


SETS = {
    "adult": Set(source="tables/adult", options=("--target", "column_15"), test=adult_test),
    "titanic, seaborn": Set(
        source="tables/titanic_seaborn/titanic.csv",
        options=("--target", "survived", "--set", 'data.drop=["alive"]'),
    ),
    "titanic, Kaggle": Set(source="tables/titanic_kaggle", options=("--target", "Survived")),
    "penguins": Set(source="tables/penguins/penguins.csv", options=("--target", "species")),
    "telco churn": Set(
        source="tables/telco_churn_ibm/Telco-Customer-Churn.csv", options=("--target", "Churn")
    ),
    "HR attrition": Set(source="tables/hr_attrition/HR_attrition.csv", options=("--target", "Attrition")),
    "wine, white": Set(source="tables/wine_quality/winequality-white.csv", options=("--target", "quality")),
    "diamonds": Set(source="tables/diamonds/diamonds.csv", options=("--target", "price")),
    "California housing": Set(
        source="tables/california_housing/housing.csv", options=("--target", "median_house_value")
    ),
    "house prices": Set(
        source="tables/house_prices/train_houseprices.csv", options=("--target", "SalePrice")
    ),
    "AG News, 20,000": Set(
        source="", options=("--target", "class_index"), prepare=ag_news, test=ag_news_test
    ),
    "TweetEval emoji": Set(source="text/tweeteval_emoji", test=emoji_test),
    "movie reviews": Set(source="text/sentconv/rt-polarity.all"),
    "TREC": Set(source="text/sentconv/TREC.train.all"),
    "SST-2": Set(source="text/sentconv/stsa.binary.train"),
    "SMS spam": Set(source="text/sms_spam/sms_spam.csv", options=("--target", "type")),
    "waimai_10k": Set(source="text/waimai_10k/waimai_10k.csv", options=("--target", "label")),
}


def firstlight(*words: str, work: Path) -> None:
    """Runs the command line; shows what it printed when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "firstlight", *words], cwd=work, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 7):
        sys.exit(done.stderr)


def row(name: str, one: Set, data: Path, work: Path) -> str:
    """The line of the table."""
    source = one.prepare(data, work) if one.prepare else data / one.source
    began = time.monotonic()
    firstlight("run", str(source), *one.options, "-o", "x", "--minutes", MINUTES, work=work)
    seconds = time.monotonic() - began
    decision = json.loads((work / "x/status.json").read_text())["decision"]
    metric = decision["metric"]
    best = json.loads((work / "x/logs/outcome.json").read_text())["best_metrics"][metric]
    references = json.loads((work / "x/logs/references.json").read_text())["references"]
    others = ", ".join(
        f"{r['name'].replace('_', ' ')} {r['metrics'][metric]:.4f}"
        for r in references
        if metric in r["metrics"]
    )
    tested = "; ".join(official(one.test(data, work), work)) if one.test else ""
    interval = "" if decision["interval"] is None else " to ".join(f"{x:.4f}" for x in decision["interval"])
    first = f"{decision['model'].replace('_', ' ')} {decision['value']:.4f} ({interval})"
    cells = (
        name,
        metric.removeprefix("val_"),
        first,
        f"{best:.4f}",
        others,
        tested,
        decision["verdict"],
        f"{seconds:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def official(test: Test, work: Path) -> Iterator[str]:
    """Scores on the test part, of the network and of the fitted reference that was kept."""
    kept = [path.stem for path in sorted((work / "x/candidates").glob("*.pt"))]
    for model in ("network", *kept):
        firstlight("predict", "x", str(test.inputs), "-o", "p.csv", "--model", model, work=work)
        with (work / "p.csv").open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        predicted = [line["prediction"] for line in found]
        values = []
        for score in test.scores:
            if score == "accuracy":
                value = accuracy_score(test.truth, predicted)
            elif score == "macro-F1":
                value = f1_score(test.truth, predicted, average="macro")
            else:
                chances = np.array([float(line[f"probability_{test.positive}"]) for line in found])
                value = roc_auc_score([t == test.positive for t in test.truth], chances)
            values.append(f"{score} {value:.4f}")
        yield f"{model.replace('_', ' ')}: {', '.join(values)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    print(
        "| data | metric | put first (validation, 95 %) | network | references | official test | verdict | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, one in SETS.items():
        if not arguments.names or name in arguments.names:
            with tempfile.TemporaryDirectory() as folder:
                print(row(name, one, arguments.data.resolve(), Path(folder)), flush=True)


if __name__ == "__main__":
    main()
