"""Segmentation, tokens and language through `fl.baseline`, each with a network that can learn it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from own_tasks import CHARACTERS, Causal, SmallUNet, Tagger, padded, shapes, tagged, windows
from sklearn import metrics as sk
from torch.nn import functional

from firstlight.experiment import store
from firstlight.experiment.folder import Folder

LEARNS = {"training.epochs": 6, "training.learning_rate": 0.01}


def page(result: Any) -> str:
    return str((result.folder / "baseline_results.md").read_text("utf-8"))


def references(result: Any) -> dict[str, dict[str, float]]:
    found = store.read_json(Folder(result.folder).references)["references"]
    return {one["name"]: one["metrics"] for one in found}


def test_a_small_u_net_segments_shapes(run: Any) -> None:
    train, val = shapes(96, 0), shapes(24, 1)
    result = run(SmallUNet, train=train, val=val, classes=["ground", "box", "disk"], settings=LEARNS)
    assert result.verdict == "accept"
    assert result.metrics["val_mean_iou"].max() > 0.6

    with torch.no_grad():
        said = result.model(val[0]).argmax(1)
    counted = val[1] != 255
    true, said = val[1][counted].numpy(), said[counted].numpy()
    best = result.metrics.sort("val_mean_iou").row(-1, named=True)
    assert best["val_mean_iou"] == pytest.approx(sk.jaccard_score(true, said, average="macro"), abs=1e-6)
    assert best["val_accuracy"] == pytest.approx(sk.accuracy_score(true, said), abs=1e-6)
    majority = references(result)["majority"]
    nothing = np.zeros_like(true)
    assert majority["val_mean_iou"] == pytest.approx(sk.jaccard_score(true, nothing, average="macro"))

    shown = page(result)
    assert "Each class, over all pixels" in shown
    assert "| disk |" in shown
    assert "onfusion" not in shown
    assert "of the files" not in shown
    assert "cannot be read" not in shown
    assert (result.folder / "plots" / "class_scores.png").stat().st_size > 5_000
    assert Folder(result.folder).predictions.stat().st_size < 20_000  # 24 rows of sums, not of pixels


def test_a_tagger_learns_sequences_of_other_lengths(run: Any) -> None:
    train, val = tagged(160, 0), tagged(40, 1)
    result = run(Tagger, train=train, val=val, collate=padded, settings=LEARNS)
    assert result.verdict == "accept"
    words, tags = padded(val)
    with torch.no_grad():
        said = result.model(words).argmax(-1)[tags >= 0].numpy()
    true = tags[tags >= 0].numpy()
    best = result.metrics.sort("val_accuracy").row(-1, named=True)
    assert best["val_accuracy"] == pytest.approx(sk.accuracy_score(true, said), abs=1e-6)
    assert best["val_macro_f1"] == pytest.approx(sk.f1_score(true, said, average="macro"), abs=1e-6)
    most = np.bincount(np.concatenate([t.numpy() for _, t in train])).argmax()
    assert references(result)["majority"]["val_accuracy"] == pytest.approx((true == most).mean())


@pytest.mark.parametrize("form", ["next", "the inputs themselves"])
def test_a_character_language_model_reads_a_text(run: Any, form: str) -> None:
    train, val = windows(0, 0.8), windows(0.8, 1)
    if form == "next":
        parts = [(w[:, :-1], w[:, 1:]) for w in (train, val)]
        result = run(Causal, train=parts[0], val=parts[1], settings=LEARNS)
    else:  # as libraries of language models have it
        each = [[{"input_ids": row, "labels": row} for row in w] for w in (train, val)]
        result = run(lambda: Causal("mapping"), train=each[0], val=each[1], settings=LEARNS)
    assert result.verdict == "accept"
    best = result.metrics.sort("val_perplexity").row(0, named=True)
    assert best["epoch"] == result.metrics["val_loss"].arg_min() + 1  # the lowest is the best
    with torch.no_grad():
        logits = result.model(val[:, :-1])
    logits = logits["logits"] if isinstance(logits, dict) else logits
    loss = functional.cross_entropy(logits.flatten(0, 1), val[:, 1:].flatten()).item()
    assert best["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert best["val_perplexity"] == pytest.approx(math.exp(loss), rel=1e-4)
    counts = torch.bincount(train[:, 1:].flatten(), minlength=len(CHARACTERS)).double()
    shares = (counts + 1) / (counts + 1).sum()
    unigram = torch.exp(-shares.log()[val[:, 1:]].mean()).item()
    assert references(result)["unigram"]["val_perplexity"] == pytest.approx(unigram, rel=1e-6)
    assert "perplexity" in " ".join(result.reasons)


def test_own_loss_and_own_metric_of_pixels(run: Any) -> None:
    def dice(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        p, box = outputs.softmax(1)[:, 1], (targets == 1).float()
        return 1 - 2 * (p * box).sum() / (p.sum() + box.sum() + 1)

    seen = []

    def boxes_found(predicted: Any, true: Any) -> float:
        seen.append((predicted.shape, true.shape, set(true.tolist())))
        return float(sk.recall_score(true == 1, predicted == 1))

    result = run(
        SmallUNet,
        train=shapes(64, 0),
        val=shapes(16, 1),
        loss=dice,
        metrics={"boxes_found": boxes_found},
        metric="boxes_found",
        settings=LEARNS,
    )
    assert seen[-1] == ((16 * 16 * 14,), (16 * 16 * 14,), {0, 1, 2})  # two rows of each picture do not count
    assert result.metrics["own_boxes_found"].max() > 0.5
    assert result.metrics["val_loss"].max() < 1  # that of the Dice loss, not of the cross-entropy
    assert "in logs/metrics.json and" not in page(result)  # one val_loss is not held against another


def test_a_run_without_learning_fails_against_chance(run: Any) -> None:
    x, mask = shapes(48, 0)
    mixed = mask[torch.randperm(len(mask), generator=torch.Generator().manual_seed(0))]
    result = run(lambda: SmallUNet(width=2), train=(torch.randn_like(x), mixed), val=shapes(16, 1))
    assert result.verdict == "failed"
    assert "majority" in result.reasons[0]


def test_a_target_of_perplexity_is_met_from_above(run: Any) -> None:
    train, val = windows(0, 0.8), windows(0.8, 1)
    parts = [(w[:, :-1], w[:, 1:]) for w in (train, val)]
    result = run(Causal, train=parts[0], val=parts[1], settings=LEARNS, at_least=1.01)
    assert result.verdict == "optimize"
    assert "misses the target, at most 1.01" in " ".join(result.reasons)


def test_labels_whose_outputs_are_those_of_tokens_are_told(run: Any) -> None:
    from firstlight.errors import FirstlightError

    words = torch.randint(0, 12, (64, 5), generator=torch.Generator().manual_seed(0))
    with pytest.raises(FirstlightError, match="task='tokens'"):
        run(lambda: Tagger(2), train=(words, words % 2))
    result = run(lambda: Tagger(2), train=(words, words % 2), task="tokens", settings=LEARNS)
    assert "val_macro_f1" in result.metrics.columns


@pytest.mark.parametrize("more", [{"task": "detection"}, {"step": 3}, {"step": len, "task": "tokens"}])
def test_a_task_that_is_none_is_refused(run: Any, more: dict[str, Any]) -> None:
    from firstlight.errors import UsageError

    with pytest.raises(UsageError, match="task"):
        run(**more)
