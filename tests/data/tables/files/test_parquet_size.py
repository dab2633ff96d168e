"""What a Parquet file unpacks to is known before it is unpacked."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstlight.data.tables.files.parquet_size import unpacked_size
from firstlight.data.tables.reading import read_table
from firstlight.errors import DataError, ResourceError
from firstlight.machine import unpacked

FRAME = pl.DataFrame(
    {
        "a": [1.5, None, 3.0] * 50,
        "b": ["x", "yy", None] * 50,
        "c": [[1], [2, 3], []] * 50,
        "d": [True, None, False] * 50,
    }
)


def write(path: Path, frame: pl.DataFrame, **how: object) -> Path:
    frame.write_parquet(path, **how)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "lz4", "uncompressed"])
def test_bytes_and_values_are_those_of_the_columns(tmp_path: Path, compression: str) -> None:
    numbers = pl.DataFrame({"a": np.random.default_rng(0).random(10_000)})
    found = unpacked_size(
        write(tmp_path / "a.parquet", numbers, compression=compression, row_group_size=3000)
    )
    assert found.values == 10_000
    assert 80_000 <= found.num_bytes <= 80_000 + 4 * 1000


def test_repeated_values_count_each_time(tmp_path: Path) -> None:
    assert (
        unpacked_size(write(tmp_path / "a.parquet", pl.DataFrame({"a": ["same"] * 100_000}))).values
        >= 100_000
    )
    lists = pl.DataFrame({"a": [[1] * 1000] * 100})
    assert unpacked_size(write(tmp_path / "b.parquet", lists)).values >= 100_000


@pytest.mark.requirement("H04")
def test_a_small_file_of_a_long_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "ALWAYS_BYTES", 2**20)
    path = write(tmp_path / "a.parquet", pl.DataFrame({"a": ["x" * 2**23], "b": [1]}))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(pl, "read_parquet", None)  # not a page is unpacked
    with pytest.raises(DataError, match="beyond all measure"):
        read_table(path)


@pytest.mark.requirement("H04", "M06")
def test_many_equal_values_that_do_not_fit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.parquet", pl.DataFrame({"a": [1.0] * 1_000_000}))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(unpacked, "free_memory", lambda: 15_000_000)
    monkeypatch.setattr(pl, "read_parquet", None)
    with pytest.raises(ResourceError, match="does not fit the memory"):
        read_table(path)


@pytest.fixture(scope="module")
def content() -> bytes:
    buffer = io.BytesIO()
    FRAME.write_parquet(buffer)
    return buffer.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(data=st.data())
def test_a_damaged_file_is_told_never_a_crash(tmp_path: Path, content: bytes, data: st.DataObject) -> None:
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.parquet").write_bytes(changed[data.draw(st.sampled_from((0, 0, 1, 9))) :])
    with contextlib.suppress(ValueError):
        size = unpacked_size(tmp_path / "a.parquet")
        assert min(size.num_bytes, size.values) >= 0


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 100])
def test_a_cut_foot_is_damage(tmp_path: Path, content: bytes, cut: int) -> None:
    (tmp_path / "a.parquet").write_bytes(content[:-cut])
    with pytest.raises(ValueError, match=r"cut|damaged|missing|none|type"):
        unpacked_size(tmp_path / "a.parquet")


def test_a_foot_nested_without_end_is_damage(tmp_path: Path) -> None:
    foot = b"\x1c" * 100_000
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + foot + len(foot).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="damaged"):
        unpacked_size(tmp_path / "a.parquet")
