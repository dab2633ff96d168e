"""What a command gives back, and how it is shown: one JSON document, or text for a person."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstlight.text import visible

if TYPE_CHECKING:
    from firstlight.errors import FirstlightError

VERDICT_COLOURS = {"accept": "green", "optimize": "yellow", "failed": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of a command, for a program and for a person."""

    document: dict[str, Any]  # printed with --json
    text: str  # printed without
    error: FirstlightError | None = None  # the result is there, and still the exit code is not 0
    verdict: str | None = None  # colours the first line on a terminal
    markdown: bool = False  # the text is Markdown, laid out on a terminal


def show_answer(answer: Answer, *, as_json: bool) -> None:
    """Prints the result on stdout, and the error that goes with it on stderr."""
    if as_json:
        error = {} if answer.error is None else error_document(answer.error)
        _print_json({**answer.document, **error})
    elif answer.markdown and sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(_harmless(answer.text)))
    elif answer.text:
        print(_coloured(_harmless(answer.text), answer.verdict))
    if answer.error is not None:
        _print_error(answer.error)


def show_error(error: FirstlightError, *, as_json: bool) -> None:
    """Prints an error: its three lines on stderr, and with --json the document on stdout."""
    if as_json:
        _print_json(error_document(error))
    _print_error(error)


def error_document(error: FirstlightError) -> dict[str, Any]:
    """The error as the contract's JSON; a config with several problems lists them all."""
    document: dict[str, Any] = {
        "what": error.what,
        "where": error.where,
        "remedy": error.remedy,
        "exit_code": error.exit_code,
    }
    problems = getattr(error, "problems", ())
    if len(problems) > 1:
        document["problems"] = [dict(zip(("what", "where", "remedy"), p, strict=True)) for p in problems]
    return {"error": document}


def _print_json(document: dict[str, Any]) -> None:
    # ASCII only: it survives every locale and holds no control character.
    print(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=True))


def _print_error(error: FirstlightError) -> None:
    for line in error.lines():
        print(visible(line), file=sys.stderr)


def _harmless(text: str) -> str:
    """The last guard: whatever a producer forgot, no control character but the line break is printed."""
    return "\n".join(visible(line) for line in text.rstrip("\n").split("\n"))


def _coloured(text: str, verdict: str | None) -> str:
    if verdict is None or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    import click

    first, newline, rest = text.partition("\n")
    return click.style(first, fg=VERDICT_COLOURS.get(verdict), bold=True) + newline + rest
