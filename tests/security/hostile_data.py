"""Data sets in which everything that has a name has a hostile one; the canary is harmless, a file `marker`."""

from __future__ import annotations

import csv
import os
import random
from pathlib import Path

from PIL import Image

FORGED = "2026-01-01T00:00:00Z INFO    setup      FORGED"
# For names of files; the second list has what a file name cannot hold.
NAMES = (
    "<img src=x onerror=alert(1)>", "a|b`c` [d](e) ![f](g)", f"two\nlines\n{FORGED}", "esc\x1b[31m\x1b]0;title\x07\r",
    "=1+1", "+SUM(A1)", "-2+3", "@x", "\ttab", "$\\frac{", "{{7*7}}{% raw %}", "\u202eleft\u2066", "$(touch marker)",
    "--config=x", "-rf", "`touch marker`", "%s%n %d", "_a_ *b* ~~c~~ # d", "www.evil.example", "&lt;b&gt;&amp;", "＝1",
    "1. x", "- y", "\u2028sep\x85", "'\"quotes\"'",
)  # fmt: skip
VALUES = (
    *NAMES,
    "</script><script>alert(1)</script>",
    "[x](https://evil.example)",
    "https://evil.example/?q",
    "/etc/passwd",
)

LABELS = (
    "<script>alert(1)</script>",
    "=1+1",
    f"x\n{FORGED}",
    "$\\frac{",
    "[x](https://evil.example)",
    "a|b`c`",
    "\x1b[31m",
    "@x",
)


def images(root: Path, each: int = 6) -> Path:
    """Class folders of small images; one class has bytes that are no UTF-8."""
    chance = random.Random(7)
    folders = [os.fsencode(str(root)) + b"/" + os.fsencode(name) for name in NAMES] + [
        os.fsencode(str(root)) + b"/\xff\xfe"
    ]
    for number, folder in enumerate(folders):
        os.makedirs(folder)
        for copy in range(each):
            picture = Image.new("RGB", (8, 8), (number * 9 % 256, chance.randrange(256), copy * 40))
            name = os.fsencode(f"{copy}{NAMES[(number + copy) % len(NAMES)]}.png")
            with open(folder + b"/" + name, "wb") as file:
                picture.save(file, "PNG")
    (root / NAMES[0] / f"broken{NAMES[2]}.png").write_bytes(b"no image")
    return root


def table(path: Path, rows: int = 400) -> Path:
    """Hostile names of columns, categories and classes."""
    chance = random.Random(8)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["=cmd|'x'!A1", "<script>x</script>", "a|b\n\x1b[2J", "$\\frac{", "target\u202e"])
        for _ in range(rows):
            label = chance.randrange(len(LABELS))
            number = f"{label + chance.random():.3f}"
            cells = [number, chance.choice(VALUES), f"{chance.random():.3f}", chance.choice(VALUES)]
            writer.writerow([*cells, LABELS[label]])
    return path


def texts(path: Path, rows: int = 300) -> Path:
    """Hostile texts and classes, in a table."""
    chance = random.Random(9)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["<b>text</b>", "=label"])
        for _ in range(rows):
            label = chance.randrange(3)
            words = [
                chance.choice(VALUES),
                *chance.choices(("good", "bad", "so")[label : label + 2] * 4, k=9),
                str(chance.random()),
            ]
            writer.writerow([" ".join(words), LABELS[label]])
    return path
