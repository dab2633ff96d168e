from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.experiment.records import Gate
from firstlight.gates.checklist import render_checklist
from firstlight.gates.confirmation import BOXES, confirm, confirmations
from firstlight.gates.reproducibility import GATE

BOX = "groups_are_whole"


def page(folder: Folder) -> Path:
    gate = Gate(phase="setup", items=GATE.items(folder))
    path = folder.checklists / "reproducibility.md"
    store.write_text(path, render_checklist(gate, GATE))
    return path


def test_the_command_line_confirms_every_box_once(set_up: Folder) -> None:
    first = store.read_json(set_up.confirmed)
    assert {*first} == {"format", *BOXES}
    assert first[BOX]["by"] == "command line"
    confirm(set_up, by="other way")
    assert store.read_json(set_up.confirmed) == first
    assert confirmations(set_up)[BOX][0].startswith("confirmed on the command line, 2")


def test_a_person_ticks_boxes_in_the_page_that_was_written(set_up: Folder) -> None:
    set_up.confirmed.unlink()
    path = page(set_up)
    assert confirmations(set_up) == {}
    path.write_text(path.read_text().replace(f"- [ ] `{BOX}`", f"- [X] `{BOX}`"))
    assert list(confirmations(set_up)) == [BOX]
    page(set_up)
    assert list(confirmations(set_up)) == [BOX]  # written again, the tick stays


def test_a_tick_that_is_taken_back_opens_the_item_again(set_up: Folder) -> None:
    set_up.confirmed.unlink()
    path = page(set_up)
    path.write_text(path.read_text().replace("- [ ]", "- [x]"))
    assert list(confirmations(set_up)) == list(BOXES)
    path.write_text(path.read_text().replace(f"- [x] `{BOX}`", f"- [ ] `{BOX}`"))
    assert BOX not in confirmations(set_up)


@pytest.mark.requirement("X2")
def test_a_tick_at_a_computed_item_changes_nothing(set_up: Folder) -> None:
    (set_up.root / "splits.npz").unlink()
    path = page(set_up)
    ticked = path.read_text().replace("- [ ] `split_frozen` **open**", "- [x] `split_frozen` passed")
    assert ticked != path.read_text()
    path.write_text(ticked)
    assert "split_frozen" in Gate(phase="setup", items=GATE.items(set_up)).missing


@pytest.mark.parametrize(
    "damage", ["", "[]", '{"format": 2}', '{"format": 1, "groups_are_whole": true}', "{"]
)
def test_a_damaged_file_confirms_nothing(set_up: Folder, damage: str) -> None:
    set_up.confirmed.write_text(damage)
    assert confirmations(set_up) == {}
    confirm(set_up)
    assert list(confirmations(set_up)) == list(BOXES)
