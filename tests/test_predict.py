from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from firstlight.data.examples import Examples, Images, Split
from firstlight.data.images.inputs import read_inputs
from firstlight.errors import DataError, FirstlightError, GateShut, ResumeRefused, UsageError
from firstlight.experiment.folder import Folder
from firstlight.kinds.kind import dataset
from firstlight.predict import load_trained, predict
from firstlight.watch.progress import Silent

CLASSES = ("bright", "dark", "=cmd()|x")


class Heard(Silent):
    """Keeps what it is warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A real checkpoint of a small net for bright and dark squares, as it stands before its first step."""
    from firstlight.config.schema import Config
    from firstlight.machine.choices import machine_of
    from firstlight.training import checkpoint
    from firstlight.training.job import build_job
    from firstlight.training.run import fresh_state

    generator = np.random.default_rng(0)
    labels = np.arange(96, dtype=np.int64) % 2
    level = np.where(labels == 0, 200, 40)[:, None, None, None]
    pixels = (level + generator.integers(0, 30, (96, 8, 8, 1))).astype(np.uint8)
    examples = Examples(
        source="squares",
        ids=tuple(f"row-{i}" for i in range(96)),
        task="classification",
        targets=labels,
        classes=CLASSES,
        parts=np.full(96, -1, np.int8),
        content=Images(pixels=pixels, original_sizes=np.full((96, 2), 8, np.int32), modes={"L": 96}),
        digests=np.array([b"x"] * 96, dtype="S32"),
        skipped=(),
        ignored=(),
        notes=(),
        fingerprint="0" * 64,
    )
    rows = np.arange(96, dtype=np.int64)
    split = Split(train=rows[:80], val=rows[80:], test=rows[:0], method="given")
    config = Config.model_validate(
        {
            "model": {"name": "small_cnn", "width": 0.25, "mirror_average": False},
            "training": {"batch_size": 16},
            "parallel": {"threads": 1},
        }
    )
    folder = Folder(tmp_path_factory.mktemp("experiment"))
    job = build_job(config, dataset(examples, split), machine_of(config), folder)
    state = fresh_state(job)
    checkpoint.save(folder, [folder.best], state.to_checkpoint(config.model_dump(mode="json"), job.meta))
    return folder


def square(path: Path, level: int, *, side: int = 8, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (side, side), level).convert(mode).save(path)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "new images"
    square(folder / "a.png", 210)
    square(folder / "deep" / "er" / "b.jpg", 50, side=40, mode="RGB")
    square(folder / "-c.bmp", 205, side=8)
    (folder / "broken.png").write_bytes(b"no image")
    (folder / ".hidden.png").write_bytes(b"hidden")
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_gets_a_row_for_each_readable_image(trained: Folder, images: Path, tmp_path: Path) -> None:
    heard = Heard()
    out = predict(trained, str(images), tmp_path / "out" / "p.csv", heard)
    rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    assert [row["id"] for row in rows] == ["'-c.bmp", "a.png", "deep/er/b.jpg"]
    for row in rows:
        assert row["prediction"].removeprefix("'") == max(
            CLASSES, key=lambda name: float(row[f"probability_{name}"])
        )
    assert list(rows[0]) == ["id", "prediction", *(f"probability_{name}" for name in CLASSES)]
    for row in rows:
        assert sum(float(row[f"probability_{name}"]) for name in CLASSES) == pytest.approx(1, abs=1e-5)
    assert heard.warnings == ["cannot be read, no row: broken.png (not an image of a known format)"]


