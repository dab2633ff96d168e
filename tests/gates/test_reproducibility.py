from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests_gates import change_config, change_environment

from firstlight.experiment import store
from firstlight.experiment.environment import read_environment, write_environment
from firstlight.experiment.folder import Folder
from firstlight.experiment.records import Item
from firstlight.gates.confirmation import BOXES
from firstlight.gates.reproducibility import CHECKS, GATE


def items(folder: Folder) -> dict[str, Item]:
    return {item.id: item for item in GATE.items(folder)}


def open_ones(folder: Folder) -> list[str]:
    return [i.id for i in GATE.items(folder) if i.state in ("failed", "needs_person")]


@pytest.mark.requirement("P1.10", "X3")
def test_a_sound_setup_opens_the_gate_and_every_item_has_value_and_evidence(set_up: Folder) -> None:
    assert open_ones(set_up) == []
    found = GATE.items(set_up)
    assert len({i.id for i in found}) == len(found) == len(CHECKS) + len(BOXES)
    assert all(i.value and i.evidence for i in found)
    assert items(set_up)["seeds_fixed"].value == "42"
    assert items(set_up)["seeds_fixed"].evidence == "training_config.yaml#seed"


def test_an_empty_folder_opens_nothing(tmp_path: Any) -> None:
    assert not [i.id for i in GATE.items(Folder(tmp_path)) if i.state == "passed"]


def environment(**values: Any) -> Callable[[Folder], None]:
    return lambda folder: change_environment(folder, **values)


def config(**sections: Any) -> Callable[[Folder], None]:
    return lambda folder: change_config(folder, **sections)


def profile(**values: Any) -> Callable[[Folder], None]:
    return lambda folder: store.write_json(folder.profile, store.read_json(folder.profile) | values) and None


def split(**parts: list[str]) -> Callable[[Folder], None]:
    def change(folder: Folder) -> None:
        arrays = {
            f"{k}_ids": np.array(v)
            for k, v in ({"train": ["a"], "val": ["b"], "test": ["c"]} | parts).items()
        }
        digest = store.write_npz(folder.splits, arrays)
        change_environment(folder, split={"sha256": digest})

    return change


def text(name: str, content: str) -> Callable[[Folder], None]:
    return lambda folder: store.write_text(folder.root / name, content) and None


def gone(name: str) -> Callable[[Folder], None]:
    return lambda folder: (folder.root / name).unlink()


ON = {"algorithms": True, "cudnn_deterministic": True, "cudnn_benchmark": False}
PROOF = ["Python: seed 42, first", "NumPy: seed 42, first", "torch: seed 42, first"]
BROKEN: list[tuple[str, Callable[[Folder], None]]] = [
    ("config_valid", text("training_config.yaml", "trainig:\n  epochs: 3\n")),
    ("config_valid", gone("training_config.yaml")),
    ("config_complete", config(precision={"compute": "auto"})),
    ("config_complete", config(model={"width": None})),
    ("config_complete", config(data={"classes": None})),
    ("target_and_budget_stated", config(acceptance={"metric": None})),
    ("seeds_fixed", environment(seeds=PROOF[:2])),
    ("seeds_fixed", environment(seeds=[line.replace("42", "421") for line in PROOF])),
    ("seeds_fixed", environment(seeds=None)),
    ("known_first_values", environment(known_values=False)),
    ("known_first_values", environment(known_values="true")),
    ("deterministic_operations", environment(determinism=ON | {"algorithms": False})),
    ("deterministic_operations", environment(determinism=ON | {"cudnn_benchmark": True})),
    ("deterministic_operations", environment(determinism=None)),
    ("versions_recorded", environment(packages={})),
    ("versions_recorded", environment(torch=None)),
    ("hardware_recorded", environment(hardware={"processor": "x"})),
    ("variables_harmless", environment(variables={"HF_TOKEN": "x"})),
    ("variables_harmless", environment(variables=None)),
    ("git_recorded", environment(git=None)),
    ("git_recorded", gone("uncommitted.patch")),
    ("git_recorded", text("uncommitted.patch", "+y\n")),
    ("run_id", environment(run_id=None)),
    ("data_fingerprint", environment(data={})),
    ("data_checked", gone("logs/profile.json")),
    ("split_frozen", gone("splits.npz")),
    ("split_frozen", text("splits.npz", "not an archive")),
    ("split_frozen", split(val=["a"])),
    ("split_frozen", split(test=["b"])),
    ("split_frozen", split(train=["a", "a"])),
    ("split_frozen", split(val=[])),
    ("split_frozen", environment(split={"sha256": "00"})),
    ("no_copies_across_parts", profile(across_splits=3)),
    ("no_copies_across_parts", profile(across_splits=None)),
    ("batch_read", profile(batch_read=None)),
    ("batch_read", profile(batch_read={"form": "3 x 8 x 8", "finite": False})),
]


