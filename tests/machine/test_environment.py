from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from pathlib import Path

import pytest
import torch

from firstlight.machine.environment import (
    cgroup_cores,
    credentials_among,
    record_environment,
    recorded_arguments,
    recorded_variables,
)
from firstlight.machine.seeds import deterministic

TOKENS = ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "hunter2-very-secret", "AKIAIOSFODNN7EXAMPLE")


@pytest.mark.requirement("P1.5")
def test_versions_and_machine_are_recorded_exactly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    found = record_environment()
    assert time.monotonic() - began < 20
    json.dumps(found, allow_nan=False)
    assert found["python"] == platform.python_version()
    assert found["torch"] == torch.__version__
    assert found["packages"]["numpy"] == importlib.metadata.version("numpy")
    assert found["hardware"]["allotted_cores"] >= 1
    assert found["hardware"]["memory_bytes"] > 1e8
    assert len(found["hardware"]["gpus"]) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)
    assert found["known_values"] is True
    assert found["git"].keys() >= {"commit"}


@pytest.mark.requirement("P1.4")
def test_the_switches_are_recorded_as_they_are() -> None:
    try:
        deterministic(True)
        assert record_environment()["determinism"]["algorithms"] is True
    finally:
        deterministic(False)
    assert record_environment()["determinism"]["algorithms"] is False


@pytest.mark.requirement("H11")
def test_planted_secrets_are_in_no_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".netrc").write_text(f"password {TOKENS[1]}")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "HF_TOKEN",
        "WANDB_API_KEY",
        "MY_SETTING",
        "http_proxy",
        "OMP_TOKEN",
    ):
        monkeypatch.setenv(name, TOKENS[1])
    monkeypatch.setenv("PYTHONHASHSEED", TOKENS[0])
    monkeypatch.setenv("NCCL_ALGO", TOKENS[2])
    monkeypatch.setenv("LANG", f"https://user:{TOKENS[1]}@example.org")
    text = json.dumps(record_environment())
    assert not [token for token in TOKENS if token in text]


def test_harmless_settings_are_kept_as_they_are() -> None:
    settings = {
        "OMP_NUM_THREADS": "2",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "CUDA_VISIBLE_DEVICES": "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6",
        "LANG": "de_DE.UTF-8",
        "OMP_PLACES": "{0:4}, {4:4}",
    }
    assert recorded_variables(settings | {"PATH": "/bin"}) == settings


@pytest.mark.requirement("H11")
def test_a_secret_on_the_command_line_is_not_recorded() -> None:
    words = ["firstlight", "run", "photos", "--set", "training.epochs=3", f"--set=x={TOKENS[0]}", "api_key=1"]
    assert recorded_arguments(words) == [*words[:5], "[not recorded]", "[not recorded]"]
    words = ["firstlight", "run", "photos", "--password", "hunter2", "--target", "hunter"]
    assert recorded_arguments(words) == [*words[:3], "[not recorded]", "[not recorded]", "--target", "hunter"]


@pytest.mark.requirement("H11")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["run", "x", "--token", "abc"], ("abc",)),
        (["run", "x", "--set", "tracking.api_key=abc"], ("abc",)),
        (["run", f"--set=a.b={TOKENS[0]}"], (TOKENS[0],)),
        (["run", "https://me:hunter2@example.org/x"], ("hunter2",)),
        (["run", "--set=a=https://hunter2@example.org/x"], ("hunter2",)),
        (["run", "x", "--target", "passenger"], ()),
        (["run", "/data/2019ABCdef0123456789abcdefABC/x.csv"], ()),
        (["run", "x", "--token"], ()),
    ],
)
def test_credentials_of_a_command_line_are_seen(words: list[str], found: tuple[str, ...]) -> None:
    assert credentials_among(words) == found


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "garbage"}, None),
        ({}, None),
    ],
)
def test_the_limit_of_a_container_is_read(tmp_path: Path, files: dict[str, str], cores: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cgroup_cores(tmp_path) == cores
