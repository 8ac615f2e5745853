from __future__ import annotations

import torch
from torch import nn

from sayre.training.optimizer import Muon, orthogonalise


def test_orthogonalise_keeps_the_singular_vectors_and_levels_the_values():
    torch.manual_seed(0)
    u, _ = torch.linalg.qr(torch.randn(24, 10))
    v, _ = torch.linalg.qr(torch.randn(16, 10))
    for matrix in (u @ torch.diag(torch.logspace(-1, 1, 10)) @ v.T,):
        for a, left, right in ((matrix, u, v), (matrix.T, v, u)):
            rotated = left.T @ orthogonalise(a) @ right
            assert rotated.diagonal().min() > 0.5
            assert rotated.diagonal().max() < 1.35
            off = rotated - torch.diag(rotated.diagonal())
            assert off.abs().max() < 0.1


def test_first_adam_step_is_that_of_torch():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(7, 5)
    a = Muon(ours, adam_rate=1e-2, weight_decay=0.1)
    b = torch.optim.AdamW(theirs.parameters(), 1e-2, betas=(0.9, 0.98), weight_decay=0.1)
    for _ in range(3):
        for net, optimizer in ((ours, a), (theirs, b)):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_only_inner_convolutions_are_orthogonalised():
    network = nn.Sequential()
    network.add_module("stem", nn.Conv2d(1, 4, 3))
    network.add_module("inner", nn.Conv2d(4, 4, 3))
    network.add_module("head", nn.Conv2d(4, 1, 1))
    groups = {g["orthogonal"]: g["params"] for g in Muon(network).param_groups}
    assert [p.shape for p in groups[True]] == [network.inner.weight.shape]
    assert len(groups[False]) == 5
