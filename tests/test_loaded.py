"""Settings that the data at hand have no use for."""

from __future__ import annotations

import pytest

from firstlight.config.schema import Config
from firstlight.errors import UsageError
from firstlight.loaded import check_supported


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
