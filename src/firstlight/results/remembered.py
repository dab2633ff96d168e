"""Results of costly, pure functions of arrays, remembered within a process by the content of their arguments.

Gates, decision and report each read the facts from the files again, so that none trusts the other's memory. Resampling
the same predictions each time would take most of a report; by content, a changed file gives another key.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

KEPT = 16  # results: those of a run and of a few that it is compared with

Result = TypeVar("Result")

_results: OrderedDict[bytes, Any] = OrderedDict()


def remembered(compute: Callable[[], Result], *arguments: Any) -> Result:
    """compute(), or what it gave for arguments of the same content.

    Args:
        compute: Pure: its result depends on `arguments` alone, and nobody changes it.
        arguments: The name of the function first; arrays, records, mappings and plain values.
    """
    digest = hashlib.sha256()
    _add(digest, arguments)
    key = digest.digest()
    if key not in _results:
        _results[key] = compute()
        if len(_results) > KEPT:
            _results.popitem(last=False)
    _results.move_to_end(key)
    found: Result = _results[key]
    return found


def _add(digest: Any, value: Any) -> None:
    """Adds a value with its type and length, so that no two different ones read alike."""
    if isinstance(value, np.ndarray):
        digest.update(f"array {value.dtype} {value.shape} ".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Mapping):
        digest.update(f"mapping {len(value)} ".encode())
        for name in sorted(value):
            _add(digest, (name, value[name]))
    elif isinstance(value, tuple | list):
        digest.update(f"list {len(value)} ".encode())
        for one in value:
            _add(digest, one)
    elif is_dataclass(value):
        digest.update(f"{type(value).__name__} ".encode())
        for field in fields(value):
            _add(digest, getattr(value, field.name))
    else:
        text = repr(value)
        digest.update(f"{type(value).__name__} {len(text)} {text} ".encode("utf-8", "surrogatepass"))
