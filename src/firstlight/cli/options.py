"""What several commands share: switches, kinds of values, the way from an argument to an experiment."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

import firstlight
from firstlight.config.timespan import parse_minutes
from firstlight.errors import UsageError
from firstlight.experiment.folder import Folder

Decorated = Callable[..., Any]

# As near to the start of the process as we can be; the budget counts from here.
STARTED = time.monotonic()

PHASES = ("setup", "baseline", "diagnosis", "optimization", "final")
PHASES_HERE = PHASES[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """How the answer is wanted. Read from the raw arguments, since they count for usage errors too."""

    json: bool = False
    quiet: bool = False
    debug: bool = False
    started: float = field(default=STARTED)  # time.monotonic() at the start of the process

    @classmethod
    def of(cls, arguments: list[str]) -> Switches:
        """The switches among the arguments before `--`."""
        before = arguments[: arguments.index("--")] if "--" in arguments else arguments
        return cls(json="--json" in before, quiet="--quiet" in before, debug="--debug" in before)


def switches(command: Decorated) -> Decorated:
    """Adds --json, --quiet and --debug; their values come with the context's object, see Switches."""
    for name, text in (
        ("--debug", "Show the traceback of an internal error."),
        ("--quiet", "Print nothing but the result."),
        ("--json", "Print the result as one JSON document on stdout."),
    ):
        command = click.option(name, is_flag=True, expose_value=False, help=text)(command)
    return command


def minutes(value: str) -> float:
    """A time span in minutes, above 0, by the config's rule: 45, 45m, 2h30, 1.5h, 90s."""
    try:
        span = parse_minutes(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no time span; write minutes (45), or 45m, 2h30, 90s"
        ) from None
    if not (isinstance(span, float) and span > 0):
        raise click.BadParameter(f"{value!r} is not above 0")
    return span


def override(value: str) -> str:
    """A setting as section.key=value, as it was given."""
    key, equals, _ = value.partition("=")
    if not equals or not key.strip():
        raise click.BadParameter(f"{value!r} is no section.key=value, such as training.epochs=5")
    return value


def phase(value: str) -> str:
    """A phase that this release has."""
    if value not in PHASES_HERE:
        problem = "is not part of this release yet" if value in PHASES else "is no phase"
        raise click.BadParameter(f"{value!r} {problem}; this release has {' and '.join(PHASES_HERE)}")
    return value


def finite(value: str) -> float:
    """A number that is neither infinite nor NaN."""
    try:
        result = float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no number") from None
    if not math.isfinite(result):
        raise click.BadParameter(f"{value!r} is not finite")
    return result


def later(name: str, what: str, now: str) -> click.Command:
    """A command that the contract names and this release does not have; it takes anything and says so.

    Args:
        name: Of the command.
        what: What it will do.
        now: What to do today, for the third line.
    """

    def answer(words: tuple[str, ...]) -> None:
        raise UsageError(
            f"`firstlight {name}` is not part of this release",
            f"firstlight {firstlight.__version__} has the phases setup and baseline",
            now,
        )

    return click.Command(
        name,
        callback=answer,
        params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")],
        help=f"{what} Not part of this release: {now}.",
        context_settings={"ignore_unknown_options": True},
    )


def experiment(path: str) -> Folder:
    """The experiment folder that an argument names.

    Raises:
        UsageError: There is no such folder, or it holds no experiment.
    """
    root = Path(path)
    folder = Folder(root)
    if not root.exists():
        raise UsageError(
            "there is no such experiment folder",
            f"{path} does not exist",
            "check the name; `firstlight run DATA` or `firstlight init DATA` makes a new experiment",
        )
    if not root.is_dir():
        raise UsageError("an experiment is a folder", f"{path} is a file", f"give its folder: {root.parent}")
    if not (folder.config.is_file() or folder.status.is_file()):
        raise UsageError(
            "the folder holds no experiment",
            f"{path} has neither {folder.config.name} nor {folder.status.name}",
            f"if this is the data: `firstlight init {path}`; otherwise give the folder of an experiment",
        )
    parts = (
        folder.checklists,
        folder.checkpoints,
        folder.logs,
        folder.plots,
        folder.attempts,
        folder.candidates,
    )
    linked = [part.name for part in parts if part.is_symlink()]
    if linked:
        raise UsageError(
            "a folder inside the experiment is a link",
            f"{path}: {', '.join(linked)}",
            "put the folder itself there; to keep an experiment on another disk, link the whole experiment",
        )
    return folder
