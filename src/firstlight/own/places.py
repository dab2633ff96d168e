"""The task of targets that have a class for each of many places: pixels, tokens, or the next token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import MANY_PLACES
from firstlight.errors import DataError, UsageError
from firstlight.own.counts import Counted, Counts, counted, ignored
from firstlight.own.form import tensors
from firstlight.own.target import Target
from firstlight.text import count

if TYPE_CHECKING:
    import torch

    from firstlight.own.form import OwnInputs
    from firstlight.own.given import Given

BY_LABELS = ("BCELoss", "BCEWithLogitsLoss")  # losses of one channel that is 0 or 1
MOST_TAGS = 1000  # more classes are a vocabulary, as of words that were masked (judgement)
LANGUAGE_TOKENS = 2  # of a row, at least, to see that one follows the other


@dataclass(slots=True)
class Follows:
    """Whether targets are the next tokens of the inputs, over the rows so far.

    Attributes:
        rows: In which a target could be held against an input of its form.
        same: Targets are the inputs themselves.
        after: Each target is the input one place further.
    """

    rows: int = 0
    same: bool = True
    after: bool = True

    def look(self, inputs: OwnInputs, target: torch.Tensor) -> None:
        """One more row, as a batch of one."""
        tokens = _tokens(inputs, target)
        if tokens is None:
            self.same = self.after = False
            return
        self.rows += 1
        known = target[0] >= 0
        self.same &= bool((tokens[0] == target[0])[known].all())
        self.after &= bool((tokens[0][1:] == target[0][:-1])[known[:-1]].all())

    @property
    def language(self) -> bool:
        """Whether they are."""
        return self.rows > 0 and (self.same or self.after)


def _tokens(inputs: OwnInputs, target: torch.Tensor) -> torch.Tensor | None:
    """The input that has the form of the target: whole numbers (1, tokens)."""
    if target.ndim != 2 or target.is_floating_point() or target.shape[1] < LANGUAGE_TOKENS:
        return None
    found = (t for t in tensors(inputs.values) if t.shape == target.shape and not t.is_floating_point())
    return next(found, None)


def has_places(targets: Mapping[int, Any], task: str, follows: Follows) -> bool:
    """Whether targets have a class for each of many places."""
    if task != "auto":
        return task in MANY_PLACES
    return follows.language or any(isinstance(target, Counted) for target in targets.values())


def target_of_places(targets: Mapping[int, Any], *, task: str, given: Given, follows: Follows) -> Target:
    """Task and counts of such targets.

    Args:
        targets: Row -> `Counted`, or a tensor where a row alone did not tell.
        task: `auto`, or what the person said.
        given: Its classes, and its loss.
        follows: Whether targets are next tokens.

    Raises:
        UsageError: The form of the targets is that of no task.
        DataError: A class that was not named, or no place that counts.
    """
    each = {row: one if isinstance(one, Counted) else counted(one) for row, one in sorted(targets.items())}
    found = _task(each, given, follows) if task == "auto" else task
    _refuse_form(each, found)
    shifted = found == "language" and follows.rows > 0 and follows.same
    counts = Counts()
    values = np.array(
        [counts.add(row, one, ignored(found), from_second=shifted) for row, one in each.items()]
    )
    _refuse_classes(counts, each, given)
    width = counts.width
    classes: tuple[str, ...] = () if found == "language" else given.classes or tuple(map(str, range(width)))
    return Target(
        task=found,
        classes=classes,
        values=values.astype(np.int64),
        rows=np.array(list(each), dtype=np.int64),
        said=_said(found, width, shifted, given),
        counts=counts,
        shifted=shifted,
    )


def _task(each: Mapping[int, Counted], given: Given, follows: Follows) -> str:
    if follows.language:
        return "language"
    pictures = all(one.picture for one in each.values())
    whole = all(one.whole for one in each.values())
    if pictures and (whole or type(given.loss).__name__ in BY_LABELS):
        return "segmentation"
    if whole and all(len(one.shape) == 1 for one in each.values()):
        most = max(int(one.classes[-1]) for one in each.values())
        return "tokens" if most < MOST_TAGS else "language"
    raise UsageError(
        "targets of this form have no task of their own here",
        f"a target is {next(iter(each.values())).said}",
        "give a class for each pixel (height, width) or token (tokens,) as whole numbers, name it with task=, or give "
        "a step",
    )


def _refuse_form(each: Mapping[int, Counted], task: str) -> None:
    """Targets that do not have the axes of a task that was named."""
    for row, one in each.items():
        fits = one.picture if task == "segmentation" else len(one.shape) == 1
        if not fits:
            form = "height x width" if task == "segmentation" else "tokens"
            raise DataError(
                f"a target does not have the form of the task {task}",
                f"row {row}: {one.said}",
                f"give whole numbers, {form}, or name another task",
            )


def _refuse_classes(counts: Counts, each: Mapping[int, Counted], given: Given) -> None:
    most = None if given.classes is None else len(given.classes)
    for row, (classes, _) in counts.rows.items():
        bad = (classes < 0) | ((classes >= most) if most is not None else False)
        if bad.any():
            raise DataError(
                "a target is no class",
                f"row {row}: {classes[bad][0]}",
                "classes are whole numbers from 0, one for each output of the model; -100 does not count",
            )
    if not counts.width:
        first = next(iter(each.values()))
        raise DataError(
            "no target has a place that counts",
            f"a target is {first.said}, all of it {', '.join(map(str, first.classes.tolist()))}",
            "see how the targets are made",
        )


def _said(task: str, width: int, shifted: bool, given: Given) -> str:
    """The targets in words."""
    if task == "language":
        where = "the inputs themselves, moved by one place here" if shifted else "tokens of a vocabulary"
        return f"{where}, up to {width - 1}"
    place = "pixel" if task == "segmentation" else "token"
    return f"a class for each {place}: {count(len(given.classes or range(width)), 'class')}"
