"""Texts: a folder of class folders, pairs of text and label files, or lines of a label and a text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstlight.data.examples import Examples, Texts
from firstlight.data.source import Source, check_left_out, wants
from firstlight.data.sources.table import text_digests

if TYPE_CHECKING:
    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress


def _matches(data: Data, path: Path) -> bool:
    from firstlight.data.images.decoding import holds_images
    from firstlight.data.texts.reading import matches

    if not wants(data, "text") or not matches(path):
        return False
    # A stray text among photos does not make them texts.
    return data.task != "auto" or not os.path.isdir(path) or not holds_images(path)


def _read(data: Data, path: Path, progress: Progress) -> Examples:
    from firstlight.data.texts.reading import read_texts

    progress.advance("reading texts", 0, 1)
    found = read_texts(path)
    progress.advance("reading texts", len(found.texts), len(found.texts))
    check_left_out(found.left_out, len(found.texts) + len(found.left_out), data.max_bad_fraction, path)
    classes = tuple(sorted(set(found.labels)))
    place = {name: number for number, name in enumerate(classes)}
    return Examples(
        source=data.source or str(path),
        task="classification",
        ids=found.ids,
        targets=np.array([place[label] for label in found.labels], dtype=np.int64),
        classes=classes,
        parts=found.parts,
        content=Texts(texts=tuple(found.texts)),
        digests=text_digests(found.texts),
        skipped=found.left_out,
        ignored=(),
        notes=found.notes,
        fingerprint=found.fingerprint,
    )


SOURCE = Source(
    matches=_matches,
    read=_read,
    noun="texts in folders or lines, whose names or labels are the classes",
    tasks=("text_classification",),
    settings=frozenset(),
    rank=1,
)
