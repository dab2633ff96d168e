"""What a reader may rely on, and what nobody has looked at: both from the files, neither softened."""

from __future__ import annotations

import math
from collections.abc import Iterator

from firstlight import text
from firstlight.data.groups import too_few
from firstlight.report import words
from firstlight.results.facts import Facts
from firstlight.results.files import AGREEMENT

FEW_ROWS = (
    1000  # validation rows; below, the interval of an accuracy is wider than about four points (closed form)
)


def verified(facts: Facts) -> Iterator[tuple[str, str]]:
    """(yes or no or warning, sentence): every check that the files show, with its outcome."""
    lines = facts.preflight
    if lines:
        passed = sum(line.level == "ok" for line in lines)
        bad = [line for line in lines if line.level in ("warning", "failed")]
        mark = "no" if any(line.level == "failed" for line in bad) else "warning" if bad else "yes"
        rest = f"; not: {', '.join(words.reference(line.id) for line in bad)}" if bad else ""
        yield mark, f"Preflight: {passed} of {text.count(len(lines), 'check')} passed{rest}."
    if facts.epochs:
        finite = all(math.isfinite(e.train_loss) for e in facts.epochs)
        yield (
            ("yes" if finite else "no"),
            f"Training losses finite in {text.count(len(facts.epochs), 'epoch')}.",
        )
    outcome = facts.outcome
    if outcome is not None and outcome.reloaded_metrics:
        same = [
            math.isclose(
                value, outcome.best_metrics.get(name, math.nan), rel_tol=AGREEMENT, abs_tol=AGREEMENT
            )
            for name, value in outcome.reloaded_metrics.items()
        ]
        yield ("yes" if all(same) else "no"), "The best checkpoint, loaded again, gives the recorded metrics."
    if facts.figures is not None and facts.best is not None:
        clash = [p for p in facts.problems if "predictions_val.npz" in p]
        yield (
            ("no" if clash else "yes"),
            "Metrics computed again from the stored predictions agree with the log.",
        )
    if facts.paired:
        beaten = sum(map(facts.beats, facts.paired))
        mark = "yes" if beaten == len(facts.paired) else "no"
        of = text.count(len(facts.paired), "reference")
        yield mark, f"Better than {beaten} of {of} in {words.metric(facts.metric)}, beyond the interval."
    if not lines and not facts.epochs:
        yield "no", "Nothing: the run ended before anything could be checked."


def not_verified(facts: Facts) -> Iterator[str]:
    """Sentences: what this baseline does not show."""
    seed = f" ({facts.config.seed})" if facts.config else ""
    yield f"One seed only{seed}: how much another seed would change the result is not known."
    if facts.best is not None:
        yield (
            f"The validation part picked the best of {text.count(len(facts.epochs), 'epoch')}, so its "
            "figures lean to the good side. The test part stays sealed until phase 5."
        )
    if facts.figures is not None and facts.figures.rows < FEW_ROWS:
        rows = text.count(facts.figures.rows, "row")
        yield f"The validation part has only {rows}: see how wide the intervals are."
    groups = facts.predictions.groups if facts.predictions else None
    if groups is not None and groups.few:
        yield too_few(groups.count)
    yield from (words.failed(r) for r in facts.references if r.error)
    unpaired = [r.name for r in facts.references if r.name not in facts.paired and not r.error]
    if unpaired and facts.figures is not None:
        names = ", ".join(words.reference(n) for n in unpaired)
        yield f"Not compared row by row: {names}."
    if not facts.references:
        yield "No simple model was run beside it, so a high figure may be easy to reach."
    yield (
        "New data from elsewhere: all parts come from the same source, so a change of place, of time or of the "
        "way in which the data is collected is not tested."
    )
    if facts.task == "step":
        yield "What the step takes for right is taken as it is."
        return
    answers = "The target is taken as it is" if facts.task == "regression" else "Labels are taken as they are"
    yield f"{answers}; the worst rows above are where wrong ones would show first."
