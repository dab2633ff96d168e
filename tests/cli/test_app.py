from __future__ import annotations

import json
import resource
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import firstlight as package
from firstlight.cli.app import COMMANDS, application

Command = Callable[..., subprocess.CompletedProcess[str]]

SLOW_IMPORTS = {"torch", "numpy", "polars", "sklearn", "pydantic", "rich", "matplotlib", "PIL", "ruamel"}
SNAPSHOT = Path(__file__).with_name("commands.txt")
# The contract says well under 0.3 s; of processor time, so that other work on the machine does not count.
MOST_SECONDS = 0.3


def imported_by(*arguments: str) -> set[str]:
    command = [sys.executable, "-X", "importtime", "-m", "firstlight", *arguments]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60).stderr
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in shown.splitlines() if "|" in line}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("run", "--help"),
        ("runn",),
        ("run", "data", "--minuts", "3"),
        ("run",),
        ("status", "nowhere"),
        ("explain",),
        ("optimize", "x"),
    ],
)
def test_help_and_usage_errors_import_nothing_slow(arguments: tuple[str, ...]) -> None:
    found = imported_by(*arguments)
    assert "click" in found
    assert not found & SLOW_IMPORTS


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("trian", "x"), ("train", "x", "--resum")]
)
def test_help_and_usage_errors_answer_at_once(firstlight: Command, arguments: tuple[str, ...]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    firstlight(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MOST_SECONDS


def test_help_lists_every_command_and_says_which_are_missing(firstlight: Command) -> None:
    shown = firstlight("--help")
    assert shown.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in shown.stdout
    for line in shown.stdout.splitlines():
        missing = line.split()[:1] in ([n] for n in ("diagnose", "optimize", "finalize", "watch"))
        assert ("(not in this release)" in line) == missing


def test_version_is_the_one_of_the_project_file(firstlight: Command) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert firstlight("--version").stdout == f"firstlight {project['project']['version']}\n"
    assert package.__version__ == project["project"]["version"]


def test_no_command_shows_the_help_and_is_a_usage_error(firstlight: Command) -> None:
    shown = firstlight()
    assert shown.returncode == 2
    assert "firstlight run sample:digits" in shown.stderr
    assert shown.stdout == ""


@pytest.mark.parametrize("name", ["diagnose", "optimize", "finalize", "watch"])
@pytest.mark.requirement("X1")
def test_a_phase_of_a_later_release_says_so_and_what_to_do_now(firstlight: Command, name: str) -> None:
    shown = firstlight(name, "runs/x", "--fix", "--epochs=3")
    assert shown.returncode == 2
    what, where, remedy = shown.stderr.splitlines()
    assert what == f"error: `firstlight {name}` is not part of this release"
    assert "phases setup and baseline" in where
    assert "`firstlight" in remedy
    assert firstlight(name, "--help").returncode == 0


def test_usage_errors_with_json_are_one_document_on_stdout(firstlight: Command) -> None:
    for arguments in (["runn"], ["run", "--minuts", "3"], ["optimize", "x"], ["status", "no\nwhere"]):
        shown = firstlight(*arguments, "--json")
        error = json.loads(shown.stdout)["error"]
        assert set(error) == {"what", "where", "remedy", "exit_code"}
        assert error["exit_code"] == shown.returncode == 2
        assert len(shown.stderr.splitlines()) == 3


def test_control_characters_in_arguments_reach_the_terminal_as_escapes(firstlight: Command) -> None:
    shown = firstlight("status", "\x1b]0;title\x07\x1b[31mred\r\nerror: forged")
    assert shown.returncode == 2
    assert not set(shown.stderr) & {"\x1b", "\x07", "\r"}
    assert len(shown.stderr.splitlines()) == 3
    assert r"\x1b[31mred" in shown.stderr


def test_a_locale_without_utf8_does_not_stop_the_answer(firstlight: Command) -> None:
    shown = firstlight("status", "Größe", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert shown.returncode == 2
    assert r"Gr\xf6\xdfe does not exist" in shown.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = (
        f"'{sys.executable}' -m firstlight --help | true; '{sys.executable}' -m firstlight explain | true"
    )
    shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert shown.stderr == ""


def test_commands_and_options_are_those_of_the_snapshot() -> None:
    assert snapshot() == SNAPSHOT.read_text("utf-8"), (
        "meant? python tests/cli/test_app.py > tests/cli/commands.txt"
    )


def snapshot() -> str:
    """Every command with its arguments and options."""
    context = click.Context(application, info_name="firstlight")
    lines = []
    for name in application.list_commands(context):
        command = application.get_command(context, name)
        assert command is not None
        arguments = [p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)]
        lines.append(" ".join(["firstlight", name, *arguments]))
        for option in command.params:
            if isinstance(option, click.Option):
                value = "" if option.is_flag else " " + option.make_metavar(context)
                repeat = " ..." if option.multiple else ""
                lines.append(f"    {' '.join(option.opts)}{value}{repeat}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(snapshot(), end="")


class TestWhereNothingCanBePrinted:
    """Exit codes stay those of the contract: 120 is what Python says when its last flush fails."""

    def code(self, redirection: str, *words: str) -> int:
        command = " ".join([sys.executable, "-m", "firstlight", *words, redirection])
        return subprocess.run(["sh", "-c", command], check=False).returncode

    def test_a_full_disk_is_no_success(self) -> None:
        assert self.code("> /dev/full", "explain", "nan_loss") == 4

    def test_an_error_keeps_its_code(self) -> None:
        assert self.code("2> /dev/full", "explain", "no_such_page") == 2
        assert self.code("> /dev/full 2> /dev/full", "explain", "no_such_page") == 2

    def test_a_reader_that_goes_is_no_error(self) -> None:
        script = f"{sys.executable} -m firstlight schema; echo $? >&2"
        done = subprocess.run(
            ["sh", "-c", f"( {script} ) | true"], check=False, stderr=subprocess.PIPE, text=True
        )
        assert done.stderr == "0\n"

    def test_closed_streams(self) -> None:
        assert self.code(">&- 2>&- <&-", "explain", "nan_loss") == 0
        assert self.code(">&- 2>&- <&-", "explain", "no_such_page") == 2
