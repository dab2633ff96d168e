"""Every error that a person can meet, and the exit code that goes with it.

    FirstlightError                 1  internal error
    ├── UsageError                  2  the command line
    │   ├── ConfigError             2  training_config.yaml, all of its errors at once
    │   └── Undecided               2  a question that only a person can answer
    ├── DataError                   3  the data cannot be used
    ├── ResourceError               4  disk, memory, device
    ├── FolderInUse                 5  another run holds the experiment folder
    ├── ResumeRefused               6  mismatch, or no good checkpoint
    ├── TrainingFailed              7  training failed and was diagnosed
    ├── GateShut                    8  a gate is shut
    ├── NotAccepted                 9  the verdict is not the one asked for with --require
    └── Interrupted           130/143  SIGINT, SIGTERM; the state is saved

A message has three lines: what happened, where with the value found, what to do.
"""

from __future__ import annotations

import re

HIDDEN = "[not shown]"


class FirstlightError(Exception):
    """An error that is explained, never shown as a traceback.

    Args:
        what: One line, what happened.
        where: One line, the file, key or row, with the value that was found.
        remedy: One line, what to do.
    """

    exit_code = 1

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def hide(self, word: str) -> None:
        """Takes a credential out of the message."""
        self.what, self.where, self.remedy = (
            _without(word, line) for line in (self.what, self.where, self.remedy)
        )

    def lines(self) -> tuple[str, ...]:
        """The message as the person sees it, one string a line."""
        return (f"error: {self.what}", f"  where: {self.where}", f"  to do: {self.remedy}")

    def __str__(self) -> str:
        return "\n".join(self.lines())


class UsageError(FirstlightError):
    """The command line cannot be carried out as written."""

    exit_code = 2


class ConfigError(UsageError):
    """The config is wrong; holds one (what, where, remedy) for each error of the file."""

    def __init__(self, problems: list[tuple[str, str, str]]) -> None:
        super().__init__(*problems[0])
        self.problems = tuple(problems)

    def hide(self, word: str) -> None:
        """Takes a credential out of every problem."""
        super().hide(word)
        self.problems = tuple(
            (_without(word, what), _without(word, where), _without(word, remedy))
            for what, where, remedy in self.problems
        )

    def lines(self) -> tuple[str, ...]:
        """Three lines for each problem."""
        return tuple(
            line
            for what, where, remedy in self.problems
            for line in (f"error: {what}", f"  where: {where}", f"  to do: {remedy}")
        )


class Undecided(UsageError):
    """Something that only a person knows, such as which column is the target; a terminal may ask it once.

    Args:
        what: One line, the question.
        where: One line, what was found, with the proposals.
        remedy: One line, how to answer on the command line.
        key: The config key that holds the answer, such as `data.target`.
        proposals: Possible answers, the most likely first; --yes takes that one.
    """

    def __init__(
        self, what: str, where: str, remedy: str, *, key: str, proposals: tuple[str, ...] = ()
    ) -> None:
        super().__init__(what, where, remedy)
        self.key = key
        self.proposals = proposals


class DataError(FirstlightError):
    """The data cannot be used as it is."""

    exit_code = 3


class ResourceError(FirstlightError):
    """Disk, memory or device do not suffice."""

    exit_code = 4


class FolderInUse(FirstlightError):
    """Another process works in the experiment folder."""

    exit_code = 5


class ResumeRefused(FirstlightError):
    """The run cannot be continued: something changed, or no checkpoint is good."""

    exit_code = 6


class TrainingFailed(FirstlightError):
    """Training failed, and the diagnosis says why."""

    exit_code = 7


class GateShut(FirstlightError):
    """A phase was asked for whose gate is shut."""

    exit_code = 8


class NotAccepted(FirstlightError):
    """The verdict is not the one that --require asks for."""

    exit_code = 9


class Interrupted(FirstlightError):
    """A signal ended the run after its state was saved.

    Args:
        what: One line, what happened.
        where: One line, where the state is.
        remedy: One line, how to go on.
        exit_code: 130 after SIGINT, 143 after SIGTERM.
    """

    def __init__(self, what: str, where: str, remedy: str, *, exit_code: int) -> None:
        super().__init__(what, where, remedy)
        self.exit_code = exit_code


def _without(word: str, line: str) -> str:
    """The line without a credential; a short one that is part of another word stays, or 1 would garble 2021."""
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", HIDDEN, line)
