"""training_config.yaml to a Config: strict, and every error of the file at once.

    text ──tree──▶ values with lines ──aliases──▶ real names ──validate──▶ Config

The file is not trusted: it is limited in size before it is read, and reading it executes nothing.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from firstlight.config import keys
from firstlight.config.aliases import rename
from firstlight.config.schema import Config
from firstlight.config.tree import MAX_BYTES, Place, Problem, Tree, parse_tree, shown
from firstlight.config.validate import Finding, dotted, explicit_keys, validate
from firstlight.errors import ConfigError
from firstlight.text import size, visible

__all__ = ["Parsed", "explicit_keys", "parse_config", "read_config"]

MAX_PROBLEMS = 100  # judgement: nobody reads more of them at once; the rest is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A config, and the sentences to be shown about how it was read."""

    config: Config
    notices: tuple[str, ...]  # such as an alias that was taken for the key it stands for


def read_config(path: Path) -> Parsed:
    """Reads a training_config.yaml.

    Args:
        path: The file; at most 1 MB.

    Raises:
        ConfigError: There is no such file, it cannot be read, or its content is wrong; holds every error.
    """
    name, remedy = visible(str(path)), "name a training_config.yaml that can be read"
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError([("the config is not a file", name, remedy)])
        if status.st_size > MAX_BYTES:
            found = f"{name} has {size(status.st_size)}"
            raise ConfigError([("the config is too large", found, f"a config has at most {size(MAX_BYTES)}")])
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([("the config cannot be read", f"{name}: {visible(reason)}", remedy)]) from None
    return parse_config(content, name=str(path))


def parse_config(content: str | bytes, *, name: str) -> Parsed:
    """Reads the text of a training_config.yaml; an empty one gives the defaults.

    Args:
        content: YAML 1.2, as text or as UTF-8 bytes.
        name: How the file is called in messages.

    Raises:
        ConfigError: Holds every error of the file, in the order of its lines.
    """
    tree = parse_tree(content, name=name)
    if tree.complete and tree.root is not None and not isinstance(tree.root, dict):
        tree.add(tree.line(()), "a config has sections", "a single value or a list", "begin with `training:`")
    if not tree.complete or not isinstance(tree.root, dict | None):
        raise _error(tree, [])
    renamed = rename(_text_as_written(tree, tree.root or {}))
    checked = validate(renamed.values)
    findings = list(renamed.findings)
    if isinstance(checked, list):
        in_file = {real: path for path, real in reversed(renamed.aliases) if real not in tree.lines}
        findings += [_at_its_name(finding, in_file) for finding in checked]
    if tree.problems or findings or isinstance(checked, list):
        raise _error(tree, findings)
    notices = tuple(
        f"{tree.name}:{tree.line(path)}: {dotted(path)} is taken as {dotted(real)}"
        for path, real in renamed.aliases
    )
    return Parsed(config=checked, notices=notices)


def _text_as_written(tree: Tree, root: dict[str, Any]) -> dict[str, Any]:
    """Where text is wanted, 007 and `no` mean what they look like; null stays null."""
    values = {name: dict(inside) if isinstance(inside, dict) else inside for name, inside in root.items()}
    for section, inside in values.items():
        for key, value in inside.items() if isinstance(inside, dict) else ():
            if not keys.is_key((section, key)) or not keys.wants_text((section, key)):
                continue
            if isinstance(value, list):
                places: list[Place] = [(section, key, index) for index in range(len(value))]
                inside[key] = [tree.written.get(place, v) for place, v in zip(places, value, strict=True)]
            elif value is not None:
                inside[key] = tree.written.get((section, key), value)
    return values


def _at_its_name(finding: Finding, in_file: dict[tuple[str, ...], tuple[str, ...]]) -> Finding:
    path = tuple(map(str, finding.place[:2]))
    place: Place = (*in_file.get(path, path), *finding.place[2:])
    return replace(finding, place=place)


def _error(tree: Tree, findings: list[Finding]) -> ConfigError:
    problems: list[tuple[int, Problem]] = list(tree.problems)
    for finding in findings:
        place, line = finding.place, tree.line(finding.place)
        if not any(place[:length] in tree.refused for length in range(len(place) + 1)):
            found = f"{tree.name}:{line}: {dotted(place)}{_found(tree, place)}"
            problems.append((line, (finding.what, found, finding.remedy)))
    problems.sort(key=lambda problem: problem[0])
    listed = [problem for _, problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        rest = len(problems) - MAX_PROBLEMS
        listed.append((f"{rest:,} more errors are not shown", tree.name, "correct the ones above first"))
    return ConfigError(listed)


def _found(tree: Tree, place: Place) -> str:
    value: Any = tree.root
    try:
        for part in place:
            value = value[part]
    except (KeyError, TypeError):  # A default that does not go with what the file says.
        return " (the default)"
    if isinstance(value, dict | list):
        return f" = {'a mapping' if isinstance(value, dict) else 'a list'}" if value else " = nothing"
    return f" = {shown(tree.written.get(place, ''))}" if value is not None else " = null"
