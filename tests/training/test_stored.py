"""A stored model holds tensors and plain values; whatever else a file holds is never run and never unpacked."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from firstlight.errors import ResourceError, ResumeRefused
from firstlight.machine import unpacked
from firstlight.training.stored import read_stored

PATH = Path("a\x1b.pt")


def saved(value: Any, **how: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **how)
    return buffer.getvalue()


class Payload:
    """What a stranger would put into a checkpoint; the canary is a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_tensors_and_plain_values_come_back() -> None:
    found = read_stored(saved({"model": {"w": torch.arange(3)}, "step": 2, "list": [1, "a", None]}), PATH)
    assert found["model"]["w"].tolist() == [0, 1, 2]
    assert found["list"] == [1, "a", None]


@pytest.mark.requirement("H01")
@pytest.mark.parametrize("form", ["zip", "legacy", "pickle", "tar"])
def test_a_payload_is_not_run(tmp_path: Path, form: str) -> None:
    marker = tmp_path / "marker"
    value = {"model": Payload(marker)}
    content = {
        "zip": lambda: saved(value),
        "legacy": lambda: saved(value, _use_new_zipfile_serialization=False),
        "pickle": lambda: pickle.dumps(value),
        "tar": lambda: _tar(pickle.dumps(value)),
    }[form]()
    with pytest.raises(ResumeRefused, match="holds more than tensors and plain values") as caught:
        read_stored(content, PATH)
    assert caught.value.exit_code == 6
    assert all(line.isprintable() for line in caught.value.lines())
    assert not marker.exists()
    pickle.loads(pickle.dumps(value))  # the canary sings when it is let out
    assert marker.exists()


def _tar(content: bytes) -> bytes:
    """The oldest of torch's formats, through which CVE-2025-32434 led."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.requirement("H01")
@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"x" * 100, saved([1]), saved(torch.zeros(2)), saved({1})]
)
def test_what_is_no_dictionary_is_refused(content: bytes) -> None:
    with pytest.raises(ResumeRefused):
        read_stored(content, PATH)


@pytest.mark.requirement("H04")
def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "ALWAYS_BYTES", 100_000)
    plain, packed = io.BytesIO(saved({"w": torch.zeros(10**6)})), io.BytesIO()
    with zipfile.ZipFile(plain) as inside, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as outside:
        for name in inside.namelist():
            outside.writestr(name, inside.read(name))
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(ResumeRefused, match="beyond all measure"):
        read_stored(packed.getvalue(), PATH)
    monkeypatch.setattr(unpacked, "free_memory", lambda: 10)
    with pytest.raises(ResourceError):
        read_stored(plain.getvalue(), PATH)