def test_the_default_is_predictions_csv_in_the_working_folder(
    trained: Folder, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert predict(trained, str(images), None, Silent()) == Path("predictions.csv")
    assert (tmp_path / "predictions.csv").is_file()


def test_every_format_says_the_same(trained: Folder, images: Path, tmp_path: Path) -> None:
    lines = predict(trained, str(images), tmp_path / "p.jsonl", Silent()).read_text().splitlines()
    table = pl.read_parquet(predict(trained, str(images), tmp_path / "p.parquet", Silent()))
    assert [json.loads(line) for line in lines] == [
        {key: pytest.approx(value) if isinstance(value, float) else value for key, value in row.items()}
        for row in table.to_dicts()
    ]
    assert table.columns == ["id", "prediction", *(f"probability_{name}" for name in CLASSES)]


def test_a_file_a_table_and_arrays_agree(trained: Folder, images: Path, tmp_path: Path) -> None:
    (images / "t.csv").write_text("n,file\n1,a.png\n2,missing.png\n3,deep/er/b.jpg\n4,a.png\n5,\n")
    heard = Heard()
    by_table = predict(trained, str(images / "t.csv"), tmp_path / "t.jsonl", heard).read_text().splitlines()
    by_file = predict(trained, str(images / "a.png"), tmp_path / "f.jsonl", Silent()).read_text()
    arrays = tmp_path / "new.npz"
    np.savez(arrays, train_x=np.full((2, 8, 8), 210, np.uint8))
    by_array = predict(trained, str(arrays), tmp_path / "n.jsonl", Silent()).read_text().splitlines()
    found = [json.loads(line) for line in by_table]
    assert [row["id"] for row in found] == ["a.png", "deep/er/b.jpg", "a.png"]
    assert heard.warnings[0] == "cannot be read, no row: row-5 (no path)"
    assert "missing.png" in heard.warnings[1]
    assert json.loads(by_file)["id"] == str(images / "a.png")
    assert [json.loads(line)["id"] for line in by_array] == ["row-0", "row-1"]
    for row in (json.loads(by_file), json.loads(by_array[0]), found[2]):
        assert row["probability_bright"] == pytest.approx(found[0]["probability_bright"], rel=1e-5)


def test_predictions_are_those_of_the_training_code(trained: Folder, images: Path, tmp_path: Path) -> None:
    import torch

    loaded = load_trained(trained, Silent())
    pixels = np.asarray(Image.open(images / "a.png"))[None, :, :, None]
    mean, std = (loaded.meta["normalisation"][name][0] for name in ("mean", "std"))
    with torch.inference_mode():
        loaded.model.eval()
        wanted = loaded.model(torch.from_numpy((pixels.transpose(0, 3, 1, 2) - mean) / std).float()).softmax(
            1
        )
    unseen = loaded.kind.unseen(loaded.meta, str(images / "a.png"), loaded.machine, Silent())
    assert np.allclose(loaded.predict(next(unseen.portions).inputs), wanted.numpy(), atol=1e-5)


def test_what_cannot_be_predicted_is_refused_by_kind(trained: Folder, images: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    np.savez(tmp_path / "large.npz", x=np.zeros((1, 9, 8), np.uint8))
    (tmp_path / "away.csv").write_text("file,n\n../secret.png,1\n")
    wrong: list[tuple[str, str, type[FirstlightError]]] = [
        ("nowhere", "p.csv", UsageError),
        (str(images / "notes.txt"), "p.csv", UsageError),
        (str(images), "p.xlsx", UsageError),
        (str(images), "empty", UsageError),
        (str(images / "broken.png"), "p.csv", DataError),
        (str(tmp_path / "empty"), "p.csv", DataError),
        (str(tmp_path / "large.npz"), "p.csv", DataError),
        (str(tmp_path / "away.csv"), "p.csv", DataError),
    ]
    for inputs, out, error in wrong:
        with pytest.raises(error):
            predict(trained, inputs, tmp_path / out, Silent())
    assert not (tmp_path / "p.csv").exists()


def test_without_a_checkpoint_the_gate_is_shut_and_a_damaged_one_is_refused(
    trained: Folder, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(GateShut, match="nothing is trained yet"):
        predict(Folder(tmp_path), str(images), tmp_path / "p.csv", Silent())
    damaged = Folder(tmp_path / "damaged")
    damaged.checkpoints.mkdir(parents=True)
    damaged.manifest.write_bytes(trained.manifest.read_bytes())
    content = bytearray(trained.best.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.best.write_bytes(content)
    with pytest.raises(ResumeRefused, match="damaged"):
        predict(damaged, str(images), tmp_path / "p.csv", Silent())


def test_inputs_below_a_folder_are_sorted_and_links_to_folders_not_followed(images: Path) -> None:
    (images / "loop").symlink_to(images)
    assert read_inputs(str(images)).ids == ("-c.bmp", "a.png", "broken.png", "deep/er/b.jpg")
