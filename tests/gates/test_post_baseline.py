from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests_gates import change_config, change_outcome, write_decision

from firstlight.decision.rules import Evidence, decide
from firstlight.experiment import records_io, store
from firstlight.experiment.attempts import archive_attempt
from firstlight.experiment.folder import Folder
from firstlight.experiment.metrics import read_metrics, write_metrics
from firstlight.experiment.records import EpochRecord, Item, Outcome, Reference
from firstlight.gates.baseline_files import BaselineFiles, read_baseline
from firstlight.gates.post_baseline import CHECKS, GATE, loss_fell, references_run
from firstlight.results.evidence import evidence
from firstlight.results.facts import read_facts

Change = Callable[[Folder], None]


def items(folder: Folder) -> dict[str, Item]:
    return {item.id: item for item in GATE.items(folder)}


def open_ones(folder: Folder) -> list[str]:
    return [i.id for i in GATE.items(folder) if i.state in ("failed", "needs_person")]


@pytest.mark.requirement("X3", "X4")
def test_a_sound_run_opens_the_gate_and_every_item_has_value_and_evidence(trained: Folder) -> None:
    assert open_ones(trained) == []
    found = GATE.items(trained)
    assert [i.id for i in found] == [check.__name__ for check in CHECKS]
    assert all(i.value and i.evidence for i in found)
    assert [i.id for i in found if i.state == "not_applicable"] == ["first_model", "attempts_kept"]


def test_before_training_nothing_but_setup_is_passed(set_up: Folder) -> None:
    assert [i.id for i in GATE.items(set_up) if i.state == "passed"] == ["setup_holds"]


def outcome(**values: object) -> Change:
    return lambda folder: change_outcome(folder, **values)


def epochs(change: Callable[[list[EpochRecord]], list[EpochRecord]]) -> Change:
    def apply(folder: Folder) -> None:
        write_metrics(folder.metrics, change(list(read_metrics(folder.metrics))))

    return apply


def one_epoch(epoch: int, **values: object) -> Change:
    return epochs(lambda found: [replace(e, **values) if e.epoch == epoch else e for e in found])


def put_first(name: str) -> Change:
    """The decision names a model whose file is not there."""

    def change(folder: Folder) -> None:
        decision = records_io.read_decision(folder.decision)
        records_io.write_decision(folder.decision, replace(decision, model=name))

    return change


def gone(name: str) -> Change:
    return lambda folder: (folder.root / name).unlink()


def text(name: str, content: str) -> Change:
    def write(folder: Folder) -> None:
        store.write_text(folder.root / name, content)

    return write


def reloaded(**values: float) -> Change:
    def change(folder: Folder) -> None:
        metrics = records_io.read_outcome(folder.outcome).best_metrics
        change_outcome(folder, reloaded_metrics=metrics | values)

    return change


def references(count: int) -> Change:
    def change(folder: Folder) -> None:
        found = records_io.read_references(folder.references)[:count]
        records_io.write_references(folder.references, found)

    return change


def verdict(value: str) -> Change:
    def change(folder: Folder) -> None:
        decision = records_io.read_decision(folder.decision)
        records_io.write_decision(folder.decision, replace(decision, verdict=value))

    return change


def manifest_entry(name: str, **values: object) -> Change:
    def change(folder: Folder) -> None:
        document = store.read_json(folder.manifest)
        document["files"][name] |= values
        store.write_json(folder.manifest, document)

    return change


def without_attempt_record(folder: Folder) -> None:
    attempt = folder.attempts / "1"
    attempt.mkdir(parents=True)
    store.write_text(attempt / "training_config.yaml", "seed: 1")


def failed_line(folder: Folder) -> None:
    first, *rest = records_io.read_preflight(folder.preflight)
    records_io.write_preflight(folder.preflight, (replace(first, level="failed"), *rest), 1.0)


def used(mean: float) -> Change:
    return outcome(utilization={"mean": mean, "min": mean, "samples": 9.0})