@pytest.mark.requirement("P1.3", "P1.4", "P1.5", "P1.6", "X8")
@pytest.mark.parametrize(("item", "change"), BROKEN, ids=[f"{n}-{i}" for i, (n, _) in enumerate(BROKEN)])
def test_what_is_missing_or_wrong_is_the_item_that_fails(
    set_up: Folder, item: str, change: Callable[[Folder], None]
) -> None:
    change(set_up)
    assert item in open_ones(set_up)


@pytest.mark.parametrize("key", ["group", "time"])
def test_copies_may_lie_apart_where_groups_or_times_decide(set_up: Folder, key: str) -> None:
    profile(across_splits=3)(set_up)
    config(data={key: "patient"})(set_up)
    assert items(set_up)["no_copies_across_parts"].state == "passed"
    assert items(set_up)["no_copies_across_parts"].note.startswith(f"data.{key} alone decides; ")


def test_every_computed_item_has_a_broken_case() -> None:
    assert {name for name, _ in BROKEN} == {check.__name__ for check in CHECKS}


@pytest.mark.parametrize(
    "damage", ["", "[]", "{", '{"format": 1, "hardware": 3, "git": "x", "seeds": 5, "split": []}']
)
def test_a_damaged_environment_fails_its_items_and_stops_nothing(set_up: Folder, damage: str) -> None:
    set_up.environment.write_text(damage)
    assert {"versions_recorded", "seeds_fixed", "split_frozen"} <= set(open_ones(set_up))


@pytest.mark.requirement("X4")
def test_without_a_repository_the_item_does_not_apply_and_says_why(set_up: Folder) -> None:
    change_environment(set_up, git={"commit": None, "note": "not a git repository"})
    item = items(set_up)["git_recorded"]
    assert (item.state, item.note) == ("not_applicable", "not a git repository")
    assert open_ones(set_up) == []


def test_determinism_may_be_off_when_the_config_says_so_and_the_reason_is_told(set_up: Folder) -> None:
    change_config(set_up, precision={"deterministic": False})
    change_environment(
        set_up, determinism=ON | {"algorithms": False}, machine={"deterministic": "no (costs 30 %)"}
    )
    item = items(set_up)["deterministic_operations"]
    assert (item.state, item.value) == ("passed", "off")
    assert "costs 30 %" in item.note


def test_lines_that_were_left_out_of_the_patch_are_told(set_up: Folder) -> None:
    git = {
        "commit": "ab",
        "branch": "x",
        "dirty": True,
        "changed": ["a"],
        "patch": "+y\n",
        "redacted_lines": 2,
    }
    write_environment(set_up, read_environment(set_up) | {"git": git})
    assert "2 lines of uncommitted.patch left out" in items(set_up)["git_recorded"].note


@pytest.mark.requirement("X8")
def test_metric_direction_target_and_budget_are_stated(set_up: Folder) -> None:
    assert (
        items(set_up)["target_and_budget_stated"].value
        == "val_accuracy, higher is better, at least 0.85; budget 45 min"
    )
    change_config(set_up, acceptance={"metric": "val_loss", "at_least": None})
    assert items(set_up)["target_and_budget_stated"].value.startswith("val_loss, lower is better, no target")


@pytest.mark.requirement("P1.10")
def test_what_only_a_person_can_confirm_keeps_the_gate_shut(set_up: Folder) -> None:
    set_up.confirmed.unlink()
    assert open_ones(set_up) == list(BOXES)
    assert all(items(set_up)[box].state == "needs_person" for box in BOXES)
