from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.errors import ResumeRefused
from firstlight.experiment.metrics import read_metrics, to_entry, write_metrics
from firstlight.experiment.records import EpochRecord


def record(epoch: int, **changes: object) -> EpochRecord:
    base = EpochRecord(
        epoch=epoch,
        step=40 * epoch,
        train_loss=1.2,
        learning_rate=0.001,
        grad_norm=0.9,
        grad_norm_max=2.0,
        seconds=31.2,
        validation_seconds=1.0,
        examples_per_second=1602.0,
        data_wait=0.01,
        utilization=0.93,
        memory_bytes=1000,
        metrics={"val_loss": 1.0, "val_accuracy": 0.6},
    )
    return dataclasses.replace(base, **changes)


def same(a: object, b: object) -> bool:
    return repr(a) == repr(b)  # NaN is not equal to itself


@pytest.mark.requirement("P2.6")
def test_an_entry_is_flat_and_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics.json", [record(1)])
    document = json.loads((tmp_path / "metrics.json").read_text())
    assert document["format"] == 1
    (entry,) = document["epochs"]
    wanted = (
        "epoch train_loss val_loss val_accuracy learning_rate grad_norm seconds examples_per_second data_wait"
    )
    assert {*wanted.split(), "utilization"} <= entry.keys()
    assert entry["val_accuracy"] == 0.6


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    records = [record(1), record(2, utilization=None), record(4, metrics={})]
    write_metrics(tmp_path / "metrics.json", records)
    assert read_metrics(tmp_path / "metrics.json") == tuple(records)


numbers = st.floats(width=64)


@settings(deadline=None)
@given(
    loss=numbers,
    norm=numbers,
    used=st.none() | st.floats(0, 1),
    metrics=st.dictionaries(st.just("val_loss"), numbers),
)
def test_every_number_survives_and_the_file_stays_strict_json(
    tmp_path_factory: pytest.TempPathFactory,
    loss: float,
    norm: float,
    used: float | None,
    metrics: dict[str, float],
) -> None:
    path = tmp_path_factory.mktemp("metrics") / "metrics.json"
    written = record(3, train_loss=loss, grad_norm=norm, utilization=used, metrics=metrics)
    write_metrics(path, [written])

    def refuse(name: str) -> float:
        raise AssertionError(name)

    json.loads(path.read_text(), parse_constant=refuse)
    assert same(read_metrics(path), (written,))


def test_a_number_that_json_does_not_have_is_null_with_a_note() -> None:
    entry = to_entry(record(1, metrics={"val_loss": math.nan, "val_accuracy": 0.1}, grad_norm=math.inf))
    assert entry["val_loss"] is None
    assert entry["not_finite"] == {"val_loss": "nan", "grad_norm": "inf"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": 2, "epochs": []}',
        '{"epochs": []}',
        '{"format": 1}',
        '{"format": 1, "epochs": [{}]}',
        '{"format": 1, "epochs": [3]}',
        '{"format": 1, "epochs": {"a": 1}}',
        '{"format": 1, "epochs": null}',
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ResumeRefused) as caught:
        read_metrics(tmp_path / "metrics.json")
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    "change",
    [
        {"val_loss": "1.0"},
        {"epoch": 1.5},
        {"epoch": True},
        {"val_loss": None},
        {"utilization": "x"},
        {"step": None},
    ],
)
def test_an_entry_of_another_kind_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "m.json").write_text(json.dumps({"format": 1, "epochs": [to_entry(record(1)) | change]}))
    with pytest.raises(ResumeRefused):
        read_metrics(tmp_path / "m.json")


def test_an_epoch_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    entries = [to_entry(record(2)), to_entry(record(2))]
    (tmp_path / "m.json").write_text(json.dumps({"format": 1, "epochs": entries}))
    with pytest.raises(ResumeRefused, match="epoch 2 comes after epoch 2"):
        read_metrics(tmp_path / "m.json")
