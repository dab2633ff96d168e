"""The application: the table of commands, each loaded when called, and the way from error to exit code."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

import click

import firstlight
from firstlight.cli.options import Switches
from firstlight.errors import FirstlightError, Interrupted, ResourceError
from firstlight.machine.seeds import prepare_process

PROGRAM = "firstlight"
EXIT_USAGE = 2

EPILOG = """\b
Exit codes:
  0  done, the promised result exists       6  resume refused
  1  internal error                         7  training failed, diagnosed
  2  usage or config                        8  a gate is shut
  3  data unusable                          9  not the verdict of --require
  4  disk, memory or device                 130, 143  interrupted, state saved
  5  experiment folder in use

The one line to begin with: firstlight run sample:digits
"""


class Entry(NamedTuple):
    """Where a command lives, and its line in the help, which is known without loading it."""

    module: str
    attribute: str
    help: str


COMMANDS = {
    "run": Entry("phases", "run", "Phases 1 and 2 in one go, from DATA to a decision."),
    "init": Entry("phases", "init", "Phase 1: look at the data, write the experiment folder."),
    "check": Entry("phases", "check", "The preflight of phase 2 alone, about a minute."),
    "train": Entry("phases", "train", "Phase 2: check, train, report, decide."),
    "diagnose": Entry("phases", "diagnose", "Phase 3: causes, evidence, fixes (not in this release)."),
    "optimize": Entry("phases", "optimize", "Phase 4: search from the baseline (not in this release)."),
    "finalize": Entry("phases", "finalize", "Phase 5: final training, test, export (not in this release)."),
    "status": Entry("queries", "status", "Where an experiment stands, what the next command is."),
    "predict": Entry("apply", "predict", "Use the trained model on files, a folder or a table."),
    "compare": Entry("queries", "compare", "Experiments side by side, with paired intervals."),
    "watch": Entry("apply", "watch", "Run an existing script and diagnose it (not in this release)."),
    "report": Entry("queries", "report", "Write the reports again from the logs alone."),
    "explain": Entry("queries", "explain", "A page of the handbook: nan_loss, workflow, ..."),
    "schema": Entry("queries", "schema", "The JSON Schema of training_config.yaml, for editors."),
}


class Application(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the workflow."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        from importlib import import_module

        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(import_module(f"firstlight.cli.{entry.module}"), entry.attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with our error for an unknown name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from firstlight.cli.usage import no_such_command

            raise no_such_command(args[0], list(COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list for --help, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(cls=Application, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(firstlight.__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def application() -> None:
    """From a data set to a reproducible, honest baseline and a decision, in one command."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command line.

    Args:
        arguments: The words after the program's name; None takes those of the process.

    Returns:
        The exit code of the contract.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    switches = Switches.of(arguments)
    prepare_process()  # torch reads these variables when it is loaded, so they are set before any command is
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a locale without UTF-8 must not end a run
    try:
        code = _run(arguments, switches)
    except BrokenPipeError:  # `firstlight explain | head`: the reader has seen enough
        code = 0
    gc.freeze()  # nobody needs the objects that are left: collecting them at the end takes a second with torch
    return code if _flushed() else code or ResourceError.exit_code


def _open_what_is_closed() -> None:
    """Gives the null device to a standard stream that was closed: else a checkpoint could become file number 1."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _flushed() -> bool:
    """Whether all that was printed has arrived, or its reader wanted no more.

    Nothing is left for the interpreter to print at its end: where that fails it ends with code 120.
    """
    arrived = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            arrived &= isinstance(error, BrokenPipeError) or stream is sys.stderr
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return arrived


def _run(arguments: list[str], switches: Switches) -> int:
    from firstlight.cli.answer import Answer, show_answer, show_error

    if not arguments:
        with click.Context(application, info_name=PROGRAM) as context:
            click.echo(application.get_help(context), err=True)
        return EXIT_USAGE
    try:
        with _signals_as_exceptions():
            answer = application.main(arguments, PROGRAM, standalone_mode=False, obj=switches)
        if isinstance(answer, Answer):
            show_answer(answer, as_json=switches.json)
            return answer.error.exit_code if answer.error else 0
        return 0  # --help and --version have printed by themselves
    except BrokenPipeError:
        raise
    except FirstlightError as error:
        shown = error
    except click.ClickException as error:
        from firstlight.cli.usage import explain_usage

        shown = explain_usage(error, application, arguments)
    except (click.Abort, KeyboardInterrupt):
        shown = _interrupted("SIGINT", 130)
    except _Terminated as signal:
        shown = _interrupted(signal.args[0], 143)
    except Exception as error:
        from firstlight.cli.crash import explain_crash

        shown = explain_crash(error, arguments, debug=switches.debug)
    with contextlib.suppress(OSError):  # nobody is there to read it; the exit code says it
        show_error(shown, as_json=switches.json)
    return shown.exit_code


class _Terminated(BaseException):
    """SIGTERM, SIGHUP or SIGUSR1 came while nothing trained; no Exception, so that nobody handles it by mistake."""


@contextlib.contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """SIGTERM, SIGHUP and SIGUSR1 unwind the stack, so that no half-made file or lock stays; nohup stays in force.

    While it trains, the loop puts its own handlers in place of these.
    """
    import signal

    def terminate(number: int, frame: object) -> NoReturn:
        raise _Terminated(signal.Signals(number).name)

    wanted = [
        n for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1) if signal.getsignal(n) == signal.SIG_DFL
    ]
    for number in wanted:
        signal.signal(number, terminate)
    try:
        yield
    finally:
        for number in wanted:
            signal.signal(number, signal.SIG_DFL)


def _interrupted(name: str, code: int) -> Interrupted:
    return Interrupted(
        f"stopped by {name}",
        "before or after the training itself; what was finished until then is in the experiment folder",
        "give the command again; `firstlight status EXPERIMENT` says where it stands",
        exit_code=code,
    )
