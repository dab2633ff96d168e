"""firstlight: the first honest training run, and the reason to believe it.

The public names are loaded on first use, so that `import firstlight` costs nothing and never imports torch.
docs/python_api.md lists them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> module that holds it. What users may rely on; everything else may move.
_PUBLIC = {
    "Checks": "firstlight.api",
    "FirstlightError": "firstlight.errors",
    "Result": "firstlight.api",
    "baseline": "firstlight.api",
    "check": "firstlight.api",
}

__all__ = [  # written out: who reads or completes the name finds it here
    "Checks",
    "FirstlightError",
    "Result",
    "__version__",
    "baseline",
    "check",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value  # the next look-up does not come here again
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
