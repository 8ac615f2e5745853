import numpy as np
import pytest

from sayre.simulation.strained.voxels import VoxelPopulation, draw


@pytest.fixture(scope="module", params=[(3, 48), (2, 96)], ids=["3D", "2D"])
def crystals(request):
    d, side = request.param
    population = VoxelPopulation(side=side, dimensions=d, max_counts=(1e6, 1e6))
    return population, [draw(population, np.random.default_rng(k)) for k in range(25)]


def test_the_object_is_the_inverse_transform_of_the_amplitude(crystals):
    for made in crystals[1][:5]:
        forward = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(made.object)))
        assert np.allclose(forward, made.amplitude, atol=2e-4 * np.abs(made.amplitude).max())
        assert np.abs(made.amplitude).max() ** 2 == pytest.approx(1e6, rel=1e-4)


def test_uniform_inside_and_dark_outside(crystals):
    """A band-limited object rings at its faces by some per cent; well inside and outside it must not."""
    for made in crystals[1]:
        bright = np.abs(made.object)
        level = np.median(bright[made.coverage > 0.9])
        assert np.sqrt(np.mean((bright[made.coverage == 0] / level) ** 2)) < 0.1
        voxels = float(made.coverage.sum())
        total = float(np.sum(np.abs(made.object) ** 2)) / level**2
        assert total == pytest.approx(voxels, rel=0.25)


def test_oversampling_is_array_length_over_object_length(crystals):
    population, made = crystals
    for crystal in made:
        low, high = population.oversampling
        assert low - 0.01 <= min(crystal.oversampling) <= high + 0.01
        for axis, sigma in enumerate(crystal.oversampling):
            others = tuple(a for a in range(population.dimensions) if a != axis)
            length = np.count_nonzero((crystal.coverage > 0.02).any(others))
            assert length == pytest.approx(population.side / sigma, abs=2.5)


def test_the_intensity_is_centred(crystals):
    for made in crystals[1]:
        counts = np.abs(made.amplitude) ** 2
        for axis, n in enumerate(counts.shape):
            others = tuple(a for a in range(counts.ndim) if a != axis)
            centre = float(counts.sum(others) @ np.arange(n)) / float(counts.sum())
            assert centre == pytest.approx(n // 2, abs=0.1 * n)


def test_an_unstrained_crystal_has_friedel_symmetry_and_a_strained_one_has_not():
    """Phase range 0: I(q) = I(−q) exactly; 2π: not."""

    def asymmetry(span):
        population = VoxelPopulation(side=32, phase_range=(span, span), dislocation=0, misfit=0)
        counts = np.abs(draw(population, np.random.default_rng(3)).amplitude[1:, 1:, 1:]) ** 2
        return float(np.abs(counts - np.flip(counts)).sum() / counts.sum())

    assert asymmetry(0.0) < 1e-4
    assert asymmetry(2 * np.pi) > 0.05


def test_a_dislocation_winds_the_phase_by_a_turn():
    """Around the line the wrapped phase steps add up to ±2π, in no smooth crystal do they."""

    def windings(**kinds):
        population = VoxelPopulation(side=64, dimensions=2, phase_range=(0.5, 0.5), **kinds)
        found = 0
        for seed in range(8):
            made = draw(population, np.random.default_rng(seed))
            phase = np.angle(made.object)
            steps = [np.diff(phase, axis=0)[:, :-1], np.diff(phase, axis=1)[1:]]
            steps += [-np.diff(phase, axis=0)[:, 1:], -np.diff(phase, axis=1)[:-1]]
            turn = sum(np.angle(np.exp(1j * s)) for s in steps)
            inside = np.minimum.reduce(
                [np.roll(made.coverage, (a, b), (0, 1)) for a in (-2, 0, 2) for b in (-2, 0, 2)]
            )
            found += bool((np.abs(turn[inside[:-1, :-1] > 0.9]) > 6).any())
        return found

    assert windings(dislocation=1.0, misfit=0.0) >= 5
    assert windings(dislocation=0.0, misfit=0.0) == 0


def test_the_same_generator_draws_the_same_crystal():
    a, b = (draw(VoxelPopulation(side=32), np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(a.amplitude, b.amplitude)
    assert a.kind == b.kind
