"""The matrix products in torch against the NUFFT and the sum itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from sayre.simulation.particles import shapes
from sayre.simulation.scattering import scatter
from sayre.simulation.scattering.direct import scatter_torch

SHAPE = (18, 13, 16)


@pytest.fixture(scope="module")
def crystal():
    rng = np.random.default_rng(4)
    particle = shapes.build("random", 3000, generator=rng)
    axes = Rotation.random(random_state=rng).as_matrix()
    return particle, scatter.reflection(particle, (2, 0, -2)), scatter.q_steps(particle, (2, 3, 2.5), axes)


DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="GPU"))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shear", [0.0, 0.3])
@pytest.mark.parametrize("chunk", [None, 7, 1000])
def test_against_the_sum(crystal, device, shear, chunk):
    particle, g, steps = crystal
    steps = steps @ np.array([[1, shear, 0], [0, 1, 0], [0, shear, 1]])
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), -1)
    phase = 0.4 * np.sin(particle.positions[:, 0] / 8)
    q = g + index.reshape(-1, 3) @ steps
    exact = np.exp(-1j * (q @ particle.positions.T + phase)).sum(1).reshape(SHAPE)
    found = scatter_torch(particle, g, steps, SHAPE, phase=phase, device=device, chunk=chunk)
    assert found.dtype == np.complex64
    assert np.abs(found - exact).max() < 1e-6 * np.sqrt(len(particle)) * 10
    assert np.linalg.norm(found - exact) / np.linalg.norm(exact) < 1e-6


def test_form_factors_are_those_of_the_nufft(crystal):
    particle, g, steps = crystal
    found = scatter_torch(particle, g, steps, SHAPE, device="cpu", form_factors=True)
    nufft = scatter.scatter(particle, g, steps, SHAPE, form_factors=True)
    assert np.linalg.norm(found - nufft) / np.linalg.norm(nufft) < 1e-6


def test_precision_of_the_process_is_left_as_it_was(crystal):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        scatter_torch(*crystal, (8, 8, 8), device="cpu")
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)
