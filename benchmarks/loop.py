"""Time of a training step: firstlight's loop beside a hand-written PyTorch loop of the same model, in one run.

Two workloads: `digits`, an MLP 64-128-10 on scikit-learn's digits with batch 32, which shows the cost of the
loop itself; `cnn`, a
residual network on 10,000 images of 3x32x32 with batch 128, a realistic step. Both loops get the same
tensors, the same seed, AdamW at the same
rate and fp32. The hand-written loop is the one that a careful user writes: DataLoader, default AdamW,
loss.item(). The clock
ticks in the model's forward, so no figure comes from the loops themselves. Rounds alternate; the ratio is the
median over rounds.

    python benchmarks/loop.py [--rounds 5] [--threads N]
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from ticks import DECAY, HELD, RATE, SEED, Ticked, digits, digits_network, step_seconds
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from firstlight.config.schema import Config, EarlyStopping, Optimizer, Scheduler, Training
from firstlight.data.batch import Batch
from firstlight.experiment.folder import Folder
from firstlight.kinds.kind import only
from firstlight.machine.choices import Machine
from firstlight.tasks.classification import TASK
from firstlight.tasks.task import Goal
from firstlight.training.interrupt import Stop
from firstlight.training.job import Job
from firstlight.training.loop import Watch, train
from firstlight.training.plan import Plan
from firstlight.training.saving import Saver
from firstlight.training.state import TrainingState
from firstlight.training.stopping import Best
from firstlight.watch.alarms import Alarms
from firstlight.watch.hardware import utilization_of
from firstlight.watch.meter import Meter
from firstlight.watch.progress import Silent

WORKLOADS = {"digits": (32, 10), "cnn": (128, 1)}  # batch, epochs


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.b1 = nn.BatchNorm2d(outputs)
        self.c2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.b2 = nn.BatchNorm2d(outputs)
        self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.b1(self.c1(x)))
        return functional.relu(self.b2(self.c2(y)) + self.short(x))


def network(name: str) -> nn.Module:
    torch.manual_seed(SEED)
    if name == "digits":
        return digits_network()
    stem = [nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    blocks = [Block(32, 32, 2), Block(32, 64, 2), Block(64, 128, 2), Block(128, 128, 1)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def tensors(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if name == "digits":
        (x, y), held = digits(), HELD
    else:
        generator = torch.Generator().manual_seed(SEED)
        y = torch.randint(0, 10, (12_000,), generator=generator)
        means = torch.randn(10, 3, 32, 32, generator=generator)
        x, held = 0.15 * means[y] + torch.randn(12_000, 3, 32, 32, generator=generator), 2_000
    return x[:-held], y[:-held], x[-held:], y[-held:]


@dataclass(frozen=True, kw_only=True)
class TensorLoader:
    """Rows of two tensors, gathered by index: what firstlight's batches are for ready tensors."""

    inputs: Tensor
    targets: Tensor
    size: int

    def __len__(self) -> int:
        return math.ceil(self.count / self.size)

    @property
    def count(self) -> int:
        return len(self.inputs)

    def epoch(self, epoch: int, *, start: int = 0):
        order = torch.randperm(self.count, generator=torch.Generator().manual_seed(epoch))
        for rows in order.split(self.size)[start:]:
            yield Batch(self.inputs[rows], self.targets[rows], rows)

    def ordered(self, size: int | None = None):
        for rows in torch.arange(self.count).split(size or self.size):
            yield Batch(self.inputs[rows], self.targets[rows], rows)


def by_hand(name: str, folder: Path) -> list[float]:
    """The loop that a careful user writes."""
    batch, epochs = WORKLOADS[name]
    x, y, held_x, held_y = tensors(name)
    ticks: list[float] = []
    model = Ticked(network(name), ticks)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    loader = DataLoader(TensorDataset(x, y), batch_size=batch, shuffle=True)
    held = DataLoader(TensorDataset(held_x, held_y), batch_size=batch)
    best = -1.0
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for inputs, targets in loader:
            loss = functional.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(inputs)
        model.eval()
        good = 0
        with torch.no_grad():
            for inputs, targets in held:
                good += (model(inputs).argmax(1) == targets).sum().item()
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
        torch.save(state, folder / "last.pt")
        if good > best:
            best = good
            torch.save(state, folder / "best.pt")
    return ticks


def with_firstlight(name: str, folder: Path) -> list[float]:
    """The same model through firstlight's loop, with its watch, checkpoints and records."""
    batch, epochs = WORKLOADS[name]
    x, y, held_x, held_y = tensors(name)
    ticks: list[float] = []
    model = Ticked(network(name), ticks)
    machine = Machine(
        device=torch.device("cpu"),
        threads=torch.get_num_threads(),
        compute="fp32",
        channels_last=name == "cnn",
        deterministic=False,
        reasons={},
    )
    if machine.channels_last:
        model = model.to(memory_format=torch.channels_last)
        x, held_x = (t.to(memory_format=torch.channels_last) for t in (x, held_x))
    config = Config(
        training=Training(epochs=epochs, batch_size=batch, learning_rate=RATE),
        optimizer=Optimizer(name="adamw", weight_decay=DECAY),
        scheduler=Scheduler(name="constant", warmup_fraction=0.0),
        early_stopping=EarlyStopping(enabled=False),
    )
    goal = Goal(classes=tuple("0123456789"), targets=y.numpy(), settings=config.loss)
    objective = TASK.bind(goal)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    train_loader = TensorLoader(inputs=x, targets=y, size=batch)
    job = Job(
        config=config,
        objective=objective,
        machine=machine,
        train=train_loader,
        val=TensorLoader(inputs=held_x, targets=held_y, size=batch),
        views=only,
        loss=objective.loss(machine.device),
        folder=Folder(folder),
        data=None,  # the loop asks the loaders alone
        make_model=lambda: model,
        make_optimizer=lambda _: optimizer,
        own_optimizer=False,
        rate_factor=lambda progress: 1.0,
        meta={},
    )
    plan = Plan(epochs=epochs, steps_per_epoch=len(train_loader))
    state = TrainingState(
        model=model, optimizer=optimizer, plan=plan, best=Best(metric="val_loss", lower_is_better=True)
    )
    watch = Watch(
        meter=Meter(),
        alarms=Alarms(chance_loss=objective.chance.loss, rare_metric=objective.chance.metric),
        utilization=utilization_of(machine),
        progress=Silent(),
        stop=Stop(),
        saver=Saver(job=job, started=time.monotonic(), progress=Silent()),
        deadline=time.monotonic() + 3600,
        validation_seconds=0.0,
        on_plan_change=lambda: None,
        on_epoch=lambda records: None,
    )
    train(job, state, watch)
    return ticks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.workloads:
        ratios, ours, theirs = [], [], []
        for _ in range(arguments.rounds):
            with tempfile.TemporaryDirectory() as folder:
                theirs.append(step_seconds(by_hand(name, Path(folder))))
                ours.append(step_seconds(with_firstlight(name, Path(folder))))
            ratios.append(ours[-1] / theirs[-1])
        print(
            f"ratio {name} {statistics.median(ratios):.2f}   firstlight {statistics.median(ours) * 1e3:.3f} ms, "
            f"by hand {statistics.median(theirs) * 1e3:.3f} ms a step, ratios {min(ratios):.2f} to {max(ratios):.2f} "
            f"in {arguments.rounds} rounds, {arguments.threads} threads"
        )


if __name__ == "__main__":
    main()
