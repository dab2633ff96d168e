"""What the person asked for, and the config that says it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstlight.config.override import apply_overrides
from firstlight.config.read import read_config
from firstlight.config.schema import Config
from firstlight.errors import UsageError

if TYPE_CHECKING:
    from firstlight.data.examples import Examples
    from firstlight.watch.progress import Progress

LEAST_MINUTES = 0.5  # below this not even the preflight fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the person asked for."""

    data: str
    out: Path | None = None
    minutes: float | None = None
    metric: str | None = None
    at_least: float | None = None
    overrides: tuple[str, ...] = ()
    confirmed: bool = False  # what only a person can confirm was confirmed on the command line
    examples: Examples | None = None  # a person's own, read already; then `data` names them
    started: float  # monotonic seconds at which the command began; the budget counts from there


def requested(request: Request, progress: Progress) -> tuple[Config, Path]:
    """The config as the person asked for it, and the folder that its paths start from."""
    path = Path(request.data)
    if request.examples is not None:
        config, base = _with_source(Config(), request.data), Path.cwd()
    elif path.suffix in (".yaml", ".yml"):
        parsed = read_config(path)
        for notice in parsed.notices:
            progress.note(notice)
        config, base = parsed.config, path.resolve().parent
    else:
        config, base = Config(), Path.cwd()
        config = _with_source(config, request.data)
    source = config.data.source
    if source and request.examples is None and not source.startswith("sample:"):
        absolute = os.path.abspath(base / os.path.expanduser(source))  # the experiment lies in another folder
        config = _with_source(config, absolute)
    if request.minutes is not None:
        config = _with(config, "budget", minutes=request.minutes)
    if request.metric is not None or request.at_least is not None:
        wanted = {"metric": request.metric, "at_least": request.at_least}
        config = _with(config, "acceptance", **{k: v for k, v in wanted.items() if v is not None})
    config = apply_overrides(config, request.overrides)
    if config.budget.minutes < LEAST_MINUTES:
        raise UsageError(
            "the budget is too small",
            f"budget.minutes = {config.budget.minutes:g}",
            f"give at least {LEAST_MINUTES:g} minutes: the checks and the report need some of it",
        )
    return config, base


def _with_source(config: Config, source: str) -> Config:
    """The config with that source, exactly as it is: as an override, a folder called null or [a would be YAML."""
    values = config.model_dump(exclude_unset=True)
    values.setdefault("data", {})["source"] = source or None
    return Config.model_validate(values)


def _with(config: Config, section: str, **values: Any) -> Config:
    """The config with some keys of a section set, checked, and counted as written by the user."""
    return apply_overrides(config, [f"{section}.{key}={value}" for key, value in values.items()])


def data_path(config: Config) -> Path | None:
    """The folder or file of the data; None for a sample."""
    source = config.data.source
    return Path(source) if source and not source.startswith("sample:") else None


def name_of(config: Config) -> str:
    """What the experiment is called after: itself, or its data."""
    source = config.data.source or "experiment"
    return config.experiment.name or Path(os.path.realpath(source.removeprefix("sample:"))).stem
