"""The matrix products in torch against the NUFFT and the sum itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from sayre.simulation.particles import shapes
from sayre.simulation.scattering import direct, scatter
from sayre.simulation.scattering.direct import scatter_torch

SHAPE = (14, 9, 12)
EPS = float(np.finfo(np.float32).eps)
ROOM = 8.0
"""Errors allowed, in root mean squares: the largest of a sum made atom after atom is at 3."""


@pytest.fixture(scope="module")
def crystal():
    """A rotated crystal, its reflection and steps; a phase for each atom, so that no two terms are alike."""
    rng = np.random.default_rng(4)
    particle = shapes.build("random", 3000, generator=rng)
    axes = Rotation.random(random_state=rng).as_matrix()
    phase = 0.4 * np.sin(particle.positions[:, 0] / 8)
    g, steps = scatter.reflection(particle, (2, 0, -2)), scatter.q_steps(particle, (2, 3, 2.5), axes)
    return particle, g, steps, phase


@pytest.fixture(scope="module", params=[0.0, 0.3], ids=["straight", "sheared"])
def summed(request, crystal):
    """The crystal on straight or sheared steps, and every term of its sum in double precision."""
    particle, g, steps, phase = crystal
    shear = request.param
    steps = steps @ np.array([[1, shear, 0], [0, 1, 0], [0, shear, 1]])
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), -1)
    q = g + index.reshape(-1, 3) @ steps
    return particle, g, steps, phase, np.exp(-1j * (q @ particle.positions.T + phase))


def expected_error(terms, chunk):
    """Root mean square error of each voxel, by the formula in the notes of `scatter_torch`."""
    squares = np.abs(terms.sum(1)) ** 2
    for start in range(0, terms.shape[1], chunk):
        squares += (np.abs(np.cumsum(terms[:, start : start + chunk], axis=1)) ** 2).sum(1)
    return EPS * np.sqrt(4 * terms.shape[1] + squares / 6).reshape(SHAPE)


DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("chunk", [None, 7, 1000])
def test_against_the_sum(summed, device, chunk):
    particle, g, steps, phase, terms = summed
    found = scatter_torch(particle, g, steps, SHAPE, phase=phase, device=device, chunk=chunk)
    assert found.dtype == np.complex64
    error = np.abs(found - terms.sum(1).reshape(SHAPE))
    assert (error < ROOM * expected_error(terms, chunk or len(particle))).all()


def test_the_stated_error_is_that_of_a_sum_made_atom_after_atom(summed):
    """The least favourable order of the additions, by NumPy in single precision."""
    terms = summed[-1]
    found = np.cumsum(terms.astype(np.complex64), axis=1)[:, -1].reshape(SHAPE)
    ratio = np.abs(found - terms.sum(1).reshape(SHAPE)) / expected_error(terms, terms.shape[1])
    assert 0.3 < np.sqrt(np.mean(ratio**2)) < 1
    assert ratio.max() < ROOM


def test_factors_of_the_precision_of_tf32_would_be_seen(summed, monkeypatch):
    """Factors of 11 significant bits break the bound in nearly every voxel."""
    particle, g, steps, phase, terms = summed
    exact_unit = direct._unit

    def coarse(angle):
        parts = torch.view_as_real(exact_unit(angle)).contiguous().view(torch.int32)
        return torch.view_as_complex(((parts + 0x1000) & ~0x1FFF).view(torch.float32))

    monkeypatch.setattr(direct, "_unit", coarse)
    found = scatter_torch(particle, g, steps, SHAPE, phase=phase, device="cpu")
    error = np.abs(found - terms.sum(1).reshape(SHAPE))
    assert np.mean(error > ROOM * expected_error(terms, len(particle))) > 0.9


def test_form_factors_are_those_of_the_nufft(crystal):
    particle, g, steps, phase = crystal
    found = scatter_torch(particle, g, steps, SHAPE, phase=phase, device="cpu", form_factors=True)
    nufft = scatter.scatter(particle, g, steps, SHAPE, phase=phase, form_factors=True)
    assert np.linalg.norm(found - nufft) / np.linalg.norm(nufft) < 1e-5


def test_precision_of_the_process_is_left_as_it_was(crystal):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        scatter_torch(*crystal[:3], (8, 8, 8), device="cpu")
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)
