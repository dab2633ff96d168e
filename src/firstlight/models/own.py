"""A person's own network, as it was given.

Its size is not changed to the budget; the epochs are.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from firstlight.models.model import ModelKind, OwnShape
from firstlight.own.model import fresh
from firstlight.own.step import Stepped


def _build(shape: OwnShape, width: float, dropout: float) -> nn.Module:
    model = fresh(shape.model)
    return model if shape.step is None else Stepped(model.module, shape.step)


def _nothing(module: nn.Module, inputs: Any) -> None:
    """Initialisation is the person's."""


MODEL = ModelKind(
    data="own",
    fits=lambda shape: True,
    build=_build,
    prepare=_nothing,
    widths=(1.0,),
    prepare_rows=1,
)
