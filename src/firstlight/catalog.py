"""Plug-ins: each is a file in its kind's folder, and the file's name is its name.

Names are listed and pages are read without importing anything; a plug-in is imported when it is used. It
holds one constant, named alike in its kind (`TASK`, `MODEL`, `CHECK`); its docstring is its handbook page.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from firstlight.errors import FirstlightError, UsageError
from firstlight.text import visible

Kind = TypeVar("Kind")


def names(package: str) -> tuple[str, ...]:
    """The plug-ins of a package, in alphabetical order, without importing one.

    Args:
        package: Full name, such as "firstlight.models".

    Raises:
        FirstlightError: No such package, or two plug-ins with one name.
    """
    return tuple(_files(package))


def load(package: str, name: str, constant: str, kind: type[Kind]) -> Kind:
    """Imports one plug-in and gives its constant.

    Args:
        package: Full name, such as "firstlight.models".
        name: The plug-in, such as "small_cnn".
        constant: The name that every plug-in of the package defines, such as "MODEL".
        kind: What the constant has to be an instance of.

    Raises:
        UsageError: No plug-in of that name; the nearest is named.
        FirstlightError: The module does not hold the constant, or it is of another type.
    """
    path = _file(package, name)
    value = getattr(importlib.import_module(f"{package}.{name}"), constant, None)
    if not isinstance(value, kind):
        found = "nothing" if value is None else f"a {type(value).__name__}"
        raise FirstlightError(
            f"the plug-in {name} has no {constant} of the right type",
            f"{visible(str(path))}: {constant} is {found}",
            f"define {constant} as a {kind.__name__}",
        )
    return value


def page(package: str, name: str) -> str:
    """The handbook page of a plug-in: its docstring, read from the source without importing it.

    Raises:
        UsageError: No plug-in of that name; the nearest is named.
        FirstlightError: The module has no docstring, or is not Python.
    """
    path = _file(package, name)
    where, remedy = visible(str(path)), "begin the file with a docstring"
    try:
        text = ast.get_docstring(ast.parse(path.read_bytes()))
    except (SyntaxError, ValueError) as error:
        raise FirstlightError(
            f"the plug-in {name} is not Python", f"{where}: {error}", "correct the file"
        ) from error
    if not text:
        raise FirstlightError(f"the plug-in {name} has no page", where, remedy)
    return text


def _file(package: str, name: str) -> Path:
    files = _files(package)
    if name not in files:
        kind = package.rpartition(".")[2]
        near = get_close_matches(name[:80], files, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"{visible(name)} is not one of the {kind}",
            f"{package}: {visible(name)}",
            f"{hint}there are: {', '.join(files) or 'none'}",
        )
    return files[name]


def _files(package: str) -> dict[str, Path]:
    """Name to source file, in alphabetical order."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.submodule_search_locations is None:
        raise FirstlightError(f"there is no package {package}", package, "name a package that holds plug-ins")
    found: dict[str, Path] = {}
    for folder in map(Path, spec.submodule_search_locations):
        for path in sorted([*folder.glob("*.py"), *folder.glob("*/__init__.py")]):
            name = path.parent.name if path.name == "__init__.py" else path.stem
            if path == folder / "__init__.py" or name.startswith("_"):
                continue
            if name in found:
                both = f"{visible(str(found[name]))} and {visible(str(path))}"
                raise FirstlightError(f"two plug-ins are called {name}", both, "rename one of the two")
            found[name] = path
    return dict(sorted(found.items()))
