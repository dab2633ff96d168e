"""Section 2 of the report: final metrics, references, and what the task has to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from firstlight import text
from firstlight.data.groups import too_few
from firstlight.experiment.records import NETWORK
from firstlight.report import added_up, classification, multilabel, regression, words
from firstlight.report.blocks import Block, Heading, Table, Text
from firstlight.results.added_up import DEFINITIONS as OF_SUMS
from firstlight.results.added_up import AddedUp
from firstlight.results.classification import DEFINITIONS as OF_CLASSES
from firstlight.results.classification import Classification
from firstlight.results.facts import Facts
from firstlight.results.first import First, as_first, first_model
from firstlight.results.intervals import Paired
from firstlight.results.multilabel import DEFINITIONS as OF_LABELS
from firstlight.results.multilabel import Multilabel
from firstlight.results.regression import DEFINITIONS as OF_NUMBERS
from firstlight.results.regression import Regression

DEFINITIONS = {"classification": OF_CLASSES, "multilabel": OF_LABELS, "regression": OF_NUMBERS, **OF_SUMS}
# Metrics that are shown beside the references, after the one that is judged.
COMPARED = {
    "classification": ("val_accuracy", "val_loss"),
    "multilabel": ("val_macro_f1", "val_accuracy", "val_auroc"),
    "regression": ("val_r2", "val_rmse", "val_mae"),
    "segmentation": ("val_mean_iou", "val_accuracy", "val_loss"),
    "tokens": ("val_accuracy", "val_macro_f1", "val_loss"),
    "language": ("val_perplexity", "val_loss", "val_accuracy"),
    "step": ("val_loss",),
}


def final_metrics(facts: Facts) -> Iterator[Block]:
    """The blocks of the section, from what the run left."""
    for problem in facts.problems:
        yield Text(text=problem, tone="warning")
    yield from _metrics(facts)
    yield from _references(facts)
    first = first_model(facts)
    if first.name != NETWORK:
        yield from _put_first(first)
    shown = as_first(facts)
    match shown.figures:
        case Classification() as figures:
            yield from classification.blocks(shown, figures)
        case Multilabel() as figures:
            yield from multilabel.blocks(shown, figures)
        case Regression() as figures:
            yield from regression.blocks(shown, figures)
        case AddedUp() as figures:
            yield from added_up.blocks(shown, figures)
        case None:
            missing = "There are no predictions of a best checkpoint, so what it gets wrong is not shown."
            yield Text(text=missing, tone="warning")


def _metrics(facts: Facts) -> Iterator[Block]:
    best = facts.best
    names = list(best.metrics) if best else []
    if facts.figures:
        names += [n for n in facts.figures.metrics if n not in names]
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
    yield from _explained(facts, names)


def _put_first(first: First) -> Iterator[Block]:
    """The figures of a fitted reference that is better than the network."""
    name = words.reference(first.name)
    yield Heading(text=f"Put first: {name}")
    yield Text(
        text=f"It is better than the network on these rows; what follows in this section is of {name}."
    )
    metrics = first.figures.metrics if first.figures else {}
    rows = tuple(
        (
            words.metric(metric),
            words.value(value),
            words.span(first.interval(metric)),
            f"logs/references.npz#{first.name}",
        )
        for metric, value in metrics.items()
    )
    yield Table(columns=("Metric", "Value", "95 % interval", "Source"), rows=rows, numbers_to=3)


def _explained(facts: Facts, names: list[str]) -> Iterator[Block]:
    """What the intervals cover, what the metrics are, and what could not be computed."""
    figures = facts.figures
    if figures is None:
        return
    known = DEFINITIONS[facts.task]
    defined = "; ".join(f"{words.metric(n)}: {known[n]}" for n in names if n in known)
    yield Text(
        text=f"Intervals are for the luck of which {_drawn(facts, figures.rows)} are in the "
        f"validation part ({_way(facts)}). {defined}.",
        tone="note",
    )
    groups = facts.predictions.groups if facts.predictions else None
    if groups is not None and groups.few:
        yield Text(text=too_few(groups.count), tone="warning")
    for note in figures.notes:
        yield Text(text=f"{note[:1].upper()}{note[1:]}.", tone="note")


def _drawn(facts: Facts, rows: int) -> str:
    """What could have been others: `300 rows`, `40 groups of data.group with 300 rows`."""
    groups = facts.predictions.groups if facts.predictions else None
    said = text.count(rows, facts.figures.noun if isinstance(facts.figures, AddedUp) else "row")
    return said if groups is None else f"{text.count(groups.count, 'group')} of data.group with {said}"


def _way(facts: Facts) -> str:
    """How the intervals of the metrics were computed."""
    grouped = facts.predictions is not None and facts.predictions.groups is not None
    drawn = "cluster bootstrap over groups" if grouped else "bootstrap over rows"
    if isinstance(facts.figures, AddedUp):
        return f"bootstrap over {text.count(2, facts.figures.noun).removeprefix('2 ')}"
    if facts.task == "regression":
        return drawn
    share = "Wilson over the independent rows that the groups are worth" if grouped else "Wilson"
    return f"{share} for accuracy, {drawn} for the others"


def _references(facts: Facts) -> Iterator[Block]:
    yield Heading(text="Beside simple models on the same split")
    if not facts.references:
        yield Text(text="No reference was run.", tone="warning")
        return
    metrics = tuple(dict.fromkeys([facts.metric, *COMPARED[facts.task]]))
    own = {m: f.value for m in metrics if (f := facts.figure(m))}
    rows = [_row(facts, _own_name(facts), own, metrics, None, words.NOT_KNOWN)]
    for reference in facts.references:
        pair, took = facts.paired.get(reference.name), text.duration(reference.seconds)
        rows.append(_row(facts, words.reference(reference.name), reference.metrics, metrics, pair, took))
    columns = ("Model", *map(words.metric, metrics), *_difference_columns(facts), "Time")
    yield Table(columns=columns, rows=tuple(rows))
    if facts.paired:
        yield Text(text=_difference_note(facts), tone="note")
    for reference in facts.references:
        if reference.error:
            yield Text(
                text=f"{words.failed(reference)} The traceback is in logs/training.log.", tone="warning"
            )
        if reference.note:
            yield Text(text=f"{words.reference(reference.name)}: {reference.note}.", tone="note")


def _own_name(facts: Facts) -> str:
    """How the trained model is called beside others that could be used."""
    return f"the network, {facts.config.model.name}" if facts.candidates and facts.config else "this model"


def _row(
    facts: Facts,
    name: str,
    values: Mapping[str, float],
    metrics: tuple[str, ...],
    pair: Paired | None,
    took: str,
) -> tuple[str, ...]:
    cells = [words.NOT_KNOWN] * len(_difference_columns(facts))
    if pair is not None:
        cells[:2] = (
            words.difference(facts.metric, pair.difference),
            words.difference_span(facts.metric, pair.low, pair.high),
        )
        if pair.p_value is not None:
            cells[2] = words.probability(pair.p_value)
    return (name, *(words.value(values.get(m)) for m in metrics), *cells, took)


def _difference_columns(facts: Facts) -> tuple[str, ...]:
    """Headings of the paired differences, none when there are no pairs."""
    if not facts.paired:
        return ()
    with_p = any(pair.p_value is not None for pair in facts.paired.values())
    return (f"{words.plain(facts.metric)} difference", "95 % interval", *(("p",) if with_p else ()))


def _difference_note(facts: Facts) -> str:
    name = words.plain(facts.metric)
    unit = ", in points" if facts.metric in words.SHARES else ""
    groups = next((pair.groups for pair in facts.paired.values()), None)
    over = "rows" if groups is None else text.count(groups, "group")
    way = f"from a paired bootstrap over {over}"
    if facts.task == "classification" and facts.metric == "val_accuracy":
        way = "for matched pairs (Bonett and Price) and the exact McNemar p-value"
        if groups is not None:
            way = f"for matched pairs (Bonett and Price), over the independent rows that {over} are worth"
    good = "; less is better" if facts.lower_is_better else ""
    return f"{name} difference: this model minus the reference on the same rows{unit}, with the interval {way}{good}."
