"""The verdict first: what a person understands in five seconds, on the page and on the terminal."""

from __future__ import annotations

from firstlight import text
from firstlight.experiment.records import Decision
from firstlight.report import words
from firstlight.report.blocks import Verdict
from firstlight.results.facts import UTILIZATION_TARGET, Facts

LABEL_WIDTH = 12  # of the block on the terminal
LONGEST_REASON = 160  # characters; a longer one is cut on the terminal and whole in the report


def verdict(facts: Facts, decision: Decision) -> Verdict:
    """The verdict as a part of the page."""
    return Verdict(
        verdict=decision.verdict,
        headline=words.HEADLINES[decision.verdict],
        figures=tuple(_figures(facts, decision)),
        reasons=decision.reasons,
        next=words.next_command(facts, decision),
        page=words.page_to_read(facts, decision),
    )


def summary(facts: Facts, decision: Decision) -> str:
    """The verdict as about eight plain lines for the terminal; names from the data are harmless in it."""
    shown = verdict(facts, decision)
    lines = [("VERDICT", f"{decision.verdict.upper()}: {shown.headline}"), *shown.figures]
    for number, reason in enumerate(shown.reasons):
        cut = reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"
        lines.append(("" if number else "Why", cut))
    if shown.page:
        lines.append(("Read", f"firstlight explain {shown.page}"))
    lines.append(("Report", str(facts.root / "report.html")))
    lines.append(("Next", shown.next))
    return "\n".join(f"{label:<{LABEL_WIDTH}}{text.visible(line)}".rstrip() for label, line in lines)


def _figures(facts: Facts, decision: Decision) -> list[tuple[str, str]]:
    found = [("Best so far" if decision.verdict == "failed" else "Result", _result(decision))]
    if decision.target is not None:
        word = "at most" if facts.lower_is_better else "at least"
        found.append(("Target", f"{word} {words.value(decision.target)}"))
    best = _best_reference(facts, decision)
    if best:
        found.append(("Reference", best))
    outcome = facts.outcome
    if outcome is not None:
        busy = words.utilization(facts)
        if outcome.utilization is not None:
            busy += f" (target {text.percent(UTILIZATION_TARGET)})"
        found.append(("Utilization", busy))
        found.append(("Time used", words.seconds_used(facts) or words.NOT_KNOWN))
    return found


def _result(decision: Decision) -> str:
    if decision.value is None:
        return f"no {words.metric(decision.metric)}: no checkpoint was validated"
    shown = f"{words.metric(decision.metric)} {words.value(decision.value)}"
    return f"{shown}, 95 % interval {words.span(decision.interval)}" if decision.interval else shown


def _best_reference(facts: Facts, decision: Decision) -> str | None:
    if decision.reference is None:
        return None
    name, value = str(decision.reference["name"]), float(decision.reference["value"])
    shown = f"{words.reference(name)} {words.value(value)}"
    pair = facts.paired.get(name)
    if pair is None or decision.metric != "val_accuracy":
        return shown
    side = "ahead" if pair.difference >= 0 else "behind"
    return f"{shown}; the model is {100 * abs(pair.difference):.1f} points {side}"
