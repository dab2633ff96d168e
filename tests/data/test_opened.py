"""Which files of a data set are opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firstlight.data.opened import leaves, read_file, refuse_leaving, within
from firstlight.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "data" / "own").write_bytes(b"own")
    for name, target in (
        ("out", tmp_path / "secret"),
        ("in", "own"),
        ("circle", "circle"),
        ("nowhere", "gone"),
    ):
        (tmp_path / "data" / name).symlink_to(target)
    return tmp_path / "data"


class TestReading:
    def test_a_file_is_read_whole(self, root: Path) -> None:
        assert read_file(root / "own") == b"own"

    @pytest.mark.parametrize("name", ["pipe", "folder"])
    def test_what_is_no_file_is_not_waited_for(self, root: Path, name: str) -> None:
        os.mkfifo(root / "pipe")
        (root / "folder").mkdir()
        with pytest.raises((ValueError, OSError), match=r"regular|directory"):
            read_file(root / name)

    def test_a_device_is_not_read(self) -> None:
        with pytest.raises(ValueError, match="no regular file"):
            read_file(Path(os.devnull))

    def test_a_file_beyond_all_measure_is_not_read(self, root: Path) -> None:
        with (root / "long").open("wb") as file:
            file.truncate(2**30 + 1)
        with pytest.raises(ValueError, match="larger than 1 GiB"):
            read_file(root / "long")


@pytest.mark.requirement("H06")
class TestLinks:
    def test_only_what_lies_elsewhere_leaves(self, root: Path) -> None:
        names = ("own", "in", "out", "circle", "nowhere")
        assert [name for name in names if leaves(root / name, root)] == ["out"]

    def test_the_root_may_be_a_link(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(root)
        assert not leaves(tmp_path / "link" / "own", tmp_path / "link")

    def test_those_that_leave_are_passed_over_and_told(self, root: Path) -> None:
        kept, notes = within([root / "own", root / "out"], root, False)
        assert kept == [root / "own"]
        assert "(1): out" in notes[0]
        assert within([root / "out"], root, True) == ([root / "out"], ())

    def test_a_data_set_made_of_them_is_refused(self, root: Path) -> None:
        with pytest.raises(DataError, match=r"1 file of the data is a link that leaves") as caught:
            refuse_leaving([root / "own", root / "out"], root, False)
        assert "data.follow_links=true" in caught.value.remedy
        assert "secret" not in caught.value.where
        refuse_leaving([root / "out"], root, True)
