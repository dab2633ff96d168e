"""Gate 1, after setup: can this experiment be repeated?

Every item is read from the files of the experiment. What only a person can know is confirmed on the command
line or by a tick in
checklists/reproducibility.md; a tick on any other line changes nothing.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

from firstlight.config.read import read_config
from firstlight.config.schema import Config
from firstlight.errors import FirstlightError
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.experiment.gate import GateSpec
from firstlight.experiment.records import Item

PERSON_ITEMS = {
    "classes_are_meant": "the classes are the ones to tell apart, and labels do not come from file names or sources",
    "groups_are_whole": "what belongs together (film, patient, place) does not lie in two parts",
}
CONFIRMED = "confirmed.json"


def items(folder: Folder) -> tuple[Item, ...]:
    """All items of the gate."""
    config = _config(folder)
    environment, profile = _json(folder.environment), _json(folder.profile)
    return (
        _config_item(folder, config),
        *_randomness(config, environment),
        *_recorded(environment),
        _split(folder, environment),
        *_data(profile),
        _target(config),
        *_person(folder),
    )


def confirm(folder: Folder, by: str) -> None:
    """Records that the person's items were confirmed, by whom and when."""
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    store.write_json(
        folder.checklists / CONFIRMED, {name: {"by": by, "time": moment} for name in PERSON_ITEMS}
    )


def _config_item(folder: Folder, config: Config | FirstlightError) -> Item:
    where = folder.config.name
    if isinstance(config, FirstlightError):
        return _item("config_valid", False, config.what, where, config.where)
    return _item("config_valid", True, "read strictly, complete", where)


def _randomness(config: Config | FirstlightError, environment: dict[str, Any]) -> tuple[Item, ...]:
    seed = config.seed if isinstance(config, Config) else None
    proof = environment.get("seeds") or []
    seeded = seed is not None and len(proof) >= 3 and all(f"seed {seed}" in line for line in proof[:3])
    flags = environment.get("determinism")
    reason = str((environment.get("machine") or {}).get("deterministic", ""))
    return (
        _item("seeds_fixed", seed is not None, str(seed), "training_config.yaml#seed"),
        _item("generators_seeded", seeded, f"{len(proof)} proof lines", "environment.json#seeds"),
        _item(
            "known_first_values",
            environment.get("known_values") is True,
            "seed 42",
            "environment.json#known_values",
        ),
        _deterministic(bool(flags), reason),
    )


def _deterministic(recorded: bool, reason: str) -> Item:
    """On; or off, on a device where that is the stated choice."""
    name, evidence = "deterministic_operations", "environment.json#determinism"
    if recorded and reason.startswith("no"):
        note = "switched off: two runs may differ in the last bits, and the report says so"
        return Item(id=name, state="not_applicable", value=reason, evidence=evidence, note=note)
    return _item(name, recorded and reason.startswith("yes"), reason, evidence)


def _recorded(environment: dict[str, Any]) -> tuple[Item, ...]:
    packages, hardware = environment.get("packages") or {}, environment.get("hardware") or {}
    git = environment.get("git")
    data = environment.get("data") or {}
    commit = git.get("commit") if isinstance(git, dict) else None
    state = (
        _item(
            "git_recorded",
            True,
            f"{commit}{' with changes' if git.get('dirty') else ''}",
            "environment.json#git",
        )
        if isinstance(git, dict) and commit
        else Item(
            id="git_recorded",
            state="not_applicable" if "git" in environment else "failed",
            value="no commit",
            evidence="environment.json#git",
            note=str(git.get("note", "not in a git repository"))
            if isinstance(git, dict)
            else "not in a git repository",
        )
    )
    versions = bool(packages) and bool(environment.get("torch")) and bool(environment.get("python"))
    return (
        _item("versions_recorded", versions, f"{len(packages)} packages", "environment.json#packages"),
        _item(
            "hardware_recorded",
            bool(hardware),
            str(hardware.get("processor", "")),
            "environment.json#hardware",
        ),
        state,
        _item(
            "run_id",
            bool(environment.get("run_id")),
            str(environment.get("run_id")),
            "environment.json#run_id",
        ),
        _item(
            "data_fingerprint",
            bool(data.get("fingerprint")),
            str(data.get("fingerprint")),
            "environment.json#data",
        ),
    )


