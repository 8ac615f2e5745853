import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayre.data import Pattern
from sayre.errors import InputError
from sayre.filling.classical import CLASSICAL
from sayre.filling.classical.biharmonic import biharmonic_fill
from sayre.filling.fill import inpaint
from sayre.filling.wiener import wiener_fill

METHODS = {**CLASSICAL, "wiener": lambda v, m: wiener_fill(v, m)[0]}


def plane(shape, axis, start, width):
    mask = np.zeros(shape, bool)
    np.moveaxis(mask, axis, 0)[start : start + width] = True
    return mask


def grid(shape):
    return np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij")


@st.composite
def gaps(draw):
    """Counts with gaps of every kind: planes, crosses, borders, beamstops, single pixels, empty frames."""
    shape = tuple(draw(st.lists(st.integers(6, 14), min_size=2, max_size=3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = rng.random(shape) < draw(st.sampled_from([0.0, 0.02, 0.3, 0.9]))
    for _ in range(draw(st.integers(0, 3))):
        axis = draw(st.integers(0, len(shape) - 1))
        start = draw(st.integers(0, shape[axis] - 2))
        mask |= plane(shape, axis, start, draw(st.integers(1, 4)))
    if draw(st.booleans()):
        centre = rng.integers(0, shape)
        mask |= sum((x - c) ** 2 for x, c in zip(grid(shape), centre, strict=True)) < draw(st.integers(1, 20))
    mask.flat[rng.integers(mask.size)] = False
    values = np.log1p(rng.poisson(draw(st.sampled_from([0.0, 0.1, 3.0, 1e5])), shape)).astype(np.float32)
    values[mask] = draw(st.sampled_from([0.0, np.nan]))
    return values, mask


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15)
@given(case=gaps())
def test_any_mask(method, case):
    values, mask = case
    before = values.copy()
    filled = METHODS[method](values, mask)
    assert filled.dtype == np.float32
    assert filled.shape == values.shape
    np.testing.assert_array_equal(filled[~mask], values[~mask])
    np.testing.assert_array_equal(values, before)
    assert np.isfinite(filled).all()
    assert (filled >= 0).all()
    np.testing.assert_array_equal(filled, METHODS[method](values, mask))


@pytest.mark.parametrize("method", METHODS)
def test_refuses_what_it_cannot_fill(method):
    values = np.ones((4, 4), np.float32)
    with pytest.raises(InputError, match="every voxel"):
        METHODS[method](values, np.ones((4, 4), bool))
    with pytest.raises(InputError, match="one shape"):
        METHODS[method](values, np.zeros((4, 5), bool))
    with pytest.raises(InputError, match="2D or 3D"):
        METHODS[method](np.ones(4, np.float32), np.zeros(4, bool))


def test_nearest_is_brute_force():
    rng = np.random.default_rng(0)
    values, mask = rng.random((7, 8, 9)).astype(np.float32), rng.random((7, 8, 9)) < 0.6
    filled = CLASSICAL["nearest"](values, mask)
    known, known_values = np.argwhere(~mask), values[~mask]
    for voxel in np.argwhere(mask):
        square = ((known - voxel) ** 2).sum(1)
        assert filled[tuple(voxel)] in known_values[square == square.min()]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("width", [1, 3, 6])
@pytest.mark.parametrize("method", ["linear", "cubic"])
def test_affine_is_exact(method, axis, width):
    z, y, x = grid((16, 17, 18))
    field = 1 + 0.1 * z + 0.2 * y + 0.3 * x
    mask = plane(field.shape, axis, 5, width)
    np.testing.assert_allclose(CLASSICAL[method](field, mask), field, atol=2e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_cubic_reproduces_cubics_but_linear_does_not(axis):
    t = grid((16, 16, 16))[axis] / 8 - 1
    field = (5 + t + 0.7 * t**2 + 1.5 * t**3).astype(np.float32)
    mask = plane(field.shape, axis, 6, 4)
    np.testing.assert_allclose(CLASSICAL["cubic"](field, mask), field, atol=1e-5)
    assert np.abs(CLASSICAL["linear"](field, mask) - field).max() > 0.04


def test_cubic_overshoot_stays_within_a_quarter_of_the_range():
    row = np.array([9, 0, 0, 0, 0, 0, 0, 9], np.float32) + 3
    mask = np.zeros((8, 8), bool)
    mask[2:6] = True
    filled = CLASSICAL["cubic"](np.repeat(row[:, None], 8, 1), mask)
    assert filled.min() == pytest.approx(3 - 9 / 4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_biharmonic_reproduces_an_affine_field_off_the_borders(axis):
    field = 1 + sum(0.1 * (i + 1) * x for i, x in enumerate(grid((16, 17, 18))))
    mask = np.zeros(field.shape, bool)
    mask[4:12, 4:12, 4:12] = plane((8, 8, 8), axis, 2, 3)
    np.testing.assert_allclose(biharmonic_fill(field, mask), field, atol=2e-4)


@pytest.mark.parametrize("shape", [(14, 15), (9, 10, 11)])
def test_biharmonic_is_that_of_skimage(shape):
    from skimage.restoration import inpaint_biharmonic

    rng = np.random.default_rng(1)
    field = sum(np.sin(x / 2 + 1) for x in grid(shape)).astype(np.float32) + 4
    field += 0.1 * rng.random(shape, np.float32)
    mask = np.zeros(shape, bool)
    mask[4:7, 3:8] = True
    if len(shape) == 3:
        mask[..., :3] = mask[..., -3:] = False
    expected = inpaint_biharmonic(field.astype(np.float64), mask)
    np.testing.assert_allclose(biharmonic_fill(field, mask), expected, atol=1e-3)


def test_biharmonic_solves_its_equation():
    from scipy.ndimage import laplace

    y, x = grid((20, 20))
    field = (5 + 0.02 * (x**2 - y**2) + 2 * np.sin(x)).astype(np.float32)
    mask = plane(field.shape, 0, 8, 4)
    filled = biharmonic_fill(field, mask).astype(np.float64)
    rest = laplace(laplace(filled, mode="nearest"), mode="nearest")
    start = laplace(laplace(CLASSICAL["linear"](field, mask).astype(float), mode="nearest"), mode="nearest")
    assert np.abs(rest[mask]).max() < 1e-3 * np.abs(start[mask]).max()


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic", "biharmonic"])
def test_counts_near_the_largest_number_are_filled_by_finite_ones(method):
    """Cubic splines overshoot in the logarithm."""
    counts = np.random.default_rng(0).poisson(0.5, (9, 16, 16)).astype(np.float32)
    counts[3:6, 6:10, 5:11] = 3e38
    mask = np.zeros(counts.shape, bool)
    mask[:, :, 7:9] = True
    filled = inpaint(Pattern.from_counts(counts, mask), method=method)
    assert np.isfinite(filled.intensity).all()
