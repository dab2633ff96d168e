"""Section 3 of the report: time against the budget, utilization, plan changes, attempts, preflight."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from firstlight import text
from firstlight.experiment.records import Outcome
from firstlight.gates.post_baseline import UTILIZATION_LEAST, UTILIZATION_TARGET
from firstlight.report import words
from firstlight.report.blocks import Block, Heading, Picture, Table, Text
from firstlight.results.facts import Facts


def training_profile(facts: Facts) -> Iterator[Block]:
    """The blocks of the section."""
    outcome = facts.outcome
    if outcome is None:
        yield Text(text="Training left no outcome: logs/outcome.json is missing.", tone="warning")
    else:
        yield Table(columns=("", ""), rows=tuple(_run(facts, outcome)), numbers_from=2)
        if outcome.alarm:
            detail = f": {outcome.alarm_detail}" if outcome.alarm_detail else ""
            yield Text(text=f"Stopped by an alarm, {words.reference(outcome.alarm)}{detail}.", tone="warning")
        yield from _utilization(outcome)
    if facts.epochs:
        yield Picture(
            path="plots/throughput.png", alt="Examples per second, utilization and data wait by epoch"
        )
    yield from _plan(facts)
    yield from _attempts(facts)
    yield from _preflight(facts)


def _run(facts: Facts, outcome: Outcome) -> Iterator[tuple[str, str]]:
    yield "How it ended", f"{outcome.state.replace('_', ' ')}: {outcome.reason}"
    yield "Epochs", f"{outcome.epochs_run} of {outcome.epochs_planned} planned"
    yield "Parameters", f"{outcome.parameters:,}"
    yield "Command until this report", words.seconds_used(facts) or words.NOT_KNOWN
    if facts.config is not None:
        over = outcome.command_seconds - 60 * facts.config.budget.minutes
        yield "Budget", f"exceeded by {text.duration(over)}" if over > 0 else "kept"
    yield "Training alone", text.duration(outcome.train_seconds)
    if facts.epochs:
        seconds = [e.seconds for e in facts.epochs]
        speeds = [e.examples_per_second for e in facts.epochs]
        waits = [e.data_wait for e in facts.epochs]
        yield "An epoch", _range(seconds, text.duration)
        yield "Examples per second", _range(speeds, text.number)
        yield "Waiting for data", f"{_range(waits, text.percent)} of the time"
        norms = [e.grad_norm_max for e in facts.epochs if math.isfinite(e.grad_norm_max)]
        yield "Largest gradient norm", words.value(max(norms, default=math.nan))
        yield "Peak memory", text.size(max(e.memory_bytes for e in facts.epochs))


def _range(values: list[float], write: Callable[[float], str]) -> str:
    low, high = write(min(values)), write(max(values))
    return low if low == high else f"{low} to {high}"


def _utilization(outcome: Outcome) -> Iterator[Block]:
    yield Heading(text="Utilization")
    measured = outcome.utilization
    if measured is None:
        yield Text(
            text=f"Not measured: {outcome.utilization_note or 'no reason was recorded'}.", tone="warning"
        )
        return
    mean = measured["mean"]
    rows = [
        ("Mean", text.percent(mean)),
        ("Lowest sample", text.percent(measured["min"])),
        ("Samples", f"{measured['samples']:,.0f}"),
        ("Target", text.percent(UTILIZATION_TARGET)),
    ]
    if "others" in measured:
        rows.append(("Cores taken by other processes", text.number(measured["others"])))
    yield Table(columns=("", ""), rows=tuple(rows), note=f"Measured as: {outcome.utilization_note}.")
    if mean >= UTILIZATION_TARGET:
        yield Text(text="The target is met.")
    elif mean >= UTILIZATION_LEAST:
        yield Text(
            text="Below the target: state the reason, or read: firstlight explain resource_inefficiency.",
            tone="warning",
        )
    else:
        yield Text(
            text=f"Below {text.percent(UTILIZATION_LEAST)}, which shuts the gate. "
            "Read: firstlight explain resource_inefficiency.",
            tone="warning",
        )


def _plan(facts: Facts) -> Iterator[Block]:
    yield Heading(text="Changes of the plan")
    if not facts.plan:
        yield Text(text="None: the run followed its first plan.")
        return
    yield Table(
        columns=("At step", "Epochs", "Steps in all", "Reason"),
        rows=tuple((f"{c.step:,}", f"{c.epochs:,}", f"{c.total_steps:,}", c.reason) for c in facts.plan),
        numbers_to=3,
    )


def _attempts(facts: Facts) -> Iterator[Block]:
    yield Heading(text="Attempts")
    if not facts.attempts:
        yield Text(text="One: nothing was restarted.")
        return
    rows = []
    for attempt in facts.attempts:
        outcome = attempt.outcome
        ended = f"{outcome.state}: {outcome.reason}" if outcome else "left no outcome"
        alarm = (outcome.alarm if outcome else None) or words.NOT_KNOWN
        rows.append(
            (
                f"attempts/{attempt.number}",
                str(attempt.epochs),
                words.value(attempt.learning_rate),
                alarm,
                ended,
            )
        )
    rate = facts.config.training.learning_rate if facts.config else None
    rows.append(("this one", str(len(facts.epochs)), words.value(rate), words.NOT_KNOWN, ""))
    yield Table(
        columns=("Attempt", "Epochs", "Learning rate", "Alarm", "How it ended"),
        rows=tuple(rows),
        numbers_from=5,
    )


def _preflight(facts: Facts) -> Iterator[Block]:
    yield Heading(text="Preflight")
    if not facts.preflight:
        yield Text(text="The preflight left no record.", tone="warning")
        return
    yield Table(
        columns=("Check", "Result", "What was found", "To do"),
        rows=tuple(
            (
                words.reference(line.id),
                line.level.replace("_", " "),
                line.message,
                "; ".join(
                    x for x in (line.remedy, f"firstlight explain {line.page}" if line.page else None) if x
                ),
            )
            for line in facts.preflight
        ),
        numbers_from=4,
    )
