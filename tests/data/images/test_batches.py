"""Batches: every row once, the same for a seed, and augmentation that does what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firstlight.data.images.batches import Augment, Batches, Normalisation, training_normalisation

PLAIN = Augment()


def make(augment=PLAIN, *, rows=None, size=7, seed=42, n=50, side=6):
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8))
    return Batches(
        pixels=pixels,
        labels=torch.arange(n) % 4,
        rows=torch.arange(n) if rows is None else rows,
        size=size,
        seed=seed,
        device=torch.device("cpu"),
        normalisation=Normalisation(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
        augment=augment,
    )


def test_an_epoch_holds_every_row_once_and_labels_follow_their_rows():
    batches = make(rows=torch.arange(3, 40))
    seen = list(batches.epoch(0))
    rows = torch.cat([b.rows for b in seen])
    assert sorted(rows.tolist()) == list(range(3, 40))
    assert len(seen) == len(batches) == 6
    assert torch.equal(torch.cat([b.targets for b in seen]), rows % 4)


def test_order_depends_on_seed_and_epoch_alone():
    def order(batches, epoch):
        return torch.cat([b.rows for b in batches.epoch(epoch)]).tolist()

    assert order(make(), 1) == order(make(), 1)
    assert order(make(), 1) != order(make(), 2)
    assert order(make(seed=1), 1) != order(make(seed=2), 1)


def test_an_epoch_can_be_entered_in_the_middle_with_the_same_pixels():
    batches = make(Augment(flip="random", shift=2, cutout=2))
    whole = list(batches.epoch(3))
    tail = list(batches.epoch(3, start=4))
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(whole[4:], tail, strict=True))


def test_without_augmentation_the_pixels_are_those_of_the_cache():
    batches = make()
    for batch in batches.epoch(0):
        assert torch.equal(batch.inputs.permute(0, 2, 3, 1), batches.pixels[batch.rows].float())


def test_alternating_flip_mirrors_a_row_in_exactly_every_second_epoch():
    batches = make(Augment(flip="alternating"))
    plain = batches.pixels.permute(0, 3, 1, 2).float()
    mirrored = {}
    for epoch in range(4):
        for batch in batches.epoch(epoch):
            for image, row in zip(batch.inputs, batch.rows.tolist(), strict=True):
                straight = torch.equal(image, plain[row])
                assert straight or torch.equal(image, plain[row].flip(-1))
                mirrored.setdefault(row, []).append(not straight)
    assert all(m in ([True, False] * 2, [False, True] * 2) for m in mirrored.values())
    assert 10 < sum(m[0] for m in mirrored.values()) < 40


def test_a_shift_moves_the_image_and_reflects_at_the_border():
    batches = make(Augment(shift=2))
    padded = torch.nn.functional.pad(batches.pixels.permute(0, 3, 1, 2).float(), (2, 2, 2, 2), mode="reflect")
    places = set()
    for batch in batches.epoch(0):
        for image, row in zip(batch.inputs, batch.rows.tolist(), strict=True):
            found = [
                (y, x)
                for y in range(5)
                for x in range(5)
                if torch.equal(image, padded[row, :, y : y + 6, x : x + 6])
            ]
            assert len(found) == 1
            places.add(found[0])
    assert len(places) > 12


def test_cutout_sets_a_square_to_the_mean_and_nothing_else():
    batches = make(Augment(cutout=2))
    for batch in batches.epoch(0):
        plain = batches.take(batch.rows).inputs
        changed = (batch.inputs != plain).any(dim=1)
        assert (batch.inputs[changed[:, None].expand_as(batch.inputs)] == 0).all()
        assert changed.flatten(1).sum(1).max() <= 4


def test_channels_are_innermost_in_memory():
    inputs = next(iter(make().epoch(0))).inputs
    assert inputs.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.requirement("P1.6")
def test_normalisation_is_that_of_the_training_rows_alone():
    pixels = np.zeros((10, 2, 2, 1), np.uint8)
    pixels[:5] = np.arange(20).reshape(5, 2, 2, 1) * 10
    pixels[5:] = 255  # validation rows: must not be seen
    found = training_normalisation(pixels, np.arange(5))
    assert found.mean[0] == pytest.approx(95.0)
    assert found.std[0] == pytest.approx(np.std(np.arange(20) * 10))


def test_a_constant_channel_is_not_divided_by_zero():
    assert training_normalisation(np.full((4, 2, 2, 1), 9, np.uint8), np.arange(4)).std == (1.0,)
