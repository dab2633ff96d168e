"""Checks of model, loss and optimizer: quiet on a healthy job, loud on the fault."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from preflight_jobs import run_check, with_model
from small_experiment import loaded
from torch import nn

from firstlight import flow
from firstlight.preflight.checks import (
    checkpoint_round_trip,
    finite_step,
    input_used,
    loss_at_start,
    one_batch,
    parameters_registered,
    repeatable,
    train_eval_modes,
)
from firstlight.request import Request
from firstlight.watch.progress import Silent

PIXELS, CLASSES = 64, 10


class Plain(nn.Module):
    """Two layers on 8 x 8 digits; the broken models change one thing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(PIXELS, 32)
        self.head = nn.Linear(32, CLASSES)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.first(x.flatten(1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


class NotFinite(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.logarithm = Logarithm()

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.logarithm(self.first(x.flatten(1)))


class Logarithm(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.log()


class Saturated(Plain):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        return super().features(x) * 0 - 0.0 * self.head.weight.sum()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x)) * 0


class Huge(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 100 * super().forward(x)


class Blind(Plain):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        return super().features(torch.zeros_like(x))


class ZeroHead(Plain):
    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)


class AlwaysDropping(Plain):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(super().features(x), 0.5, training=True)


class DeafToEval(Plain):
    def train(self, mode: bool = True) -> DeafToEval:
        return super().train(True)


class OwnBatchStatistics(Plain):
    def features(self, x: torch.Tensor) -> torch.Tensor:
        hidden = super().features(x)
        return hidden - hidden.mean(dim=0)


class CountingInEval(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += 1
        return super().forward(x)


class HiddenLayers(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.more = [nn.Linear(32, 32)]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.more[0](super().features(x))


class UnusedLayer(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.forgotten = nn.Linear(3, 3)


class Forgetful(Plain):
    """What changes in a step is a plain attribute, which no checkpoint holds."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(x) * (1 + 0.1 * self.calls)


class Unseeded(Plain):
    """Draws its weights from a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        own = torch.Generator()
        own.seed()
        with torch.no_grad():
            self.head.weight.uniform_(-0.1, 0.1, generator=own)


@pytest.mark.requirement("P1.8")
def test_a_healthy_step_is_finite(job):
    finding = run_check(finite_step.CHECK, job)
    assert finding.level == "ok"
    assert finding.value == pytest.approx(2.3, abs=0.7)


@pytest.mark.requirement("P1.8")
def test_a_module_whose_output_is_not_finite_is_named(job):
    finding = run_check(finite_step.CHECK, with_model(job, NotFinite))
    assert (finding.level, finding.page, finding.fault) == ("failed", "nan_loss", "training")
    assert "logarithm (Logarithm)" in finding.message


def test_a_gradient_of_zero_fails(job):
    finding = run_check(finite_step.CHECK, with_model(job, Saturated))
    assert (finding.level, finding.page) == ("failed", "vanishing_gradients")


@pytest.mark.requirement("P1.8")
@pytest.mark.parametrize("model", [None, ZeroHead])
def test_a_healthy_loss_at_the_start_is_near_guessing(job, model):
    finding = run_check(loss_at_start.CHECK, with_model(job, model) if model else job)
    assert finding.level == "ok"
    assert "ln(10 classes) is 2.303" in finding.message


@pytest.mark.requirement("P1.8")
def test_outputs_that_are_far_too_large_are_warned_of(job):
    finding = run_check(loss_at_start.CHECK, with_model(job, Huge))
    assert finding.level == "warning"
    assert finding.value > 2 * 2.303


@pytest.mark.requirement("P1.8")
def test_a_target_with_a_long_tail_is_compared_with_the_mean_on_the_same_rows(tmp_path, monkeypatch):
    """One very large number among few rows makes the loss of the mean anything but 1."""
    rows = "\n".join(f"{n % 7},{n % 5},{1000 if n % 50 == 5 else n % 11}" for n in range(400))
    (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}\n")
    settings = ("data.target=y", "model.name=table_mlp", "data.val_fraction=0.2")
    request = Request(
        data=str(tmp_path / "t.csv"),
        out=tmp_path / "x",
        minutes=5.0,
        overrides=settings,
        confirmed=True,
        started=0.0,
    )
    table = loaded(flow.setup(request, Silent())).job
    highest = table.train.rows[table.train.targets[table.train.rows].argsort(descending=True)[:3]]
    monkeypatch.setattr(loss_at_start, "small_batch", lambda job, rows: job.train.take(highest))
    finding = run_check(loss_at_start.CHECK, table)
    assert finding.level == "ok", finding.message
    assert finding.value > 2


def test_a_network_that_knows_the_answer_before_training_is_warned_of(job):
    def trained() -> nn.Module:
        model = Plain()
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        for batch in itertools.chain(*(job.train.epoch(e) for e in range(8))):
            optimizer.zero_grad()
            job.loss(model(batch.inputs), batch.targets).backward()
            optimizer.step()
        return model

    finding = run_check(loss_at_start.CHECK, with_model(job, trained))
    assert finding.level == "warning"
    assert "too low" in finding.message


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"loss": {"label_smoothing": 0.2}},
        {"optimizer": {"name": "sgd"}, "training": {"learning_rate": 0.05}},
        {"optimizer": {"name": "muon", "momentum": 0.85}, "training": {"learning_rate": 0.05}},
    ],
)
def test_a_healthy_network_learns_one_batch(make_job, sections):
    finding = run_check(one_batch.CHECK, make_job(**sections))
    assert finding.level == "ok"
    assert finding.value <= 0.5


@pytest.mark.parametrize(
    ("rate", "level", "remedy"),
    [
        (1e-5, "warning", "training.learning_rate: 1e-5 -> 0.0001"),
        (1e-7, "failed", "training.learning_rate: 1e-7 -> 1e-4"),
    ],
)
def test_a_rate_that_is_too_small_reads_flat_and_a_better_one_is_named(make_job, rate, level, remedy):
    finding = run_check(one_batch.CHECK, with_model(make_job(training={"learning_rate": rate}), Plain))
    assert "stays flat" in finding.message
    assert (finding.level, finding.remedy) == (level, remedy)


def test_a_rate_that_is_too_large_reads_explodes_and_a_better_one_is_named(make_job):
    job = make_job(optimizer={"name": "sgd"}, training={"learning_rate": 50.0})
    finding = run_check(one_batch.CHECK, with_model(job, Plain))
    assert "explodes" in finding.message
    assert (finding.level, finding.page) == ("failed", "exploding_gradients")
    assert finding.remedy == "training.learning_rate: 50 -> 0.05"


def test_a_way_to_the_loss_that_is_broken_is_flat_at_every_rate(job):
    finding = run_check(one_batch.CHECK, with_model(job, Saturated))
    assert finding.level == "failed"
    assert finding.message.count("stays flat") == 3
    assert "detached graph" in finding.remedy


@pytest.mark.parametrize(
    ("losses", "reading"),
    [
        ((2.0, 1.5, 1.0, 0.9, 0.8), "falls"),
        ((2.0, 1.9, 1.7, 1.6, 1.6), "slow"),
        ((2.0, 2.0, 1.98, 1.99, 1.98), "flat"),
        ((-1.0, -1.2, -1.5, -2.0), "falls"),  # a loss of a person's own may be below nought
        ((-1.0, -1.0, -0.9, -0.9), "flat"),
        ((-1.0, 2.5, 3.0, 3.0), "explodes"),
        ((2.0, 3.0, 9.0, 9.0, 9.0), "explodes"),
        ((2.0, 1.0, float("inf")), "explodes"),
        ((2.0, 0.8, 1.8, 1.7, 1.8), "oscillates"),
    ],
)
def test_curves_are_read_as_their_shape_says(losses, reading):
    assert one_batch.Descent(losses=losses).reading == reading


@pytest.mark.parametrize("model", [None, ZeroHead])
def test_other_images_change_the_outputs(job, model):
    finding = run_check(input_used.CHECK, with_model(job, model) if model else job)
    assert finding.level == "ok"
    assert finding.value > 0


def test_a_network_that_is_blind_to_its_input_fails(job):
    finding = run_check(input_used.CHECK, with_model(job, Blind))
    assert (finding.level, finding.page) == ("failed", "convergence_stall")


@pytest.mark.requirement("P2.8")
def test_the_two_modes_of_a_healthy_network_are_listed(make_job):
    finding = run_check(train_eval_modes.CHECK, make_job(model={"name": "small_cnn", "dropout": 0.2}))
    assert finding.level == "ok"
    assert "6 BatchNorm2d, 1 Dropout" in finding.message


@pytest.mark.requirement("P2.8")
@pytest.mark.parametrize(
    ("model", "words"),
    [
        (AlwaysDropping, "two passes in evaluation mode differ"),
        (DeafToEval, "eval() leaves 3 modules in training mode"),
        (OwnBatchStatistics, "with the rows beside it"),
        (CountingInEval, "evaluating changes model.seen"),
    ],
)
def test_a_network_whose_modes_are_not_toggled_fails(job, model, words):
    finding = run_check(train_eval_modes.CHECK, with_model(job, model))
    assert finding.level == "failed"
    assert words in finding.message


@pytest.mark.requirement("P2.8")
def test_parameters_of_a_healthy_network_are_all_in_use(job):
    finding = run_check(parameters_registered.CHECK, job)
    assert finding.level == "ok"
    assert "frozen" in finding.message


@pytest.mark.requirement("P2.8")
@pytest.mark.parametrize(
    ("model", "words"),
    [
        (HiddenLayers, "1 parameter hidden from PyTorch in a list or attribute: more.0"),
        (UnusedLayer, "2 parameters without a gradient: forgotten.weight, forgotten.bias"),
    ],
)
def test_forgotten_parameters_are_named(job, model, words):
    finding = run_check(parameters_registered.CHECK, with_model(job, model))
    assert finding.level == "warning"
    assert words in finding.message


@pytest.mark.requirement("P2.8")
def test_parameters_outside_the_optimizer_are_named(job):
    broken = dataclasses.replace(
        with_model(job, Plain),
        make_optimizer=lambda model: torch.optim.AdamW(model.head.parameters(), lr=1e-3),
    )
    finding = run_check(parameters_registered.CHECK, broken)
    assert finding.level == "warning"
    assert "2 parameters not in the optimizer: first.weight, first.bias" in finding.message


def test_an_optimizer_of_another_model_fails(job):
    broken = dataclasses.replace(
        job, make_optimizer=lambda model: torch.optim.AdamW(Plain().parameters(), lr=1e-3)
    )
    assert run_check(parameters_registered.CHECK, broken).level == "failed"


@pytest.mark.parametrize(
    "sections",
    [
        {"model": {"name": "small_cnn", "width": 0.25, "dropout": 0.3}, "augmentation": {"shift_pixels": 1}},
        {"optimizer": {"name": "muon"}, "training": {"learning_rate": 0.05}},
    ],
)
def test_a_checkpoint_goes_on_with_the_identical_next_step(make_job, sections):
    job = make_job(**sections)
    finding = run_check(checkpoint_round_trip.CHECK, job)
    assert finding.level == "ok"
    assert list(job.folder.root.iterdir()) == []


def test_what_a_checkpoint_forgets_fails_and_is_named(job):
    finding = run_check(checkpoint_round_trip.CHECK, with_model(job, Forgetful))
    assert (finding.level, finding.value) == ("failed", "state.loss")
    assert list(job.folder.root.iterdir()) == []


def test_a_checkpoint_with_foreign_objects_fails_with_what_they_are(job):
    broken = dataclasses.replace(job, meta={"when": __import__("fractions").Fraction(1, 2)})
    finding = run_check(checkpoint_round_trip.CHECK, broken)
    assert finding.level == "failed"
    assert "fractions.Fraction" in finding.message


@pytest.mark.requirement("P1.9")
def test_two_starts_are_identical_and_another_seed_differs(make_job):
    finding = run_check(repeatable.CHECK, make_job(augmentation={"shift_pixels": 1}))
    assert finding.level == "ok"
    assert "seed 43 differs" in finding.message


@pytest.mark.requirement("P1.9")
def test_weights_from_an_unseeded_generator_are_named_as_the_first_difference(job):
    finding = run_check(repeatable.CHECK, with_model(job, Unseeded))
    assert (finding.level, finding.value) == ("failed", "weights at the start.head.weight")


def test_a_difference_without_deterministic_operations_is_only_a_warning(job):
    loose = dataclasses.replace(job, machine=dataclasses.replace(job.machine, deterministic=False))
    assert run_check(repeatable.CHECK, with_model(loose, Unseeded)).level == "warning"
