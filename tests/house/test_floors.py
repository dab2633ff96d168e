"""Versions with known holes are refused: the floors of pyproject.toml, and what constraints.txt pins."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Package -> the first version without the holes that would reach us, and the newest of them. Those that are no
# dependency of ours come with others, into constraints.txt or a user's environment.
FLOORS = {
    "torch": ("2.10", "CVE-2026-24747: memory corruption with weights_only=True"),
    "pillow": (
        "13.0",
        "CVE-2026-112393, and before it a batch in decoders closed by 12.3 (CVE-2026-59197 to -59205)",
    ),
    "jinja2": ("3.1.6", "CVE-2025-27516: a way out of the sandbox"),
    "pyyaml": ("5.4", "CVE-2020-14343: code from a full load"),
    "pyarrow": ("14.0.1", "CVE-2023-47248: code from an IPC file"),
    "numpy": ("1.16.3", "CVE-2019-6446: pickles are read by default"),
    "transformers": ("5.3.0", "CVE-2026-4372: code of the hub without being asked"),
    "lightning": ("2.6.6", "CVE-2026-58659: any name is imported from a checkpoint"),
}
OURS = ("torch", "pillow", "jinja2", "numpy")


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("+", maxsplit=1)[0].split("."))


def floors(project: str) -> dict[str, str]:
    """Name -> floor of the runtime dependencies; a dependency without one has "0"."""
    lines = tomllib.loads(project)["project"]["dependencies"]
    return {
        name.strip().lower(): floor.strip() or "0" for name, _, floor in (d.partition(">=") for d in lines)
    }


def pins(constraints: str) -> dict[str, str]:
    lines = [line for line in constraints.splitlines() if line and not line.startswith("#")]
    return {
        name.strip().lower(): version.strip() for name, _, version in (line.partition("==") for line in lines)
    }


def too_old(versions: dict[str, str]) -> list[str]:
    """Packages whose version has a known hole."""
    return [
        f"{name} {version}: {FLOORS[name][1]}"
        for name, version in versions.items()
        if name in FLOORS and number(version) < number(FLOORS[name][0])
    ]


PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8")


@pytest.mark.requirement("H01", "H04")
def test_no_version_that_may_be_installed_has_a_known_hole() -> None:
    assert too_old(floors(PROJECT)) == []
    assert set(OURS) <= set(floors(PROJECT))


def test_no_version_that_is_pinned_has_a_known_hole() -> None:
    assert too_old(pins(CONSTRAINTS)) == []
    assert set(OURS) <= set(pins(CONSTRAINTS))


def test_a_pinned_version_is_one_version() -> None:
    assert [name for name, version in pins(CONSTRAINTS).items() if not version[:1].isdigit()] == []


@pytest.mark.parametrize("name", OURS)
def test_a_lower_floor_or_pin_is_seen(name: str) -> None:
    assert too_old({name: "0.9"}) != []
    assert too_old(floors(f'[project]\ndependencies = ["{name}"]')) != []
    assert too_old(pins(f"# x\n{name}==0.1.2+cpu\n")) != []
    assert too_old({name: FLOORS[name][0]}) == []
