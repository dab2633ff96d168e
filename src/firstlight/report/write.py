"""Writes the reports of phase 2 from the files of an experiment alone."""

from __future__ import annotations

from pathlib import Path

from firstlight.experiment import records_io, store
from firstlight.experiment.folder import Folder
from firstlight.experiment.records import Decision, Gate
from firstlight.gates.status import compute_gates
from firstlight.report.content import baseline_page
from firstlight.report.html import render_html
from firstlight.report.markdown import render_markdown
from firstlight.report.plots import plots
from firstlight.results.facts import Facts, read_facts


def write_report(folder: Folder) -> tuple[Path, ...]:
    """Writes plots/*.png, report.html and baseline_results.md.

    Args:
        folder: The experiment; only its files are read, so this can be repeated at any time.

    Returns:
        The files written, the page for reading first.

    Raises:
        ResumeRefused: There is no decision yet.
        OSError: The disk refused; earlier reports are as they were.
    """
    facts = read_facts(folder)
    decision = records_io.read_decision(folder.decision)
    drawn = plots(facts)
    for name, png in drawn.items():
        store.write_bytes(folder.plots / name, png)
    pictures = {f"{folder.plots.name}/{name}": png for name, png in drawn.items()}
    gates = compute_gates(folder)
    _write_pages(folder, facts, decision, gates, pictures)
    # The second gate asks whether the page is there; now it is.
    if compute_gates(folder) != gates:
        _write_pages(folder, facts, decision, compute_gates(folder), pictures)
    return (folder.results, folder.report, *(folder.plots / name for name in drawn))


def _write_pages(
    folder: Folder, facts: Facts, decision: Decision, gates: tuple[Gate, ...], pictures: dict[str, bytes]
) -> None:
    page = baseline_page(facts, decision, gates)
    store.write_text(folder.report, render_html(page, facts, pictures))
    store.write_text(folder.results, render_markdown(page, frozenset(pictures)))
