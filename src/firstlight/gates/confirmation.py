"""What only a person can confirm: on the command line, or by a tick in checklists/reproducibility.md.

Only the boxes named here are ever read. A tick at an item that the program computes changes nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from firstlight.experiment import store
from firstlight.experiment.folder import Folder

FORMAT = 1
CHECKLIST = "reproducibility.md"
BOXES: Mapping[str, str] = {
    "classes_are_meant": "The classes are the ones to tell apart, and the labels were made independently of "
    "file names, sizes and sources.",
    "groups_are_whole": "Images that belong together (one film, patient, place) do not lie in two parts.",
    "metric_matters": "The metric and the target are what the task needs.",
}
_TICKED = re.compile(r"\s*[-*+]\s+\[[xX]\]\s+`(\w+)`")


def confirm(folder: Folder, *, by: str = "command line") -> None:
    """Records that a person confirmed every box; earlier confirmations keep their time."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    entries = {box: {"by": by, "time": now} for box in BOXES} | _recorded(folder)
    store.write_json(folder.confirmed, {"format": FORMAT, **entries})


def confirmations(folder: Folder) -> dict[str, tuple[str, str]]:
    """Each box that was confirmed: how, and the file that shows it."""
    found = {box: ("ticked by a person", f"checklists/{CHECKLIST}#{box}") for box in _ticks(folder)}
    for box, entry in _recorded(folder).items():
        found[box] = (f"confirmed on the {entry['by']}, {entry['time']}", f"checklists/confirmed.json#{box}")
    return found


def _recorded(folder: Folder) -> dict[str, dict[str, str]]:
    """What confirmed.json says; a damaged file confirms nothing."""
    try:
        document = store.read_json(folder.confirmed)
    except (OSError, ValueError):
        return {}
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return {}
    entries = {box: document[box] for box in BOXES if isinstance(document.get(box), dict)}
    return {
        box: {"by": str(e["by"]), "time": str(e["time"])}
        for box, e in entries.items()
        if {"by", "time"} <= e.keys()
    }


def _ticks(folder: Folder) -> tuple[str, ...]:
    try:
        text = (folder.checklists / CHECKLIST).read_text("utf-8", errors="replace")
    except OSError:
        return ()
    found = {match[1] for line in text.splitlines() if (match := _TICKED.match(line))}
    return tuple(box for box in BOXES if box in found)
