import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from physics_samples import cylinder

from sayre.crystal.strain import displacement, strain, wrap, wrapped_gradient
from sayre.crystal.unwrap import unwrap, vortices

G = 2.668


def ball(shape=(24, 26, 28), radius=10):
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1)
    return (index**2).sum(-1) < radius**2, index


vectors = st.tuples(*[st.floats(-1, 1)] * 3).map(np.array)


@settings(max_examples=25)
@given(slope=vectors, skew=st.tuples(*[vectors] * 3), along=vectors)
def test_a_linear_displacement_is_a_constant_strain(slope, skew, along):
    """u_G = slope·r: strain = slope·Ĝ everywhere, at the surface too, on any oblique grid."""
    basis = np.diag([0.4, 0.5, 0.6]) + 0.1 * np.array(skew)
    along = along + np.array([1.5, 0, 0])
    along /= np.linalg.norm(along)
    support, index = ball()
    u = 10 * index @ basis @ (0.05 * slope)
    phase = wrap(-G * u)
    found = strain(phase, support, G * along, basis)
    np.testing.assert_allclose(found[support], 0.05 * slope @ along, atol=1e-6)
    assert np.isnan(found[~support]).all()


def test_surface_is_one_sided():
    """Of a quadratic phase: the central difference is exact, a one-sided one is half a voxel off."""
    support = np.zeros((1, 12), bool)
    support[0, 2:10] = True
    x = np.arange(12.0)
    phase = wrap(0.1 * x**2)[None]
    gradient = wrapped_gradient(phase, support, 1)[0]
    np.testing.assert_allclose(gradient[3:9], 0.2 * x[3:9])
    np.testing.assert_allclose(gradient[[2, 9]], 0.2 * np.array([2.5, 8.5]))
    assert np.isnan(gradient[[0, 1, 10, 11]]).all()
    assert np.isnan(wrapped_gradient(phase, support, 0)).all()


def test_displacement_sign_and_unit():
    support = np.array([[True, False]])
    found = displacement(np.array([[2.0, 1.0]]), support, 4.0)
    assert found[0, 0] == -0.5
    assert np.isnan(found[0, 1])


def test_unwrap_undoes_wrapping():
    support, index = ball()
    true = 0.02 * (index**2).sum(-1) + 0.5 * index[..., 0]
    flat = unwrap(wrap(true), support)
    difference = (flat.phase - true)[support]
    np.testing.assert_allclose(difference, difference[0], atol=1e-4)
    assert difference[0] / (2 * np.pi) == pytest.approx(round(difference[0] / (2 * np.pi)), abs=1e-5)
    assert np.isnan(flat.phase[~support]).all()
    assert flat.lines == 0
    assert not flat.vortices.any()
    assert not flat.cut.any()


def test_parts_are_unwrapped_by_themselves():
    support = np.zeros((30, 20), bool)
    support[3:10, 3:17], support[15:28, 3:17] = True, True
    true = np.where(np.arange(30)[:, None] < 12, 0.0, 40.0) + 0.5 * np.arange(20)
    flat = unwrap(wrap(true), support).phase
    for part in (slice(3, 10), slice(15, 28)):
        inside = flat[part, 3:17]
        np.testing.assert_allclose(np.diff(inside, axis=1), 0.5, atol=1e-5)
        assert abs(inside.mean()) <= np.pi


@pytest.mark.parametrize("turns", [1, -1])
def test_screw_dislocation(turns):
    """Phase = turns·angle about axis 0: one line, found where it is; the strain has no cut."""
    shape = (24, 40, 40)
    support, angle, r = cylinder(shape, 15)
    phase = wrap(turns * angle + 0.3)
    core = vortices(phase, support)
    line = np.zeros(shape, bool)
    line[4:-4, 19:21, 19:21] = True
    np.testing.assert_array_equal(core, line)
    flat = unwrap(phase, support)
    assert flat.lines == 1
    assert flat.cut.any()
    assert np.isfinite(flat.phase[support]).all()
    np.testing.assert_allclose(wrap(flat.phase - phase)[support], 0, atol=1e-5)

    # Derivative along axis 1 (y): cos(angle)/r. Away from the core, on the cut as elsewhere.
    voxel = 0.5
    g = np.array([0, G, 0])
    found = strain(phase, support, g, voxel * np.eye(3))
    assert np.isfinite(found[support]).all()
    exact = -turns * np.cos(angle) / r / (10 * voxel * G)
    away = support & (r > 4) & (r < 13)
    np.testing.assert_allclose(found[away], exact[away], atol=0.05 * np.abs(exact[away]).max())
    assert np.abs(found[support]).max() <= np.pi / (10 * voxel * G)


def test_pair_of_dislocations():
    shape = (16, 40, 60)
    y, x = np.arange(40) - 19.5, np.arange(60)
    phase = np.arctan2(y[:, None], x - 19.5) - np.arctan2(y[:, None], x - 39.5)
    phase = wrap(np.broadcast_to(phase, shape))
    support = np.ones(shape, bool)
    flat = unwrap(phase, support)
    assert flat.lines == 2
    # Between opposite vortices the cut ends: far away the phase is single-valued again.
    assert not flat.cut[:, :, :15].any() or not flat.cut[:, :, 45:].any()


def test_noise_free_ramp_has_no_vortices():
    support, index = ball()
    assert not vortices(wrap(index @ np.array([1.0, -2.0, 2.9])), support).any()
