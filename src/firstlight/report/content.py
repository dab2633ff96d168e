"""What the baseline report says: the verdict, and the seven sections after it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from firstlight import text
from firstlight.config.schema import Config
from firstlight.experiment.records import Decision, Gate
from firstlight.report import words
from firstlight.report.blocks import (
    Block,
    Bullets,
    Chart,
    Command,
    Heading,
    Page,
    Picture,
    Section,
    Table,
    Text,
)
from firstlight.report.figures import final_metrics
from firstlight.report.profile import training_profile
from firstlight.report.summary import verdict
from firstlight.report.verified import not_verified, verified
from firstlight.results.facts import Facts

MOST_EPOCH_ROWS = 60  # of the table; logs/metrics.json has all (judgement: longer is scrolled past)
MOST_FIELDS = 60  # rows of the environment and data tables
MOST_NESTED = 20  # entries of a mapping that get a row each; a longer one is counted
LONGEST_VALUE = 120  # characters of a setting or a recorded value
STATES = {"passed": "yes", "failed": "no", "not_applicable": "n/a", "needs_person": "open"}


def baseline_page(facts: Facts, decision: Decision, gates: tuple[Gate, ...]) -> Page:
    """The whole report as parts; every figure comes from `facts` or `decision`."""
    config = facts.config
    return Page(
        name=(config.experiment.name if config else None) or facts.root.name,
        verdict=verdict(facts, decision, gates),
        sections=(
            Section(id="configuration", title="1. Configuration", blocks=tuple(_configuration(facts))),
            Section(id="metrics", title="2. Final metrics", blocks=tuple(final_metrics(facts))),
            Section(id="profile", title="3. Training profile", blocks=tuple(training_profile(facts))),
            Section(id="checkpoints", title="4. Checkpoints", blocks=tuple(_checkpoints(facts))),
            Section(id="curves", title="5. Curves", blocks=tuple(_curves(facts))),
            Section(id="environment", title="6. Environment", blocks=tuple(_environment(facts))),
            Section(id="decision", title="7. Decision", blocks=tuple(_decision(facts, decision, gates))),
        ),
    )


def _configuration(facts: Facts) -> Iterator[Block]:
    if facts.config is None:
        yield Text(text="training_config.yaml could not be read.", tone="warning")
    else:
        yield Table(columns=("Section", "Settings"), rows=tuple(_settings(facts.config)), numbers_from=2)
        yield Text(
            text="The reason for each measured value stands beside it in training_config.yaml.", tone="note"
        )
    if facts.profile:
        yield Heading(text="Data")
        yield from _data(facts.profile)


def _data(profile: Mapping[str, Any]) -> Iterator[Block]:
    """What setup found, as it wrote it for people, and its warnings."""
    rows = tuple((str(name), str(value)) for name, value in profile.get("shown", ()))
    yield Table(columns=("", ""), rows=rows, numbers_from=2, note="The whole record: logs/profile.json.")
    for warning in profile.get("warnings", ()):
        yield Text(text=str(warning), tone="warning")


def _settings(config: Config) -> Iterator[tuple[str, str]]:
    """One row for each section: `epochs 8, batch_size 32`; what is not set is left out."""
    for name, section in config.model_dump(mode="json").items():
        values = section if isinstance(section, dict) else {name: section}
        shown = ", ".join(f"{key} {_plain(value)}" for key, value in values.items() if value is not None)
        if shown:
            yield name, shown


def _checkpoints(facts: Facts) -> Iterator[Block]:
    if not facts.checkpoints:
        yield Text(text="No checkpoint was written.", tone="warning")
        return
    rows = tuple(
        (
            f"checkpoints/{name}",
            words.value(entry.get("epoch")),
            words.value(entry.get("step")),
            text.size(entry["bytes"]) if "bytes" in entry else words.NOT_KNOWN,
            str(entry.get("sha256", words.NOT_KNOWN))[:16],
        )
        for name, entry in sorted(facts.checkpoints.items())
    )
    yield Table(columns=("File", "Epoch", "Step", "Size", "SHA-256 (first 16)"), rows=rows)
    outcome = facts.outcome
    if outcome is None:
        return
    picked_by = words.metric(outcome.metric)
    yield Text(text=f"The best checkpoint is the one of epoch {outcome.best_epoch}, picked by {picked_by}.")
    if outcome.reloaded_metrics:
        again = tuple(
            (words.metric(name), words.value(outcome.best_metrics.get(name)), words.value(value))
            for name, value in outcome.reloaded_metrics.items()
        )
        yield Heading(text="Loaded and evaluated again")
        yield Table(columns=("Metric", "While training", "After loading"), rows=again)
    else:
        yield Text(text="The best checkpoint was not loaded and evaluated again.", tone="warning")


def _curves(facts: Facts) -> Iterator[Block]:
    if not facts.epochs:
        yield Text(text="No epoch was validated, so there are no curves.", tone="warning")
        return
    yield Chart(
        picture=Picture(path="plots/curves.png", alt="Loss, metric and learning rate over the epochs")
    )
    names = list(dict.fromkeys(name for epoch in facts.epochs for name in epoch.metrics))
    shown = facts.epochs[:MOST_EPOCH_ROWS]
    best = facts.best
    rows = tuple(
        (
            f"{epoch.epoch} (best)" if epoch is best else str(epoch.epoch),
            words.value(epoch.train_loss),
            *(words.value(epoch.metrics.get(name)) for name in names),
            words.value(epoch.learning_rate),
            words.value(epoch.grad_norm),
            text.duration(epoch.seconds),
        )
        for epoch in shown
    )
    left = len(facts.epochs) - len(shown)
    yield Table(
        columns=(
            "Epoch",
            *map(words.metric, ("train_loss", *names)),
            "learning rate",
            "gradient norm",
            "time",
        ),
        rows=rows,
        note=f"{text.count(left, 'more epoch')} in logs/metrics.json." if left else "",
    )


def _environment(facts: Facts) -> Iterator[Block]:
    if facts.outcome and facts.outcome.machine:
        yield Heading(text="How this machine computed")
        yield Table(
            columns=("Choice", "Value and reason"), rows=tuple(facts.outcome.machine.items()), numbers_from=2
        )
    if facts.environment:
        yield Heading(text="Versions, hardware, origin")
        yield _field_table(facts.environment, "environment.json")
    else:
        yield Text(text="environment.json is missing or cannot be read.", tone="warning")


def _decision(facts: Facts, decision: Decision, gates: tuple[Gate, ...]) -> Iterator[Block]:
    yield Text(text=f"Verdict: {decision.verdict}. {words.HEADLINES[decision.verdict]}")
    if decision.reasons:
        yield Bullets(items=tuple(("", reason) for reason in decision.reasons))
    page = words.page_to_read(facts, decision)
    if page:
        yield Text(text="The page of the handbook to read:")
        yield Command(text=f"firstlight explain {page}")
    yield Text(text="The next command:")
    yield Command(text=words.next_command(facts, decision, gates))
    for gate in gates:
        state = "open" if gate.open else f"shut, {text.count(len(gate.missing), 'item')} missing"
        yield Heading(text=f"Gate of the {gate.phase} phase: {state}")
        yield Table(
            columns=("Item", "Passed", "Value", "Evidence", "Note"),
            rows=tuple((i.id, STATES[i.state], i.value, i.evidence, i.note) for i in gate.items),
            numbers_from=5,
        )
    yield Heading(text="What was verified")
    yield Bullets(items=tuple(verified(facts)))
    yield Heading(text="What was not")
    yield Bullets(items=tuple(("", line) for line in not_verified(facts)))


def _field_table(values: Mapping[str, Any], source: str) -> Table:
    rows = tuple(fields(values))
    left = len(rows) - MOST_FIELDS
    note = f"{text.count(left, 'more value')} in {source}." if left > 0 else f"From {source}."
    return Table(columns=("Recorded", "Value"), rows=rows[:MOST_FIELDS], numbers_from=2, note=note)


def fields(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested plain values as (dotted key, text); what is long is cut, with its length told."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and 0 < len(value) <= MOST_NESTED:
            yield from fields(value, f"{name}.")
        else:
            yield name, f"{value:,}" if type(value) is int else _plain(value)


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return text.number(value)
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(shown) <= LONGEST_VALUE:
        return shown
    if isinstance(value, list | tuple | dict):
        return f"{shown[: LONGEST_VALUE // 2]}… ({text.count(len(value), 'entry')})"
    return f"{shown[: LONGEST_VALUE // 2]}… ({len(shown):,} characters)"
