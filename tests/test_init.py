from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import firstlight

DOCS = Path(__file__).parents[1] / "docs" / "python_api.md"


def test_public_names_are_those_of_the_docs_and_all_load() -> None:
    documented = re.findall(r"(?m)^- `(\w+)`", DOCS.read_text("utf-8"))
    assert sorted(documented) == sorted(firstlight.__all__)
    for name in firstlight.__all__:
        assert getattr(firstlight, name) is not None
        assert name in dir(firstlight)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        firstlight.nonsense  # noqa: B018


def test_importing_firstlight_imports_no_library() -> None:
    script = (
        "import sys; before = set(sys.modules); import firstlight; firstlight.FirstlightError; "
        "print(' '.join({m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert shown.stdout.split() == ["firstlight"]
