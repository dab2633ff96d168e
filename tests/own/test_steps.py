"""A step of a person's own through `fl.baseline`: metric learning, two networks that play, detection."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest
import torch
from own_tasks import Boxes, Gan, gan_step, heat_step, lists, triplet_step, triplets
from own_things import Items, net, rows
from torch import nn
from torch.nn import functional

from firstlight.errors import FirstlightError, UsageError
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.gates.post_baseline import GATE
from firstlight.own.step import Whole, answer_of

LEARNS = {"training.epochs": 6, "training.learning_rate": 0.01}


def embedder() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))


def untrained(result: Any) -> dict[str, float]:
    (only,) = store.read_json(Folder(result.folder).references)["references"]
    assert only["name"] == "untrained"
    return dict(only["metrics"])


def share_right(nearer: Any, targets: Any) -> float:
    return float((nearer > 0).mean())


def test_triplets_are_judged_by_the_loss_or_by_an_own_metric(run: Any) -> None:
    val = triplets(200, 1)
    result = run(
        embedder,
        train=triplets(200, 0),
        val=val,
        step=triplet_step,
        metrics={"right": share_right},
        settings=LEARNS,
    )
    assert result.verdict == "optimize"  # what is enough nobody said
    assert "untrained" in result.reasons[0]
    assert "name what is enough" in result.reasons[1]
    found = result.metrics
    assert found["val_loss"].min() < untrained(result)["val_loss"]
    with torch.no_grad():
        loss, nearer = triplet_step(result.model, val)
    best = found.sort("val_loss").row(0, named=True)
    assert best["val_loss"] == pytest.approx(loss.item(), rel=1e-4)  # batches count by their rows
    assert best["own_right"] == pytest.approx(share_right(nearer.numpy(), None))
    with torch.no_grad():
        fresh = triplet_step(embedder(), val)[0].item()
    assert untrained(result)["val_loss"] == pytest.approx(fresh, rel=1e-4)


def test_a_step_with_a_target_is_accepted(run: Any) -> None:
    result = run(
        embedder,
        train=triplets(200, 0),
        val=triplets(200, 1),
        step=triplet_step,
        metrics={"right": share_right},
        metric="right",
        at_least=0.9,
        settings=LEARNS,
    )
    assert result.verdict == "accept"
    page = (result.folder / "baseline_results.md").read_text("utf-8")
    assert "untrained" in page
    assert "bootstrap over batches" in page


def test_a_step_that_learns_nothing_fails(run: Any) -> None:
    def still(model: Any, batch: Any) -> Any:
        loss, nearer = triplet_step(model, batch)
        return (loss if not model.training else -loss), nearer

    result = run(
        embedder,
        train=triplets(200, 0),
        val=triplets(400, 1),
        step=still,
        settings={"training.epochs": 4, "training.learning_rate": 0.01},
    )
    assert result.verdict == "failed"
    assert "untrained" in result.reasons[0]


def test_two_networks_in_one_module_play(run: Any) -> None:
    g = torch.Generator().manual_seed(0)
    along = torch.randn(512, 1, generator=g)
    points = torch.cat([along, 2 * along + 1], dim=1)

    def away(outputs: Any, targets: Any) -> float:
        """How far what was made lies from the line."""
        made = outputs["fake"]
        return float(np.abs(made[:, 1] - 2 * made[:, 0] - 1).mean())

    result = run(
        Gan,
        train=(points[:384],),
        val=(points[384:],),
        step=gan_step,
        metrics={"away": away},
        lower_is_better=["away"],
        metric="away",
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.01, betas=(0.5, 0.9)),
        settings={"training.epochs": 30, "training.batch_size": 32},
    )
    found = result.metrics
    assert found["own_away"].min() < 0.5 * untrained(result)["own_away"]
    assert result.verdict == "optimize"
    (fell,) = (i for i in GATE.items(Folder(result.folder)) if i.id == "loss_fell")
    assert fell.state == "not_applicable"


def test_pictures_with_boxes_in_lists_of_other_lengths(run: Any) -> None:
    def hit(outputs: Any, targets: Any) -> float:
        return float(np.mean(outputs["found"]))

    result = run(
        lambda: nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1)),
        train=Boxes(160, 0),
        val=Boxes(48, 1),
        collate=lists,
        step=heat_step,
        metrics={"hit": hit},
        metric="hit",
        at_least=0.8,
        settings=LEARNS,
    )
    assert result.verdict == "accept"


def test_random_numbers_of_a_step_make_validation_repeat_itself_and_a_resume_exact(
    run: Any, tmp_path: Any
) -> None:
    """Dropout by hand: each validation draws the same numbers, and training draws on as if there were none."""
    state = {"reads": 0, "at": -1}

    def reads(index: int, x: Any, y: Any) -> Any:
        state["reads"] += 1
        if state["reads"] == state["at"]:
            os.kill(os.getpid(), signal.SIGINT)
        return x, y

    def noisy(model: Any, batch: Any) -> Any:
        x, y = batch
        return functional.cross_entropy(model(x + 0.3 * torch.randn_like(x)), y)

    val = Items(reads, 32, 1)
    settings = {"training.epochs": 3}
    whole = run(net, train=rows(), val=val, step=noisy, out=tmp_path / "whole", settings=settings)
    outcome = store.read_json(Folder(whole.folder).outcome)
    assert outcome["reloaded_metrics"] == outcome["best_metrics"]
    state.update(at=state["reads"] - 32 - 40, reads=0)  # in the second of three validations
    with pytest.raises(KeyboardInterrupt):
        run(net, train=rows(), val=val, step=noisy, settings=settings)
    state["at"] = -1
    again = run(net, train=rows(), val=val, step=noisy, settings=settings, resume=True)
    assert again.metrics["val_loss"].to_list() == whole.metrics["val_loss"].to_list()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda model, batch: 3.0, "does not give one loss"),
        (lambda model, batch: {"total": model(batch[0]).mean()}, "does not give one loss"),
        (lambda model, batch: model(batch[0]), "does not give one loss"),
        (lambda model, batch: model(batch[0]).mean().detach(), "does not depend on the weights"),
        (lambda model, batch: model(batch["x"]).mean(), "the step raises an error"),
        (lambda model: 1, "the step raises an error"),
    ],
    ids=["number", "mapping without loss", "not reduced", "detached", "raises", "arity"],
)
def test_a_step_that_is_none_is_told_with_its_line(run: Any, step: Any, said: str) -> None:
    with pytest.raises(FirstlightError, match=said) as caught:
        run(net, step=step)
    assert "test_steps.py" in str(caught.value)


def test_a_step_and_a_loss_are_one_too_many(run: Any) -> None:
    with pytest.raises(UsageError, match="without loss="):
        run(net, step=triplet_step, loss=nn.CrossEntropyLoss())


def test_what_a_step_may_return() -> None:
    loss = torch.tensor(1.0)
    assert answer_of(loss, len) == (loss, None)
    assert answer_of((loss, "o"), len) == (loss, "o")
    assert answer_of((loss, 1, 2), len) == (loss, (1, 2))
    assert answer_of({"loss": loss, "o": 1}, len) == (loss, {"o": 1})


def test_a_batch_is_cut_into_parts_by_its_rows() -> None:
    batch = ([1, 2, 3, 4], {"x": torch.arange(8).reshape(4, 2), "scale": torch.tensor(2.0)}, "name")
    part = Whole(batch=batch, rows=4, first=8).part(1, 3)
    assert part.rows == 2
    assert part.first == 9
    assert part.batch[0] == [2, 3]
    assert part.batch[1]["x"].tolist() == [[2, 3], [4, 5]]
    assert part.batch[1]["scale"] == 2
    assert part.batch[2] == "name"
