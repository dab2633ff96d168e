"""Muon's update is orthogonal, its weights keep their norm, and its state survives saving."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from firstlight.training.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(8, 32), (32, 8), (16, 16)])
def test_singular_values_are_driven_towards_one(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalised(torch.randn(shape), rounds=5))
    assert values.min() > 0.3
    assert values.max() < 1.4


def test_the_update_points_along_the_polar_factor():
    torch.manual_seed(0)
    matrix = torch.randn(6, 20)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalised(matrix, rounds=5).flatten()
    assert torch.nn.functional.cosine_similarity(found, (u @ v).flatten(), dim=0) > 0.97


def test_a_step_changes_a_weight_by_the_learning_rate_relative_to_its_norm():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(16, 4, 3, 3))
    optimizer = Muon([weight], lr=0.1, momentum=0.0)
    assert weight.norm().item() == pytest.approx(math.sqrt(16), rel=1e-5)
    before = weight.detach().clone()
    weight.grad = torch.randn_like(weight)
    optimizer.step()
    assert ((weight - before).norm() / before.norm()).item() == pytest.approx(0.1, rel=0.25)


def test_state_saved_and_loaded_gives_the_identical_next_step():
    torch.manual_seed(0)
    gradients = [torch.randn(8, 4, 3, 3) for _ in range(4)]
    first = torch.nn.Parameter(torch.randn(8, 4, 3, 3))
    optimizer = Muon([first], lr=0.1, momentum=0.9)
    for gradient in gradients[:3]:
        first.grad = gradient.clone()
        optimizer.step()
    second = torch.nn.Parameter(first.detach().clone())
    other = Muon([second], lr=0.5, momentum=0.1)
    second.data.copy_(first.data)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for weight, rule in ((first, optimizer), (second, other)):
        weight.grad = gradients[3].clone()
        rule.step()
    assert torch.equal(first, second)
