"""What is mutated, and the command that reads it: one function for each kind of input."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzz_corpus import FAST, Corpus, image_folder
from fuzz_mutations import NUMBERS, STRINGS, of_bytes, of_gzip, of_json, of_npz, of_zip
from fuzz_server import Sandbox
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command on a mutated input that lies in the sandbox already."""

    words: list[str]
    writes: tuple[Path, ...]  # where the command may write
    mutant: Path  # the file that was mutated, to be kept when a defect shows


Maker = Callable[[Sandbox, Corpus, random.Random], Case]


def config(box: Sandbox, corpus: Corpus, chance: random.Random) -> Case:
    """A training_config.yaml: by its bytes, by its lines, or drawn from the schema's keys and wild values."""
    base = (corpus.experiments["table"] / "training_config.yaml").read_bytes()
    do = chance.random()
    if do < 0.4:
        text = of_bytes(base, chance)
    elif do < 0.7:
        text = _other_lines(base, chance)
    else:
        text = chance.choice(_pool("yaml", chance)).encode("utf-8", "replace")
    if chance.random() < 0.5:
        path = box.data / "config.yaml"
        path.write_bytes(text)
        exp = box.work / "exp"
        return Case(words=["init", str(path), "-o", str(exp), "--minutes", "1"], writes=(exp,), mutant=path)
    exp = _copy(box, corpus, "table")
    path = exp / "training_config.yaml"
    path.write_bytes(text)
    return Case(words=[chance.choice(("status", "status", "check")), str(exp)], writes=(exp,), mutant=path)


def table(box: Sandbox, corpus: Corpus, chance: random.Random) -> Case:
    """A table of each form, or one drawn cell by cell."""
    if chance.random() < 0.3:
        name, content = "drawn.csv", chance.choice(_pool("table", chance)).encode("utf-8", "replace")
    else:
        name = chance.choice(list(corpus.tables))
        content = _mutated(name, corpus.tables[name], chance)
    path = box.data / name
    path.write_bytes(content)
    target = [] if chance.random() < 0.2 else ["--target", "species"]
    exp = box.work / "exp"
    words = ["init", str(path), *target, "-o", str(exp), "--minutes", "1", "--yes", *FAST]
    return Case(words=words, writes=(exp,), mutant=path)


def image(box: Sandbox, corpus: Corpus, chance: random.Random) -> Case:
    """A folder of images, one of each class mutated."""
    image_folder(box.data / "images", corpus.images, copies=1)
    files = sorted(p for p in (box.data / "images").rglob("*") if p.is_file())
    path = chance.choice(files)
    path.write_bytes(of_bytes(path.read_bytes(), chance))
    exp = box.work / "exp"
    some = ["--set", f"data.max_bad_fraction={chance.choice((0, 0.5))}"]
    words = ["init", str(box.data / "images"), "-o", str(exp), "--minutes", "1", "--yes", *some, *FAST]
    return Case(words=words, writes=(exp,), mutant=path)


def arrays(box: Sandbox, corpus: Corpus, chance: random.Random) -> Case:
    """An .npz of images and labels."""
    name = chance.choice(list(corpus.arrays))
    path = box.data / name
    path.write_bytes(of_npz(corpus.arrays[name], chance))
    exp = box.work / "exp"
    words = ["init", str(path), "-o", str(exp), "--minutes", "1", "--yes", *FAST]
    return Case(words=words, writes=(exp,), mutant=path)


def text(box: Sandbox, corpus: Corpus, chance: random.Random) -> Case:
    """Pairs of text files, lines of a label and a text, or class folders."""
    exp = box.work / "exp"
    do = chance.random()
    if do < 0.4:
        for name in ("train_text.txt", "train_labels.txt"):
            (box.data / name).write_bytes(corpus.texts[name])
        path = box.data / chance.choice(("train_text.txt", "train_labels.txt"))
        path.write_bytes(of_bytes(path.read_bytes(), chance))
        source = box.data
    elif do < 0.7:
        source = path = box.data / "lines.train"
        path.write_bytes(of_bytes(corpus.texts["lines.txt"], chance))
    else:
        source = box.data / "texts"
        for number, line in enumerate(corpus.texts["train_text.txt"].splitlines()):
            path = source / f"class{number % 2}" / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(of_bytes(line, chance) if chance.random() < 0.2 else line)
    words = ["init", str(source), "-o", str(exp), "--minutes", "1", "--yes", *FAST]
    return Case(words=words, writes=(exp,), mutant=path)


