"""What a source kind is: a frozen record of plain functions. Each file of `data/sources` holds one as `SOURCE`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight import catalog
from firstlight.data.examples import Examples, Listing, Skipped
from firstlight.data.settings import check_asked, check_found
from firstlight.errors import DataError, UsageError
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress

PACKAGE = "firstlight.data.sources"
Found = Listing | Examples
NAMES_SHOWN = 20
ROWS_SHOWN = 5
# Files that systems and tools leave in folders; with every name that begins with a dot they are passed over.
LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "__pycache__", "@eadir", "icon\r"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A kind of data.

    Attributes:
        matches: (data section, path of the source) -> whether this kind reads it; looks at names, and at the
            beginning of a file at most.
        read: (data section, its path, progress) -> a listing of images, or the examples of another kind; the
            classes in any order.
        noun: What such data is called: `a folder of images`.
        tasks: Of data.task, those that it can give.
        settings: Keys of the data section that it heeds, beside those of `settings.EVERYWHERE`; others are refused.
        rank: Of those that match, the one with the lowest reads it.
    """

    matches: Callable[[Data, Path], bool]
    rank: int = 0
    read: Callable[[Data, Path, Progress], Found]
    noun: str
    tasks: tuple[str, ...]
    settings: frozenset[str]


def read_source(data: Data, base: Path, progress: Progress) -> Found:
    """Reads the data with the first kind that matches, the classes in the order of the config.

    Args:
        data: The data section; `source` is set.
        base: Folder that a relative path starts from.
        progress: Told how far it is.

    Raises:
        UsageError: No source, no kind that reads it, or a setting that says nothing to it.
        DataError: The data has a class that the config does not name, or cannot be used.
    """
    if not data.source:
        raise UsageError(
            "no data is named", "data.source is empty", "name a folder, a table, an .npz or sample:digits"
        )
    path = base / os.path.expanduser(data.source)  # unlike Path's, it leaves a ~name that is no user alone
    source = _source_of(data, path)
    if source is not None:
        check_asked(data, source)
        found = source.read(data, path, progress)
        check_found(data, found)
        return _ordered(found, data.classes)
    if not os.path.exists(path):  # unlike Path's, it knows that a name of 300 letters does not exist
        raise UsageError(
            "there is no such data", visible(f"{path} does not exist"), "check the path, or try sample:digits"
        )
    other = _source_of(data.model_copy(update={"task": "auto"}), path)
    if other is not None:
        check_asked(data, other)
    raise UsageError(
        "this kind of data is not known",
        visible(str(path)),
        "use a folder of images or texts in class folders, a .csv, .tsv, .jsonl or .parquet table, or an .npz",
    )


def _source_of(data: Data, path: Path) -> Source | None:
    known = [catalog.load(PACKAGE, name, "SOURCE", Source) for name in catalog.names(PACKAGE)]
    return next((s for s in sorted(known, key=lambda one: one.rank) if s.matches(data, path)), None)


def _ordered(found: Found, wanted: tuple[str, ...] | None) -> Found:
    """What was found, with its classes in the given order."""
    if isinstance(found, Listing):
        classes, labels = _in_order(found.source, found.classes, found.labels, wanted)
        return replace(found, classes=classes, labels=labels)
    if found.task == "regression":
        return found
    order = _in_order if found.task == "classification" else _labels_in_order
    classes, targets = order(found.source, found.classes, found.targets, wanted)
    return replace(found, classes=classes, targets=targets)


def _in_order(
    source: str, classes: tuple[str, ...], labels: NDArray[np.int64], wanted: tuple[str, ...] | None
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    _check_names(source, classes)
    if wanted is None or wanted == classes:
        return classes, labels
    _check_known({classes[i] for i in np.unique(labels)}, wanted)
    place = {name: number for number, name in enumerate(wanted)}
    order = np.array([place.get(name, -1) for name in classes], dtype=np.int64)
    return wanted, order[labels]


def _labels_in_order(
    source: str, labels: tuple[str, ...], matrix: NDArray[np.float32], wanted: tuple[str, ...] | None
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The same for several labels a row, (rows, labels) of 1 and 0; a label that no row has may be left away."""
    _check_names(source, labels)
    if wanted is None or wanted == labels:
        return labels, matrix
    _check_known({labels[i] for i in np.flatnonzero(matrix.any(axis=0))}, wanted)
    ordered = np.zeros((len(matrix), len(wanted)), matrix.dtype)
    for place, name in enumerate(wanted):
        if name in labels:
            ordered[:, place] = matrix[:, labels.index(name)]
    return wanted, ordered


def _check_names(source: str, classes: tuple[str, ...]) -> None:
    if "" in classes or len(set(classes)) < len(classes):
        where = visible(f"{source}: {', '.join(map(repr, classes[:NAMES_SHOWN]))}")
        raise DataError("a class has no name of its own", where, "give every class another name")


def _check_known(found: set[str], wanted: tuple[str, ...]) -> None:
    unknown = sorted(found - set(wanted))
    if unknown:
        raise DataError(
            "the data has classes that the config does not name",
            visible(f"data.classes lacks {', '.join(unknown[:NAMES_SHOWN])}"),
            "add them to data.classes, or leave the key out",
        )


def check_left_out(left_out: tuple[Skipped, ...], total: int, allowed: float, where: Path) -> None:
    """The rule for rows that cannot be used: one may always be left out, unless none are allowed.

    Args:
        left_out: Those rows.
        total: Of all rows.
        allowed: data.max_bad_fraction.
        where: The data, for the message.

    Raises:
        DataError: They are too many.
    """
    if len(left_out) <= (max(1, int(allowed * total)) if allowed else 0):
        return
    shown = "; ".join(f"{s.id} ({s.reason})" for s in left_out[:ROWS_SHOWN])
    raise DataError(
        f"{len(left_out):,} of {count(total, 'row')} cannot be read, {percent(allowed)} are allowed",
        visible(f"{where}: {shown}"),
        "mend or remove them, or allow more with --set data.max_bad_fraction=SHARE",
    )


def wants(data: Data, kind: str) -> bool:
    """Whether the config leaves it open that the data is of this kind."""
    return data.task == "auto" or data.task.startswith(f"{kind}_")


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden or left by a system, and no data."""
    return name.startswith(".") or name.lower() in LITTER


def new_file(source: str) -> str:
    """The path of new data.

    Raises:
        UsageError: There is no such path.
    """
    path = os.path.expanduser(source)
    if not os.path.exists(path):
        raise UsageError("there are no such inputs", visible(f"{source} does not exist"), "check the path")
    return path
