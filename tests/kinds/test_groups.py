"""data.group: rows that belong together make no difference between the parts look surer than it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from firstlight.config.schema import Data
from firstlight.data.load import load_examples
from firstlight.data.split import split
from firstlight.kinds.kind import Dataset, dataset
from firstlight.watch.progress import Silent

GROUPS, SIZE, NUMBERS = 60, 20, 6


def read(path: Path, seed: int) -> Dataset:
    """Measurements of shops, all of one distribution, that hardly vary within a shop."""
    draw = np.random.default_rng(seed)
    shop = np.repeat(np.arange(GROUPS), SIZE)
    numbers = draw.normal(size=(GROUPS, NUMBERS))[shop] + 0.01 * draw.normal(size=(len(shop), NUMBERS))
    columns = {f"m{place}": values for place, values in enumerate(numbers.T)}
    label = draw.choice(["yes", "no"], len(shop))
    pl.DataFrame({**columns, "shop": [f"s{number}" for number in shop], "label": label}).write_csv(path)
    data = Data(source=str(path), target="label", group="shop")
    examples = load_examples(data, base=path.parent, fallback=path.parent / "cache", progress=Silent())
    return dataset(examples, split(examples, data, 0))


@pytest.mark.parametrize("seed", range(3))
def test_a_split_by_groups_is_no_shift(seed: int, tmp_path: Path) -> None:
    data = read(tmp_path / "t.csv", seed)
    warnings = " ".join(data.kind.profile(data).warnings)
    assert "look different" not in warnings
    assert "groups" in warnings  # that validation holds few of them is told
