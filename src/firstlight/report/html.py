"""The page as one HTML file: offline, no external resource, interactive curves, light and dark.

Text from the data is escaped by the template's autoescape; figures for the curves travel as JSON in which `<`
cannot occur; and the page's own policy runs no script and no style but the two that are written here.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping
from importlib import resources
from typing import Any

from firstlight.gates.post_baseline import UTILIZATION_TARGET
from firstlight.report import words
from firstlight.report.blocks import Page, shortened
from firstlight.report.levels import levels_of
from firstlight.results.facts import Facts
from firstlight.text import visible

TEMPLATE, STYLE, SCRIPT = "report.html.jinja", "report.css", "report.js"


def render_html(page: Page, facts: Facts, pictures: Mapping[str, bytes]) -> str:
    """Writes report.html.

    Args:
        page: The parts.
        facts: For the curves.
        pictures: PNG bytes by path below the experiment folder, such as `plots/curves.png`.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shown"] = lambda raw: visible(shortened(raw))
    style, script = _asset(STYLE), _asset(SCRIPT)
    return environment.from_string(_asset(TEMPLATE)).render(
        page=page,
        charts=charts(facts),
        pictures={path: _data_uri(png) for path, png in pictures.items()},
        style=style,
        script=script,
        policy=(
            f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
            "base-uri 'none'; form-action 'none'"
        ),
    )


def charts(facts: Facts) -> dict[str, Any]:
    """What the script draws: epochs, the best one, each chart's series and level lines; not finite = null."""
    epochs = facts.epochs
    judged = facts.drawn_metric
    levels = [{"name": visible(name), "value": _finite(value)} for name, value in levels_of(facts)]

    def metric(name: str) -> list[float | None]:
        return [_finite(e.metrics.get(name)) for e in epochs]

    def column(name: str, scale: float = 1.0) -> list[float | None]:
        return [_finite(v * scale if (v := getattr(e, name)) is not None else None) for e in epochs]

    alike, apart = _others(facts, judged)
    drawn: list[dict[str, Any]] = [
        _chart("Loss", [("training", column("train_loss")), ("validation", metric("val_loss"))]),
        _chart(
            words.title(judged),
            [("this model", metric(judged)), *((words.plain(n), metric(n)) for n in alike)],
            levels,
            shown=1,
        ),
        *(_chart(words.title(n), [("this model", metric(n))]) for n in apart),
        _chart("Learning rate", [("learning rate", column("learning_rate"))], zero=True),
        _chart(
            "Gradient norm", [("mean", column("grad_norm")), ("largest", column("grad_norm_max"))], zero=True
        ),
        _chart("Examples per second", [("training", column("examples_per_second"))], zero=True),
        _chart(
            "Share of the time, %",
            [("utilization", column("utilization", 100)), ("waiting for data", column("data_wait", 100))],
            [{"name": "utilization target", "value": 100 * UTILIZATION_TARGET}],
            zero=True,
        ),
    ]
    return {
        "epochs": [e.epoch for e in epochs],
        "best": facts.best.epoch if facts.best else None,
        "charts": drawn,
    }


def _others(facts: Facts, judged: str) -> tuple[list[str], list[str]]:
    """The other metrics: those that fit the scale of the judged one, and those that need a chart of their own."""
    names = [n for e in facts.epochs[:1] for n in e.metrics if n not in ("val_loss", judged)]
    scales = (words.SHARES, words.IN_UNIT)
    scale = next((s for s in scales if judged in s), frozenset())
    return [n for n in names if n in scale], [n for n in names if n not in scale]


def _chart(
    title: str,
    series: list[tuple[str, list[float | None]]],
    levels: list[dict[str, Any]] | None = None,
    *,
    zero: bool = False,
    shown: int = 4,
) -> dict[str, Any]:
    """One chart; `shown` series are drawn at first, the others after a click on their name."""
    kept = [
        {"name": name, "values": values, "shown": place < shown}
        for place, (name, values) in enumerate(series)
        if any(v is not None for v in values)
    ]
    return {"title": title, "series": kept, "levels": levels or [], "zero": zero}


def _finite(x: float | None) -> float | None:
    return float(f"{x:.6g}") if x is not None and math.isfinite(x) else None


def _asset(name: str) -> str:
    return resources.files("firstlight.report.templates").joinpath(name).read_text("utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
