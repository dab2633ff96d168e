"""Where in a person's own code something happened: the file and line that an error is about."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from typing import Any, NoReturn

import firstlight
from firstlight.errors import FirstlightError, UsageError
from firstlight.machine.memory import out_of_memory
from firstlight.text import visible

OURS = str(Path(firstlight.__file__).parent)
LIBRARIES = ("site-packages", "dist-packages", f"{Path(traceback.__file__).parent}")


def raised_at(error: BaseException) -> str:
    """`file:line in function: Kind: message` of the innermost frame that is the person's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _foreign(frame.filename)]
    said = visible(f"{type(error).__name__}: {str(error).strip()}".splitlines()[0])
    if not own:
        return said
    return f"{visible(own[-1].filename)}:{own[-1].lineno} in {own[-1].name}: {said}"


def defined_at(thing: Any) -> str:
    """`name (file:line)` of a class, a function or an object's class, as far as Python knows it."""
    thing = inspect.unwrap(thing) if callable(thing) else thing
    named = thing if inspect.isclass(thing) or inspect.isroutine(thing) else type(thing)
    name = getattr(named, "__qualname__", type(thing).__name__)
    try:
        file, line = inspect.getsourcefile(named), inspect.getsourcelines(named)[1]
    except (TypeError, OSError):
        return visible(str(name))
    return visible(f"{name} ({file}:{line})")


def tell(error: Exception, what: str, *, thing: Any, called_with: str, remedy: str) -> NoReturn:
    """Raises what a person's object raised in a step, with its line.

    Errors of ours go on as they are, and so does memory that ran out, which a smaller batch mends. A function and no
    context manager, because entering one would cost in every step.

    Raises:
        UsageError: `what`, where, and `remedy`.
    """
    if isinstance(error, FirstlightError) or out_of_memory(error):
        raise error
    where = f"{defined_at(thing)} called with {called_with}: {raised_at(error)}"
    raise UsageError(what, where, remedy) from error


def _foreign(file: str) -> bool:
    return file.startswith((OURS, "<")) or any(library in file for library in LIBRARIES)
