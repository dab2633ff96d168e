"""The real files that are mutated: data that comes with scikit-learn, experiments as the commands leave them.

`--corpus FOLDER` adds files of one's own to those of tables, images and texts.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_server import Sandbox, run

ROWS = 60  # of a table: enough for a split of three classes
SIDE = 20  # pixels of an image
# What setup would measure is given, so that an input takes a fraction of a second.
SETTINGS = (
    "parallel.device=cpu", "parallel.threads=1", "precision.compute=fp32", "precision.channels_last=false",
    "precision.deterministic=true", "training.epochs=1", "training.batch_size=16", "training.learning_rate=0.01",
    "model.width=0.25", "augmentation.horizontal_flip=none", "augmentation.shift_pixels=0",
)  # fmt: skip
FAST = [word for setting in SETTINGS for word in ("--set", setting)]
IMAGE_FORMATS = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP", "tif": "TIFF"}
SENTENCES = (
    "the parcel came on time and was packed well", "nothing worked and nobody answered the mail",
    "a pleasant film with a slow beginning", "I would not buy this again for any price",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Files by what they are: name -> content."""

    tables: dict[str, bytes]
    images: dict[str, bytes]
    texts: dict[str, bytes]
    arrays: dict[str, bytes]
    experiments: dict[str, Path]  # what was trained on: a finished experiment
    sources: dict[str, Path]  # and its data


def build(box: Sandbox, extra: Path | None = None) -> Corpus:
    """Gathers the files and trains the experiments, each on its kind of data."""
    files = box.root / "files"
    # In a process of its own: polars starts threads, and a process with threads must not fork.
    subprocess.run([sys.executable, __file__, str(files)], check=True)
    tables, images, arrays = (_read(files / name) for name in ("tables", "images", "arrays"))
    texts = _texts()
    for path in sorted(extra.rglob("*")) if extra else ():
        suffix = path.suffix.lower().lstrip(".")
        if path.is_file() and path.stat().st_size < 300_000:
            home = images if suffix in IMAGE_FORMATS else texts if suffix == "txt" else tables
            home[path.name] = path.read_bytes()
    sources = _sources(box, tables, images, texts)
    experiments = {name: _trained(box, name, source) for name, source in sources.items()}
    return Corpus(
        tables=tables, images=images, texts=texts, arrays=arrays, experiments=experiments, sources=sources
    )


def _read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def iris() -> list[list[str]]:
    """A header and rows of all three classes."""
    import sklearn

    path = Path(sklearn.__file__).parent / "datasets" / "data" / "iris.csv"
    with path.open(newline="") as file:
        first, *rows = csv.reader(file)
    kept = rows[:: max(1, len(rows) // ROWS)]
    header = ["sepal length", "sepal width", "petal length", "petal width", "species"]
    return [header, *([*row[:4], first[2 + int(row[4])]] for row in kept)]


def _tables() -> dict[str, bytes]:
    import polars as pl

    header, *rows = iris()
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    plain = text.getvalue().encode()
    objects = [dict(zip(header, [*map(float, row[:4]), row[4]], strict=True)) for row in rows]
    parquet = io.BytesIO()
    pl.DataFrame(objects).write_parquet(parquet, compression="snappy")
    quoted = "\r\n".join(";".join(f'"{cell.replace(".", ",")}"' for cell in row) for row in [header, *rows])
    return {
        "a.csv": plain,
        "b.csv": quoted.encode("utf-16"),
        "a.tsv": plain.replace(b",", b"\t"),
        "a.jsonl": "\n".join(map(json.dumps, objects)).encode(),
        "a.json": json.dumps(objects, indent=1).encode(),
        "a.parquet": parquet.getvalue(),
        "a.csv.gz": gzip.compress(plain, mtime=0),
    }


def _images() -> dict[str, bytes]:
    """Pieces of the two photos of scikit-learn, in every format that is read."""
    import sklearn
    from PIL import Image

    found = {}
    for photo in ("china.jpg", "flower.jpg"):
        with Image.open(Path(sklearn.__file__).parent / "datasets" / "images" / photo) as whole:
            for number, (suffix, name) in enumerate(IMAGE_FORMATS.items()):
                piece = whole.crop((40 * number, 90, 40 * number + SIDE, 90 + SIDE))
                buffer = io.BytesIO()
                piece.save(buffer, name, **({"compression": "tiff_lzw"} if name == "TIFF" else {}))
                found[f"{photo[:-4]}_{number}.{suffix}"] = buffer.getvalue()
    return found


def _texts() -> dict[str, bytes]:
    lines = [f"{SENTENCES[i % 4]} {i}" for i in range(40)]
    return {
        "train_text.txt": "\n".join(lines).encode(),
        "train_labels.txt": "\n".join(str(i % 2) for i in range(40)).encode(),
        "lines.txt": "\n".join(f"__label__{i % 2} {line}" for i, line in enumerate(lines)).encode(),
    }


def _arrays() -> dict[str, bytes]:
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    found = {}
    for name, x in (("x", digits.images[:60].astype(np.uint8)), ("images", digits.images[:60] / 16)):
        buffer = io.BytesIO()
        labels = {"x": "y", "images": "labels"}[name]
        np.savez_compressed(buffer, **{name: x, labels: digits.target[:60]})
        found[f"{name}.npz"] = buffer.getvalue()
    return found


def _sources(
    box: Sandbox, tables: dict[str, bytes], images: dict[str, bytes], texts: dict[str, bytes]
) -> dict[str, Path]:
    root = box.root / "sources"
    (root / "table").mkdir(parents=True, exist_ok=True)
    (root / "table" / "iris.csv").write_bytes(tables["a.csv"])
    image_folder(root / "image", images)
    (root / "text").mkdir(exist_ok=True)
    for name in ("train_text.txt", "train_labels.txt"):
        (root / "text" / name).write_bytes(texts[name])
    return {"table": root / "table" / "iris.csv", "image": root / "image", "text": root / "text"}


def image_folder(root: Path, images: dict[str, bytes], copies: int = 2) -> None:
    """Two class folders; the copies differ behind their end, which no decoder reads."""
    for name, content in images.items():
        for copy in range(copies):
            path = root / name.split("_")[0] / f"{copy}_{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content + b"\0" * copy)


def _trained(box: Sandbox, name: str, source: Path) -> Path:
    """A finished experiment, made by the command itself."""
    root = box.root / "experiments" / name
    root.parent.mkdir(exist_ok=True)
    target = ["--target", "species"] if name == "table" else []
    words = ["run", str(source), *target, "-o", str(root), "--yes", "--minutes", "1", *FAST]
    done = run(box, words, (box.root,))
    if done.code not in (0, 7) or done.defects:  # 7: so few rows teach little, which is no fault
        raise SystemExit(f"the corpus cannot be made: {done}")
    shutil.rmtree(box.root / "work")
    box.work.mkdir()
    return root


def _write(folder: Path) -> None:
    for name, files in (("tables", _tables()), ("images", _images()), ("arrays", _arrays())):
        (folder / name).mkdir(parents=True)
        for file, content in files.items():
            (folder / name / file).write_bytes(content)


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
