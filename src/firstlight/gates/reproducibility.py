"""Gate 1: can this experiment be repeated? Computed from config, environment, split and profile alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firstlight.config.schema import lower_is_better
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.experiment.gate import GateSpec, item, items_of
from firstlight.experiment.records import Item
from firstlight.gates.confirmation import BOXES, CHECKLIST, confirmations
from firstlight.gates.setup_files import SetupFiles, read_setup
from firstlight.text import count, number

GENERATORS = ("Python", "NumPy", "torch")
PARTS = ("train", "val", "test")


def items(folder: Folder) -> tuple[Item, ...]:
    """Every item, in the order of the checklist."""
    files = read_setup(folder)
    return (*items_of(CHECKS, files, folder), *_person(folder))


def artifacts(folder: Folder) -> tuple[str, ...]:
    """The files that may not change once the gate has passed."""
    names = ("training_config.yaml", "environment.json", "splits.npz", "logs/profile.json")
    return (*names, *((folder.patch.name,) if folder.patch.exists() else ()))


def config_valid(files: SetupFiles) -> Item:
    """Strict reading finds nothing wrong."""
    found = "valid" if files.config is not None else files.config_error
    return item("config_valid", files.config is not None, found, "training_config.yaml")


def config_complete(files: SetupFiles) -> Item:
    """Nothing is left that a repeated run could decide in another way."""
    if files.config is None:
        return item("config_complete", False, "not readable", "training_config.yaml")
    left = [
        f"{section}.{key}"
        for section, inside in files.config.model_dump().items()
        if isinstance(inside, dict)
        for key, value in inside.items()
        if value == "auto"
    ]
    data = files.config.data
    wanted: dict[str, object] = {"data.source": data.source, "model.width": files.config.model.width}
    if not data.task.endswith(("regression", "language", "step")):  # they have no classes
        wanted["data.classes"] = data.classes
    left += [key for key, value in wanted.items() if not value]
    note = "run setup again, or write a value for each" if left else ""
    return item(
        "config_complete", not left, ", ".join(left) or "every value is fixed", "training_config.yaml", note
    )


def seeds_fixed(files: SetupFiles) -> Item:
    """The seed stands in the config, and every generator was seeded with it."""
    seed = None if files.config is None else files.config.seed
    proof = files.known("seeds") or []
    without = [g for g in GENERATORS if not any(_proves(line, g, seed) for line in proof)]
    note = f"no proof in environment.json#seeds for {', '.join(without)}" if without else ""
    passed = seed is not None and not without
    return item("seeds_fixed", passed, "none" if seed is None else seed, "training_config.yaml#seed", note)


def _proves(line: object, generator: str, seed: int | None) -> bool:
    words = str(line).replace(",", " ").replace(":", " ").split()
    return words[:3] == [generator, "seed", str(seed)]


def known_first_values(files: SetupFiles) -> Item:
    """Seed 42 gives the first values that belong to it (P1.8)."""
    drawn = files.known("known_values")
    value = {True: "seed 42 gives the known first values", False: "seed 42 gives other first values"}
    return item(
        "known_first_values",
        drawn is True,
        value.get(drawn, "not tried"),
        "environment.json#known_values",
    )


def deterministic_operations(files: SetupFiles) -> Item:
    """On, or off because the config says so; the record shows the switches as they were."""
    wanted = None if files.config is None else files.config.precision.deterministic
    switches = files.known("determinism") or {}
    on, benchmark = switches.get("algorithms"), switches.get("cudnn_benchmark")
    evidence = "environment.json#determinism"
    if wanted is True:
        passed = on is True and benchmark is False and switches.get("cudnn_deterministic") is True
        return item(
            "deterministic_operations",
            passed,
            "on" if passed else f"on in the config, recorded: {switches}",
            evidence,
        )
    if wanted is False and on is not None:
        reason = files.known("machine", "deterministic") or "no, as precision.deterministic says"
        return item(
            "deterministic_operations", True, "off", evidence, f"{reason}; a repeated run gives other bits"
        )
    return item("deterministic_operations", False, "not known", evidence)


def versions_recorded(files: SetupFiles) -> Item:
    """Python, torch and every package, exactly."""
    packages = files.known("packages") or {}
    wanted = {"Python": files.known("python"), "torch": files.known("torch"), "packages": packages}
    missing = [name for name, value in wanted.items() if not value]
    value = f"Python {files.known('python')}, torch {files.known('torch')}, {count(len(packages), 'package')}"
    value = f"not recorded: {', '.join(missing)}" if missing else value
    return item("versions_recorded", not missing, value, "environment.json#packages", files.environment_error)


def hardware_recorded(files: SetupFiles) -> Item:
    """Processor, cores, memory, system; the GPU where there is one."""
    hardware = files.known("hardware") or {}
    wanted = ("processor", "allotted_cores", "memory_bytes", "threads")
    missing = [key for key in wanted if not hardware.get(key)] + ([] if files.known("os") else ["os"])
    gpus = ", ".join(str(gpu.get("name")) for gpu in hardware.get("gpus") or []) or "no GPU"
    value = f"{hardware.get('processor')}, {hardware.get('allotted_cores')} cores, {gpus}"
    value = f"not recorded: {', '.join(missing)}" if missing else value
    return item("hardware_recorded", not missing, value, "environment.json#hardware")


def git_recorded(files: SetupFiles) -> Item:
    """Commit, branch and uncommitted changes of the repository that the command was given in."""
    git, evidence = files.known("git") or {}, "environment.json#git"
    if git.get("commit"):
        changed = git.get("changed") or []
        dirty = f", {count(len(changed), 'changed file')}" if git.get("dirty") else ""
        value = f"{str(git['commit'])[:12]} on {git.get('branch')}{dirty}"
        lost = git.get("redacted_lines") or 0
        note = f"{count(lost, 'line')} of uncommitted.patch left out as possible credentials" if lost else ""
        kept = not git.get("patch") or _patch_is_whole(files.folder, git)
        return item(
            "git_recorded", kept, value if kept else "uncommitted.patch is gone or changed", evidence, note
        )
    if git.get("note"):
        reason = str(git["note"])
        return Item(id="git_recorded", state="not_applicable", value=reason, evidence=evidence, note=reason)
    return item("git_recorded", False, "not recorded", evidence)


def _patch_is_whole(folder: Folder, git: dict[str, Any]) -> bool:
    return folder.patch.is_file() and store.sha256(folder.patch) == git.get("patch_sha256")


def run_id(files: SetupFiles) -> Item:
    """An id that no other run has."""
    run = files.known("run_id")
    return item("run_id", bool(run), run or "none", "environment.json#run_id")


def data_fingerprint(files: SetupFiles) -> Item:
    """SHA-256 of all ids, labels and bytes."""
    fingerprint = files.known("data", "fingerprint")
    value = f"{fingerprint}, {count(files.known('data', 'rows') or 0, 'row')}" if fingerprint else "none"
    return item("data_fingerprint", bool(fingerprint), value, "environment.json#data.fingerprint")


def split_frozen(files: SetupFiles) -> Item:
    """Three parts that do not overlap, in a file whose hash is recorded."""
    evidence = "splits.npz"
    try:
        arrays = store.read_npz(files.folder.splits)
        ids = {name: arrays[f"{name}_ids"] for name in PARTS}
        parts = {name: set(rows.tolist()) for name, rows in ids.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return item("split_frozen", False, f"cannot be read: {error}", evidence)
    sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in parts.items())
    twice = sum(len(parts[a] & parts[b]) for a, b in (("train", "val"), ("train", "test"), ("val", "test")))
    wrong = [f"{name} names a row twice" for name in PARTS if len(parts[name]) != ids[name].size]
    wrong += [f"{count(twice, 'row')} in two parts"] if twice else []
    wrong += [f"{name} is empty" for name in ("train", "val") if not parts[name]]
    if files.known("split", "sha256") != store.sha256(files.folder.splits):
        wrong.append("its hash is not the one in environment.json#split")
    return item("split_frozen", not wrong, "; ".join(wrong) or sizes, evidence)


def no_copies_across_parts(files: SetupFiles) -> Item:
    """Rows with identical content lie in one part; copies are told where parts are given, or groups or times decide."""
    evidence = "logs/profile.json#across_splits"
    copies = files.profile.get("across_splits")
    if not isinstance(copies, int) or isinstance(copies, bool):
        return item("no_copies_across_parts", False, "not looked for", evidence, files.profile_error)
    reason = _why_copies_lie_apart(files)
    note = f"{reason}; remove the copies, or let firstlight split" if copies and reason else ""
    return item("no_copies_across_parts", copies == 0 or reason != "", count(copies, "row"), evidence, note)


def _why_copies_lie_apart(files: SetupFiles) -> str:
    """What the user asked for that keeps no copies together; empty when nothing does."""
    if "given" in str(files.profile.get("split_method")):
        return "the parts were given so"
    for key in ("group", "time"):
        if files.config is not None and getattr(files.config.data, key) is not None:
            return f"data.{key} alone decides"
    return ""


def batch_read(files: SetupFiles) -> Item:
    """One batch went from the files to the device, and every number of it is finite."""
    found = files.profile.get("batch_read")
    evidence = "logs/profile.json#batch_read"
    if not isinstance(found, dict):
        return item("batch_read", False, "not tried", evidence)
    form = str(found.get("form") or "")
    shown = f"{found.get('rows')} rows of {form}" if form else "nothing was read"
    return item("batch_read", bool(form) and found.get("finite") is True, shown, evidence)


def data_checked(files: SetupFiles) -> Item:
    """Setup looked at every row: sizes, classes, unreadable files, duplicates, conflicting labels."""
    checks = len(files.profile)
    value = f"{count(checks, 'finding')} recorded" if checks else "not looked at"
    return item("data_checked", checks > 0, value, "logs/profile.json", files.profile_error)


def target_and_budget_stated(files: SetupFiles) -> Item:
    """Metric, direction, target or the decision to do without, and budget."""
    evidence = "training_config.yaml#acceptance"
    if files.config is None or files.config.acceptance.metric is None:
        return item("target_and_budget_stated", False, "no metric", evidence)
    wanted = files.config.acceptance
    lower = lower_is_better(files.config, wanted.metric)
    way, bound = ("lower", "at most") if lower else ("higher", "at least")
    target = (
        "no target, the references decide"
        if wanted.at_least is None
        else f"{bound} {number(wanted.at_least)}"
    )
    value = f"{wanted.metric}, {way} is better, {target}; budget {number(files.config.budget.minutes)} min"
    return item("target_and_budget_stated", True, value, evidence)


def variables_harmless(files: SetupFiles) -> Item:
    """Only variables on the short list are recorded, so no secret came with them."""
    from firstlight.machine.environment import VARIABLES

    found = files.known("variables")
    others = sorted(set(found or {}) - set(VARIABLES))
    value = (
        f"not on the list: {', '.join(others)}"
        if others
        else f"{count(len(found or {}), 'variable')} of the list"
    )
    return item("variables_harmless", found is not None and not others, value, "environment.json#variables")


CHECKS: tuple[Callable[[SetupFiles], Item], ...] = (
    config_valid,
    config_complete,
    target_and_budget_stated,
    seeds_fixed,
    known_first_values,
    deterministic_operations,
    versions_recorded,
    hardware_recorded,
    variables_harmless,
    git_recorded,
    run_id,
    data_fingerprint,
    data_checked,
    split_frozen,
    no_copies_across_parts,
    batch_read,
)


def _person(folder: Folder) -> tuple[Item, ...]:
    found = confirmations(folder)
    return tuple(
        Item(id=box, state="passed", value=found[box][0], evidence=found[box][1], note=sentence)
        if box in found
        else Item(
            id=box,
            state="needs_person",
            value="open",
            evidence=f"checklists/{CHECKLIST}#{box}",
            note=sentence,
        )
        for box, sentence in BOXES.items()
    )


GATE = GateSpec(
    phase="setup",
    name="reproducibility",
    title="Can this experiment be repeated?",
    items=items,
    artifacts=artifacts,
)
