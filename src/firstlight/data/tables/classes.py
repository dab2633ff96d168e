"""Classes from the values of a target: one name for each, however it is written."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.tables import values
from firstlight.errors import DataError
from firstlight.text import count, visible

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

ROWS_PER_CLASS = 2  # one to train and one to validate
SHOWN = 5
WHOLE = re.compile(r"^([+-]?\d+)\.0+$")  # 1.0, as programs write a whole number that they hold as a float
DECIMALS = re.compile(r"[+-]?\d*\.\d+")
YES_OR_NO = {*values.TRUE, *values.FALSE}  # words whose case says nothing


def as_classes(
    text: pl.Series, found: pl.Series, notes: list[str]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The classes, numbers by size and words by name, and (rows,) the class of every row.

    Args:
        text: (rows,), without nulls.
        found: (rows,): the numbers that these are; null for words.
        notes: Is told what was taken as the same class.

    Raises:
        DataError: There is one class only, or nearly one for every row.
    """
    import polars as pl

    text, several = one_form(_without_dots(text, notes))
    if several:
        notes.append(f"spellings of the same class: {', '.join(visible(name) for name in several[:SHOWN])}")
    names = sorted(text.unique().to_list())
    if found.null_count() == 0:
        size = dict(zip(text.to_list(), found.to_list(), strict=True))
        names.sort(key=size.__getitem__)
    _check_classes(names, text, found)
    codes = text.replace_strict(names, list(range(len(names))), return_dtype=pl.Int64)
    counts = np.bincount(codes.to_numpy(), minlength=len(names))
    if alone := int((counts < ROWS_PER_CLASS).sum()):
        notes.append(f"{count(alone, 'class')} with one row: it can be trained or validated, not both")
    words = [name for name in names if name.lower() in values.SPELLINGS]
    if words:
        notes.append(
            f"{', '.join(visible(word) for word in words)} in the target is taken as a class, not as missing"
        )
    return tuple(names), np.asarray(codes.to_numpy(), dtype=np.int64)


def _check_classes(names: list[str], text: pl.Series, found: pl.Series) -> None:
    if len(names) == 1:
        raise DataError(
            "the target is always the same", visible(f"{text.name}: {names[0]}"), "name another column"
        )
    if len(names) * ROWS_PER_CLASS <= len(text):
        return
    told = f"{text.name}: {count(len(names), 'class')} in {count(len(text), 'row')}, such as {names[0][:40]}"
    numbers = found.null_count() == 0
    raise DataError(
        "the target has nearly as many classes as rows",
        visible(told),
        "ask for regression"
        if numbers
        else "this looks like an id: name another column, or ask for regression",
    )


def _without_dots(text: pl.Series, notes: list[str]) -> pl.Series:
    """Classes that differ only by a dot at the end are one: the test file of Adult writes `<=50K.`."""
    names = set(text.unique().to_list())
    dotted = sorted(name for name in names if name.endswith(".") and name[:-1] in names)
    if not dotted:
        return text
    notes.append(f"taken as the class without the dot: {', '.join(visible(name) for name in dotted[:SHOWN])}")
    return text.replace(dotted, [name[:-1] for name in dotted])


def one_form(text: pl.Series) -> tuple[pl.Series, list[str]]:
    """Values that programs write in several ways, in one: 1.0 as 1, TRUE and True as true.

    Only where every number is whole: beside 1.1 and 1.10, 1.0 is the name of a version. The case is changed only
    where there are several, so that a column of True and False keeps its words.

    Returns:
        The column, and the spellings of values that were written in several ways.
    """
    names = sorted(text.drop_nulls().unique().to_list())
    plain = {name: WHOLE.sub(r"\1", name) for name in names}
    if any(DECIMALS.fullmatch(other) for other in plain.values()):
        plain = {}
    plain |= {name: name.lower() for name in _in_several_cases(names)}
    ways = Counter(plain.values())
    changed = {name: other for name, other in plain.items() if name != other}
    several = [name for name, other in plain.items() if ways[other] > 1]
    return (text.replace(list(changed), list(changed.values())) if changed else text), several


def _in_several_cases(names: list[str]) -> list[str]:
    """True, TRUE and true, or another word for yes or no, where it stands in more than one case."""
    words = [name for name in names if name.lower() in YES_OR_NO]
    ways = Counter(name.lower() for name in words)
    return [name for name in words if max(ways.values()) > 1]
