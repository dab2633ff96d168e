"""Files that would run code, unpack elsewhere or lead elsewhere; the canary is a file called `marker`.

H01 to H06, H12 to H14, H16 and H18 of the plan of faults.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fuzz_corpus import FAST
from fuzz_server import Result
from hostile_runs import Hostile
from PIL import Image
from served import Served

pytestmark = pytest.mark.xdist_group("hostile")
SECRET = "correct horse battery staple"
MARK = "import pathlib; pathlib.Path(r'{marker}').touch()\n"


class Payload:
    """Runs code when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.fixture
def place(served: Served, tmp_path: Path) -> Iterator[Path]:
    """A folder of one's own below that of the server, with nothing in it."""
    root = served.root / "tests" / tmp_path.name
    root.mkdir(parents=True)
    yield root
    shutil.rmtree(root)


def explained(result: Result, *codes: int) -> bool:
    """Whether it ended with one of the codes, and with nothing that the contract forbids."""
    return result.code in codes and result.defects == ()


def copied(hostile: Hostile, place: Path) -> Path:
    return Path(shutil.copytree(hostile.exp, place / "exp"))


def forge(exp: Path, name: str, content: bytes) -> None:
    """Puts a file in a checkpoint's place, with its hash made right."""
    (exp / "checkpoints" / name).write_bytes(content)
    path = exp / "checkpoints" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][name]["sha256"] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(manifest))


@pytest.mark.requirement("H01")
class TestCheckpoints:
    @pytest.mark.parametrize("name", ["last_model.pt", "best_model.pt"])
    @pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
    def test_a_payload_is_not_run(
        self, served: Served, hostile: dict[str, Hostile], place: Path, name: str, zipped: bool
    ) -> None:
        import torch

        exp, buffer = copied(hostile["table"], place), io.BytesIO()
        torch.save({"model": Payload(place / "marker")}, buffer, _use_new_zipfile_serialization=zipped)
        forge(exp, name, buffer.getvalue())
        if name == "last_model.pt":
            for record in ("outcome.json", "decision.json"):
                (exp / "logs" / record).unlink()
            shutil.copy(exp / "checkpoints" / name, exp / "checkpoints" / "previous_model.pt")
            result = served.run("train", exp, "--resume")
        else:
            words = ["predict", exp, hostile["table"].data, "--out", place / "out.csv", "--model", "network"]
            result = served.run(*words)
        assert explained(result, 6)
        assert not (place / "marker").exists()

    def test_a_payload_in_a_fitted_reference_is_not_run(
        self, served: Served, hostile: dict[str, Hostile], place: Path
    ) -> None:
        exp = copied(hostile["table"], place)
        path = exp / "candidates" / "gradient_boosting.pt"
        path.write_bytes(pickle.dumps({"model": Payload(place / "marker"), "meta": {}}))
        listed = exp / "logs" / "references.json"
        document = json.loads(listed.read_text())
        for one in document["references"]:
            if one["name"] == path.stem:
                one["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        listed.write_text(json.dumps(document))
        words = ["--out", place / "out.csv", "--model", path.stem]
        assert explained(served.run("predict", exp, hostile["table"].data, *words), 6)
        assert not (place / "marker").exists()

    @pytest.mark.requirement("H02")
    @pytest.mark.parametrize(
        "value", ["os.system", "os:system", "https://127.0.0.1:9/x", "../../../etc/passwd", "!!python/x"]
    )
    def test_names_and_addresses_in_it_are_text(
        self, served: Served, hostile: dict[str, Hostile], place: Path, value: str
    ) -> None:
        import torch

        exp = copied(hostile["table"], place)
        saved = torch.load(exp / "checkpoints" / "best_model.pt", weights_only=True)
        saved |= {"target": value, "_target_": value, "module": value, "loader": {"url": value}}
        saved["meta"] |= {"module": value, "_target_": value}
        saved["config"]["model"]["name"] = value
        buffer = io.BytesIO()
        torch.save(saved, buffer)
        forge(exp, "best_model.pt", buffer.getvalue())
        words = ["predict", exp, hostile["table"].data, "--out", place / "out.csv", "--model", "network"]
        assert explained(served.run(*words), 2, 6)


@pytest.mark.requirement("H03")
@pytest.mark.parametrize(
    "text",
    [
        "seed: !!python/object/apply:os.system ['touch {marker}']",
        "!!python/object/apply:pathlib.Path.touch [{marker}]",
        "data: {{source: !!python/name:os.system x}}",
        "%TAG ! tag:yaml.org,2002:python/\n---\nseed: !object/apply:os.system ['touch {marker}']",
        "data:\n  source: python:os:system",
        "model:\n  name: os.system\ndata:\n  source: a.csv",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
        "[" * 5000,
    ],
)  # fmt: skip
def test_a_config_runs_nothing(served: Served, place: Path, text: str) -> None:
    (place / "training_config.yaml").write_text(text.format(marker=place / "marker"))
    result = served.run("init", place / "training_config.yaml", "-o", place / "exp")
    assert explained(result, 2)
    assert not (place / "marker").exists()


@pytest.mark.requirement("H05", "H13")
@pytest.mark.parametrize(
    "name",
    ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.pkl", "a.joblib", "a.npy", "a.feather", "a.pt",
     "objects.npz", "z.csv", "p.csv", "t.csv.gz", "p.npz"],
)  # fmt: skip
def test_archives_and_pickles_are_not_opened(served: Served, place: Path, name: str) -> None:
    pickled = pickle.dumps([Payload(place / "marker")])
    objects, packed, tarred, feather = (io.BytesIO() for _ in range(4))
    np.savez(objects, x=np.array([Payload(place / "marker")], dtype=object), y=np.array([1]))
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../evil.txt", "x")
        archive.writestr("cats/1.txt", "x")
    with tarfile.open(fileobj=tarred, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../evil.txt"))
    pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}).write_ipc(feather)
    kinds = {"a.zip": packed, "z.csv": packed, "a.feather": feather, "objects.npz": objects, "a.npy": objects}
    content = kinds.get(
        name, tarred if "t" in name.split(".")[1:][0] and name != "a.pt" else io.BytesIO(pickled)
    )
    (place / "data").mkdir()
    (place / "data" / name).write_bytes(content.getvalue())
    result = served.run("init", place / "data" / name, "-o", place / "exp", "--yes", cwd=place)
    assert explained(result, 2, 3)
    assert sorted(p.name for p in place.rglob("*")) == sorted(["data", name])


