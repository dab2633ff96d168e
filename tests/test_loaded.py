"""What is refused when an experiment is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.config.schema import Config
from firstlight.errors import ResumeRefused, UsageError
from firstlight.experiment.folder import Folder
from firstlight.loaded import _recorded_fingerprint, check_supported


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"data": 3}', '{"data": {"fingerprint": null}}', '{"data": []}']
)
def test_a_record_without_the_fingerprint_of_the_data_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "environment.json").write_text(content)
    with pytest.raises(ResumeRefused, match="cannot be read"):
        _recorded_fingerprint(Folder(tmp_path))


@pytest.mark.parametrize(
    ("task", "key", "value", "said"),
    [
        ("image_classification", "parallel", {"workers": 2}, "parallel.workers = 2"),
        ("table_regression", "acceptance", {"metric": "own_f1"}, "acceptance.metric = own_f1"),
    ],
)
def test_a_setting_without_a_use_is_refused(task: str, key: str, value: dict[str, object], said: str) -> None:
    config = Config.model_validate({"data": {"task": task, "classes": ["a", "b"]}, key: value})
    with pytest.raises(UsageError, match=said):
        check_supported(config)
    own = Config.model_validate({"data": {"task": "own_classification", "classes": ["a", "b"]}, key: value})
    check_supported(own)
