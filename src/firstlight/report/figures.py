"""Section 2 of the report: final metrics, references, classes, confusions, calibration, worst examples."""

from __future__ import annotations

from collections.abc import Iterator

from firstlight import text
from firstlight.report import words
from firstlight.report.blocks import Block, Heading, Picture, Table, Text
from firstlight.results.classification import DEFINITIONS, Classification
from firstlight.results.facts import Facts

MOST_CLASSES = 30  # rows of the per-class table; the weakest are shown (judgement: one screen)
MOST_PAIRS = 15  # confused pairs
MOST_EXAMPLES = 24


def final_metrics(facts: Facts) -> Iterator[Block]:
    """The blocks of the section, from what the run left."""
    for problem in facts.problems:
        yield Text(text=problem, tone="warning")
    yield from _metrics(facts)
    yield from _references(facts)
    if facts.classification is None:
        yield Text(
            text="There are no predictions of a best checkpoint, so classes are not shown.", tone="warning"
        )
        return
    yield from _classes(facts, facts.classification)
    yield from _confusions(facts, facts.classification)
    yield from _calibration(facts.classification)
    yield from _worst(facts, facts.classification)


def _metrics(facts: Facts) -> Iterator[Block]:
    best = facts.best
    names = list(best.metrics) if best else []
    if facts.classification:
        names += [n for n in facts.classification.metrics if n not in names]
    if best is None and not names:
        yield Text(text="No epoch was validated, so there are no final metrics.", tone="warning")
        return
    rows = []
    for name in names:
        figure = facts.figure(name)
        if figure is not None:
            label = f"{words.metric(name)} (judged)" if name == facts.metric else words.metric(name)
            rows.append((label, words.value(figure.value), words.span(facts.interval(name)), figure.source))
    if best is not None:
        source = f"logs/metrics.json#epochs[{facts.epochs.index(best)}].train_loss"
        rows.append((words.metric("train_loss"), words.value(best.train_loss), words.NOT_KNOWN, source))
        of = f" of {facts.outcome.epochs_run} that ran" if facts.outcome else ""
        yield Text(text=f"All figures are those of the best checkpoint: epoch {best.epoch}{of}.")
    yield Table(columns=("Metric", "Value", "95 % interval", "Source"), rows=tuple(rows), numbers_to=3)
    figures = facts.classification
    if figures:
        defined = "; ".join(f"{words.metric(n)}: {DEFINITIONS[n]}" for n in names if n in DEFINITIONS)
        yield Text(
            text=f"Intervals are for the luck of which {text.count(figures.rows, 'row')} are in the "
            f"validation part (Wilson for accuracy, bootstrap over rows for the others). {defined}.",
            tone="note",
        )
        for note in figures.notes:
            yield Text(text=f"{note[:1].upper()}{note[1:]}.", tone="note")


def _references(facts: Facts) -> Iterator[Block]:
    yield Heading(text="Beside simple models on the same split")
    if not facts.references:
        yield Text(text="No reference was run.", tone="warning")
        return
    metrics = list(dict.fromkeys([facts.metric, "val_accuracy", "val_loss"]))
    rows = []
    own = [words.value(f.value if (f := facts.figure(m)) else None) for m in metrics]
    rows.append(("this model", *own, words.NOT_KNOWN, words.NOT_KNOWN, words.NOT_KNOWN, words.NOT_KNOWN))
    for reference in facts.references:
        pair = facts.paired.get(reference.name)
        rows.append(
            (
                words.reference(reference.name),
                *(words.value(reference.metrics.get(m)) for m in metrics),
                words.points(pair.difference) if pair else words.NOT_KNOWN,
                words.point_span(pair.low, pair.high) if pair else words.NOT_KNOWN,
                words.probability(pair.p_value) if pair else words.NOT_KNOWN,
                text.duration(reference.seconds),
            )
        )
    columns = ("Model", *(words.metric(m) for m in metrics), "Accuracy gained", "95 % interval", "p", "Time")
    yield Table(columns=columns, rows=tuple(rows))
    yield Text(
        text="Accuracy gained: this model minus the reference on the same rows, in points, with the interval "
        "for matched pairs (Bonett and Price) and the exact McNemar p-value.",
        tone="note",
    )
    for reference in facts.references:
        if reference.note:
            yield Text(text=f"{words.reference(reference.name)}: {reference.note}.", tone="note")


