"""`package.module:name` in a config -> the object, from the folder of that config first.

Only what a person wrote into their own config is looked up, and only in the config's folder, torch, timm and
transformers; another package has to be allowed on the command line. Importing a module runs it: that is what the person
asked for by naming it.
"""

from __future__ import annotations

import importlib
import sys
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from firstlight.errors import UsageError
from firstlight.own.place import raised_at
from firstlight.text import visible

if TYPE_CHECKING:
    from collections.abc import Collection

ALLOWED = frozenset({"torch", "timm", "transformers"})


def look_up(target: str, folder: Path, *, key: str, allowed: Collection[str] = ()) -> Any:
    """The object that a target names.

    Args:
        target: `package.module:name`, the name may have dots.
        folder: Of the config: modules there come first.
        key: Of the config, for messages: `model.target`.
        allowed: Top-level packages beside those of ALLOWED.

    Raises:
        UsageError: It is not written like this, not there, not allowed, or its module does not import.
    """
    module_name, _, path = target.partition(":")
    if not module_name or not all(
        part.isidentifier() for part in (*module_name.split("."), *path.split("."))
    ):
        raise UsageError(
            "a target names a module and an object in it",
            visible(f"{key} = {target}"),
            "write it as package.module:name, such as net:Net for class Net in net.py beside the config",
        )
    found: Any = _module(module_name, folder, key, allowed)
    for name in path.split("."):
        if not hasattr(found, name):
            near = get_close_matches(name, [n for n in dir(found) if not n.startswith("_")], n=1)
            raise UsageError(
                "there is no object of this name",
                visible(f"{key} = {target}: {getattr(found, '__file__', None) or found} has no {name}"),
                f"did you mean {near[0]}?" if near else "write the name as it is defined there",
            )
        found = getattr(found, name)
    return found


def _module(name: str, folder: Path, key: str, allowed: Collection[str]) -> ModuleType:
    top = name.partition(".")[0]
    beside = (folder / f"{top}.py").is_file() or (folder / top).is_dir()
    if not beside and top not in ALLOWED and top not in allowed:
        raise UsageError(
            "this module is not beside the config, and code from elsewhere is not run unasked",
            visible(f"{key} = {name}: neither {top}.py nor {top}/ is in {folder}"),
            f"put the file there, or allow the installed package with --allow-target {visible(top)}",
        )
    try:
        module = _imported(name, folder if beside else None)
    except Exception as error:  # whatever a person's module raises
        raise UsageError(
            "a module that the config names does not import",
            f"{key} = {visible(name)}: {raised_at(error)}",
            "correct it, until it imports with python in the config's folder",
        ) from error
    origin = Path(getattr(sys.modules[top], "__file__", None) or next(iter(sys.modules[top].__path__), ""))
    if beside and folder.resolve() not in origin.resolve().parents:
        raise UsageError(
            "a file beside the config has the name of an installed module",
            visible(f"{key} = {name}: {top} is already {origin}"),
            f"rename {visible(top)} beside the config",
        )
    return module


def _imported(name: str, folder: Path | None) -> ModuleType:
    """Imports with the folder first in the search path; it stays there, for imports that come later."""
    if folder is not None and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
    return importlib.import_module(name)
