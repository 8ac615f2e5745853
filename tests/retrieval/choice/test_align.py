"""Alignment, correlations and modes compared with sums, shifts by ramps and singular values."""

import numpy as np
import pytest

from sayre.retrieval.choice import align as room
from sayre.retrieval.choice.align import align, aligned, correlation, twin
from sayre.retrieval.choice.modes import find_modes

SHAPE = (14, 15, 12)


def particle(seed=0, shape=SHAPE):
    """Make a smooth object without symmetry, well inside its array."""
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1)
    total = np.zeros(shape, complex)
    for _ in range(6):
        middle, phase = rng.uniform(-2, 2, len(shape)), rng.uniform(-2, 2)
        total += np.exp(-((places - middle) ** 2).sum(-1) / 3 + 1j * phase)
    return total.astype(np.complex64)


def shifted(obj, shift):
    """Shift an object periodically by fractions of voxels."""
    field = np.fft.fftn(obj)
    for axis, (s, n) in enumerate(zip(shift, obj.shape, strict=True)):
        ramp = np.exp(-2j * np.pi * s * np.fft.fftfreq(n))
        field = field * ramp.reshape([-1 if k == axis else 1 for k in range(obj.ndim)])
    return np.fft.ifftn(field).astype(np.complex64)


@pytest.mark.parametrize("shape", [(6, 7), (5, 4, 8)])
def test_a_twin_is_the_conjugate_inverted_through_the_centre(shape):
    rng = np.random.default_rng(0)
    obj = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
    other = twin(obj)
    for place in np.ndindex(*shape):
        there = tuple((2 * (n // 2) - p) % n for p, n in zip(place, shape, strict=True))
        assert other[place] == np.conj(obj[there])
    np.testing.assert_array_equal(twin(other), obj)


def test_correlation():
    a, b = particle(0), particle(1)
    expected = abs(np.sum(a.conj() * b)) / np.sqrt(np.sum(abs(a) ** 2) * np.sum(abs(b) ** 2))
    assert correlation(a, b) == pytest.approx(expected, rel=1e-5)
    assert 0.05 < expected < 0.95
    assert correlation(a, 3j * a) == pytest.approx(1, rel=1e-6)
    assert correlation(a, 0 * a) == 0


@pytest.mark.parametrize("shift", [(0, 0, 0), (3, -2, 5), (1.35, -2.65, 0.5), (-6, 6.9, -5.45)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_shifted_object_is_aligned_on_itself(shift, turned):
    """The object is shifted by multiples of 1/20 voxel, rotated in phase, and inverted."""
    fixed = particle()
    moving = shifted(fixed, shift) * np.complex64(2 * np.exp(2j))
    found = align(twin(moving) if turned else moving, fixed)
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, 2 * fixed, atol=2e-3 * np.abs(fixed).max())


def test_without_twins_an_object_is_not_inverted():
    fixed = particle()
    untwinned = align(twin(fixed), fixed, twins=False)
    assert correlation(untwinned, fixed) < 0.97 < correlation(align(twin(fixed), fixed), fixed)
    straight = align(shifted(fixed, (1, 2, 0)), fixed, twins=False)
    np.testing.assert_allclose(straight, fixed, atol=1e-4)


@pytest.mark.parametrize(("upsampling", "step"), [(1, 1.0), (4, 0.25), (20, 0.05), (40, 0.025)])
def test_shifts_are_computed_to_the_upsampling(upsampling, step):
    """A shift by a third of a voxel on each axis is computed to the nearest multiple of the step."""
    fixed = particle()
    found = align(shifted(fixed, (1 / 3, -1 / 3, 4 / 3)), fixed, upsampling=upsampling)
    rest = [1 / 3, -1 / 3, 4 / 3] - step * np.round(np.array([1 / 3, -1 / 3, 4 / 3]) / step)
    expected = shifted(fixed, rest)
    turn = np.vdot(expected, fixed)
    np.testing.assert_allclose(found, expected * turn / abs(turn), atol=2e-3 * np.abs(fixed).max())


def test_the_refined_peak_by_hand():
    rng = np.random.default_rng(0)
    shape = (6, 5, 7)
    product = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
    offsets, around = np.arange(-3, 4) / 4, np.array([1.0, -2.0, 0.5])
    values = {}
    for steps in np.ndindex(7, 7, 7):
        at = around + offsets[list(steps)]
        waves = [np.exp(2j * np.pi * np.fft.fftfreq(n) * s) for n, s in zip(shape, at, strict=True)]
        values[tuple(at)] = abs(np.einsum("abc,a,b,c", product, *waves))
    found = room._refined(product, around, offsets)
    assert tuple(found) == max(values, key=values.get)


def test_quarter_voxels_up_to_two_away_are_tried_first(monkeypatch):
    """The peak of a correlation that strain makes narrow may lie between voxels."""
    calls = []

    def spy(product, shift, offsets):
        calls.append((shift.copy(), offsets))
        return refined(product, shift, offsets)

    refined = room._refined
    monkeypatch.setattr(room, "_refined", spy)
    align(shifted(particle(), (3.3, 0, 0)), particle(), twins=False, upsampling=20)
    (whole, coarse), (quarter, fine) = calls
    np.testing.assert_array_equal(whole, [-3, 0, 0])
    np.testing.assert_allclose(coarse, np.arange(-2, 2.1, 0.25))
    np.testing.assert_array_equal(quarter, [-3.25, 0, 0])
    np.testing.assert_allclose(fine, np.arange(-0.25, 0.26, 0.05), atol=1e-9)


def test_objects_are_aligned_on_the_first():
    fixed = particle()
    objects = [fixed, shifted(fixed, (1, 0, -2)), twin(fixed), particle(1)]
    found = aligned(iter(objects))
    assert found[0] is fixed
    for one, obj in zip(found[1:], objects[1:], strict=True):
        np.testing.assert_array_equal(one, align(obj, fixed))


def test_modes_are_those_of_singular_values():
    """Three modes of five objects, two of which differ, have their phases rotated to the first object."""
    objects = [
        particle(),
        particle() + 0.1 * particle(1),
        0.8 * particle(),
        particle(2),
        particle() - 0.2j * particle(3),
    ]
    objects = [obj.astype(np.complex64) for obj in objects]
    matrix = np.array([obj.ravel() for obj in objects]).astype(complex)
    _, values, rows = np.linalg.svd(matrix, full_matrices=False)
    found = find_modes(objects)
    assert found.modes.shape == (3, *SHAPE)
    assert found.modes.dtype == np.complex64
    np.testing.assert_allclose(found.weights, (values**2 / (values**2).sum())[:3], atol=1e-5)
    for mode, value, row in zip(found.modes, values, rows, strict=False):
        assert np.linalg.norm(mode) == pytest.approx(value / np.sqrt(5), rel=1e-3)
        assert correlation(mode, row.reshape(SHAPE)) == pytest.approx(1, abs=1e-3)
        product = np.vdot(mode, objects[0])
        assert product.real > 0
        assert abs(product.imag) < 1e-3 * abs(product)
    others = [correlation(objects[0], obj) for obj in objects[1:]]
    assert found.agreement == pytest.approx(np.median(others), rel=1e-4)
    assert len(find_modes(objects, 2).modes) == 2
    assert len(find_modes(objects[:2]).modes) == 2
    assert find_modes(objects[:2]).weights.sum() == pytest.approx(1)


def test_scatter_is_between_the_first_modes_of_every_other_object():
    objects = [particle(), particle(1), particle(), particle(2), particle() + particle(3)]
    objects = [obj.astype(np.complex64) for obj in objects]
    first, second = (find_modes(objects[half::2]).modes[0] for half in (0, 1))
    expected = np.sqrt(1 - correlation(align(second, first, twins=False), first))
    assert find_modes(objects).scatter == pytest.approx(expected, rel=1e-4)
    assert 0.1 < expected < 0.9


def test_a_single_object_is_its_mode_and_has_no_scatter():
    obj = particle()
    found = find_modes([obj])
    np.testing.assert_allclose(found.modes, obj[None], atol=1e-5)
    np.testing.assert_allclose(found.weights, [1])
    assert np.isnan(found.agreement)
    assert np.isnan(found.scatter)


def test_equal_objects_have_one_mode():
    obj = particle()
    found = find_modes([obj, obj.copy(), obj.copy()])
    np.testing.assert_allclose(found.modes[0], obj, atol=1e-4)
    assert found.weights[0] == pytest.approx(1, abs=1e-6)
    assert found.agreement == pytest.approx(1, abs=1e-6)
    assert found.scatter == pytest.approx(0, abs=2e-3)


def test_objects_that_are_zero_have_modes_that_are_zero():
    zero = np.zeros(SHAPE, np.complex64)
    found = find_modes([zero, zero])
    assert not found.modes.any()
    assert not found.weights.any()
    assert found.agreement == 0


def test_modes_of_weak_objects_have_the_weights_of_strong_ones():
    objects = [particle(), particle(1), particle(2)]
    strong, weak = (
        find_modes([(scale * obj).astype(np.complex64) for obj in objects]) for scale in (1, 1e-4)
    )
    np.testing.assert_allclose(weak.weights, strong.weights, rtol=1e-3)
    assert weak.weights.sum() == pytest.approx(1, abs=1e-4)


def test_a_correlation_that_rounding_takes_above_1_is_no_scatter(monkeypatch):
    monkeypatch.setattr("sayre.retrieval.choice.modes.correlation", lambda *_: 1 + 1e-7)
    assert find_modes([particle(), particle()]).scatter == 0
