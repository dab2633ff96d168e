"""Writes the reports of phase 2 from the files of an experiment alone."""

from __future__ import annotations

from pathlib import Path

from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.experiment.records import Decision, Gate
from firstlight.report.content import baseline_page
from firstlight.report.html import render_html
from firstlight.report.markdown import render_markdown
from firstlight.report.plots import plots
from firstlight.results.facts import read_facts


def write_report(folder: Folder, decision: Decision, gates: tuple[Gate, ...]) -> tuple[Path, ...]:
    """Writes plots/*.png, report.html and baseline_results.md.

    Args:
        folder: The experiment; only its files are read, so this can be repeated at any time.
        decision: The verdict.
        gates: Those to show, as computed from the same files.

    Returns:
        The files written, the page for reading first.

    Raises:
        OSError: The disk refused; earlier reports are as they were.
    """
    facts = read_facts(folder)
    page = baseline_page(facts, decision, gates)
    drawn = plots(facts)
    pictures = {f"{folder.plots.name}/{name}": png for name, png in drawn.items()}
    paths = [folder.results, folder.report]
    for name, png in drawn.items():
        store.write_bytes(folder.plots / name, png)
        paths.append(folder.plots / name)
    store.write_text(folder.report, render_html(page, facts, pictures))
    store.write_text(folder.results, render_markdown(page, frozenset(pictures)))
    return tuple(paths)
