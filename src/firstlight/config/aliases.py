"""Other names for keys that people know from elsewhere: accepted with a notice, never silently.

Only names whose meaning is certain are here; for others the nearest key is named in the error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firstlight.config.kinds import NUMBER_PATTERN
from firstlight.config.validate import Finding

Path = tuple[str, ...]

SECTIONS: Mapping[str, str] = {"lr_scheduler": "scheduler"}
KEYS: Mapping[Path, Path] = {
    ("checkpointing", "save_every_n_epochs"): ("checkpointing", "checkpoint_every_n_epochs"),
    ("optimizer", "learning_rate"): ("training", "learning_rate"),
    ("optimizer", "lr"): ("training", "learning_rate"),
    ("training", "lr"): ("training", "learning_rate"),
    ("early_stopping", "metric"): ("validation", "metric"),
    ("early_stopping", "monitor"): ("validation", "metric"),
    ("checkpointing", "metric"): ("validation", "metric"),
    ("checkpointing", "monitor"): ("validation", "metric"),
    ("optimizer", "type"): ("optimizer", "name"),
    ("scheduler", "type"): ("scheduler", "name"),
    ("reproducibility", "seed"): ("seed",),
    ("training", "seed"): ("seed",),
}


_NOTHING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """Values under their real names."""

    values: dict[str, Any]
    aliases: tuple[tuple[Path, Path], ...]  # (name in the file, real name)
    findings: tuple[Finding, ...]  # an alias that contradicts the key itself


def real_name(path: Path) -> Path:
    """The key that a name stands for; a name that is no alias comes back as it is."""
    path = (SECTIONS.get(path[0], path[0]), *path[1:])
    return KEYS.get(path, path)


def rename(values: Mapping[str, Any]) -> Renamed:
    """Puts every value under the real name of its key.

    Args:
        values: Sections and their keys, as read.
    """
    paths = [path for section, inside in values.items() for path in _paths(section, inside)]
    aliases = tuple((path, real_name(path)) for path in paths if real_name(path) != path)
    renamed: dict[str, Any] = {}
    origin: dict[Path, Path] = {}
    findings: list[Finding] = []
    # Real names come first, so that a contradiction is found at the alias.
    for path in sorted(paths, key=lambda path: real_name(path) != path):
        real, value = real_name(path), _get(values, path)
        present = _get(renamed, real)
        if present is _NOTHING:
            _put(renamed, real, value)
            origin[real] = path
        elif _comparable(present) != _comparable(value):
            other = ".".join(origin.get(real, real))
            what = f"{other} and {'.'.join(path)} are one setting, with different values"
            findings.append(Finding(place=path, what=what, remedy=f"keep only {'.'.join(real)}"))
    return Renamed(values=renamed, aliases=aliases, findings=tuple(findings))


def _paths(section: str, inside: Any) -> list[Path]:
    return [(section, key) for key in inside] if isinstance(inside, dict) and inside else [(section,)]


def _get(values: Mapping[str, Any], path: Path) -> Any:
    found: Any = values
    for name in path:
        found = found.get(name, _NOTHING) if isinstance(found, Mapping) else _NOTHING
    return found


def _put(values: dict[str, Any], path: Path, value: Any) -> None:
    inside = values
    for name in path[:-1]:
        if inside.get(name) is None:
            inside[name] = {}
        inside = inside[name]
    if isinstance(inside, dict):  # Otherwise the section is a single value, which validation reports.
        inside[path[-1]] = value


def _comparable(value: Any) -> Any:
    return float(value) if isinstance(value, str) and re.match(NUMBER_PATTERN, value) else value
