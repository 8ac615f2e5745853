"""Ramps, unwrapping, strain and cubes against sums written out voxel by voxel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from sayre.crystal import orthogonalise
from sayre.crystal.orthogonalise import LABORATORY, Cubes, voxel_basis
from sayre.crystal.ramp import phase_ramp, remove_ramp
from sayre.crystal.strain import displacement, strain, wrap, wrapped_gradient
from sayre.crystal.unwrap import unwrap, vortices
from sayre.errors import InputError


def turned(angle):
    """A phase in [−π, π)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


@given(st.floats(-1e3, 1e3))
def test_wrapping(angle):
    found = wrap(np.array([angle]))
    assert found.dtype == np.float64
    assert -np.pi <= found[0] < np.pi
    assert np.exp(1j * found[0]) == pytest.approx(np.exp(1j * angle), abs=1e-9)


def test_wrapping_at_the_ends():
    np.testing.assert_allclose(wrap(np.array([np.pi, -np.pi, 0, 3])), [-np.pi, -np.pi, 0, 3])
    assert wrap(np.zeros(2, np.float32)).dtype == np.float64


def random_phase(shape, seed, density=0.8):
    rng = np.random.default_rng(seed)
    return rng.uniform(-np.pi, np.pi, shape), rng.random(shape) < density


@pytest.mark.parametrize("shape", [(6, 7), (4, 5, 6)])
@pytest.mark.parametrize("seed", range(3))
def test_gradients_by_hand(shape, seed):
    """The mean of the steps to neighbours inside, each less than half a turn."""
    phase, support = random_phase(shape, seed, 0.5)
    for axis in range(len(shape)):
        found = wrapped_gradient(phase, support, axis)
        assert found.shape == shape
        for place in np.ndindex(*shape):
            steps = []
            for side in (-1, 1):
                there = tuple(p + side * (k == axis) for k, p in enumerate(place))
                if 0 <= there[axis] < shape[axis] and support[place] and support[there]:
                    steps.append(side * turned(phase[there] - phase[place]))
            if steps:
                # a step of half a turn has no sign
                assert found[place] == pytest.approx(np.mean(steps), abs=1e-9)
            else:
                assert np.isnan(found[place])


def test_strain_by_hand():
    """On oblique axes of unlike lengths: G·∇(−phase/|G|)/|G| with the gradient of the skew frame."""
    rng = np.random.default_rng(0)
    shape = (7, 8, 9)
    places = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1)
    support = (places**2).sum(-1) < 12
    slopes = rng.uniform(-0.5, 0.5, 3)
    phase = places @ slopes
    basis = np.array([[0.4, 0.05, 0.1], [-0.1, 0.6, 0.02], [0.03, 0.1, 0.9]])
    g = np.array([1.2, -0.7, 2.0])
    gradient = np.linalg.solve(10 * basis, slopes)  # of the phase in space, 1/Å: basis · gradient = slopes
    expected = -gradient @ g / (g @ g)
    found = strain(wrap(phase), support, g, basis)
    assert found.dtype == np.float32
    assert np.isnan(found[~support]).all()
    known = np.isfinite(found)
    assert known.sum() > 0.9 * support.sum()
    np.testing.assert_allclose(found[known], expected, rtol=1e-5)


def test_an_axis_that_g_does_not_need_may_be_one_voxel_thin():
    support = np.zeros((5, 6, 7), bool)
    support[2, 1:5, 1:6] = True
    phase = 0.1 * np.arange(6)[:, None] + np.zeros((5, 6, 7))
    along = strain(phase, support, np.array([0, 2.0, 0]), 0.5 * np.eye(3))
    np.testing.assert_allclose(along[support], -0.1 / (5 * 2), rtol=1e-5)
    across = strain(phase, support, np.array([0.02, 2.0, 0]), 0.5 * np.eye(3))
    assert np.isnan(across).all()
    tiny = strain(phase, support, np.array([1e-12, 2.0, 0]), 0.5 * np.eye(3))
    np.testing.assert_allclose(tiny[support], -0.1 / (5 * 2), rtol=1e-5)


def test_displacement():
    phase = np.array([[1.0, -2.0], [0.5, 4.0]])
    support = np.array([[True, True], [True, False]])
    found = displacement(phase, support, 2.5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[-0.4, 0.8], [-0.2, np.nan]])