BROKEN: list[tuple[str, Change]] = [
    ("setup_holds", gone("splits.npz")),
    ("setup_holds", lambda folder: change_config(folder, training={"learning_rate": 0.5})),
    ("setup_holds", gone("checklists/confirmed.json")),
    ("setup_holds", outcome(inputs={})),
    ("training_completed", outcome(state="halted", alarm="nan_loss")),
    ("training_completed", outcome(state="interrupted")),
    ("training_completed", outcome(alarm="convergence_stall")),
    ("training_completed", gone("logs/outcome.json")),
    ("training_completed", text("logs/outcome.json", "{}")),
    ("losses_finite", one_epoch(3, train_loss=math.nan)),
    ("losses_finite", one_epoch(3, metrics={"val_loss": math.inf})),
    ("losses_finite", one_epoch(8, grad_norm=math.inf)),
    ("losses_finite", gone("logs/metrics.json")),
    ("loss_fell", one_epoch(8, train_loss=9.0)),
    ("loss_fell", epochs(lambda found: [replace(found[0], train_loss=2.4)])),
    ("metrics_complete", epochs(lambda found: found[:3] + found[4:])),
    ("metrics_complete", epochs(lambda found: found[:-1])),
    ("metrics_complete", text("logs/metrics.json", '{"format": 1, "epochs": [{}]}')),
    ("best_checkpoint", gone("checkpoints/best_model.pt")),
    ("best_checkpoint", text("checkpoints/best_model.pt", "other weights")),
    ("best_checkpoint", gone("checkpoints/manifest.json")),
    ("best_checkpoint", outcome(reloaded_metrics={})),
    ("best_checkpoint", reloaded(val_accuracy=0.5)),
    ("best_checkpoint", outcome(best_epoch=3)),
    ("best_checkpoint", manifest_entry("best_model.pt", epoch=2)),
    ("best_checkpoint", one_epoch(8, metrics={"val_loss": 0.001})),
    ("first_model", put_first("gradient_boosting")),
    ("last_checkpoint", gone("checkpoints/last_model.pt")),
    ("last_checkpoint", text("checkpoints/last_model.pt", "cut")),
    ("periodic_checkpoints", gone("checkpoints/checkpoint_epoch_4.pt")),
    ("periodic_checkpoints", text("checkpoints/checkpoint_epoch_8.pt", "cut")),
    ("attempts_kept", without_attempt_record),
    ("text_log", gone("logs/training.log")),
    ("text_log", text("logs/training.log", "\n\n")),
    ("preflight_passed", gone("logs/preflight.json")),
    ("preflight_passed", failed_line),
    ("references_run", references(0)),
    ("references_run", references(1)),
    ("references_run", gone("logs/references.json")),
    ("utilization_documented", used(0.39)),
    ("utilization_documented", used(math.nan)),
    ("utilization_documented", outcome(utilization=None, utilization_note="")),
    ("within_budget", outcome(command_seconds=45 * 60 * 1.6)),
    ("environment_unchanged", outcome(machine={})),
    ("environment_unchanged", gone("environment.json")),
    ("decision_made", gone("logs/decision.json")),
    ("decision_made", verdict("optimize")),
    ("decision_made", outcome(alarm="nan_loss")),
    ("results_written", gone("baseline_results.md")),
    ("results_written", text("baseline_results.md", "")),
]


@pytest.mark.requirement("X2", "P2.1", "P2.2", "P2.5", "P2.6", "P2.7", "P2.13", "P2.15")
@pytest.mark.parametrize(("item", "change"), BROKEN, ids=[f"{n}-{i}" for i, (n, _) in enumerate(BROKEN)])
def test_what_is_missing_or_wrong_is_the_item_that_fails(trained: Folder, item: str, change: Change) -> None:
    change(trained)
    assert item in open_ones(trained)


def test_every_item_has_a_broken_case() -> None:
    assert {name for name, _ in BROKEN} == {check.__name__ for check in CHECKS}


@pytest.mark.requirement("P2.7")
@pytest.mark.parametrize(
    ("mean", "passed", "said"),
    [
        (0.39, False, "the gate is shut"),
        (0.40, True, "state the reason"),
        (0.59, True, "state the reason"),
        (0.60, True, ""),
    ],
)
def test_utilization_shuts_warns_or_passes_at_its_limits(
    trained: Folder, mean: float, passed: bool, said: str
) -> None:
    used(mean)(trained)
    item = items(trained)["utilization_documented"]
    assert (item.state == "passed") == passed
    assert ("below the target of 60.0 %" in item.note) == bool(said)
    assert said in item.note


@pytest.mark.requirement("P2.7", "X4")
def test_what_cannot_be_measured_does_not_apply_and_says_why(trained: Folder) -> None:
    change_outcome(trained, utilization=None, utilization_note="not measurable: no counter for mps")
    item = items(trained)["utilization_documented"]
    assert (item.state, item.note) == ("not_applicable", "not measurable: no counter for mps")
    assert open_ones(trained) == []


@pytest.mark.requirement("X10")
def test_a_small_overrun_passes_and_is_told(trained: Folder) -> None:
    change_outcome(trained, command_seconds=45 * 60 * 1.04)
    assert items(trained)["within_budget"].note == ""
    change_outcome(trained, command_seconds=45 * 60 * 1.2)
    item = items(trained)["within_budget"]
    assert item.state == "passed"
    assert "over the budget by 9 min 00 s" in item.note


def test_a_baseline_that_lost_against_its_references_is_still_a_sound_run(trained: Folder) -> None:
    better = records_io.read_references(trained.references)
    best = dataclasses.replace(better[1], metrics={"val_accuracy": 0.999}, correct=(True,) * 500)
    records_io.write_references(trained.references, (better[0], best))
    write_decision(trained)
    assert records_io.read_decision(trained.decision).verdict == "optimize"
    assert open_ones(trained) == []


