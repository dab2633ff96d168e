"""The records of a run to their files in logs/ and back; what is unknown is refused, never half read.

Numbers that JSON does not have (a loss that became NaN) are written as {"not_finite": "nan"}.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.records import CheckLine, Decision, Outcome, PlanChange, Reference
from firstlight.text import visible

FORMAT = 1
NOT_FINITE = "not_finite"
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """logs/plan.json: what a repeated or resumed run replays."""

    epochs: int
    steps_per_epoch: int
    changes: tuple[PlanChange, ...]


def write_preflight(path: Path, lines: Iterable[CheckLine], seconds: float) -> str:
    """Writes logs/preflight.json; returns its SHA-256."""
    return _write(path, {"seconds": to_json(seconds), "lines": [to_json(line) for line in lines]})


def read_preflight(path: Path) -> tuple[CheckLine, ...]:
    """Reads logs/preflight.json; raises ResumeRefused."""
    return _read(path, lambda d: tuple(from_json(CheckLine, line) for line in d["lines"]))


def write_references(path: Path, references: Iterable[Reference]) -> str:
    """Writes logs/references.json; returns its SHA-256."""
    return _write(path, {"references": [to_json(r) for r in references]})


def read_references(path: Path) -> tuple[Reference, ...]:
    """Reads logs/references.json; raises ResumeRefused."""
    return _read(path, lambda d: tuple(from_json(Reference, r) for r in d["references"]))


def write_outcome(path: Path, outcome: Outcome) -> str:
    """Writes logs/outcome.json; returns its SHA-256."""
    return _write(path, to_json(outcome))


def read_outcome(path: Path) -> Outcome:
    """Reads logs/outcome.json; raises ResumeRefused."""
    return _read(path, lambda d: from_json(Outcome, d))


def write_decision(path: Path, decision: Decision) -> str:
    """Writes logs/decision.json; returns its SHA-256."""
    return _write(path, to_json(decision))


def read_decision(path: Path) -> Decision:
    """Reads logs/decision.json; raises ResumeRefused."""
    return _read(path, lambda d: from_json(Decision, d))


def write_plan(path: Path, epochs: int, steps_per_epoch: int, changes: Iterable[PlanChange]) -> str:
    """Writes logs/plan.json; returns its SHA-256."""
    plan = StoredPlan(epochs=epochs, steps_per_epoch=steps_per_epoch, changes=tuple(changes))
    return _write(path, to_json(plan))


def read_plan(path: Path) -> StoredPlan:
    """Reads logs/plan.json; raises ResumeRefused."""
    plan: StoredPlan = _read(path, lambda d: _value(StoredPlan, d, "plan"))
    return plan


def to_json(value: Any) -> Any:
    """A record, or what one holds, as plain JSON values."""
    if is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {NOT_FINITE: str(value)}
    if isinstance(value, dict):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(v) for v in value]
    return value


def from_json(kind: type[Record], value: Any) -> Record:
    """A record of `experiment.records` from plain JSON values.

    Raises:
        TypeError: It is no mapping.
        ValueError: A field is unknown, missing or of another type; the message names it.
    """
    record: Record = _value(kind, value, kind.__name__)
    return record


Content = TypeVar("Content")


def _write(path: Path, content: dict[str, Any]) -> str:
    return store.write_json(path, {"format": FORMAT} | content)


def _read(path: Path, build: Callable[[dict[str, Any]], Content]) -> Content:
    try:
        document = store.read_json(path)
        if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
            raise ValueError(f"the format is not {FORMAT}, which is the one this version reads")
        return build(document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ResumeRefused(
            "a record of the run cannot be read",
            f"{visible(str(path))}: {visible(reason)}",
            "restore the file, use the version of firstlight that wrote it, or start again in a new folder",
        ) from None


def _value(kind: Any, value: Any, where: str) -> Any:
    """`value` as the annotated type `kind`; lists become tuples."""
    if isinstance(value, dict) and value.keys() == {NOT_FINITE}:
        value = float(str(value[NOT_FINITE]))
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _first_fitting(inside, value, where)
    if origin is tuple and isinstance(value, list):
        kinds = inside[:1] * len(value) if inside[1:] == (...,) else inside
        if len(kinds) == len(value):
            pairs = enumerate(zip(kinds, value, strict=True))
            return tuple(_value(k, v, f"{where}[{i}]") for i, (k, v) in pairs)
    if origin is dict and isinstance(value, dict):
        return {k: _value(inside[1], v, f"{where}.{k}") for k, v in value.items()}
    if is_dataclass(kind) and isinstance(value, dict):
        return _record(kind, value, where)
    return _scalar(kind, value, where)


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{where} is a number beyond all measure") from None
    if get_origin(kind) is Literal:
        if isinstance(value, str) and value in get_args(kind):
            return value
        raise ValueError(f"{where} is {value!r}, not one of {', '.join(get_args(kind))}")
    if type(value) is kind:
        return value
    raise ValueError(f"{where} is {str(value)[:60]!r}, not {getattr(kind, '__name__', kind)}")


def _first_fitting(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    reason = ""
    for kind in kinds:
        try:
            return _value(kind, value, where)
        except ValueError as error:
            reason = str(error)
    raise ValueError(reason)


def _record(kind: Any, value: dict[str, Any], where: str) -> Any:
    known = _types(kind)
    for name in value:
        if name not in known:
            raise ValueError(f"{where}.{name} is not a field that this version knows")
    for field in fields(kind):
        if field.name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{where}.{field.name} is missing")
    return kind(**{name: _value(known[name], v, f"{where}.{name}") for name, v in value.items()})


@cache
def _types(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
