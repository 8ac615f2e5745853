"""The NUFFT against the sum it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sayre.data import Particle
from sayre.simulate import photons, scatter
from sayre.simulate.particles import shapes, strain
from sayre.simulate.simulate import simulate

SHAPE = (16, 13, 18)


def direct_sum(particle, g, steps, shape, displacement=0.0):
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1)
    q = g + index.reshape(-1, 3) @ steps
    return np.exp(-1j * (q @ (particle.positions + displacement).T)).sum(1).reshape(shape)


@pytest.fixture(scope="module")
def crystal():
    rng = np.random.default_rng(1)
    particle = shapes.build("random", 1500, generator=rng)
    axes = Rotation.random(random_state=rng).as_matrix()
    g = scatter.reflection(particle, (1, -1, 1))
    return particle, g, scatter.q_steps(particle, (2.0, 3.0, 2.5), axes)


def test_amplitude_against_the_direct_sum(crystal):
    particle, g, steps = crystal
    exact = direct_sum(particle, g, steps, SHAPE)
    found = scatter.scatter(particle, g, steps, SHAPE)
    assert np.linalg.norm(found - exact) / np.linalg.norm(exact) < 1e-6
    bright = np.abs(exact) ** 2 > 1e-6
    np.testing.assert_allclose(
        np.log10(np.abs(found[bright]) ** 2), np.log10(np.abs(exact[bright]) ** 2), atol=1e-3
    )


def test_sheared_steps_and_any_origin(crystal):
    particle, g, steps = crystal
    sheared = steps @ np.array([[1, 0.2, 0], [0, 1, 0.1], [0, 0, 1]])
    exact = direct_sum(particle, g, sheared, SHAPE)
    np.testing.assert_allclose(scatter.scatter(particle, g, sheared, SHAPE), exact, atol=1e-5 * len(particle))


def test_phase_is_that_of_a_displacement_along_g(crystal):
    """With u along g the phase g·u replaces the displacement up to (q − g)·u, here below 1e-3 rad."""
    particle, g, steps = crystal
    u = 1e-3 * np.sin(particle.positions[:, :1] / 9) * g / np.linalg.norm(g)
    exact = direct_sum(particle, g, steps, SHAPE, displacement=u)
    found = scatter.scatter(particle, g, steps, SHAPE, phase=u @ g)
    assert np.linalg.norm(found - exact) / np.linalg.norm(exact) < 1e-3
    assert np.linalg.norm(scatter.scatter(particle, g, steps, SHAPE) - exact) / np.linalg.norm(exact) > 1e-4


def test_sign_of_the_displacement_survives_scattering_and_inverse_fft():
    """An asymmetric phase G·u comes back as minus the phase of the object (conventions)."""
    cells = np.stack(np.meshgrid(*[np.arange(16)] * 3, indexing="ij"), -1).reshape(-1, 3) - 8.0
    particle = Particle(positions=cells, species="Au", lattice_constant=1.0)
    steps = np.eye(3) * 2 * np.pi / 32
    phase = 0.3 * (cells[:, 0] > 3) * (cells[:, 1] > 0)
    amplitude = scatter.scatter(particle, np.zeros(3), steps, (32, 32, 32), phase=phase)
    found = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(amplitude)))
    at = tuple((cells + 16).astype(int).T)
    np.testing.assert_allclose(np.angle(found[at]), -phase, atol=1e-5)
    np.testing.assert_allclose(np.abs(found[at]), 1, atol=1e-5)


def test_unstrained_centrosymmetric_crystal_has_a_centrosymmetric_pattern():
    made = simulate("octahedron", atoms=2000, shape_px=33, max_counts=1e5, generator=np.random.default_rng(0))
    e = made.expectation
    np.testing.assert_allclose(e, e[::-1, ::-1, ::-1], rtol=2e-3, atol=1e-3)
    assert np.unravel_index(np.argmax(e), e.shape) == (16, 16, 16)


def test_oversampling_is_the_fringe_period():
    """A cube along the axes has intensity minima every σ voxels from the peak."""
    made = simulate(
        "cube", atoms=30_000, shape_px=64, oversampling=(4.0, 5.0, 8.0), generator=np.random.default_rng(0)
    )
    for axis, sigma in enumerate((4, 5, 8)):
        line = made.expectation[tuple(slice(33, 64) if i == axis else 32 for i in range(3))]
        minima = 1 + np.flatnonzero((line[1:-1] < line[:-2]) & (line[1:-1] < line[2:])) + 1
        assert abs(np.diff(minima).mean() - sigma) < 0.15 * sigma


def test_smooth_phase_has_its_range_and_is_smooth():
    particle = shapes.build("wulff", 5000, generator=np.random.default_rng(0))
    phase = strain.smooth_random_phase(particle.positions, 2.5, np.random.default_rng(1))
    assert np.ptp(phase) == pytest.approx(2.5)
    ramp = np.column_stack([particle.positions, np.ones(len(particle))])
    np.testing.assert_allclose(ramp.T @ phase / len(particle), 0, atol=1e-8)
    near = np.linalg.norm(particle.positions - particle.positions[100], axis=1) < 3.5
    assert np.ptp(phase[near]) < 0.6


def test_exposure_and_counts():
    rng = np.random.default_rng(0)
    intensity = rng.random((20, 20, 20)).astype(np.float32)
    expected = photons.expose(intensity, max_counts=500, background=2)
    assert expected.max() == pytest.approx(502)
    np.testing.assert_allclose(expected, intensity * (500 / intensity.max()) + 2, rtol=1e-6)
    counts = photons.count(expected, rng)
    z = (counts - expected) / np.sqrt(expected)
    assert abs(z.mean()) < 0.05
    assert z.std() == pytest.approx(1, abs=0.05)


def test_blur_widens_a_gaussian_peak_in_quadrature():
    z, y, x = np.meshgrid(*[np.arange(41) - 20.0] * 3, indexing="ij")
    peak = np.exp(-(z**2 / 2 / 4 + y**2 / 2 / 9 + x**2 / 2 / 4))
    blurred = photons.expose(peak, max_counts=1, blur=(1.5, 0, 0))
    expected = np.exp(-(z**2 / 2 / (4 + 1.5**2) + y**2 / 2 / 9 + x**2 / 2 / 4))
    np.testing.assert_allclose(blurred, expected, atol=2e-3)


def test_same_generator_same_pattern():
    a, b = (
        simulate(
            "random", atoms=2000, shape_px=24, rotate=True, phase_range=1, generator=np.random.default_rng(5)
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(a.pattern.intensity, b.pattern.intensity)
    np.testing.assert_array_equal(a.amplitude, b.amplitude)
    np.testing.assert_allclose(np.abs(a.amplitude) ** 2, a.expectation, rtol=1e-4)