@pytest.mark.parametrize("shape", [(7, 8), (4, 5, 6)])
@pytest.mark.parametrize("seed", range(4))
def test_vortices_by_hand(shape, seed):
    phase, support = random_phase(shape, seed)
    expected = np.zeros(shape, bool)
    for first in range(len(shape)):
        for second in range(first + 1, len(shape)):
            one, two = (np.eye(len(shape), dtype=int)[k] for k in (first, second))
            for place in np.ndindex(*shape):
                loop = [np.array(place) + step for step in (0 * one, one, one + two, two)]
                corners = [tuple(int(i) for i in corner) for corner in loop]
                if any(c >= n for corner in corners for c, n in zip(corner, shape, strict=True)):
                    continue
                if not all(support[corner] for corner in corners):
                    continue
                turns = sum(
                    turned(phase[b] - phase[a])
                    for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
                )
                if abs(turns) > 1:
                    for corner in corners:
                        expected[corner] = True
    np.testing.assert_array_equal(vortices(phase, support), expected)
    assert expected.any()


@settings(max_examples=25, deadline=None)
@given(
    slope=hnp.arrays(float, 2, elements=st.floats(-2.5, 2.5)),
    offset=st.floats(-10, 10),
    seed=st.integers(0, 99),
)
def test_parts_of_a_support_by_themselves(slope, offset, seed):
    """A ramp, of random parts in noise: each comes back but for whole turns, its mean within half a turn."""
    places = np.stack(np.meshgrid(np.arange(12), np.arange(14), indexing="ij"), -1)
    true = places @ slope + offset
    rng = np.random.default_rng(seed)
    support = ndimage.binary_opening(rng.random((12, 14)) < 0.8)
    found = unwrap(np.where(support, wrap(true), rng.uniform(-np.pi, np.pi, (12, 14))), support)
    assert found.phase.dtype == np.float32
    parts, count = ndimage.label(support)
    for part in range(1, count + 1):
        inside = parts == part
        turns = (found.phase - true)[inside] / (2 * np.pi)
        np.testing.assert_allclose(turns, np.rint(turns[0]), atol=1e-5)
        assert abs(found.phase[inside].mean()) <= np.pi + 1e-4
    assert np.isnan(found.phase[~support]).all()
    assert not found.cut.any()
    assert not found.vortices.any()
    assert found.lines == 0


def test_the_cut_is_every_step_of_more_than_half_a_turn():
    """By what the phase has become; and the voxels of vortices keep their phase but for whole turns."""
    y, x = np.meshgrid(np.arange(14) - 6.5, np.arange(15) - 7.5, indexing="ij")
    phase = wrap(np.arctan2(y, x) + 0.1 * y)
    support = np.hypot(y, x) < 6.3
    found = unwrap(phase, support)
    expected = np.zeros(support.shape, bool)
    values = found.phase.astype(float)
    for place in np.ndindex(*support.shape):
        for there in ((place[0] + 1, place[1]), (place[0], place[1] + 1)):
            if there[0] < 14 and there[1] < 15 and abs(values[there] - values[place]) > np.pi:
                expected[place] = expected[there] = True
    np.testing.assert_array_equal(found.cut, expected)
    assert expected.any()
    assert not expected.all()
    np.testing.assert_array_equal(found.vortices, vortices(phase, support))
    assert found.vortices.sum() == 4
    assert found.lines == 1
    np.testing.assert_allclose(wrap(values - phase)[support], 0, atol=1e-5)
    core = np.argwhere(found.vortices)
    known = np.argwhere(support & ~found.vortices)
    for place in core:  # within half a turn of the nearest unwrapped voxel
        distance = ((known - place) ** 2).sum(1)
        near = [values[tuple(k)] for k in known[distance == distance.min()]]
        assert min(abs(values[tuple(place)] - n) for n in near) <= np.pi + 1e-6


def test_where_all_is_vortex_the_phase_stays_wrapped():
    phase = np.array([[0.0, np.pi / 2], [-np.pi / 2, np.pi - 0.01]])
    found = unwrap(phase, np.ones((2, 2), bool))
    assert found.vortices.all()
    np.testing.assert_allclose(found.phase, phase, atol=1e-6)
    assert found.lines == 1


