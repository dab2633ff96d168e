"""Texts through the command line: what is refused, what is read and told, and a model that is used."""

from __future__ import annotations

import csv
import json
import random
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from tests_flow import error_lines, firstlight, one_by_one, told

QUICK = ("--set", "training.epochs=2", "--set", "parallel.threads=1", "--minutes", "5", "--yes")
GOOD = ("good", "fine", "great", "lovely")
BAD = ("bad", "awful", "poor", "dull")
ANY = ("film", "plot", "actor", "scene", "story", "music", "the", "a")


def documents(number: int = 80) -> list[dict[str, str]]:
    """Texts whose words tell the label."""
    draw = random.Random(0)
    made = []
    for _ in range(number):
        label = draw.choice(["pos", "neg"])
        words = draw.choices(GOOD if label == "pos" else BAD, k=3) + draw.choices(ANY, k=5)
        made.append({"text": " ".join(draw.sample(words, 8)), "label": label})
    return made


LINES = [json.dumps(document) for document in documents()]


def lines(*, at: dict[int, object] | None = None, more: tuple[str, ...] = ()) -> bytes:
    """JSON lines with some replaced, and some more at the end."""
    made = [(at or {}).get(place, line) for place, line in enumerate([*LINES, *more])]
    return "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in made).encode()


class Case(NamedTuple):
    """A file, and what `firstlight init` says to it."""

    content: bytes
    code: int
    rows: int  # that are used
    words: tuple[str, ...] = ()


CASES = {
    "whole": Case(lines(), 0, 80, ("JSON lines", "texts are read from the column text")),
    "BX01": Case(lines(at={16: "{bad json"}), 0, 79),
    "BX02": Case(lines(more=(LINES[0][:20],)), 0, 80),
    "BX01-many": Case(lines(at=dict.fromkeys(range(10), "{bad")), 3, 0, ("10 lines of 80 (12.5 %)", "line 1")),
    "BX03": Case(b"\xef\xbb\xbf" + lines(), 0, 80, ("UTF-8 with mark",)),
    "BX04": Case(lines(at={3: {"label": "pos"}}), 0, 80, ("1 key missing in some rows",)),
    "BX05": Case(
        lines(at={3: {"text": "good film", "label": None}, 9: {"text": "a dull film", "label": ""}}),
        0,
        78,
        ("2 rows without a target left out",),
    ),
    "BX06": Case(lines(more=(json.dumps({"text": "f\u0000lm", "label": "pos"}),)).replace(b"\\u0000", b"\xff"), 0, 81,
                 ("1 line of 82 not in UTF-8",)),
    "BX07": Case(lines(at={3: {"text": "", "label": "pos"}}), 0, 80, ("1 text without a word or mark",)),
    "BX08": Case(
        lines(more=(json.dumps({"text": "good film " * 500_000, "label": "pos"}),)), 0, 81,
        ("1 text longer than 50,000 characters",),
    ),
    "BX09": Case(json.dumps(documents()).encode(), 0, 80, ("a JSON array",)),
    "BX10": Case(lines(more=("[" * 100_000,)), 0, 80),
    "no object": Case(b'[1, 2, 3]', 3, 0, ("does not hold objects", "item 1 is a number")),
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[subprocess.CompletedProcess, Path]]:
    """What `firstlight init` answered to each case, and the folder where it was to write."""
    root = tmp_path_factory.mktemp("faults")
    commands = []
    for number, case in enumerate(CASES.values()):
        folder = root / str(number)
        folder.mkdir()
        (folder / "t.jsonl").write_bytes(case.content)
        commands.append(
            ["init", str(folder / "t.jsonl"), "-o", str(folder / "x"), "--target", "label", *QUICK]
        )
    done = one_by_one(commands, root)
    return {
        name: (one, root / str(number)) for number, (name, one) in enumerate(zip(CASES, done, strict=True))
    }


@pytest.mark.requirement(*(f"BX{i:02d}" for i in range(1, 11)))
@pytest.mark.parametrize("name", CASES)
def test_faulty_texts_are_read_and_told_or_refused_in_three_lines(name, answers):
    done, folder = answers[name]
    case = CASES[name]
    assert done.returncode == case.code, done.stderr
    found = error_lines(done)
    assert len(found) == (3 if case.code else 0)
    if case.code:
        said = "\n".join(found)
        assert not (folder / "x").exists()
    else:
        said = told(done, folder / "x")
        assert json.loads((folder / "x/logs/profile.json").read_text())["rows"] == case.rows
    for word in case.words:
        assert word in said


@pytest.mark.requirement("BX01", "BX02", "BX10")
@pytest.mark.parametrize(("name", "line"), [("BX01", "line 17"), ("BX02", "line 81"), ("BX10", "line 81")])
def test_a_line_that_is_left_out_is_named(name, line, answers):
    profile = json.loads((answers[name][1] / "x/logs/profile.json").read_text())
    assert [entry[0] for entry in profile["skipped"]] == [line]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished experiment `x` on class folders, one of whose names has a blank."""
    folder = tmp_path_factory.mktemp("texts")
    names = {"pos": "well done", "neg": "no"}
    for number, document in enumerate(documents(300)):
        place = folder / "data" / names[document["label"]]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text(document["text"])
    done = firstlight("run", "data", "-o", "x", *QUICK[2:], cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def predictions(folder: Path, inputs: str) -> dict[str, str]:
    """Id -> prediction."""
    done = firstlight("predict", "x", inputs, "-o", "p.csv", cwd=folder)
    assert done.returncode == 0, done.stderr
    with (folder / "p.csv").open(newline="") as file:
        return {row["id"]: row["prediction"] for row in csv.DictReader(file)}


@pytest.mark.slow
def test_a_model_of_texts_predicts_a_file_a_folder_and_a_table(trained):
    new = trained / "new"
    (new / "deep").mkdir(parents=True)
    (new / "a.txt").write_text("good lovely great film the plot")
    (new / "deep/b.txt").write_text("awful dull bad film the plot")
    assert predictions(trained, "new") == {"a.txt": "well done", "deep/b.txt": "no"}
    assert predictions(trained, "new/a.txt") == {"a.txt": "well done"}
    table = "number,comment\n" + "".join(f"{i},great fine lovely film number {i} of all\n" for i in range(12))
    (trained / "new.csv").write_text(table)
    assert set(predictions(trained, "new.csv").values()) == {"well done"}


def test_a_folder_without_texts_is_exit_3(trained):
    (trained / "empty").mkdir()
    refused = firstlight("predict", "x", "empty", "-o", "no.csv", cwd=trained)
    assert refused.returncode == 3
    assert "there is no text" in error_lines(refused)[0]
    assert not (trained / "no.csv").exists()
