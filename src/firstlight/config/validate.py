"""Plain values to a Config, with every error put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from firstlight.config import keys
from firstlight.config.schema import Config
from firstlight.config.tree import Place, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An error at a place of the config; who reads the file adds where that is."""

    place: Place
    what: str
    remedy: str


def validate(values: Mapping[str, Any]) -> Config | list[Finding]:
    """Checks the values against the schema.

    Args:
        values: Sections and their keys; a section that is None counts as empty.

    Returns:
        The config, or everything that is wrong with it.
    """
    given = {key: value for key, value in values.items() if value is not None or not keys.sections().get(key)}
    try:
        return Config.model_validate(given)
    except ValidationError as error:
        return _findings(error)


def explicit_keys(config: Config) -> frozenset[str]:
    """The keys that the user wrote, such as `training.epochs`; all others hold their default."""
    found = set()
    for name in config.model_fields_set:
        value = getattr(config, name)
        inside = value.model_fields_set if isinstance(value, BaseModel) else {""}
        found |= {f"{name}.{key}".rstrip(".") for key in inside}
    return frozenset(found)


def dotted(place: Place) -> str:
    """A place as it is written in messages: `training.epochs`, `data.classes[3]`."""
    first, *rest = place or ("the file",)
    return shown(str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest))


def unknown_key(place: Place) -> Finding:
    """The error about a key that does not exist, with the nearest one that does."""
    path = tuple(map(str, place[:2]))
    near = keys.nearest(path)
    allowed = f"takes {keys.allowed(near)}" if keys.is_key(near) else f"has {keys.allowed(near)}"
    known = ", ".join(keys.sections()[path[0]] if len(path) > 1 else keys.sections())
    around = f"keys of {path[0]}" if len(path) > 1 else "sections"
    return Finding(
        place=place,
        what=f"unknown key {dotted(place)}",
        remedy=f"the nearest key is {'.'.join(near)}, it {allowed}; {around}: {known}",
    )


def _findings(error: ValidationError) -> list[Finding]:
    found: dict[Place, Finding] = {}
    for detail in error.errors(include_url=False):
        finding = _finding(detail)
        # A key that takes two kinds has an error for each; the one about the literal word says the least.
        if finding.place not in found or detail["type"] != "literal_error":
            found.setdefault(finding.place, finding)
    return list(found.values())


def _finding(detail: ErrorDetails) -> Finding:
    location = detail["loc"]
    if detail["type"] == "extra_forbidden":
        return unknown_key(location)
    path = tuple(map(str, location[:1] if keys.sections()[str(location[0])] == () else location[:2]))
    item = location[len(path) : len(path) + 1]
    place: Place = (*path, *item) if item and isinstance(item[0], int) else path
    if not keys.is_key(path):
        return Finding(
            place=place,
            what=f"{dotted(place)} is a section, not a single value",
            remedy=f"put its keys below it, indented: {', '.join(keys.sections()[path[0]])}",
        )
    reason = detail["msg"].removeprefix("Value error, ")
    return Finding(
        place=place,
        what=f"{dotted(place)}: {reason[0].lower()}{reason[1:]}",
        remedy=f"{'.'.join(path)} takes {keys.allowed(path)}",
    )
