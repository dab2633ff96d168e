"""A config that is being resolved: a key is set once, with its reason, and never against the user."""

from __future__ import annotations

from typing import Any

from firstlight.config.schema import Config


class Draft:
    """The config so far, and why each value was chosen."""

    def __init__(self, config: Config, explicit: frozenset[str]) -> None:
        # `auto` and null are written by those who leave the choice to us.
        self.explicit = frozenset(key for key in explicit if _value(config, key) not in ("auto", None))
        self.config = config
        self.reasons: dict[str, str] = {}

    def put(self, key: str, value: Any, reason: str) -> None:
        """Sets `section.name`, unless the user wrote it."""
        if key in self.explicit:
            return
        section, name = key.split(".")
        changed = getattr(self.config, section).model_copy(update={name: value})
        self.config = self.config.model_copy(update={section: changed})
        self.reasons[key] = reason


def no_augmentation(draft: Draft, noun: str) -> None:
    """For data that is not changed at random."""
    draft.put("augmentation.horizontal_flip", "none", f"{noun}s are not mirrored")
    draft.put("augmentation.shift_pixels", 0, f"{noun}s are not shifted")


def _value(config: Config, key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value
