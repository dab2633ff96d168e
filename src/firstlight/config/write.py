"""A Config to a complete training_config.yaml with comments, which reads back as the same Config.

What a key means comes from the schema; why it has its value comes from who measured it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from firstlight.config import keys
from firstlight.config.schema import Config
from firstlight.config.tree import plain_value
from firstlight.text import visible

COMMENT_COLUMN = 36  # where a comment beside a value begins; a longer value has its comment above
LINE_WIDTH = 110
HEADER = """\
# Every setting of firstlight, with its default and its meaning. Copy this file as training_config.yaml, keep
# the keys that you want to set yourself and delete the others: what is not written is chosen, and measured
# where this file says auto or null. Times, rates and shares may be written as 1e-3, 0.001 or "1e-3".

"""
# Text that every YAML reader, of version 1.1 too, takes for text without quotes. Anything else is quoted.
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./:-]*[A-Za-z0-9_./]|[A-Za-z_]")
_YAML_1_1_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
WHY = "why: "  # begins the reason among the comments of a key
_COMMENT_LINE = re.compile(r"( *)# (.*)")
_KEY_LINE = re.compile(r"( *)([a-z_0-9]+):")
_CUT_WORD = re.compile(r"(?<=\w)-\n")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def render_config(config: Config, reasons: Mapping[str, str]) -> str:
    """The whole config as commented YAML; `parse_config` of it gives an equal config.

    Args:
        config: What to write, every key of it.
        reasons: Why a value was chosen, by key: {"training.batch_size": "measured fastest of 16 to 512"}.

    Raises:
        KeyError: A reason for a key that does not exist.
    """
    for name in reasons:
        if not keys.is_key(tuple(name.split("."))):
            raise KeyError(name)
    blocks = []
    for name, inside in keys.sections().items():
        value = getattr(config, name)
        if not inside:
            blocks.append(_entry((name,), value, reasons.get(name)))
            continue
        lines = [f"# {keys.meaning((name,))}", f"{name}:"]
        lines += [_entry((name, key), getattr(value, key), reasons.get(f"{name}.{key}")) for key in inside]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def reasons_of(text: str) -> dict[str, str]:
    """The reasons that `render_config` wrote, by key, read back from the comments of its text."""
    found: dict[str, list[str]] = {}
    above: list[str] = []
    section = key = ""
    for line in text.splitlines():
        comment, entry = _COMMENT_LINE.fullmatch(line), _KEY_LINE.match(line)
        if comment and len(comment[1]) == COMMENT_COLUMN:
            found.setdefault(key, []).append(comment[2])
        elif comment:
            above.append(comment[2])
        elif entry:
            section = section if entry[1] else entry[2]
            key = f"{section}.{entry[2]}" if entry[1] else section
            found[key], above = above, []
    reasons = {name: _why(lines) for name, lines in found.items() if keys.is_key(tuple(name.split(".")))}
    return {name: reason for name, reason in reasons.items() if reason}


def _why(comments: list[str]) -> str:
    """What follows `why:` in the comments of a key, as one line; a word that was cut at its hyphen is whole again."""
    first = next((n for n, line in enumerate(comments) if line.startswith(WHY)), len(comments))
    return _CUT_WORD.sub("-", "\n".join(comments[first:]).removeprefix(WHY)).replace("\n", " ")


def baseline_template() -> str:
    """The config for no particular task: configs/baseline_template.yaml, and what `explain` shows of it."""
    return HEADER + render_config(Config(), {})


def _entry(path: keys.Path, value: Any, reason: str | None) -> str:
    """One key with its comments: beside the value where there is room, else above it."""
    indent = "  " * (len(path) - 1)
    lines = [f"{indent}{line}" for line in _lines(path[-1], value)]
    beside = len(lines) == 1 and len(lines[0]) < COMMENT_COLUMN
    column = COMMENT_COLUMN if beside else len(indent)
    choice = f" ({keys.allowed(path)})" if keys.is_choice(path) else ""
    comments = _comment(f"{keys.meaning(path)}{choice}", column)
    if reason:
        comments += _comment(f"{WHY}{' '.join(reason.split())}", column)
    if beside:
        return "\n".join([lines[0].ljust(column) + comments[0].lstrip(), *comments[1:]])
    return "\n".join([*comments, *lines])


def _comment(text: str, column: int) -> list[str]:
    prefix = f"{' ' * column}# "
    # Lines end at blanks alone: whoever reads them back puts a blank between two of them.
    return textwrap.wrap(
        visible(text),
        LINE_WIDTH,
        initial_indent=prefix,
        subsequent_indent=prefix,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _lines(key: str, value: Any) -> list[str]:
    if not isinstance(value, tuple):
        return [f"{key}: {_scalar(value)}"]
    flow = f"{key}: [{', '.join(map(_scalar, value))}]"
    if len(flow) < LINE_WIDTH:
        return [flow]
    return [f"{key}:", *(f"  - {_scalar(item)}" for item in value)]


def _scalar(value: str | float | bool | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int):
        return str(value)
    plain = _PLAIN.fullmatch(value) and value.lower() not in _YAML_1_1_WORDS and plain_value(value) == value
    return value if plain else f'"{"".join(map(_escaped, value))}"'


def _float(value: float) -> str:
    """The shortest text that reads back as the same number, and that YAML 1.1 takes for a number too."""
    text = repr(value)
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return text.removesuffix(".0")


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
