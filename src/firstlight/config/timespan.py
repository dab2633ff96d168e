"""How a time span is written, in the config and after `--minutes`; apart, as the latter needs no pydantic."""

from __future__ import annotations

import re

_PART = r"([0-9]+(?:\.[0-9]+)?)"
MINUTES_PATTERN = rf"^(?=[0-9])(?:{_PART}\s*h\s*)?(?:{_PART}\s*(?:min|m|$)\s*)?(?:{_PART}\s*s\s*)?$"
_LONGEST_MINUTES = 40  # characters; no sensible time span is longer, and the pattern stays cheap


def parse_minutes(value: object) -> object:
    """One rule for time spans: a bare number is minutes; the units are `h`, `m` or `min`, and `s`.

    Args:
        value: What the user wrote: `90`, `"90"`, `"2h30"`, `"45m"`, `"1.5h"`, `"30s"`.

    Returns:
        The minutes as a float; what is not text comes back as it is, for pydantic to judge.

    Raises:
        ValueError: Text that is no time span.
    """
    if not isinstance(value, str):
        return value
    found = re.match(MINUTES_PATTERN, value.strip()) if len(value) <= _LONGEST_MINUTES else None
    if not found:
        raise ValueError("not a time span")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 60 * hours + minutes + seconds / 60
