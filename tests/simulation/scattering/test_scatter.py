"""The NUFFT against the sum it stands for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sayre.data import Particle
from sayre.errors import InputError, SayreWarning
from sayre.numerics import memory
from sayre.simulation import photons
from sayre.simulation.particles import shapes, strain
from sayre.simulation.peak import simulate
from sayre.simulation.scattering import scatter
from sayre.simulation.scattering.formfactors import form_factor

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


def factored_sum(particle, g, steps, shape):
    """The same sum in float64, its phase factors multiplied axis by axis."""
    angles = steps @ particle.positions.T
    x, y, z = (np.exp(-1j * np.outer(np.arange(n) - n // 2, a)) for n, a in zip(shape, angles, strict=True))
    x *= np.exp(-1j * (particle.positions @ g))
    return np.stack([(plane * y) @ z.T for plane in x])


def test_amplitude_against_the_direct_sum(crystal):
    particle, g, steps = crystal
    exact = direct_sum(particle, g, steps, SHAPE)
    np.testing.assert_allclose(factored_sum(particle, g, steps, SHAPE), exact, atol=1e-9 * len(particle))
    found = scatter.scatter(particle, g, steps, SHAPE)
    assert np.linalg.norm(found - exact) / np.linalg.norm(exact) < 1e-9
    np.testing.assert_allclose(np.log10(np.abs(found) ** 2), np.log10(np.abs(exact) ** 2), atol=1e-4)


@pytest.mark.parametrize(("hkl", "sigma"), [((1, 1, 1), (2.0, 2.0, 2.0)), ((3, 1, -1), (6.0, 4.0, 2.5))])
def test_large_arrays_are_right_in_their_weakest_voxels(hkl, sigma):
    """Every voxel of 64 × 64 × 60, seven orders of magnitude below the peak."""
    rng = np.random.default_rng(2)
    particle = shapes.build("winterbottom", 6000, element="Pt", generator=rng)
    steps = scatter.q_steps(particle, sigma, Rotation.random(random_state=rng).as_matrix())
    g = scatter.reflection(particle, hkl)
    exact = factored_sum(particle, g, steps, (64, 64, 60))
    found = scatter.scatter(particle, g, steps, (64, 64, 60))
    intensity = np.abs(exact) ** 2
    assert intensity.min() < 1e-7 * intensity.max()
    assert np.sqrt(np.mean(np.abs(found - exact) ** 2)) < 1e-9 * np.abs(exact).max()
    np.testing.assert_allclose(np.log10(np.abs(found) ** 2), np.log10(intensity), atol=1e-3)


@pytest.mark.parametrize("threads", [1, 2])
def test_displacements_enter_through_the_positions(crystal, threads):
    particle, g, steps = crystal
    moved = replace(
        particle, positions=particle.positions + 0.3 * np.sin(particle.positions[:, [1, 2, 0]] / 7)
    )
    exact = direct_sum(moved, g, steps, SHAPE)
    found = scatter.scatter(moved, g, steps, SHAPE, threads=threads)
    assert np.linalg.norm(found - exact) / np.linalg.norm(exact) < 1e-9


def test_form_factor_of_every_voxel(crystal):
    particle, g, steps = crystal
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), -1)
    weight = form_factor("Au", np.linalg.norm(g + index @ steps, axis=-1))
    plain = scatter.scatter(particle, g, steps, SHAPE)
    weighed = scatter.scatter(particle, g, steps, SHAPE, form_factors=True)
    np.testing.assert_allclose(weighed, plain * weight, rtol=1e-12)
    assert weight.max() / weight.min() > 1.1


ELECTRONS = {"Al": 13, "Fe": 26, "Ni": 28, "Cu": 29, "Pd": 46, "Ag": 47, "W": 74, "Pt": 78, "Au": 79}


@pytest.mark.parametrize(("symbol", "electrons"), ELECTRONS.items())
def test_form_factors_count_the_electrons_and_fall(symbol, electrons):
    f = form_factor(symbol, np.linspace(0, 20, 200))
    assert f[0] == pytest.approx(electrons, abs=0.1)
    assert (np.diff(f) < 0).all()
    assert f[-1] > 0


CROMER_MANN = {
    "Al": ((6.4202, 1.9002, 1.5936, 1.9646), (3.0387, 0.7426, 31.5472, 85.0886), 1.1151),
    "Cu": ((13.338, 7.1676, 5.6158, 1.6735), (3.5828, 0.247, 11.3966, 64.8126), 1.191),
    "Pt": ((27.0059, 17.7639, 15.7131, 5.7837), (1.51293, 8.81174, 0.424593, 38.6103), 11.6883),
    "Au": ((16.8819, 18.5913, 25.5582, 5.86), (0.4611, 8.6216, 1.4826, 36.3956), 12.0658),
}


@pytest.mark.parametrize("symbol", CROMER_MANN)
def test_form_factors_agree_with_another_fit(symbol):
    """Cromer and Mann's four Gaussians (International Tables C, table 6.1.1.4), up to q = 15 1/Å."""
    q = np.linspace(0, 15, 100)
    a, b, c = CROMER_MANN[symbol]
    other = sum(x * np.exp(-y * (q / 4 / np.pi) ** 2) for x, y in zip(a, b, strict=True)) + c
    np.testing.assert_allclose(form_factor(symbol, q), other, atol=0.12)


