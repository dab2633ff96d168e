from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.errors import ResumeRefused
from firstlight.experiment.folder import Folder
from firstlight.loaded import _recorded_fingerprint


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"data": 3}', '{"data": {"fingerprint": null}}', '{"data": []}']
)
def test_a_record_without_the_fingerprint_of_the_data_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "environment.json").write_text(content)
    with pytest.raises(ResumeRefused, match="cannot be read"):
        _recorded_fingerprint(Folder(tmp_path))