def _classes(facts: Facts, figures: Classification) -> Iterator[Block]:
    yield Heading(text="Each class")
    counted = [c for c in figures.per_class if c.support]
    shown, note = counted, ""
    if len(counted) > MOST_CLASSES:
        shown = sorted(counted, key=lambda c: (c.f1, -c.support))[:MOST_CLASSES]
        note = (
            f"The {MOST_CLASSES} classes with the lowest F1 of {len(counted):,}; "
            "all predictions are in logs/predictions_val.npz."
        )
    rows = tuple(
        (
            facts.class_name(c.index),
            f"{c.support:,}",
            text.percent(c.recall),
            words.percent_span(c.recall_interval),
            text.percent(c.precision) if c.claimed else words.NOT_KNOWN,
            words.percent_span(c.precision_interval) if c.claimed else words.NOT_KNOWN,
            words.value(c.f1),
            words.span(c.f1_interval),
        )
        for c in shown
    )
    yield Table(
        columns=("Class", "Rows", "Recall", "95 %", "Precision", "95 %", "F1", "95 %"), rows=rows, note=note
    )


def _confusions(facts: Facts, figures: Classification) -> Iterator[Block]:
    yield Heading(text="Most confused")
    if not figures.confused:
        yield Text(text="No validation row is wrong.")
        return
    wrong = sum(pair.rows for pair in figures.confused)
    rows = tuple(
        (facts.class_name(p.actual), facts.class_name(p.predicted), f"{p.rows:,}", text.percent(p.share))
        for p in figures.confused[:MOST_PAIRS]
    )
    left = len(figures.confused) - len(rows)
    yield Table(
        columns=("Is", "Taken for", "Rows", "Of that class"),
        rows=rows,
        numbers_from=2,
        note=f"{text.count(wrong, 'row')} of {figures.rows:,} are wrong"
        + (f"; {text.count(left, 'more pair')} not shown." if left else "."),
    )
    yield Picture(path="plots/confusion.png", alt="Confusion matrix of the validation part")


def _calibration(figures: Classification) -> Iterator[Block]:
    found = figures.calibration
    yield Heading(text="Can the confidence be believed?")
    lean = "more" if found.confidence > found.accuracy else "less"
    yield Text(
        text=f"Mean confidence is {text.percent(found.confidence)}, accuracy {text.percent(found.accuracy)}: "
        f"the model is {lean} sure than it is right. The calibration error over "
        f"{text.count(len(found.bins), 'bin')} of equal mass is {words.value(found.error)}; a perfectly "
        f"calibrated model would show about {words.value(found.error_by_luck)} with so many rows."
    )
    if found.note:
        yield Text(text=f"{found.note}.", tone="note")
    yield Picture(path="plots/calibration.png", alt="Accuracy against confidence")


def _worst(facts: Facts, figures: Classification) -> Iterator[Block]:
    yield Heading(text="Examples that the model gets most wrong")
    if facts.predictions is None:
        return
    rows = tuple(
        (
            str(facts.predictions.ids[e.row]),
            facts.class_name(e.actual),
            facts.class_name(e.predicted),
            text.percent(e.confidence),
            words.value(e.loss),
        )
        for e in figures.worst[:MOST_EXAMPLES]
    )
    if facts.worst is not None and len(facts.worst.ids):
        yield Picture(path="plots/worst_examples.png", alt="The images that the model gets most wrong")
    yield Table(
        columns=("Row", "Labelled", "Predicted", "Confidence", "Loss"),
        rows=rows,
        numbers_from=3,
        note="Look here for wrong labels first: firstlight explain data_quality.",
    )
