"""A small file does not fill the memory: what an archive would unpack to is seen before."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firstlight.errors import DataError, ResourceError
from firstlight.experiment import store
from firstlight.machine import unpacked
from firstlight.machine.unpacked import check_archive, check_arrays, check_fits, check_unpacked

PATH = Path("a\x1b.npz")


def archive(members: dict[str, bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file


def array(header: str, content: bytes = b"") -> bytes:
    """An .npy with any header."""
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "ALWAYS_BYTES", 10_000)


@pytest.mark.requirement("H04")
@pytest.mark.usefixtures("little")
class TestBombs:
    def test_what_unpacks_to_more_than_a_hundred_times_is_refused(self) -> None:
        with pytest.raises(DataError, match="beyond all measure") as caught:
            check_unpacked(1_000_001, 10_000, PATH)
        assert all(line.isprintable() for line in caught.value.lines())
        check_unpacked(1_000_000, 10_000, PATH)
        check_unpacked(10_000, 1, PATH)  # little is little, however well it packs

    def test_members_are_counted_together(self) -> None:
        check_archive(archive({str(n): bytes(9_000) for n in range(1)}), PATH)
        with pytest.raises(ValueError, match="beyond all measure"):
            check_archive(archive({str(n): bytes(900_000) for n in range(5)}), PATH)

    def test_an_npz_that_is_one_is_not_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10**6))
        monkeypatch.setattr(np, "load", None)
        with pytest.raises(ValueError, match="beyond all measure"):
            store.read_npz(tmp_path / "a.npz")


@pytest.mark.requirement("H04", "M06")
def test_what_does_not_fit_the_memory_is_a_matter_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "free_memory", lambda: 1000)
    check_fits(500, PATH, "less")
    with pytest.raises(ResourceError, match="does not fit the memory") as caught:
        check_fits(501, PATH, "less")
    assert caught.value.exit_code == 4
    with pytest.raises(ResourceError):
        check_archive(archive({"x": bytes(600)}), PATH)


@pytest.mark.requirement("H13")
@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,)}\n",
        "{'descr': '|V0', 'fortran_order': False, 'shape': (1000000000000,)}\n",
    ],
)
def test_an_array_that_declares_more_than_it_holds_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match="declares more values than it holds"):
        check_arrays(archive({"x.npy": array(header)}), PATH)


@pytest.mark.requirement("H13")
@pytest.mark.parametrize(
    "header",
    [
        "{'descr': (",
        "__import__('os')",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n",
        "\0" * 64,
    ],
)
def test_a_damaged_header_is_a_damaged_file(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.npz").write_bytes(archive({"x.npy": array(header, b"\x80\x04.")}).getvalue())
    with pytest.raises(ValueError, match=r"not an \.npz file"):
        store.read_npz(tmp_path / "a.npz")


def test_a_member_that_is_no_array_is_passed_over(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as file:
        file.writestr("../note.txt", "text")
    assert {name: found.tolist() for name, found in store.read_npz(tmp_path / "a.npz").items()} == {
        "x": [0, 1, 2]
    }
