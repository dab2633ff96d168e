"""Time of a training step through `fl.baseline` with a data set of one's own, beside the same loop by hand.

The data set is map-style, gives one item at a time, and is read by the training process itself (0 workers), as most
people's first one is. Both loops get the same items, model, seed, AdamW at the same rate, batch and number of epochs;
the loop by hand is that of a careful user: DataLoader, loss.item(). The clock ticks in the model's forward, so no
figure comes from the loops themselves. Rounds alternate; the ratio is the median over rounds.

    python benchmarks/own_loop.py [--rounds 5] [--threads N]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import torch
from ticks import DECAY, HELD, RATE, SEED, Ticked, digits, digits_network, gaps, step_seconds
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

import firstlight as fl

BATCH = 32
WORKLOADS = {"digits": 10, "cnn": 2}  # epochs
LONGEST_GAP = 20.0  # times the median: a validation or another epoch lies between two ticks


class Items(Dataset):
    """One item at a time, as a person writes it."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.x[index], int(self.y[index])


def network(name: str) -> nn.Module:
    torch.manual_seed(SEED)
    if name == "digits":
        return digits_network()
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 64, 10)),
    )


def parts(name: str) -> tuple[Items, Items]:
    """Training and validation items."""
    if name == "digits":
        x, y = digits()
    else:
        generator = torch.Generator().manual_seed(SEED)
        y = torch.randint(0, 10, (4_000,), generator=generator)
        x = torch.randn(10, 3, 32, 32, generator=generator)[y] + torch.randn(
            4_000, 3, 32, 32, generator=generator
        )
        order = torch.randperm(len(x), generator=generator)
        x, y = x[order], y[order]
    return Items(x[:-HELD], y[:-HELD]), Items(x[-HELD:], y[-HELD:])


def by_hand(name: str) -> list[float]:
    """The loop that a careful user writes."""
    train, held = parts(name)
    ticks: list[float] = []
    model = Ticked(network(name), ticks)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(WORKLOADS[name]):
        model.train()
        for inputs, targets in DataLoader(train, batch_size=BATCH, shuffle=True):
            loss = functional.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        model.eval()
        with torch.inference_mode():
            for inputs, _ in DataLoader(held, batch_size=BATCH):
                model(inputs)
    return ticks


def through_firstlight(name: str, folder: Path, threads: int) -> list[float]:
    """The same through `fl.baseline`: the ticks of the training phase, which come last."""
    train, held = parts(name)
    ticks: list[float] = []
    epochs = WORKLOADS[name]
    fl.baseline(
        lambda: Ticked(network(name), ticks),
        train=train,
        val=held,
        optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY),
        out=folder / "run",
        minutes=10,
        settings={
            "training.epochs": epochs,
            "training.batch_size": BATCH,
            "early_stopping.enabled": False,
            "parallel.workers": 0,
            "parallel.threads": threads,
        },
        quiet=True,
    )
    return ticks[-epochs * -(-len(train) // BATCH) :]


def mean_seconds(ticks: list[float]) -> float:
    """Mean time from one training forward to the next, without the gaps in which something else was done."""
    most = LONGEST_GAP * step_seconds(ticks)
    return statistics.mean(gap for gap in gaps(ticks) if gap < most)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.workloads:
        medians, means = [], []
        for number in range(arguments.rounds):
            with tempfile.TemporaryDirectory() as temporary:
                ours = through_firstlight(name, Path(temporary), arguments.threads)
            hand = by_hand(name)
            medians.append(step_seconds(ours) / step_seconds(hand))
            means.append(mean_seconds(ours) / mean_seconds(hand))
            print(
                f"{name} round {number + 1}: by hand {step_seconds(hand) * 1e3:.3f} ms a step, "
                f"firstlight {step_seconds(ours) * 1e3:.3f} ms, ratio {medians[-1]:.3f}, of means {means[-1]:.3f}",
                flush=True,
            )
        print(
            f"{name}: ratio {statistics.median(medians):.3f} ({min(medians):.3f} to {max(medians):.3f}), "
            f"of means {statistics.median(means):.3f}"
        )


if __name__ == "__main__":
    main()
