"""How anything is written for a person: hostile text made harmless, and one way to print each kind of number.

Class and file names come from the data, so they may hold escape sequences, line breaks, markup or spreadsheet
formulas. They pass through exactly one of the first four functions, at the place where they are written:

    terminal, log   visible(name)
    Markdown        markdown(name)
    HTML            html(name)
    CSV             csv_cell(name)     (the CSV writer still quotes)

JSON needs none of them.
"""

from __future__ import annotations

import math
import re
import unicodedata
from html import escape

# Below this size a number is written with an exponent (judgement: 0.0001 is still read at a glance).
SMALLEST_PLAIN_NUMBER = 1e-4

_FORMULA_START = tuple(
    "=+-@＝＋－＠"
)  # what spreadsheets take for a formula (OWASP, CSV injection), also full-width

# A backslash becomes an entity, because some table parsers read `\\|` as an escaped pipe.
_MARKDOWN_ANYWHERE = str.maketrans(
    {"\\": "&#92;", "&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\\{mark}" for mark in "|`*_[]~$@"}
)
# Marks that mean something at the start of a line only: bullet, heading, rule, numbered list.
# The bullet and the number need a space after them: -5.2 and 0.912 stay as they are.
_MARKDOWN_START = re.compile(r"^\d+(?=[.)](?: |$))|^(?=[#=]|[-+](?:[ +-]|$))")
# What GitHub turns into a link by itself.
_MARKDOWN_LINK = re.compile(r"(?i)(?<=[a-z])(:)(?=//)|(?<=www)(\.)")
_OUTER_SPACE = re.compile(r"^ +| +$")


def visible(text: str) -> str:
    r"""Text for a terminal or a log: whatever is not plainly seen becomes an escape such as `\n` or `\x1b`.

    Escaped are control characters, format characters (bidi marks, zero-width), line and paragraph separators,
    lone surrogates (bytes of a file name that are not UTF-8), private and unassigned characters. The result
    is one line, can be encoded as UTF-8, and passing it through again changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if _is_visible(c) else c.encode("unicode_escape").decode("ascii") for c in text)


def markdown(text: str) -> str:
    """Text inside Markdown (sentence, heading, table cell): shown as it is, never markup, never a link."""
    shown = visible(text).translate(_MARKDOWN_ANYWHERE)
    shown = _MARKDOWN_LINK.sub(lambda found: f"\\{found[0]}", shown)
    shown = _MARKDOWN_START.sub(lambda found: f"{found[0]}\\", shown)
    return _OUTER_SPACE.sub(lambda found: "&#32;" * len(found[0]), shown)


def html(text: str) -> str:
    """Text inside HTML, between tags or in a quoted attribute."""
    return escape(visible(text), quote=True)


def csv_cell(text: str) -> str:
    """Text for a CSV cell that no spreadsheet runs as a formula; quoting is left to the CSV writer."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA_START) else shown


def number(x: float) -> str:
    """Four significant digits, thousands separated: `0.9123`, `50,000`, `1.5e-5`, `nan`."""
    if not math.isfinite(x):
        return str(float(x))
    if x == 0:
        return "0"
    if abs(x) >= 1000 or x == int(x):
        return f"{x:,.0f}"
    if abs(x) >= SMALLEST_PLAIN_NUMBER:
        return f"{x:.4g}"
    mantissa, exponent = f"{x:.3e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def percent(x: float) -> str:
    """A fraction as per cent with one decimal: `91.2 %`. Never rounded to all or nothing."""
    if not math.isfinite(x):
        return str(float(x))
    shown = f"{100 * x:.1f}"
    if 0 < x < 1 and shown == "0.0":
        return "< 0.1 %"
    if 0 < x < 1 and shown == "100.0":
        return "> 99.9 %"
    return f"{shown if x else '0.0'} %"


def duration(seconds: float) -> str:
    """A time span: `350 ms`, `3.2 s`, `41 s`, `3 min 20 s`, `2 h 05 min`; `unknown` when it is not finite."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if 0 < seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if 0 < seconds < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60:02d} min"


def size(num_bytes: float) -> str:
    """An amount of memory or disk, in powers of 1024: `512 bytes`, `1.2 MiB`."""
    if abs(num_bytes) < 1024:
        return count(round(num_bytes), "byte")
    value = float(num_bytes)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if abs(value) < 1023.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:,.1f} TiB"


def interval(lo: float, hi: float) -> str:
    """An interval: `[0.904, 0.919]`."""
    return f"[{number(lo)}, {number(hi)}]"


def count(n: int, noun: str) -> str:
    """A number of things: `1 image`, `2,000 images`, `3 classes`."""
    if n == 1:
        return f"1 {noun}"
    if noun.endswith(("s", "x", "ch", "sh")) and not noun.endswith("epoch"):
        return f"{n:,} {noun}es"
    if noun.endswith("y") and not noun.endswith(("ay", "ey", "oy", "uy")):
        return f"{n:,} {noun[:-1]}ies"
    return f"{n:,} {noun}s"


def _is_visible(character: str) -> bool:
    # Spaces such as U+202F (in the names of macOS screenshots) stay: a path in a CSV has to match the file.
    return character.isprintable() or unicodedata.category(character) == "Zs"