def test_vortices_that_touch_at_a_corner_are_one_line():
    """Two loops whose voxels meet diagonally, and one apart."""
    phase = np.zeros((12, 12))
    loop = np.array([[0.0, np.pi / 2], [-np.pi / 2, np.pi - 0.01]])
    for row, column in ((1, 1), (3, 3), (8, 8)):
        phase[row : row + 2, column : column + 2] = loop
    support = np.zeros(phase.shape, bool)
    for row, column in ((1, 1), (3, 3), (8, 8)):
        support[row : row + 2, column : column + 2] = True
    assert unwrap(phase, support).lines == 2


@pytest.mark.parametrize("shape", [(8, 9), (6, 7, 5)])
def test_a_ramp_by_hand(shape):
    rng = np.random.default_rng(0)
    obj = (rng.uniform(0.5, 1, shape) * np.exp(1j * rng.uniform(-0.4, 0.4, shape))).astype(np.complex64)
    places = np.indices(shape) - np.array([n // 2 for n in shape]).reshape(-1, *(1,) * len(shape))
    slopes = np.array([0.7, -2.0, 3.0])[: len(shape)]
    obj = (obj * np.exp(1j * np.tensordot(slopes, places, 1))).astype(np.complex64)
    support = rng.random(shape) < 0.9
    ramp = phase_ramp(obj, support)
    assert ramp.dtype == np.float64
    for axis, n in enumerate(shape):
        total = 0j
        for place in np.ndindex(*shape):
            there = tuple(p + (k == axis) for k, p in enumerate(place))
            if there[axis] < n and support[place] and support[there]:
                total += np.conj(complex(obj[place])) * complex(obj[there])
        assert ramp[axis] == pytest.approx(np.angle(total), abs=1e-6)
    level, peak = remove_ramp(obj, support)
    assert level.dtype == np.complex64
    expected = obj * np.exp(-1j * np.tensordot(ramp, places, 1))
    expected = expected * np.exp(-1j * np.angle(expected[support].sum()))
    np.testing.assert_allclose(level, expected, atol=1e-5)
    np.testing.assert_allclose(peak, ramp * np.array(shape) / (2 * np.pi))


def test_the_basis_of_the_voxels_by_hand():
    """Cross products: a_0 = 2π s_1 × s_2 / (N_0 s_0 · s_1 × s_2), in nm."""
    steps = np.array([[0.002, 0.0005, 0.0], [0.0, 0.003, 0.0004], [0.0002, 0.0, 0.005]])
    shape = (50, 60, 70)
    basis = voxel_basis(steps, shape)
    volume = np.linalg.det(steps)
    for axis in range(3):
        one, two = steps[(axis + 1) % 3], steps[(axis + 2) % 3]
        expected = 2 * np.pi * np.cross(one, two) / volume / shape[axis] / 10
        np.testing.assert_allclose(basis[axis], expected, rtol=1e-9)


@pytest.mark.parametrize(("height", "refused"), [(2e-6, False), (0.5e-6, True), (0.0, True), (np.nan, True)])
def test_steps_that_span_hardly_a_volume(height, refused):
    steps = 0.01 * np.array([[1.0, 0, 0], [0, 1.0, 0], [1.0, 1.0, height * np.sqrt(2)]])
    if refused:
        with pytest.raises(
            InputError, match=r"^geometry: the q steps of the three axes lie in a plane; check"
        ):
            voxel_basis(steps, (4, 5, 6))
    else:
        assert np.isfinite(voxel_basis(steps, (4, 5, 6))).all()


def test_steps_of_no_length_are_refused():
    with pytest.raises(InputError, match=r"^geometry: the q steps of the three axes lie in a plane; check"):
        voxel_basis(np.diag([0.01, 0.0, 0.01]), (4, 5, 6))


BASIS = np.array([[0.1, 0.05, 0.9], [0.02, 1.1, -0.1], [1.3, 0.0, 0.2]])


def ball(shape=(16, 15, 14), radius=4):
    places = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1)
    return (places**2).sum(-1) <= radius**2, places


def test_the_box_just_holds_the_crystal():
    support, places = ball()
    cubes = Cubes.around(support, BASIS)
    side = np.linalg.norm(BASIS, axis=1).min()
    assert cubes.size == pytest.approx(side)
    np.testing.assert_array_equal(cubes.axes, LABORATORY)
    where = places[support] @ BASIS  # nm
    index = where @ LABORATORY.T / side
    expected = 2 * (np.ceil(np.abs(index).max(0)).astype(int) + 4)
    assert cubes.shape == tuple(expected)
    # a step of the new array, in old voxels
    np.testing.assert_allclose(cubes.turn @ BASIS, side * LABORATORY, atol=1e-12)
    coarse = Cubes.around(support, BASIS, 2.0, axes=np.eye(3))
    assert coarse.size == 2
    index = where / 2
    assert coarse.shape == tuple(2 * (np.ceil(np.abs(index).max(0)).astype(int) + 4))


def test_resampling_by_hand():
    """Linear interpolation at every cube of what is at its place in the old voxels."""
    support, places = ball()
    rng = np.random.default_rng(0)
    cubes = Cubes.around(support, BASIS, 0.8)
    values = np.where(support, (places @ [0.1, -0.2, 0.3]) + 2, np.nan).astype(np.float32)
    values[8, 7, 7] = np.nan
    new = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in cubes.shape), indexing="ij"), -1)
    old = 0.8 * new @ LABORATORY @ np.linalg.inv(BASIS)
    inside = cubes.support(support)
    assert inside.dtype == bool
    known = np.isfinite(values)
    field = cubes.field(values, inside)
    assert field.dtype == np.float32
    for index in rng.integers(0, cubes.shape, (400, 3)):
        at = old[tuple(index)] + np.array(support.shape) // 2
        low = np.floor(at).astype(int)
        weight = share = total = 0.0
        for corner in np.ndindex(2, 2, 2):
            place = tuple(low + corner)
            factor = np.prod(np.where(corner, at - low, 1 - at + low))
            if all(0 <= p < n for p, n in zip(place, support.shape, strict=True)):
                weight += factor * support[place]
                share += factor * known[place]
                total += factor * (values[place] if known[place] else 0)
        if abs(weight - 0.5) > 1e-4:
            assert inside[tuple(index)] == (weight >= 0.5)
        if inside[tuple(index)] and share > 1e-6:
            assert field[tuple(index)] == pytest.approx(total / share, abs=1e-4)
        elif not inside[tuple(index)]:
            assert np.isnan(field[tuple(index)])
    assert inside.sum() * 0.8**3 == pytest.approx(support.sum() * abs(np.linalg.det(BASIS)), rel=0.06)


