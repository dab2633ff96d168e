"""The words for metrics, references and verdicts, and how their figures are written."""

from __future__ import annotations

import math

from firstlight import text
from firstlight.decision.route import REPORT_ITEM, route
from firstlight.experiment.records import Decision, Gate, Reference
from firstlight.results.facts import Facts

METRICS = {
    "train_loss": "training loss",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "val_balanced_accuracy": "validation balanced accuracy",
    "val_macro_f1": "validation macro F1",
    "val_auroc": "validation AUROC",
    "val_r2": "validation R²",
    "val_rmse": "validation RMSE",
    "val_mae": "validation MAE",
    "val_mean_iou": "validation mean IoU",
    "val_perplexity": "validation perplexity",
}
# Shares of rows or pairs: their differences are told in points. R2 is none, it may be below nought.
SHARES = frozenset({"val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_auroc", "val_mean_iou"})
IN_UNIT = frozenset({"val_rmse", "val_mae"})  # in the unit of the target
HEADLINES = {
    "accept": "The baseline is accepted: it can be built on.",
    "optimize": "The pipeline works, the result is not good enough yet.",
    "failed": "Training failed: there is no baseline.",
}
NOT_KNOWN = "–"


def metric(name: str) -> str:
    """`val_accuracy` as `validation accuracy`."""
    return METRICS.get(name, name.replace("_", " "))


def title(name: str) -> str:
    """`val_auroc` as `Validation AUROC`."""
    said = metric(name)
    return f"{said[:1].upper()}{said[1:]}"


def plain(name: str) -> str:
    """`val_accuracy` as `Accuracy`, `val_rmse` as `RMSE`."""
    said = metric(name).removeprefix("validation ")
    return f"{said[:1].upper()}{said[1:]}"


def reference(name: str) -> str:
    """`logistic_regression` as `logistic regression`."""
    return name.replace("_", " ")


def failed(found: Reference) -> str:
    """A reference that raised an error."""
    return f"{reference(found.name)} failed, so nothing was compared with it: {found.error}."


def value(x: float | None) -> str:
    """A figure, or a dash for one that is not known."""
    return NOT_KNOWN if x is None or math.isnan(x) else text.number(x)


def span(bounds: tuple[float, float] | None) -> str:
    """An interval as `0.904 to 0.919` (brackets would have to be escaped in Markdown), or a dash."""
    return NOT_KNOWN if bounds is None else f"{text.number(bounds[0])} to {text.number(bounds[1])}"


def difference(name: str, x: float) -> str:
    """A difference in a metric: `+50.2 points` of a share, `-35.2` in the unit of an error."""
    return f"{100 * x:+.1f} points" if name in SHARES else signed(_rounded(x))


def difference_span(name: str, low: float, high: float) -> str:
    """The interval of a difference in a metric: `+48.1 to +52.3`."""
    if name in SHARES:
        return f"{100 * low:+.1f} to {100 * high:+.1f}"
    return signed_span(_rounded(low), _rounded(high))


def amount(name: str, x: float) -> str:
    """The size of a difference in a metric: `50.2 points`, `35.2`."""
    return f"{100 * abs(x):.1f} points" if name in SHARES else text.number(_rounded(abs(x)))


def _rounded(x: float) -> float:
    """To three digits: a difference is not known better, and its fourth digit only takes room."""
    return float(f"{x:.3g}")


def signed(x: float) -> str:
    """A difference with its sign: `+35.2`."""
    return f"{'+' if x > 0 else ''}{text.number(x)}"


def signed_span(low: float, high: float) -> str:
    """The interval of a difference: `-3.1 to +5.2`."""
    return f"{signed(low)} to {signed(high)}"


def percent_span(bounds: tuple[float, float]) -> str:
    """The interval of a share: `90.4 to 91.9`."""
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f}"


def probability(p: float) -> str:
    """A p-value, never written as nought."""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def next_command(facts: Facts, decision: Decision, gates: tuple[Gate, ...] = ()) -> str:
    """The command that follows from the verdict and the gates, ready for a shell.

    Without gates they are taken as open; that the report is not there yet counts for nothing while it is written.
    """
    sound = Gate(phase="baseline", items=())
    setup, baseline = gates or (sound, sound)
    baseline = Gate(phase="baseline", items=tuple(i for i in baseline.items if i.id != REPORT_ITEM))
    step = route(experiment=facts.root, setup=setup, baseline=baseline, progress="trained", decision=decision)
    return step.command


def page_to_read(facts: Facts, decision: Decision) -> str | None:
    """The handbook page that belongs to the outcome."""
    if facts.outcome is not None and facts.outcome.alarm:
        return facts.outcome.alarm
    if decision.verdict == "failed":
        return "crashes" if facts.outcome is None else "convergence_stall"
    return "general_improvement" if decision.verdict == "optimize" else None


def seconds_used(facts: Facts) -> str | None:
    """`12 min 03 s of 45 min 00 s`."""
    if facts.outcome is None:
        return None
    used = text.duration(facts.outcome.command_seconds)
    return used if facts.config is None else f"{used} of {text.duration(60 * facts.config.budget.minutes)}"


def utilization(facts: Facts) -> str:
    """`mean 93 %`, or why it is not known."""
    outcome = facts.outcome
    if outcome is None or outcome.utilization is None:
        return "not measured"
    return f"{text.percent(outcome.utilization['mean'])} on average"
