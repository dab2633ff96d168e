"""How a batch falls into what the model is called with and what it should answer, by the type of the batch.

a pair                                       model(first), target second
a longer tuple                               model(all but the last), target last
a mapping or data class with a target field  model(**the other fields)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from firstlight.errors import DataError
from firstlight.text import visible

if TYPE_CHECKING:
    import torch

TARGET_FIELDS = ("labels", "label", "targets", "target", "y")  # in this order
DEEPEST = 8  # levels of nesting that a batch may have


@dataclass(frozen=True, slots=True)
class OwnInputs:
    """What a model is called with: positional values, or fields by name."""

    values: tuple[Any, ...]
    names: tuple[str, ...] = ()  # of the fields; none = positional

    def call(self, model: Callable[..., Any]) -> Any:
        """The model's answer."""
        return model(**dict(zip(self.names, self.values, strict=True))) if self.names else model(*self.values)

    def to(self, device: Any) -> OwnInputs:
        """The same on a device."""
        return OwnInputs(tuple(moved(value, device) for value in self.values), self.names)

    def part(self, start: int, end: int) -> OwnInputs:
        """The rows from `start` to before `end`."""
        return OwnInputs(tuple(_mapped(v, lambda t: t[start:end]) for v in self.values), self.names)

    def bad_rows(self) -> Any:
        """Bool (batch,): rows that hold a number which is not finite."""
        import torch

        rows = next((len(t) for t in tensors(self.values)), 0)
        bad = torch.zeros(rows, dtype=torch.bool)
        for tensor in tensors(self.values):
            if tensor.is_floating_point() and len(tensor) == rows:
                bad |= ~torch.isfinite(tensor).reshape(rows, -1).all(dim=1).cpu()
        return bad

    def form(self) -> str:
        """`1 x 28 x 28`, or the fields with their forms."""
        names = self.names or ("",) * len(self.values)
        return ", ".join(
            f"{name} {_shape(value)}".strip() for name, value in zip(names, self.values, strict=True)
        )


def fall_apart(batch: Any, *, where: str) -> tuple[OwnInputs, Any]:
    """Inputs and targets of a batch, or of an item.

    Raises:
        DataError: It has no form that is known.
    """
    if isinstance(batch, Mapping):
        return _fields(dict(batch), where)
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        return _fields({f.name: getattr(batch, f.name) for f in dataclasses.fields(batch)}, where)
    if hasattr(batch, "_asdict"):
        fields = batch._asdict()
        if any(name in fields for name in TARGET_FIELDS):
            return _fields(fields, where)
    if isinstance(batch, list | tuple) and len(batch) > 1:
        return OwnInputs(tuple(batch[:-1])), batch[-1]
    raise DataError(
        "an item does not fall into inputs and a target",
        f"{where}: {described(batch)}",
        f"return (input, target), or a mapping with one of {', '.join(TARGET_FIELDS)}",
    )


def described(value: Any) -> str:
    """A value in a few words, for messages: `tuple of (float32 1 x 28 x 28, int)`."""
    import torch

    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {_shape(value)}"
    if isinstance(value, Mapping):
        return f"{type(value).__name__} of " + visible(
            ", ".join(f"{k}: {described(v)}" for k, v in value.items())
        )
    if isinstance(value, list | tuple):
        inside = ", ".join(described(v) for v in value[:DEEPEST])
        return f"{type(value).__name__} of ({inside}{', ...' if len(value) > DEEPEST else ''})"
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return f"{value.dtype} {' x '.join(map(str, shape)) or 'number'}"
    return type(value).__name__


def is_loss(value: Any) -> TypeGuard[torch.Tensor]:
    """Whether it is one number that can be minimised: a floating tensor without axes."""
    import torch

    return isinstance(value, torch.Tensor) and value.ndim == 0 and value.is_floating_point()


def tensors(value: Any) -> Iterator[Any]:
    """Every tensor in nested tuples, lists and mappings."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from tensors(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from tensors(inner)


def moved(value: Any, device: Any) -> Any:
    """The same nested value with every tensor on the device."""
    return _mapped(value, lambda tensor: tensor.to(device, non_blocking=True))


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(inner, change) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_mapped(inner, change) for inner in value))
    if isinstance(value, list | tuple):
        return type(value)(_mapped(inner, change) for inner in value)
    return value


def _fields(fields: dict[str, Any], where: str) -> tuple[OwnInputs, Any]:
    target = next((name for name in TARGET_FIELDS if name in fields), None)
    if target is None or len(fields) == 1:
        raise DataError(
            "an item has no field that is its target",
            f"{where}: the fields are {visible(', '.join(map(str, fields)))}",
            f"call the target one of {', '.join(TARGET_FIELDS)}",
        )
    rest = {name: value for name, value in fields.items() if name != target}
    return OwnInputs(tuple(rest.values()), tuple(rest)), fields[target]


def _shape(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return (
        type(value).__name__
        if shape is None
        else " x ".join(map(str, shape[1:] if len(shape) > 1 else shape))
    )