def checkpoint(box: Sandbox, corpus: Corpus, chance: random.Random) -> Case:
    """A checkpoint or its manifest; in half of them the hash is made right, as a forger would."""
    exp = _copy(box, corpus, chance.choice(list(corpus.experiments)))
    resumed = chance.random() < 0.5
    name = chance.choice(("last_model.pt" if resumed else "best_model.pt", "manifest.json"))
    path = exp / "checkpoints" / name
    path.write_bytes(
        of_json(path.read_bytes(), chance) if name == "manifest.json" else of_zip(path.read_bytes(), chance)
    )
    if name != "manifest.json" and chance.random() < 0.6:
        manifest = json.loads((exp / "checkpoints" / "manifest.json").read_text())
        manifest["files"][name]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (exp / "checkpoints" / "manifest.json").write_text(json.dumps(manifest))
    if resumed:
        _interrupt(exp)
        return Case(words=["train", str(exp), "--resume"], writes=(exp,), mutant=path)
    out = box.work / "out.csv"
    words = ["predict", str(exp), str(_source(corpus, exp)), "--out", str(out), "--model", "network"]
    return Case(words=words, writes=(exp, out), mutant=path)


def candidate(box: Sandbox, corpus: Corpus, chance: random.Random) -> Case:
    """A fitted reference, with its hash made right."""
    exp = _copy(box, corpus, chance.choice(("table", "text")))
    path = next((exp / "candidates").glob("*.pt"))
    path.write_bytes(of_zip(path.read_bytes(), chance))
    listed = exp / "logs" / "references.json"
    if chance.random() < 0.8:
        document = json.loads(listed.read_text())
        for one in document["references"]:
            if one["name"] == path.stem:
                one["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        listed.write_text(json.dumps(document))
    out = box.work / "out.csv"
    words = ["predict", str(exp), str(_source(corpus, exp)), "--out", str(out), "--model", path.stem]
    return Case(words=words, writes=(exp, out), mutant=path)


def records(box: Sandbox, corpus: Corpus, chance: random.Random) -> Case:
    """Any record of an experiment: status, metrics, splits, environment, logs."""
    exp = _copy(box, corpus, chance.choice(list(corpus.experiments)))
    files = [p for p in sorted(exp.rglob("*")) if p.suffix in (".json", ".npz", ".log")]
    path = chance.choice(files)
    path.write_bytes(_mutated(path.name, path.read_bytes(), chance))
    do = chance.random()
    if do < 0.3:
        words = ["status", str(exp), *(["--json"] if chance.random() < 0.3 else [])]
    elif do < 0.6:
        words = ["report", str(exp)]
    elif do < 0.7:
        words = ["compare", str(exp), str(corpus.experiments["table"])]
    elif do < 0.8:
        words = ["check", str(exp)]
    elif do < 0.9:
        _interrupt(exp)
        words = ["train", str(exp), "--resume"]
    else:
        words = ["predict", str(exp), str(_source(corpus, exp)), "--out", str(exp / "out.csv")]
    return Case(words=words, writes=(exp,), mutant=path)


def unseen(box: Sandbox, corpus: Corpus, chance: random.Random) -> Case:
    """New data for a trained model."""
    name = chance.choice(list(corpus.experiments))
    exp = _copy(box, corpus, name)
    kinds: dict[str, dict[str, bytes]] = {
        "table": corpus.tables,
        "image": {**corpus.images, **corpus.arrays, **corpus.tables},
        "text": {**corpus.texts, **corpus.tables},
    }
    file = chance.choice(list(kinds[name]))
    path = box.data / file
    path.write_bytes(_mutated(file, kinds[name][file], chance))
    out = box.work / f"out.{chance.choice(('csv', 'jsonl', 'parquet'))}"
    words = ["predict", str(exp), str(path), "--out", str(out)]
    return Case(words=words, writes=(exp, out), mutant=path)


# How often each is drawn.
KINDS: dict[str, tuple[int, Maker]] = {
    "config": (20, config),
    "table": (20, table),
    "image": (12, image),
    "npz": (8, arrays),
    "text": (8, text),
    "checkpoint": (10, checkpoint),
    "candidate": (4, candidate),
    "records": (10, records),
    "predict": (8, unseen),
}


def _mutated(name: str, content: bytes, chance: random.Random) -> bytes:
    """By the form that the name promises."""
    if name.endswith(".gz"):
        return of_gzip(content, chance)
    if name.endswith(".npz"):
        return of_npz(content, chance)
    if name.endswith(".json"):
        return of_json(content, chance)
    return of_bytes(content, chance)


def _copy(box: Sandbox, corpus: Corpus, name: str) -> Path:
    exp = box.work / f"exp-{name}"
    shutil.copytree(corpus.experiments[name], exp)
    return exp


def _source(corpus: Corpus, exp: Path) -> Path:
    return corpus.sources[exp.name.removeprefix("exp-")]


def _interrupt(exp: Path) -> None:
    """As if the process had been killed after its last save."""
    for name in ("outcome.json", "decision.json", "predictions_val.npz"):
        (exp / "logs" / name).unlink(missing_ok=True)


def _other_lines(content: bytes, chance: random.Random) -> bytes:
    """Values of single keys replaced, keys renamed, doubled, moved in or out."""
    lines = [line for line in content.decode().split("\n") if not line.strip().startswith("#")]
    for _ in range(chance.choice((1, 2, 3))):
        at = chance.randrange(len(lines))
        key, colon, _ = lines[at].partition(":")
        do = chance.random()
        if do < 0.6 and colon:
            value = chance.choice(
                (*map(str, NUMBERS), *STRINGS, "[1, 2]", "{a: 1}", "auto", "val_auroc", "mps")
            )
            lines[at] = f"{key}: {value}"
        elif do < 0.7:
            lines.insert(at, lines[chance.randrange(len(lines))])
        elif do < 0.8:
            lines[at] = "  " + lines[at]
        elif do < 0.9:
            del lines[at]
        else:
            lines[at] = lines[at].strip()
    return "\n".join(lines).encode("utf-8", "replace")


_POOLS: dict[str, list[str]] = {}
POOL = 400  # examples that hypothesis draws of each strategy


def _pool(name: str, chance: random.Random) -> list[str]:
    """Examples of a strategy, drawn once."""
    if name not in _POOLS:
        drawn: list[str] = []

        @seed(chance.randrange(2**31))
        @settings(
            max_examples=POOL,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(_yaml() if name == "yaml" else _cells())
        def draw(example: str) -> None:
            drawn.append(example)

        draw()
        _POOLS[name] = drawn
    return _POOLS[name]


def _cell() -> st.SearchStrategy[str]:
    return st.one_of(
        st.text(max_size=8),
        st.sampled_from(STRINGS),
        st.integers().map(str),
        st.floats().map(str),
        st.sampled_from(("setosa", "virginica", "1.5", "2,5", "", "NA", '"', '"a', "2026-01-01", "TRUE")),
    )


def _cells() -> st.SearchStrategy[str]:
    """A delimited table whose columns, rows and cells are drawn; most rows have as many cells as the header."""
    good = st.sampled_from(("5.1", "0.2", "3"))
    row = st.lists(st.one_of(good, good, good, _cell()), min_size=3, max_size=3)
    ragged = st.lists(_cell(), max_size=6)
    labelled = st.tuples(row, st.sampled_from(("setosa", "virginica", "", "=1", "NA"))).map(
        lambda p: [*p[0], p[1]]
    )
    rows = st.lists(st.one_of(*[labelled] * 12, ragged), min_size=0, max_size=40)
    header = st.lists(_cell(), min_size=2, max_size=4).map(lambda names: [*names, "species"])

    def joined(parts: tuple[list[str], list[list[str]], str, str]) -> str:
        names, body, mark, end = parts
        return end.join(mark.join(cells) for cells in [names, *body])

    marks, ends = st.sampled_from((",", ",", ";", "\t", "|")), st.sampled_from(("\n", "\n", "\r\n", "\r"))
    return st.tuples(header, rows, marks, ends).map(joined)


def _yaml() -> st.SearchStrategy[str]:
    """A config of real sections and keys with values of any kind."""
    from firstlight.config.keys import sections

    names = {section: list(inside) for section, inside in sections().items()}
    value = st.one_of(
        st.sampled_from(
            ("auto", "1", "0", "-1", "1e-3", "true", "null", "val_accuracy", "cpu", "[a, b]", "{}", "!!x 1")
        ),
        st.sampled_from(NUMBERS).map(str),
        st.floats().map(str),
        st.text(max_size=12).map(lambda t: json.dumps(t, ensure_ascii=False)),
        _cell(),
    )

    def part(section: str) -> st.SearchStrategy[str]:
        keys = st.dictionaries(st.sampled_from(names[section] or ["x"]), value, max_size=3)
        return keys.map(lambda d: section + ":\n" + "".join(f"  {k}: {v}\n" for k, v in d.items()))

    some = st.lists(st.sampled_from([s for s in names if names[s]]), max_size=3, unique=True)
    body = some.flatmap(lambda chosen: st.tuples(*map(part, chosen))).map("".join)
    return body.map(lambda b: b if "data:" in b else f"data:\n  source: iris.csv\n  target: species\n{b}")


def describe(case: Case) -> dict[str, Any]:
    """For the record of a defect."""
    return {"words": case.words, "mutant": str(case.mutant)}
