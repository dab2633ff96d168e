"""Segmentation, tokens and language: metrics against scikit-learn and PyTorch, losses against closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torch.nn import functional

from firstlight.config.schema import Loss
from firstlight.errors import UsageError
from firstlight.tasks import language, segmentation, step, tokens
from firstlight.tasks.task import Goal, Objective

CPU = torch.device("cpu")
CLASSES = 4


def goal(counts: list[int], *, shifted: bool = False, **settings: Any) -> Goal:
    return Goal(
        classes=tuple(map(str, range(len(counts)))),
        targets=np.zeros(1, np.int64),
        settings=Loss(**settings),
        counts=np.array(counts),
        shifted=shifted,
    )


def random_places(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Classes 0 to 2 of CLASSES: one does not occur."""
    return torch.randint(0, CLASSES - 1, shape, generator=torch.Generator().manual_seed(seed))


def outputs_of(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def measured(objective: Objective, *batches: tuple[torch.Tensor, torch.Tensor]) -> dict[str, float]:
    assert objective.running is not None
    sums = torch.cat([objective.running.sums(*batch) for batch in batches]).numpy()
    return objective.measure(sums, np.empty((len(sums), 0)))


class TestSegmentation:
    objective = segmentation.bind(goal([5, 3, 2, 0]))

    @pytest.mark.parametrize("seed", range(5))
    def test_metrics_are_those_of_scikit_learn(self, seed: int) -> None:
        targets, outputs = random_places(seed, (6, 5, 7)), outputs_of(seed, 6, CLASSES, 5, 7)
        targets[:, 0] = 255
        targets[0, 1] = -100
        found = measured(self.objective, (outputs[:4], targets[:4]), (outputs[4:], targets[4:]))
        counted = (targets != 255) & (targets >= 0)
        true, said = targets[counted].numpy(), outputs.argmax(1)[counted].numpy()
        present = np.unique(true)
        iou = sk.jaccard_score(true, said, labels=present, average="macro")
        assert found["val_mean_iou"] == pytest.approx(iou)
        assert found["val_accuracy"] == pytest.approx(sk.accuracy_score(true, said))
        p = outputs.double().softmax(1).movedim(1, -1)[counted].numpy()
        assert found["val_loss"] == pytest.approx(sk.log_loss(true, p, labels=range(CLASSES)), rel=1e-5)
        assert set(found) == set(segmentation.measured(CLASSES))

    def test_classes_and_pixels_may_come_in_other_types_and_with_a_channel(self) -> None:
        targets, outputs = random_places(1, (3, 4, 4)), outputs_of(1, 3, CLASSES, 4, 4)
        plain = measured(self.objective, (outputs, targets))
        assert measured(self.objective, (outputs, targets[:, None].to(torch.uint8))) == plain
        assert measured(self.objective, (outputs, targets.float())) == plain

    def test_one_channel_is_the_logit_of_the_second_class(self) -> None:
        objective = segmentation.bind(goal([1, 1]))
        z, targets = outputs_of(0, 3, 1, 4, 4), random_places(0, (3, 4, 4)).clamp_max(1)
        loss = objective.loss(CPU)(z, targets)
        assert loss.item() == pytest.approx(
            functional.binary_cross_entropy_with_logits(z[:, 0], targets.float()).item()
        )
        found = measured(objective, (z, targets[:, None].float()))
        assert found["val_accuracy"] == pytest.approx(
            sk.accuracy_score(targets.flatten(), (z > 0).long().flatten())
        )

    def test_chance_is_the_most_frequent_class_everywhere(self) -> None:
        chance = self.objective.chance
        true = np.repeat([0, 1, 2], [5, 3, 2])
        said = np.zeros_like(true)
        assert chance.metric == pytest.approx(sk.jaccard_score(true, said, average="macro"))
        assert chance.blank == pytest.approx(math.log(CLASSES))
        shares = np.array([0.5, 0.3, 0.2])
        assert chance.loss == pytest.approx(-(shares * np.log(shares)).sum())

    def test_what_is_claimed_as_a_class_that_nobody_named_is_only_wrong(self) -> None:
        outputs = torch.zeros(1, 6, 2, 2)
        outputs[:, 5] = 1
        found = measured(self.objective, (outputs, torch.zeros(1, 2, 2).long()))
        assert found["val_accuracy"] == 0
        assert found["val_mean_iou"] == 0

    @pytest.mark.parametrize(
        ("outputs", "targets", "said"),
        [
            ((2, 4, 8, 8), (2, 4, 4), "do not fit one another"),
            ((2, 4), (2, 4, 4), "do not fit one another"),
            ((3, 4, 4, 4), (2, 4, 4), "do not fit one another"),
            ((2, 2, 4, 4), (2, 4, 4), "no class that the model answers with"),
        ],
    )
    def test_outputs_of_another_form_are_told(
        self, outputs: tuple[int, ...], targets: tuple[int, ...], said: str
    ) -> None:
        with pytest.raises(UsageError, match=said):
            self.objective.loss(CPU)(torch.zeros(outputs), torch.full(targets, 3))


class TestTokens:
    objective = tokens.bind(goal([5, 3, 2, 0]))

    @pytest.mark.parametrize("seed", range(5))
    def test_metrics_are_those_of_scikit_learn_over_batches_of_other_lengths(self, seed: int) -> None:
        batches = []
        for number, length in enumerate((7, 3)):
            targets = random_places(seed + number, (4, length))
            targets[:, 2:][random_places(seed, (4, length - 2)) == 0] = -100
            batches.append((outputs_of(seed + number, 4, length, CLASSES), targets))
        found = measured(self.objective, *batches)
        true = np.concatenate([t[t >= 0].numpy() for _, t in batches])
        said = np.concatenate([o.argmax(-1)[t >= 0].numpy() for o, t in batches])
        assert found["val_accuracy"] == pytest.approx(sk.accuracy_score(true, said))
        f1 = sk.f1_score(true, said, labels=np.unique(true), average="macro")
        assert found["val_macro_f1"] == pytest.approx(f1)
        p = np.concatenate([o.double().softmax(-1)[t >= 0].numpy() for o, t in batches])
        assert found["val_loss"] == pytest.approx(sk.log_loss(true, p, labels=range(CLASSES)), rel=1e-5)
        assert set(found) == set(tokens.measured(CLASSES))

    def test_the_loss_is_that_of_torch(self) -> None:
        targets, outputs = random_places(3, (4, 6)), outputs_of(3, 4, 6, CLASSES)
        targets[0] = -100
        for settings in ({}, {"label_smoothing": 0.2}, {"class_weights": "balanced"}):
            objective = tokens.bind(goal([50, 30, 20, 10], **settings))
            weight = torch.tensor([110 / (4 * n) for n in (50, 30, 20, 10)])
            wanted = functional.cross_entropy(
                outputs.flatten(0, 1),
                targets.flatten(),
                weight=weight if "class_weights" in settings else None,
                label_smoothing=settings.get("label_smoothing", 0.0),
            )
            assert objective.loss(CPU)(outputs, targets).item() == pytest.approx(wanted.item(), rel=1e-5)

    def test_a_batch_without_a_token_that_counts_has_a_loss_of_nought(self) -> None:
        outputs = outputs_of(0, 2, 3, CLASSES).requires_grad_()
        loss = self.objective.loss(CPU)(outputs, torch.full((2, 3), -100))
        loss.backward()
        assert loss.item() == 0
        assert torch.equal(outputs.grad, torch.zeros_like(outputs))

    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    def test_perfect_outputs_have_the_least_loss(self, smoothing: float) -> None:
        objective = tokens.bind(goal([1, 1, 1, 1], label_smoothing=smoothing))
        targets = random_places(0, (4, 6))
        perfect = objective.perfect(targets)
        least = objective.loss(CPU)(perfect, targets).item()
        assert least <= 0.01 if not smoothing else least < 0.6
        for seed in range(20):
            near = perfect + 0.3 * outputs_of(seed, 4, 6, CLASSES)
            assert objective.loss(CPU)(near, targets).item() > least - 1e-3

    def test_chance_is_the_largest_share(self) -> None:
        assert self.objective.chance.metric == pytest.approx(0.5)


class TestLanguage:
    def test_perplexity_is_that_of_the_mean_loss_of_the_tokens_that_count(self) -> None:
        objective = language.bind(goal([5, 3, 2, 0]))
        targets, outputs = random_places(0, (4, 6)), outputs_of(0, 4, 6, CLASSES)
        targets[1, 2:] = -100
        found = measured(objective, (outputs[:1], targets[:1]), (outputs[1:], targets[1:]))
        loss = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten()).item()
        assert found["val_loss"] == pytest.approx(loss, rel=1e-5)
        assert found["val_perplexity"] == pytest.approx(math.exp(loss), rel=1e-5)
        hits = (outputs.argmax(-1) == targets)[targets >= 0]
        assert found["val_accuracy"] == pytest.approx(hits.float().mean().item())
        assert set(found) == set(language.measured(CLASSES))

    def test_targets_that_are_the_inputs_are_moved_by_one_place(self) -> None:
        objective = language.bind(goal([5, 3, 2, 1], shifted=True))
        ids, outputs = random_places(0, (4, 6)), outputs_of(0, 4, 6, CLASSES)
        wanted = functional.cross_entropy(outputs[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).item()
        assert objective.loss(CPU)(outputs, ids).item() == pytest.approx(wanted, rel=1e-6)
        assert measured(objective, (outputs, ids))["val_loss"] == pytest.approx(wanted, rel=1e-5)
        assert objective.loss(CPU)(objective.perfect(ids), ids).item() < 0.01

    def test_chance_is_the_perplexity_of_the_frequencies(self) -> None:
        chance = language.bind(goal([1, 1, 2])).chance
        assert chance.metric == pytest.approx(2**1.5)
        assert chance.loss == pytest.approx(1.5 * math.log(2))

    def test_a_loss_that_is_far_too_large_is_still_a_number(self) -> None:
        found = language.metrics(np.array([[1e6, 2.0, 0.0]]))
        assert np.isfinite(found["val_perplexity"]).all()


class TestStep:
    def test_batches_count_by_their_rows(self) -> None:
        from firstlight.own.step import Answer

        objective = step.bind(goal([1]))
        batches = [(Answer(torch.tensor(2.0), None), torch.zeros(3, 0))]
        batches += [(Answer(torch.tensor(6.0), None), torch.zeros(1, 0))]
        assert measured(objective, *batches) == {"val_loss": 3.0}
        assert math.isnan(objective.chance.loss)
