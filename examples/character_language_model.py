"""The next character: a small recurrent network of one's own reads a text, and writes one.

    python examples/character_language_model.py [FILE]

Without a file it reads the pages of the documentation. The last tenth of the text is for validation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn

import firstlight as fl

PAGES = Path(__file__).parents[1] / "docs"
LENGTH = 64  # characters of a row


class Reader(nn.Module):
    """Characters int64 (rows, LENGTH) -> logits of the character after each, (rows, LENGTH, vocabulary)."""

    def __init__(self, vocabulary: int, width: int = 96) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 32)
        self.read = nn.GRU(32, width, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        """Logits of what comes next."""
        return self.head(self.read(self.embed(characters))[0])


def rows_of(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and, one place further, targets: (rows, LENGTH) each."""
    rows = numbers.unfold(0, LENGTH + 1, LENGTH)
    return rows[:, :-1], rows[:, 1:]


def write(model: nn.Module, characters: list[str], start: str, count: int) -> str:
    """Goes on from `start`, each character drawn as probable as the model has it."""
    draw = torch.Generator().manual_seed(0)
    numbers = [characters.index(c) for c in start]
    for _ in range(count):
        with torch.no_grad():
            logits = model(torch.tensor([numbers[-LENGTH:]]))[0, -1]
        numbers.append(int(torch.multinomial(logits.softmax(0), 1, generator=draw)))
    return "".join(characters[n] for n in numbers)


def main() -> None:
    """Trains, prints the verdict, and writes a few words."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("file", nargs="?", type=Path)
    options.add_argument("--minutes", type=float, default=2.0)
    options.add_argument("--out", default=None, help="folder of the experiment")
    wanted = options.parse_args()
    files = [wanted.file] if wanted.file else sorted(PAGES.glob("*.md"))
    text = "\n".join(file.read_text("utf-8") for file in files)
    characters = sorted(set(text))
    numbers = torch.tensor([characters.index(c) for c in text])
    cut = len(numbers) * 9 // 10
    result = fl.baseline(
        lambda: Reader(len(characters)),
        train=rows_of(numbers[:cut]),
        val=rows_of(numbers[cut:]),
        minutes=wanted.minutes,
        out=wanted.out,
        settings={"training.learning_rate": 0.01, "training.batch_size": 16, "training.epochs": 8},
    )
    print(result)
    print(write(result.model, characters, start=text[:LENGTH], count=200))


if __name__ == "__main__":
    main()
