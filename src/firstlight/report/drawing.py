"""How firstlight's plots look, and how text from the data gets into them without harm."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from firstlight.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008): told apart with every common colour blindness.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
FONT = "DejaVu Sans"  # comes with matplotlib, so that a plot looks the same everywhere
MISSING = "□"


@contextlib.contextmanager
def canvas() -> Iterator[None]:
    """Settings for one plot, whatever the user's matplotlibrc says; nothing outside is changed."""
    import matplotlib as mpl

    settings: dict[Any, Any] = {
        "font.family": FONT,
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "legend.fontsize": 8,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "lines.markersize": 4,
        "savefig.dpi": 110,
        "text.parse_math": False,  # a class called $x^2$ is a name, not a formula
        "text.usetex": False,
    }
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(settings)
        yield


def plain_axes(axes: Axes, title: str, xlabel: str) -> None:
    """Title to the left, light grid, no box."""
    axes.set_title(title, loc="left")
    axes.set_xlabel(xlabel)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def drawable(name: str, length: int, *, index: int | None = None) -> str:
    """A name for a plot: one visible line of at most `length` characters, with a box for what the font lacks.

    Args:
        name: Raw text from the data.
        length: Characters at most; a longer name loses its middle, because names often differ at their end.
        index: Put in front when characters had to be replaced, so that names stay told apart.
    """
    known = _characters()
    shown = "".join(c if ord(c) in known else MISSING for c in visible(name)) or "(empty)"
    if MISSING in shown and index is not None:
        shown = f"#{index} {shown}"
    if len(shown) <= length:
        return shown
    head = (length - 1) // 2
    return f"{shown[:head]}…{shown[-(length - 1 - head) :]}"


@cache
def _characters() -> frozenset[int]:
    from matplotlib import font_manager, ft2font

    return frozenset(ft2font.FT2Font(font_manager.findfont(FONT)).get_charmap())
