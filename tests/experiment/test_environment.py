from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.environment import read_environment, write_environment
from firstlight.experiment.folder import Folder


@pytest.mark.requirement("P1.5")
def test_the_patch_gets_a_file_of_its_own(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    write_environment(folder, {"python": "3.11.7", "git": {"commit": "ab", "dirty": True, "patch": "+x\n"}})
    found = read_environment(folder)
    assert found["git"]["patch"] == "uncommitted.patch"
    assert found["git"]["patch_sha256"] == store.sha256(folder.patch)
    assert folder.patch.read_text() == "+x\n"
    assert found["python"] == "3.11.7"


def test_without_changes_there_is_no_patch(tmp_path: Path) -> None:
    write_environment(Folder(tmp_path), {"git": {"commit": "ab", "dirty": False, "patch": ""}})
    assert not Folder(tmp_path).patch.exists()
    assert "patch" not in read_environment(Folder(tmp_path))["git"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}'])
def test_a_record_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    Folder(tmp_path).environment.write_text(text)
    with pytest.raises(ResumeRefused):
        read_environment(Folder(tmp_path))
