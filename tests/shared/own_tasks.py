"""Small data and networks for the tasks with many places, and for steps; each is learnt in a second or two."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import nn
from torch.nn import functional

WORDS = [
    "the",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "sleeps",
    "while",
    "cold",
    "water",
    "runs",
    "down",
    "to",
    "stones",
    "in",
    "our",
    "river",
]


def written(words: int, seed: int = 0) -> str:
    """A text of these words in any order, with a full stop now and then."""
    drawn = random.Random(seed)
    return " ".join(drawn.choice(WORDS) + ("." if drawn.random() < 0.1 else "") for _ in range(words))


TEXT = written(700)
CHARACTERS = sorted(set(TEXT))


def shapes(count: int, seed: int, side: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy grey pictures (count, 1, side, side) of a bright box and a dark disk; masks with a rim of 255."""
    g = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    mask = torch.zeros(count, side, side, dtype=torch.long)
    for row in mask:
        top, left, cy, cx = torch.randint(1, side // 2, (4,), generator=g).tolist()
        row[top : top + side // 3, left : left + side // 3] = 1
        row[(y - cy - side // 3) ** 2 + (x - cx - side // 3) ** 2 < (side // 5) ** 2] = 2
    pictures = torch.tensor([0.0, 1.0, -1.0])[mask] + 0.3 * torch.randn(count, side, side, generator=g)
    mask[:, 0], mask[:, -1] = 255, 255
    return pictures[:, None], mask


class SmallUNet(nn.Module):
    """Down once, up once, with the bridge between (Ronneberger et al. 2015)."""

    def __init__(self, classes: int = 3, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.low = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = nn.Conv2d(2 * width, classes, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        high = self.first(x)
        return self.last(torch.cat([high, self.up(self.low(high))], dim=1))


def tagged(count: int, seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Sequences of 4 to 9 words of 12; a word's tag is its number modulo 3, one more after word 0."""
    g = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        words = torch.randint(0, 12, (int(torch.randint(4, 10, (1,), generator=g)),), generator=g)
        after = functional.pad(words[:-1], (1, 0), value=1) == 0
        found.append((words, (words + after) % 3))
    return found


def padded(items: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Words filled up with 12, tags with -100."""
    words, tags = zip(*items, strict=True)
    fill = nn.utils.rnn.pad_sequence
    return fill(list(words), True, 12.0), fill(list(tags), True, -100.0)


class Tagger(nn.Module):
    """Reads both ways, without a mask: what a row is filled up with changes its answers."""

    def __init__(self, tags: int = 3) -> None:
        super().__init__()
        self.embed, self.look = nn.Embedding(13, 16), nn.GRU(16, 12, batch_first=True, bidirectional=True)
        self.head = nn.Linear(24, tags)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.head(self.look(self.embed(words))[0])


def windows(start: float, end: float, length: int = 24) -> torch.Tensor:
    """Numbers of the characters of a part of TEXT, (windows, length + 1)."""
    numbers = torch.tensor([CHARACTERS.index(c) for c in TEXT[int(start * len(TEXT)) : int(end * len(TEXT))]])
    return numbers.unfold(0, length + 1, length // 2)


class Causal(nn.Module):
    """Answers as libraries of language models do, with `answer` "mapping"; else with the logits alone."""

    def __init__(self, answer: str = "tensor") -> None:
        super().__init__()
        self.embed, self.look = nn.Embedding(len(CHARACTERS), 16), nn.GRU(16, 32, batch_first=True)
        self.head, self.answer = nn.Linear(32, len(CHARACTERS)), answer

    def forward(self, input_ids: torch.Tensor, labels: Any = None) -> Any:
        logits = self.head(self.look(self.embed(input_ids))[0])
        return {"loss": None, "logits": logits} if self.answer == "mapping" else logits


def triplets(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Anchor, one of the same of four clusters, one of another: (count, 6) each."""
    g = torch.Generator().manual_seed(seed)
    centres = 2 * torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    own = torch.randint(0, 4, (count,), generator=g)
    other = (own + torch.randint(1, 4, (count,), generator=g)) % 4
    a, p, n = (centres[c] + torch.randn(count, 6, generator=g) for c in (own, own, other))
    return a, p, n


def triplet_step(model: nn.Module, batch: Any) -> Any:
    """Triplet loss; the outputs are how much nearer the right one is."""
    a, p, n = (functional.normalize(model(x), dim=1) for x in batch)
    nearer = (a - n).norm(dim=1) - (a - p).norm(dim=1)
    return functional.relu(0.5 - nearer).mean(), nearer


class Gan(nn.Module):
    """Two networks in one module, for points on a line in the plane."""

    def __init__(self) -> None:
        super().__init__()
        self.make = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
        self.judge = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))

    def judged(self, points: torch.Tensor) -> torch.Tensor:
        """The judge's opinion, through which no gradient reaches its own weights."""
        weights = {name: value.detach() for name, value in self.judge.named_parameters()}
        found: torch.Tensor = torch.func.functional_call(self.judge, weights, (points,))
        return found


def gan_step(model: Gan, batch: Any) -> dict[str, torch.Tensor]:
    """Both losses in one sum: what is made is cut off from the judge's part, and the judge's weights from the other."""
    (real,) = batch
    fake = model.make(torch.randn(len(real), 2))
    told = functional.softplus(-model.judge(real)) + functional.softplus(model.judge(fake.detach()))
    loss = told.mean() + functional.softplus(-model.judged(fake)).mean()
    return {"loss": loss, "fake": fake, "real": real}


class Boxes(torch.utils.data.Dataset[Any]):
    """Pictures (1, 12, 12) with one or two bright squares each; `boxes` float (number, 2) are their centres."""

    def __init__(self, count: int, seed: int) -> None:
        g = torch.Generator().manual_seed(seed)
        self.items = []
        for _ in range(count):
            picture = 0.1 * torch.randn(1, 12, 12, generator=g)
            centres = torch.randint(1, 11, (int(torch.randint(1, 3, (1,), generator=g)), 2), generator=g)
            for y, x in centres.tolist():
                picture[0, y - 1 : y + 2, x - 1 : x + 2] = 1.0
            self.items.append((picture, {"boxes": centres.float()}))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def lists(items: list[Any]) -> tuple[list[Any], list[Any]]:
    """As detection wants it: a list of pictures and a list of mappings."""
    return [picture for picture, _ in items], [boxes for _, boxes in items]


def heat_step(model: nn.Module, batch: Any) -> Any:
    """Detection by a map of centres; the outputs are, of each picture, the place of the highest answer."""
    pictures, targets = batch
    wanted = torch.zeros(len(pictures), 12, 12)
    for row, target in zip(wanted, targets, strict=True):
        row[target["boxes"][:, 0].long(), target["boxes"][:, 1].long()] = 1
    heat = model(torch.stack(pictures))[:, 0]
    loss = functional.binary_cross_entropy_with_logits(heat, wanted, pos_weight=torch.tensor(20.0))
    best = heat.flatten(1).argmax(dim=1)
    places = torch.stack([best // 12, best % 12], dim=1).float()
    near = [bool(((t["boxes"] - at).abs().amax(1) <= 1).any()) for t, at in zip(targets, places, strict=True)]
    return {"loss": loss, "found": near}