@pytest.mark.requirement("H14")
def test_a_type_that_the_file_defines_is_read_as_what_it_stores(served: Served, place: Path) -> None:
    text = Path(__file__).with_name("extension_parquet.txt").read_text().replace("\n", "")
    (place / "a.parquet").write_bytes(zlib.decompress(base64.b85decode(text)))
    words = ["init", place / "a.parquet", "--target", "species", "-o", place / "exp", "--yes", *FAST]
    assert explained(served.run(*words, cwd=place), 0)
    assert not (place / "marker").exists()


@pytest.mark.requirement("H16", "H18")
def test_programs_that_lie_with_the_data_are_not_run(served: Served, place: Path) -> None:
    data = place / "data"
    for name in ("cats", "dogs", "$(touch marker)", "-rf", "--config=x"):
        (data / name).mkdir(parents=True)
        for number in range(6):
            picture = Image.new("L", (8, 8), 40 * number + len(name))
            picture.save(data / name / f"{number}.png")
    names = (
        "torch",
        "numpy",
        "polars",
        "dataset",
        "data",
        "loading_script",
        "__init__",
        "conftest",
        "sitecustomize",
        "firstlight",
        "click",
    )
    for name in names:
        (data / f"{name}.py").write_text(MARK.format(marker=place / "marker"))
    for name in ("dataset_infos.json", "config.json"):
        (data / name).write_text('{"auto_map": {"AutoConfig": "dataset.Config"}, "trust_remote_code": true}')
    for source in (".", data):
        result = served.run("init", source, "-o", place / "exp", "--yes", *FAST, cwd=data)
        assert explained(result, 0)
        shutil.rmtree(place / "exp")
    assert not (place / "marker").exists()
    assert not (data / "marker").exists()


