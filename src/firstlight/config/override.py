"""--set section.key=value: single keys on the command line, as strict as the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from firstlight.config import keys
from firstlight.config.aliases import real_name
from firstlight.config.schema import Config
from firstlight.config.tree import Place, Problem, parse_tree, shown
from firstlight.config.validate import dotted, unknown_key, validate
from firstlight.errors import ConfigError

HOW_TO_WRITE = "write --set section.key=value, such as --set training.epochs=10"


def apply_overrides(config: Config, overrides: Sequence[str]) -> Config:
    """Sets keys of a config.

    Args:
        config: What the file gave; keys that nobody wrote stay unwritten (see `explicit_keys`).
        overrides: Texts such as `training.epochs=10` or `data.classes=[cat, dog]`; a value is YAML, and where
            the schema wants text it is taken as it stands. The last one of a key counts. Aliases are taken.

    Returns:
        A new config.

    Raises:
        ConfigError: Holds the errors of all overrides.
    """
    values: dict[str, Any] = config.model_dump(exclude_unset=True)
    problems: list[Problem] = []
    source: dict[Place, str] = {}
    for override in overrides:
        where = f"--set {shown(override)}"
        name, equals, text = override.partition("=")
        given = tuple(name.strip().split("."))
        path = real_name(given)
        if not equals:
            problems.append(("an override needs a value", where, HOW_TO_WRITE))
        elif keys.sections().get(path[0]) and len(path) == 1:
            problems.append((f"{dotted(path)} is a section, not a key", where, _inside(path[0])))
        elif not keys.is_key(path):
            finding = unknown_key(path if path[0] in keys.sections() else path[:1])
            problems.append((f"unknown key {dotted(given)}", where, finding.remedy))
        else:
            value, found = _value(path, text)
            problems += [(what, where, remedy) for what, remedy in found]
            source[path] = where
            if not found:
                _put(values, path, value)
    checked = validate(values)
    if isinstance(checked, list):
        for finding in checked:
            place = tuple(map(str, finding.place[:2]))
            where = source.get(place, f"{dotted(place)}, together with the given --set")
            problems.append((finding.what, where, finding.remedy))
    if problems or isinstance(checked, list):
        raise ConfigError(problems)
    return checked


def _value(path: keys.Path, text: str) -> tuple[Any, list[tuple[str, str]]]:
    """The value of an override, or what is wrong with it as YAML: (what, remedy)."""
    text = text.strip()
    if keys.wants_text(path) and text[:1] not in ('"', "'", "[") and text not in ("", "~", "null"):
        return text, []
    tree = parse_tree(text, name="--set")
    value = tree.root
    if keys.wants_text(path) and isinstance(value, list):
        value = [tree.written.get((index,), item) for index, item in enumerate(value)]
    return value, [(what, remedy) for _, (what, _, remedy) in tree.problems]


def _put(values: dict[str, Any], path: keys.Path, value: Any) -> None:
    if len(path) == 1:
        values[path[0]] = value
    else:
        values.setdefault(path[0], {})[path[1]] = value


def _inside(section: str) -> str:
    return f"name one of its keys: {', '.join(keys.sections()[section])}"
