"""What a person's data and model may look like."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch
from own_things import Items, net, rows
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, WeightedRandomSampler

from firstlight.config.read import read_config


@dataclasses.dataclass
class Item:
    x: torch.Tensor
    y: torch.Tensor


class Named(nn.Module):
    """Called by field names; answers like a library of language models."""

    def __init__(self) -> None:
        super().__init__()
        self.body = net()

    def forward(self, x: torch.Tensor, labels: Any = None) -> Any:
        return dataclasses.make_dataclass("Output", ["loss", "logits"])(None, self.body(x))


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = net()

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.body(torch.cat([a, b], dim=1))


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(zip(*rows(), strict=True))


def gather(items: list[Any]) -> dict[str, Any]:
    return {"x": torch.stack([x for x, _ in items]), "labels": torch.tensor([int(y) for _, y in items])}


@pytest.mark.parametrize(
    ("model", "train"),
    [
        (net, Items()),
        (Two, Items(lambda i, x, y: (x[:3], x[3:], int(y)))),
        (Named, Items(lambda i, x, y: {"x": x, "labels": y})),
        (Named, DataLoader(Items(), batch_size=8, collate_fn=gather)),
        (net, Stream()),
        (net, DataLoader(Stream(), batch_size=8)),
        (net, [(x, int(y)) for x, y in zip(*rows(), strict=True)]),
    ],
    ids=["pairs", "three", "mapping", "loader", "stream", "loader of a stream", "list"],
)
def test_every_form_is_trained(run: Any, model: Any, train: Any) -> None:
    result = run(model, train=train)
    assert result.verdict in ("accept", "optimize", "failed")
    assert len(result.metrics) == 2
    assert result.metrics["val_loss"].is_finite().all()


def test_data_classes_need_a_collate_function(run: Any) -> None:
    def together(items: list[Item]) -> Item:
        return Item(torch.stack([i.x for i in items]), torch.stack([i.y for i in items]))

    class Body(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = net()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x)

    result = run(Body, train=Items(lambda i, x, y: Item(x, y)), collate=together)
    assert len(result.metrics) == 2


def test_a_loader_keeps_batch_size_and_sampler(run: Any) -> None:
    seen: list[int] = []

    def note(index: int, x: Any, y: Any) -> Any:
        seen.append(index)
        return x, y

    weights = [1.0] * 40 + [0.0] * 88
    loader = DataLoader(Items(note, 128), batch_size=10, sampler=WeightedRandomSampler(weights, 128))
    model = net()
    result = run(model, train=loader, val=rows(32, 1), settings={"training.batch_size": None})
    assert read_config(result.folder / "training_config.yaml").config.training.batch_size == 10
    assert result.metrics["step"].to_list() == [13, 26]
    assert set(seen[-128:]) <= set(range(40))  # the last epoch


def test_own_loss_optimizer_scheduler_and_metric(run: Any) -> None:
    def missed(predictions: np.ndarray[Any, Any], targets: np.ndarray[Any, Any]) -> float:
        return float((predictions.argmax(axis=1) != targets).mean())

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return 3 * nn.functional.cross_entropy(outputs, targets)

    result = run(
        loss=loss,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.5, momentum=0.5),
        scheduler=lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1),
        metrics={"missed": missed},
        lower_is_better=["missed"],
        metric="missed",
        at_least=0.3,
    )
    found = result.metrics
    assert found["learning_rate"].to_list() == pytest.approx([0.5, 0.05])
    assert found["own_missed"].to_list() == pytest.approx([1 - a for a in found["val_accuracy"].to_list()])
    settings = (result.folder / "training_config.yaml").read_text("utf-8")
    said = " ".join(settings.replace("#", " ").split())
    assert "not used: an optimizer of your own" in said
    assert "not used: a scheduler of your own" in said
    checks = json.loads((result.folder / "logs" / "preflight.json").read_text("utf-8"))["lines"]
    config = next(line for line in checks if line["id"] == "config")
    assert "an optimizer of your own at 0.5" in config["message"]
    assert "far above" not in config["message"]  # what AdamW bears says nothing of it
    best = found["own_missed"].min()
    assert result.verdict in ("accept", "optimize")
    assert best is not None
    assert best <= 0.3
    assert "own_missed" in " ".join(result.reasons)
    assert "at most 0.3" in " ".join(result.reasons)
    page = (result.folder / "baseline_results.md").read_text("utf-8")
    assert "in logs/metrics.json and" not in page  # one val_loss is not held against another


def test_the_task_is_told_by_the_targets(run: Any) -> None:
    x, _y = rows()
    numbers = run(lambda: net(1), train=(x, x[:, 0] * 3 + 10))
    assert "val_r2" in numbers.metrics.columns


def test_several_labels(run: Any) -> None:
    x, _ = rows()
    found = run(lambda: net(3), train=(x, (x[:, :3] > 0).float()))
    assert "val_macro_f1" in found.metrics.columns