@pytest.mark.requirement("H18")
def test_python_m_takes_no_module_from_the_working_folder(place: Path) -> None:
    for name in ("click", "torch", "rich", "pathlib"):
        (place / f"{name}.py").write_text(MARK.format(marker=place / "marker"))
    done = subprocess.run(
        [sys.executable, "-m", "firstlight", "--version"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not (place / "marker").exists()


@pytest.mark.requirement("H06")
class TestLinksToASecret:
    def outputs(self, place: Path, *results: Result) -> bytes:
        files = [p.read_bytes() for p in (place / "exp").rglob("*") if p.is_file()]
        return b"".join([*files, *(r.out + r.err for r in results)])

    def test_a_text_elsewhere_is_in_no_output(self, served: Served, place: Path) -> None:
        (place / "secret.txt").write_text(SECRET * 20)
        for label in ("good", "bad"):
            (place / "data" / label).mkdir(parents=True)
            for number in range(12):
                (place / "data" / label / f"{number}.txt").write_text(f"a {label} text {number} of words")
        (place / "data" / "good" / "link.txt").symlink_to(place / "secret.txt")
        (place / "data" / "secrets").symlink_to(place)
        words = ["run", place / "data", "-o", place / "exp", "--yes", "--minutes", "1", *FAST]
        done = served.run(*words)
        assert explained(done, 0, 7)
        assert b"data.follow_links=true" in done.err
        out = place / "exp" / "out.csv"
        predicted = served.run("predict", place / "exp", place / "data", "--out", out)
        assert explained(predicted, 0)
        assert b"link.txt" not in out.read_bytes()
        found = self.outputs(place, done, predicted)
        assert SECRET.encode() not in found
        assert b"staple" not in found

    def test_a_part_of_a_table_elsewhere_is_not_read(self, served: Served, place: Path) -> None:
        (place / "data").mkdir()
        rows = "".join(f"{n},{'ab'[n % 2]}\n" for n in range(60))
        (place / "data" / "train.csv").write_text(f"x,y\n{rows}")
        (place / "secret.csv").write_text(f"x,y\n{rows}{SECRET},a\n")
        (place / "data" / "test.csv").symlink_to(place / "secret.csv")
        words = ["init", place / "data", "--target", "y", "-o", place / "exp", "--yes", *FAST]
        refused = served.run(*words)
        assert explained(refused, 3)
        assert SECRET.encode() not in refused.out + refused.err
        assert explained(served.run(*words, "--set", "data.follow_links=true"), 0)


@pytest.mark.requirement("H12")
class TestPlantedLinks:
    FILES = (
        "checkpoints/best_model.pt", "checkpoints/last_model.pt", "checkpoints/manifest.json", "status.json",
        "logs/training.log", "logs/metrics.json", "baseline_results.md", "report.html", "training_config.yaml",
        "plots/curves.png",
    )  # fmt: skip

    def test_what_a_link_in_the_experiment_leads_to_is_untouched(self, served: Served, place: Path) -> None:
        rows = "".join(f"{n % 7},{'ab'[n % 2]}\n" for n in range(80))
        (place / "t.csv").write_text(f"x,y\n{rows}")
        exp = place / "exp"
        assert served.run("init", place / "t.csv", "-o", exp, "--yes", "--minutes", "1", *FAST).code == 0
        for name in self.FILES:
            target = place / "targets" / name.replace("/", "-")
            target.parent.mkdir(exist_ok=True)
            (exp / name).parent.mkdir(exist_ok=True)
            if name.startswith(("status", "training_config", "logs/training")):
                shutil.move(exp / name, target)  # it is read before it is written
            else:
                target.write_bytes(b"{}")
            (exp / name).symlink_to(target)
        before = {p.name: p.read_bytes() for p in (place / "targets").iterdir()}
        done = served.run("train", exp)
        assert done.defects == ()
        assert {p.name: p.read_bytes() for p in (place / "targets").iterdir()} == before

    @pytest.mark.parametrize("name", ["checkpoints", "logs", "plots", "attempts", "candidates", "checklists"])
    def test_a_folder_of_the_experiment_that_is_a_link_is_refused(
        self, served: Served, hostile: dict[str, Hostile], place: Path, name: str
    ) -> None:
        exp = copied(hostile["table"], place)
        shutil.rmtree(exp / name, ignore_errors=True)
        (place / "elsewhere").mkdir()
        (exp / name).symlink_to(place / "elsewhere")
        for words in (["train", exp], ["report", exp], ["status", exp], ["predict", exp, "x.csv"]):
            refused = served.run(*words)
            assert explained(refused, 2)
            assert b"is a link" in refused.err
        assert list((place / "elsewhere").iterdir()) == []


@pytest.mark.requirement("H16")
@pytest.mark.parametrize("name", ["$(touch marker)", "--config=x", "-rf", "; touch marker", "%s", "a b'\"c"])
def test_a_name_is_a_name(served: Served, place: Path, name: str) -> None:
    rows = "".join(f"{n % 7},{'ab'[n % 2]}\n" for n in range(80))
    (place / f"{name}.csv").write_text(f"x,y\n{rows}")
    words = ["init", *FAST, "--yes", "--target", "y", "-o", f"./{name}", "--", f"{name}.csv"]
    assert explained(served.run(*words, cwd=place), 0)
    assert (place / name / "status.json").is_file()
    assert sorted(os.listdir(place)) == sorted([name, f"{name}.csv"])