def test_unknown_form_factor_is_refused():
    with pytest.raises(InputError, match="not tabulated"):
        form_factor("Xx", 1.0)


@pytest.mark.parametrize(
    ("element", "hkl", "there"),
    [("Au", (1, 1, 0), False), ("Au", (2, 0, 0), True), ("Fe", (1, 1, 1), False), ("Fe", (1, 1, 0), True)],
)
def test_reflections_forbidden_by_the_lattice(element, hkl, there):
    """Refused where the sum over the crystal's own atoms vanishes, and only there."""
    particle = shapes.build("cube", 4000, element=element, generator=np.random.default_rng(0))
    g = scatter.reflection(particle, hkl, forbidden=True)
    share = abs(np.exp(-1j * particle.positions @ g).sum()) / len(particle)
    assert bool(share > 0.9) is there
    if there:
        np.testing.assert_array_equal(scatter.reflection(particle, hkl), g)
    else:
        with pytest.raises(InputError, match=r"is forbidden in .CC .*`forbidden=True`"):
            scatter.reflection(particle, hkl)


def test_undersampling_is_warned_of(crystal):
    with pytest.warns(SayreWarning, match=r"ratio of 1\.9 is below 2"):
        scatter.q_steps(crystal[0], (2.0, 1.9, 3.0), np.eye(3))


def test_what_does_not_fit_in_memory_is_refused_before_it_starts(crystal, monkeypatch):
    particle, g, steps = crystal
    with pytest.raises(
        InputError, match=r"20000×20000×20000 voxels needs \d+\.\d GiB of memory, .* are free"
    ):
        scatter.scatter(particle, g, steps, (20_000, 20_000, 20_000))
    with pytest.raises(InputError, match=r"^scattering on 20000×20000×20000 voxels needs"):
        scatter.require_memory(0, (20_000, 20_000, 20_000))  # asked before there is a particle
    needed = scatter.memory_needed(len(particle), SHAPE)
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    with pytest.raises(InputError, match=r"scattering of .* needs"):
        scatter.scatter(particle, g, steps, SHAPE)
    monkeypatch.setattr(memory, "available", lambda: needed)
    scatter.scatter(particle, g, steps, SHAPE)


def test_available_memory_is_that_of_the_machine():
    free = memory.available()
    assert free is None or 2**20 < free < 2**50


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
    """On any number of cores: with OMP_NUM_THREADS=8, a sum by all of them differs from run to run."""
    a, b = (
        simulate(
            "random",
            atoms=20_000,
            shape_px=48,
            rotate=True,
            phase_range=1,
            generator=np.random.default_rng(5),
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(a.pattern.intensity, b.pattern.intensity)
    np.testing.assert_array_equal(a.amplitude, b.amplitude)
    np.testing.assert_allclose(np.abs(a.amplitude) ** 2, a.expectation, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"oversampling": 0.5}, "a ratio of 1 or more"),
        ({"oversampling": np.nan}, "a ratio of 1 or more"),
        ({"oversampling": (3.0, np.inf, 3.0)}, "a ratio of 1 or more"),
        ({"phase_range": -1.0}, "phase-range"),
        ({"phase_range": np.nan}, "phase-range"),
        ({"hkl": (0, 0, 0)}, "direct beam"),
        ({"hkl": (1, 1, 0)}, "forbidden in FCC"),
        ({"shape_px": 4}, "too few"),
    ],
)
def test_what_cannot_be_scattered_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        simulate("wulff", atoms=500, generator=np.random.default_rng(0), **{"shape_px": 16} | options)


def test_positions_that_are_no_numbers_are_refused():
    """The NUFFT ends the process on them."""
    particle = shapes.build("wulff", 500, generator=np.random.default_rng(0))
    particle.positions[3, 1] = np.nan
    with pytest.raises(InputError, match="not finite"):
        scatter.scatter(particle, np.ones(3), np.eye(3) * 0.01, (16, 16, 16))


def test_an_array_that_reaches_neighbouring_peaks_is_warned_of():
    """Along 111 at half the way to the next peak the pattern is periodic: as bright as on the other side."""
    options = {"atoms": 500, "shape_px": 48, "generator": np.random.default_rng(0)}
    with pytest.warns(SayreWarning, match="next Bragg peaks") as caught:
        simulate("wulff", oversampling=2.0, **options)
    enough = float(str(caught[0].message).split("; ")[1].split(" ")[0])
    assert enough > 2
    simulate("wulff", oversampling=enough, **options)
    particle = shapes.build("wulff", 500, generator=np.random.default_rng(0))
    least = scatter.least_oversampling(particle, np.eye(3), (48, 48, 48), share=0.5)
    steps = 2 * np.pi / (least * np.ptp(particle.positions, axis=0))
    np.testing.assert_allclose(24 * steps, np.sqrt(3) * np.pi / particle.lattice_constant)
