"""The kinds of values in a config: how each is written, and its bounds."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from firstlight.config.timespan import MINUTES_PATTERN, parse_minutes
from firstlight.text import visible

MAX_SEED = 2**32 - 1  # NumPy's legacy seeding takes no more
MAX_COUNT = 10**9  # judgement: beyond any use, and sums of such counts stay within 64 bits

OWN_METRIC_PATTERN = r"^own_[A-Za-z0-9_]+$"  # so that a metric of a person's own is none of ours
NUMBER_PATTERN = r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$"


def _number(value: object) -> object:
    """People quote 1e-3, or a YAML 1.1 tool writes it as text: it means the number all the same."""
    if isinstance(value, bool):
        raise ValueError("a number is wanted, not true or false")
    return float(value) if isinstance(value, str) and re.match(NUMBER_PATTERN, value) else value


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is wanted, not true or false")
    return value


def _text(value: object) -> str:
    # Not pydantic's own text, which refuses the lone surrogates that stand for bytes of a file name (BI11).
    if not isinstance(value, str):
        raise ValueError("text is wanted")
    if not value:
        raise ValueError("the text is empty")
    return value


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{visible(name)} is named twice")
        seen.add(name)
    return names


def _names(value: object) -> object:
    """One name, or several joined by commas, as people write them on the command line."""
    return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value


# The bounds stand before the readers: only then do they reach the JSON Schema as minimum and maximum.
AnyNumber = Annotated[float, BeforeValidator(_number)]
Positive = Annotated[float, Field(gt=0), BeforeValidator(_number)]
NonNegative = Annotated[float, Field(ge=0), BeforeValidator(_number)]
Fraction = Annotated[float, Field(ge=0, lt=1), BeforeValidator(_number)]
PositiveFraction = Annotated[float, Field(gt=0, lt=1), BeforeValidator(_number)]
Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_number)]
Count = Annotated[int, Field(ge=1, le=MAX_COUNT, strict=True), BeforeValidator(_not_bool)]
CountOrZero = Annotated[int, Field(ge=0, le=MAX_COUNT, strict=True), BeforeValidator(_not_bool)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED, strict=True), BeforeValidator(_not_bool)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, PlainValidator(_text), WithJsonSchema({"type": "string", "minLength": 1})]
ClassNames = Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(_distinct)]
Columns = Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(_distinct), BeforeValidator(_names)]
OwnMetric = Annotated[str, Field(pattern=OWN_METRIC_PATTERN)]
Minutes = Annotated[
    float,
    Field(gt=0),
    BeforeValidator(_number),
    BeforeValidator(parse_minutes),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": MINUTES_PATTERN}]}
    ),
]