def _split(folder: Folder, environment: dict[str, Any]) -> Item:
    recorded = (environment.get("split") or {}).get("sha256")
    try:
        arrays = store.read_npz(folder.splits)
        parts = {name: set(arrays[f"{name}_ids"].tolist()) for name in ("train", "val", "test")}
        digest = store.sha256(folder.splits)
    except (OSError, ValueError, KeyError) as error:
        return _item("split_frozen", False, str(error), folder.splits.name)
    disjoint = sum(map(len, parts.values())) == len(set().union(*parts.values()))
    sizes = ", ".join(f"{name} {len(ids)}" for name, ids in parts.items())
    note = "" if disjoint else "a row stands in two parts"
    if digest != recorded:
        note = "the file is not the one that setup wrote"
    return _item("split_frozen", disjoint and digest == recorded, sizes, folder.splits.name, note)


def _data(profile: dict[str, Any]) -> tuple[Item, ...]:
    batch = profile.get("batch_read") or {}
    across = profile.get("across_splits")
    given = "given" in str(profile.get("split_method", ""))
    copies = Item(
        id="no_copies_across_parts",
        state="passed" if across == 0 or (across is not None and given) else "failed",
        value="unknown" if across is None else f"{across} rows",
        evidence="logs/profile.json#across_splits",
        note="the given split has copies in two parts: the report says so" if across and given else "",
    )
    return (
        _item("data_checked", bool(profile.get("rows")), f"{profile.get('rows')} rows", "logs/profile.json"),
        copies,
        _item(
            "batch_read", batch.get("finite") is True, str(batch.get("shape")), "logs/profile.json#batch_read"
        ),
    )


def _target(config: Config | FirstlightError) -> Item:
    if not isinstance(config, Config):
        return _item("target_and_budget_stated", False, "unknown", "training_config.yaml#acceptance")
    target = config.acceptance
    wanted = "no target: beat the references" if target.at_least is None else f"at least {target.at_least:g}"
    value = f"{target.metric}, {wanted}, {config.budget.minutes:g} minutes"
    return _item(
        "target_and_budget_stated", target.metric is not None, value, "training_config.yaml#acceptance"
    )


def _person(folder: Folder) -> tuple[Item, ...]:
    confirmed = _json(folder.checklists / CONFIRMED)
    ticked = _ticked(folder)
    found = []
    for name, sentence in PERSON_ITEMS.items():
        record = confirmed.get(name)
        by = (
            f"confirmed {record['by']}, {record['time']}"
            if isinstance(record, dict) and "by" in record
            else ""
        )
        if not by and name in ticked:
            by = "ticked in the checklist"
        found.append(
            Item(
                id=name,
                state="passed" if by else "needs_person",
                value=by or "not confirmed",
                evidence=f"checklists/{CONFIRMED}" if record else "checklists/reproducibility.md",
                note=sentence,
            )
        )
    return tuple(found)


def _ticked(folder: Folder) -> set[str]:
    """Person items whose box is ticked by hand."""
    try:
        text = (folder.checklists / "reproducibility.md").read_text("utf-8")
    except (OSError, ValueError):
        return set()
    found = re.findall(r"^- \[[xX]\] `(\w+)`", text, re.MULTILINE)
    return set(found) & PERSON_ITEMS.keys()


def _config(folder: Folder) -> Config | FirstlightError:
    try:
        return read_config(folder.config).config
    except FirstlightError as error:
        return error


def _json(path: Any) -> dict[str, Any]:
    try:
        content = store.read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _item(name: str, passed: bool, value: str, evidence: str, note: str = "") -> Item:
    return Item(id=name, state="passed" if passed else "failed", value=value, evidence=evidence, note=note)


def artifacts(folder: Folder) -> tuple[str, ...]:
    """What the gate rests on."""
    return (folder.config.name, folder.environment.name, folder.splits.name, "logs/profile.json")


GATE = GateSpec(
    phase="setup",
    name="reproducibility",
    title="Can this experiment be repeated?",
    items=items,
    artifacts=artifacts,
)
