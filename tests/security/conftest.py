"""Runs that several tests of the faults look at; all of them in one group, so that one process makes them once."""

from __future__ import annotations

from collections.abc import Iterator

import hostile_data
import pytest
from fuzz_corpus import FAST
from hostile_runs import Hostile
from served import Served


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The command line, behind a fork server."""
    with Served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="session")
def hostile(served: Served) -> dict[str, Hostile]:
    """One for each kind of data."""
    root = served.root / "hostile"
    root.mkdir()
    found = {}
    for kind, data in (
        ("image", hostile_data.images(root / "images & <b>")),
        ("table", hostile_data.table(root / "table\n=1|`x`.csv")),
        ("text", hostile_data.texts(root / "texts\x1b[31m.csv")),
    ):
        target = {"image": [], "table": ["--target", "target\u202e"], "text": ["--target", "=label"]}[kind]
        exp, out = root / kind, root / f"{kind}.csv"
        words = ["run", data, *target, "-o", exp, "--yes", "--minutes", "1", *FAST]
        some = [
            "--set",
            "data.max_bad_fraction=0.5",
            "--set",
            'experiment.name="[x](https://evil.example)<b>"',
        ]
        done = served.run(
            *words, *some, "--set", 'experiment.description="</title><script>alert(1)</script>\\e[1m"'
        )
        predicted = served.run("predict", exp, data, "--out", out)
        found[kind] = Hostile(data, exp, done, predicted, out)
    return found