def test_an_object_is_resampled_by_cubic_splines():
    """A broad Gaussian with a phase comes back better than linear interpolation would have it."""
    support, places = ball((24, 26, 24), 8)
    obj = np.exp(-((places / 5.0) ** 2).sum(-1) + 0.2j * places[..., 0]).astype(np.complex64)
    cubes = Cubes.around(support, BASIS, 0.9)
    new = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in cubes.shape), indexing="ij"), -1)
    old = 0.9 * new @ LABORATORY @ np.linalg.inv(BASIS)
    near = (np.abs(old) < 9).all(-1)
    expected = np.exp(-((old / 5.0) ** 2).sum(-1) + 0.2j * old[..., 0])
    found = cubes.object(obj)
    assert found.dtype == np.complex64
    assert np.abs(found - expected)[near].max() < 2e-3


def test_cubes_that_are_refused(monkeypatch):
    support, _ = ball()
    for size in (0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match=rf"^voxel size: must be a positive number of nm, found {size}$"):
            Cubes.around(support, BASIS, size)
    with pytest.raises(
        InputError, match=r"^crystal: the support is empty, nothing to interpolate; the recons"
    ):
        Cubes.around(np.zeros_like(support), BASIS)
    first, second, third = Cubes.around(support, BASIS, 1.0).shape
    monkeypatch.setattr(orthogonalise, "LARGEST", first * second * third)
    assert Cubes.around(support, BASIS, 1.0).shape == (first, second, third)
    monkeypatch.setattr(orthogonalise, "LARGEST", first * second * third - 1)
    message = rf"^voxel size: 1 nm makes an array of {first}×{second}×{third}; take larger voxels$"
    with pytest.raises(InputError, match=message):
        Cubes.around(support, BASIS, 1.0)