def test_one_epoch_is_held_against_a_guess(trained: Folder) -> None:
    epochs(lambda found: [replace(found[0], train_loss=2.2)])(trained)
    assert items(trained)["loss_fell"].state == "passed"
    assert "a guess among the classes" in items(trained)["loss_fell"].value


def as_task(trained: Folder, task: str, metric: str, *references: Reference) -> BaselineFiles:
    """The files as those of another task, with other references."""
    found = read_baseline(trained)
    assert found.config is not None
    data = found.config.data.model_copy(update={"task": task, "classes": None})
    wanted = found.config.acceptance.model_copy(update={"metric": metric})
    config = found.config.model_copy(update={"data": data, "acceptance": wanted})
    return replace(found, config=config, references=references, epochs=found.epochs[:1])


def test_a_language_is_held_against_the_frequencies_of_its_tokens(trained: Folder) -> None:
    unigram = Reference(name="unigram", metrics={"val_loss": 9.0}, seconds=1.0)
    files = as_task(trained, "own_language", "val_perplexity", unigram)
    assert (loss_fell(files).state, references_run(files).state) == ("passed", "passed")
    assert "9 of unigram" in loss_fell(files).value
    assert loss_fell(as_task(trained, "own_language", "val_perplexity")).state == "failed"


def test_the_loss_of_a_step_need_not_fall_when_another_metric_judges(trained: Folder) -> None:
    untrained = Reference(name="untrained", metrics={"val_loss": 0.0, "own_hit": 0.1}, seconds=1.0)
    assert loss_fell(as_task(trained, "own_step", "own_hit", untrained)).state == "not_applicable"
    assert loss_fell(as_task(trained, "own_step", "val_loss", untrained)).state == "failed"
    assert references_run(as_task(trained, "own_step", "own_hit", untrained)).state == "passed"


def test_fewer_epochs_than_the_period_need_no_periodic_checkpoint(trained: Folder) -> None:
    epochs(lambda found: found[:3])(trained)
    assert items(trained)["periodic_checkpoints"].state == "not_applicable"


def test_another_number_of_threads_is_told(trained: Folder) -> None:
    change_outcome(trained, machine={"device": "cpu", "threads": "4", "compute": "fp32"})
    item = items(trained)["environment_unchanged"]
    assert item.state == "passed"
    assert "threads: 2 (measured: 2 is fastest) -> 4" in item.note
    assert "compute" not in item.note


class TestFirstModel:
    """A fitted reference that is better than the network is what the decision and the predictions rest on."""

    @pytest.fixture
    def boosted(self, trained: Folder) -> Folder:
        digest = store.write_bytes(trained.candidate("gradient_boosting"), b"trees")
        found = records_io.read_references(trained.references)
        other = replace(
            found[-1],
            name="gradient_boosting",
            metrics={"val_accuracy": 1.0, "val_loss": 0.01},
            sha256=digest,
            correct=(True,) * len(found[-1].correct),
        )
        records_io.write_references(trained.references, (*found, other))
        predictions = store.read_npz(trained.predictions)
        sure = np.eye(len(predictions["classes"]), dtype=np.float32)[predictions["targets"]]
        store.write_npz(trained.reference_scores, {"gradient_boosting": sure})
        decision = decide(Evidence(**evidence(read_facts(trained))))
        assert decision.model == "gradient_boosting"
        records_io.write_decision(trained.decision, decision)
        return trained

    def test_it_is_named_and_its_file_is_part_of_the_evidence(self, boosted: Folder) -> None:
        assert items(boosted)["first_model"].value == "gradient_boosting"
        assert "candidates/gradient_boosting.pt" in GATE.artifacts(boosted)

    @pytest.mark.parametrize("content", [b"other trees", None])
    def test_a_file_that_is_changed_or_gone_shuts_the_gate(
        self, boosted: Folder, content: bytes | None
    ) -> None:
        path = boosted.candidate("gradient_boosting")
        path.write_bytes(content) if content else path.unlink()
        assert "first_model" in open_ones(boosted)


def test_an_earlier_attempt_is_listed_with_its_reason(trained: Folder) -> None:
    archive_attempt(trained, "the loss became NaN at step 97")
    item = items(trained)["attempts_kept"]
    assert (item.state, item.value) == ("passed", "1: the loss became NaN at step 97")


def test_a_damaged_manifest_stops_nothing(trained: Folder) -> None:
    for content in (
        "",
        "[]",
        '{"files": 3}',
        '{"files": {"best_model.pt": 3}}',
        '{"files": {"best_model.pt": {}}}',
    ):
        trained.manifest.write_text(content)
        assert "best_checkpoint" in open_ones(trained)


def test_the_names_of_the_fields_that_the_gate_reads_are_those_of_the_record() -> None:
    assert {"inputs", "machine", "reloaded_metrics"} <= {f.name for f in dataclasses.fields(Outcome)}
