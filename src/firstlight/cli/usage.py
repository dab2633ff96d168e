"""From click's usage errors to ours: three lines, with the nearest option named."""

from __future__ import annotations

from difflib import get_close_matches

import click

from firstlight.errors import UsageError

LITERAL_HINT = "a name that begins with a dash goes after `--`"


def explain_usage(error: click.ClickException, application: click.Group, arguments: list[str]) -> UsageError:
    """The same error in the three lines of the contract.

    Args:
        error: What click found.
        application: All commands, to tell which of them has an option that this one lacks.
        arguments: The command line, for errors that click raises without their command.
    """
    context = getattr(error, "ctx", None)
    if context is not None:
        command = context.command_path
    else:
        command = " ".join(["firstlight", *(a for a in arguments[:1] if not a.startswith("-"))])
    help_hint = f"`{command} --help` lists what can be given"
    if isinstance(error, click.NoSuchOption):
        return UsageError(
            f"{command} has no option {error.option_name}",
            f"option {error.option_name}",
            _option_remedy(error.option_name, context, application) or f"{help_hint}; {LITERAL_HINT}",
        )
    if isinstance(error, click.MissingParameter):
        name = error.param.human_readable_name.upper() if error.param else "an argument"
        return UsageError(f"{name} is missing", command, _usage_line(context) or help_hint)
    if isinstance(error, click.BadParameter):
        name = error.param.opts[0] if error.param and error.param.opts[0].startswith("-") else "the argument"
        return UsageError(f"{name} cannot be used as given", error.message.rstrip("."), help_hint)
    if isinstance(error, click.BadOptionUsage):
        return UsageError(
            f"{error.option_name} is not used as it should be", error.message.rstrip("."), help_hint
        )
    return UsageError(error.message.rstrip("."), command, help_hint)


def no_such_command(name: str, names: list[str]) -> UsageError:
    """The error for a command that does not exist."""
    near = get_close_matches(name, names, n=1)
    remedy = f"did you mean `firstlight {near[0]}`?" if near else "`firstlight --help` lists the commands"
    return UsageError("there is no such command", f"firstlight {name}", remedy)


def _option_remedy(option: str, context: click.Context | None, application: click.Group) -> str | None:
    if context is None:
        return None
    near = get_close_matches(option, _options(context.command, context), n=1)
    if near:
        return f"did you mean {near[0]}?"
    owners = [
        name
        for name in application.list_commands(context)
        if (command := application.get_command(context, name)) and option in _options(command, context)
    ]
    if context.parent is None and owners:
        return f"{option} goes after the command: `firstlight {owners[0]} {option}`"
    return f"{option} is an option of {', '.join(f'`firstlight {o}`' for o in owners)}" if owners else None


def _options(command: click.Command, context: click.Context) -> list[str]:
    return [name for parameter in command.get_params(context) for name in parameter.opts if name[0] == "-"]


def _usage_line(context: click.Context | None) -> str | None:
    if context is None:
        return None
    pieces = " ".join(context.command.collect_usage_pieces(context))
    return f"write `{context.command_path} {pieces}`"
