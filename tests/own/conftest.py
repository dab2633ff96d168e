"""`fl.baseline` in a new folder, quick and quiet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from own_things import SETTINGS, net, rows

import firstlight as fl


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., fl.Result]:
    """`fl.baseline` in a new folder, quick and quiet."""

    def baseline(model: Any = None, *, train: Any = None, out: Path | None = None, **more: Any) -> fl.Result:
        wanted = {**SETTINGS, **more.pop("settings", {})}
        settings = {key: value for key, value in wanted.items() if value is not None}
        return fl.baseline(
            net if model is None else model,
            train=rows() if train is None else train,
            minutes=1,
            out=out or tmp_path / "mine",
            settings=settings,
            quiet=True,
            **more,
        )

    return baseline
