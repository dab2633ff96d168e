"""Settings of the data section that say nothing to the data at hand: refused, never passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firstlight.config.schema import Data
from firstlight.data.examples import Examples, Listing
from firstlight.errors import UsageError
from firstlight.text import visible

if TYPE_CHECKING:
    from firstlight.data.source import Source

# What every source heeds; the fractions only where the data do not come split, as their description says.
EVERYWHERE = frozenset(
    {"source", "task", "classes", "val_fraction", "test_fraction", "max_bad_fraction", "min_per_class"}
)
COLUMNS = frozenset({"target", "text_column", "group", "time", "weight", "drop"})  # what only a table has
OF_CLASSES = frozenset({"classes", "min_per_class"})  # what numbers do not have


def check_asked(data: Data, source: Source) -> None:
    """Before anything is read: the task and the settings are those of this kind of data.

    Raises:
        UsageError: They are not.
    """
    where = f"{data.source} is {source.noun}"
    if data.task not in ("auto", *source.tasks):
        raise UsageError(
            "this data cannot be used for that task",
            visible(f"data.task = {data.task}; {where}"),
            f"leave data.task out, or take {' or '.join(source.tasks)}",
        )
    unfit = _set(data) - EVERYWHERE - source.settings
    if unfit:
        remedy = f"leave {_names(unfit)} out"
        if unfit & COLUMNS:
            remedy += ", or give a table with such a column"
        _refuse(data, unfit, where, remedy)


def check_found(data: Data, found: Listing | Examples) -> None:
    """After reading: the settings are those of what was found.

    Raises:
        UsageError: They are not.
    """
    if isinstance(found, Listing):
        if found.arrays is not None and data.image_size is not None:
            _check_side(data, found.arrays.shape[1:3], found.source)
        return
    unfit = _set(data) & OF_CLASSES
    if found.task == "regression" and unfit:
        remedy = f"leave {_names(unfit)} out, or ask for --set data.task={found.content.kind}_classification"
        _refuse(data, unfit, "the target is a number and has no classes", remedy)


def _check_side(data: Data, shape: tuple[int, ...], source: str) -> None:
    if set(shape) != {data.image_size}:
        where = f"the arrays of {source} are {'x'.join(map(str, shape))} and stay so"
        _refuse(data, frozenset({"image_size"}), where, "leave data.image_size out, or resize the arrays")


def _set(data: Data) -> frozenset[str]:
    """Keys that say something else than their default."""
    return frozenset(key for key, field in Data.model_fields.items() if getattr(data, key) != field.default)


def _refuse(data: Data, unfit: frozenset[str], where: str, remedy: str) -> None:
    shown = ", ".join(f"data.{key} = {_written(getattr(data, key))}" for key in sorted(unfit))
    raise UsageError(
        "a setting does not apply to this data" if len(unfit) == 1 else "settings do not apply to this data",
        visible(f"{shown}; {where}"),
        remedy,
    )


def _names(keys: frozenset[str]) -> str:
    return " and ".join(f"data.{key}" for key in sorted(keys))


def _written(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
