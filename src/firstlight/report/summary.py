"""The verdict first: what a person understands in five seconds, on the page and on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from firstlight import text
from firstlight.experiment.records import NETWORK, Decision, Gate
from firstlight.gates.post_baseline import UTILIZATION_TARGET
from firstlight.report import words
from firstlight.report.blocks import Verdict
from firstlight.results.facts import Facts
from firstlight.results.first import first_model

LABEL_WIDTH = 12  # of the block on the terminal
LONGEST_REASON = 160  # characters; a longer one is cut on the terminal and whole in the report


def verdict(facts: Facts, decision: Decision, gates: tuple[Gate, ...] = ()) -> Verdict:
    """The verdict as a part of the page."""
    return Verdict(
        verdict=decision.verdict,
        headline=words.HEADLINES[decision.verdict],
        figures=tuple(_figures(facts, decision)),
        reasons=decision.reasons,
        next=words.next_command(facts, decision, gates),
        page=words.page_to_read(facts, decision),
    )


def summary(facts: Facts, decision: Decision, gates: tuple[Gate, ...] = ()) -> str:
    """The verdict as about eight plain lines for the terminal; names from the data are harmless in it."""
    shown = verdict(facts, decision, gates)
    lines = [("VERDICT", f"{decision.verdict.upper()}: {shown.headline}")]
    lines += [(label, f"{value} {detail}".strip()) for label, value, detail in shown.figures]
    for number, reason in enumerate(shown.reasons):
        cut = reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"
        lines.append(("" if number else "Why", cut))
    if shown.page:
        lines.append(("Read", f"firstlight explain {shown.page}"))
    lines.append(("Report", str(facts.root / "report.html")))
    lines.append(("Next", shown.next))
    return "\n".join(f"{label:<{LABEL_WIDTH}}{text.visible(line)}".rstrip() for label, line in lines)


def _figures(facts: Facts, decision: Decision) -> Iterator[tuple[str, str, str]]:
    """(label, value, detail), the result first."""
    label = "Best so far" if decision.verdict == "failed" else "Result"
    name = words.metric(decision.metric)
    if decision.value is None:
        yield label, "none", f"({name}: no checkpoint was validated)"
    else:
        span = f", 95\u00a0% interval {words.span(decision.interval)}" if decision.interval else ""
        of = "" if decision.model == NETWORK else f" of {words.reference(decision.model)}"
        yield label, words.value(decision.value), f"{name}{of}{span}"
        figure = facts.figure(decision.metric)
        if decision.model != NETWORK and figure is not None:
            yield (
                "Network",
                words.value(figure.value),
                f"{name}, {facts.config.model.name if facts.config else ''}",
            )
    if decision.target is not None:
        side = "at most" if facts.lower_is_better else "at least"
        yield "Target", f"{side} {words.value(decision.target)}", ""
    if decision.reference is not None:
        yield "Reference", words.value(float(decision.reference["value"])), _reference(facts, decision)
    outcome = facts.outcome
    if outcome is not None and outcome.utilization is not None:
        share = text.percent(outcome.utilization["mean"])
        yield "Utilization", share, f"on average; the target is {text.percent(UTILIZATION_TARGET)}"
    elif outcome is not None:
        yield "Utilization", "not measured", f"({outcome.utilization_note.removeprefix('not measurable: ')})"
    if outcome is not None:
        budget = f"of {text.duration(60 * facts.config.budget.minutes)}" if facts.config else ""
        yield "Time used", text.duration(outcome.command_seconds), budget


def _reference(facts: Facts, decision: Decision) -> str:
    assert decision.reference is not None  # the caller asks first
    name = str(decision.reference["name"])
    pair = first_model(facts).paired.get(name)
    if pair is None or decision.metric != facts.metric:
        return words.reference(name)
    if pair.difference == 0:
        return f"{words.reference(name)}; the model is just as good"
    ahead = (pair.difference > 0) != facts.lower_is_better
    size = words.amount(facts.metric, pair.difference)
    return f"{words.reference(name)}; the model is {size} {'ahead' if ahead else 'behind'}"
