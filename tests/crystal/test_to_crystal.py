"""A particle with a known displacement goes through scattering and inverse FFT, and comes back."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from physics_samples import SHAPE, cylinder, field, geometry, places, strained_particle
from scipy import ndimage
from scipy.spatial.transform import Rotation

from sayre.crystal.conversion import centred, to_crystal
from sayre.crystal.geometry import direction
from sayre.crystal.orthogonalise import LABORATORY, Cubes, voxel_basis
from sayre.crystal.scan import Scan
from sayre.crystal.strain import strain
from sayre.data import Grid
from sayre.errors import InputError, SayreWarning

GOLD = 4.08


@pytest.fixture(scope="module")
def particle():
    return strained_particle()


def residual(found, true, where):
    """Standard deviation of a difference where both are defined, and that of the truth."""
    return np.std((found - true)[where]), np.std(true[where])


def test_strain_on_oblique_voxels(particle):
    obj, support, scan, _ = particle
    basis = voxel_basis(scan.steps(), SHAPE)
    skew = basis / np.linalg.norm(basis, axis=1, keepdims=True)
    assert np.abs(np.triu(skew @ skew.T, 1)).max() > 0.15
    found = strain(np.angle(obj), support, scan.g(), basis)
    along = scan.g() / np.linalg.norm(scan.g())
    true = field(places(SHAPE, basis), along)[1]
    inner = ndimage.binary_erosion(support, iterations=2)
    error, spread = residual(found, true, inner)
    assert error < 0.2 * spread
    assert np.mean((found - true)[inner]) == pytest.approx(0, abs=2e-5)  # the sign and the mean strain
    assert abs(np.mean(true[inner])) > 1e-3
    assert np.isfinite(found[support]).mean() > 0.99  # an edge one voxel thin has no derivative
    assert np.isnan(found[~support]).all()


def test_crystal_in_the_laboratory(particle):
    obj, support, scan, sites = particle
    crystal = to_crystal(obj, support, scan=Scan(geometry=scan, hkl=(1, 1, 1), lattice_constant=GOLD))
    assert crystal.g == pytest.approx(2 * np.pi * np.sqrt(3) / GOLD)
    assert crystal.voxel_size == pytest.approx(
        (np.linalg.norm(voxel_basis(scan.steps(), SHAPE), axis=1).min(),) * 3
    )
    np.testing.assert_array_equal(crystal.axes, LABORATORY)
    size = crystal.voxel_size[0]
    assert crystal.support.sum() * (10 * size) ** 3 == pytest.approx(len(sites) * GOLD**3 / 4, rel=0.03)

    # The shape: extents along z, y, x are those of the atoms.
    voxels = np.argwhere(crystal.support)
    for axis, component in enumerate((2, 1, 0)):
        extent = 10 * size * (np.ptp(voxels[:, axis]) + 1)
        assert extent == pytest.approx(np.ptp(sites[:, component]), abs=15 * size)

    # The field, at voxels whose origin may have moved by whole old voxels; its ramp was removed.
    where = places(crystal.shape, size * LABORATORY)
    where += sites.mean(0) - np.mean(where[crystal.support], axis=0)
    along = scan.g() / crystal.g
    u, slope = field(where, along)
    inner = ndimage.binary_erosion(crystal.support, iterations=2)
    error, spread = residual(crystal.strain, slope, inner)
    assert error < 0.12 * spread
    assert np.corrcoef(crystal.strain[inner], slope[inner])[0, 1] > 0.99

    linear = np.column_stack([where[inner], np.ones(inner.sum())])
    rest = u[inner] - linear @ np.linalg.lstsq(linear, u[inner], rcond=None)[0]
    found = crystal.displacement[inner]
    found = found - linear @ np.linalg.lstsq(linear, found, rcond=None)[0]
    assert np.std(found - rest) < 0.15 * np.std(rest)  # 0.0023 Å, 0.006 rad
    assert found @ rest > 0
    assert np.isnan(crystal.displacement[~crystal.support]).all()


def test_a_chosen_voxel_size_and_the_frame_of_the_detector(particle):
    obj, support, scan, _ = particle
    coarse = to_crystal(obj, support, scan=Scan(geometry=scan, voxel_size=0.8))
    assert coarse.voxel_size == (0.8, 0.8, 0.8)
    oblique = to_crystal(obj, support, scan=Scan(geometry=scan), orthogonal=False)
    assert oblique.shape == SHAPE
    assert not oblique.orthogonal
    basis = voxel_basis(scan.steps(), SHAPE)
    np.testing.assert_allclose(oblique.axes * np.array(oblique.voxel_size)[:, None], basis)
    old, new = np.nanmean(oblique.strain), np.nanmean(coarse.strain)
    assert new == pytest.approx(old, abs=2e-4)


def test_the_sample_frame_is_turned_back_by_the_circles_of_the_sample(particle):
    """Shape and strain are those of the laboratory, turned: by moments of the support and of the strain."""
    obj, support, scan, _ = particle
    circles = (("y+", 25.0), ("z-", 80.0), ("x+", -10.0))
    turn = np.eye(3)
    for axis, angle in circles:
        turn = turn @ Rotation.from_rotvec(np.radians(angle) * direction(axis)).as_matrix()
    located = replace(scan, sample=circles)
    still = to_crystal(obj, support, scan=Scan(geometry=located, voxel_size=0.5))
    turned = to_crystal(obj, support, scan=Scan(geometry=located, voxel_size=0.5, frame="sample"))
    np.testing.assert_allclose(still.axes, LABORATORY)
    np.testing.assert_allclose(turned.axes, (turn @ LABORATORY.T).T, atol=1e-12)
    np.testing.assert_allclose(located.sample_axes(), turn.T, atol=1e-12)

    def moments(crystal, weight):
        places = (np.argwhere(crystal.support) - np.array(crystal.shape) // 2)[:, ::-1] * 0.5  # x, y, z
        middle = np.average(places, axis=0, weights=weight)
        return middle, np.cov((places - middle).T, aweights=weight)

    for quantity in (np.ones_like, lambda strain: strain - np.nanmin(strain) + 1e-3):
        (middle, spread), (there, other) = (
            moments(crystal, quantity(np.nan_to_num(crystal.strain[crystal.support])))
            for crystal in (still, turned)
        )
        np.testing.assert_allclose(there, turn.T @ middle, atol=0.1)
        np.testing.assert_allclose(other, turn.T @ spread @ turn, atol=0.02 * np.trace(spread))


def test_the_sample_frame_needs_the_circles(particle):
    obj, support, scan, _ = particle
    with pytest.raises(InputError, match=r"^frame: sample needs the circles of the sample; add `sample`"):
        to_crystal(obj, support, scan=Scan(geometry=scan, frame="sample"))


def test_resampling_on_the_old_grid_changes_nothing():
    rng = np.random.default_rng(1)
    support = np.zeros((20, 22, 24), bool)
    support[6:15, 5:16, 7:17] = True
    obj = np.where(support, rng.normal(size=support.shape) + 1j, 0).astype(np.complex64)
    values = np.where(support, rng.normal(size=support.shape), np.nan).astype(np.float32)
    cubes = Cubes.around(support, 1.5 * LABORATORY)
    assert cubes.size == 1.5
    assert cubes.shape == (16, 20, 18)
    box = tuple(
        slice(n // 2 - m // 2, n // 2 + m // 2) for n, m in zip(support.shape, cubes.shape, strict=True)
    )
    np.testing.assert_allclose(cubes.object(obj), obj[box], atol=1e-5)
    np.testing.assert_array_equal(cubes.support(support), support[box])
    np.testing.assert_allclose(cubes.field(values, support[box]), values[box], atol=1e-5)


def test_basis_is_reciprocal_to_the_steps():
    scan = geometry()
    basis = voxel_basis(scan.steps(), SHAPE)
    np.testing.assert_allclose(10 * basis @ scan.steps().T, np.diag(2 * np.pi / np.array(SHAPE)), atol=1e-15)
    with pytest.raises(InputError, match="lie in a plane"):
        voxel_basis(np.array([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]]), SHAPE)


def test_centred():
    support = np.zeros((16, 15), bool)
    support[13:, 2:5] = True
    support[:2, 2:5] = True
    obj = support * np.complex64(2)
    moved, inside = centred(obj, support)
    np.testing.assert_array_equal(np.argwhere(inside).mean(0), [8, 7])
    np.testing.assert_array_equal(moved, 2 * inside)
    tight = np.ones((4, 5), bool)
    tight[0, 0] = False
    np.testing.assert_array_equal(centred(obj[:4, :5], tight)[1], tight)


def test_without_a_geometry():
    n = 32
    obj, support = np.zeros((n,) * 3, np.complex64), np.zeros((n,) * 3, bool)
    support[10:22, 10:22, 10:22] = True
    s = np.arange(n) - n // 2
    obj[support] = np.broadcast_to(np.exp(-0.02j * s**2)[:, None, None], obj.shape)[support]
    grid = Grid(step=(0.01, 0.02, 0.02), unit="1/angstrom")
    with pytest.warns(SayreWarning, match="no displacement and no strain; `geometry=`, or `hkl=`"):
        unknown = to_crystal(obj, support, grid=grid)
    assert unknown.displacement is None
    assert unknown.strain is None
    nm = np.pi / 5 / (n * np.array([0.01, 0.02, 0.02]))
    assert unknown.voxel_size == pytest.approx(tuple(nm))
    with pytest.warns(SayreWarning, match="so no strain; `geometry=`, or `along=`"):
        partly = to_crystal(obj, support, scan=Scan(hkl=(1, 1, 1), lattice_constant=GOLD))
    assert partly.strain is None
    assert np.isfinite(partly.displacement[support]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = to_crystal(
            obj,
            support,
            grid=grid,
            scan=Scan(hkl=(1, 1, 1), lattice_constant=GOLD, along=0),
            metrics={"r": 1},
        )
    g, voxel = 2 * np.pi * np.sqrt(3) / GOLD, 2 * np.pi / (n * 0.01)
    expected = 0.04 * (s - s[10:22].mean()) / (g * voxel)
    np.testing.assert_allclose(known.strain[11:21, 16, 16], expected[11:21], rtol=1e-4)
    assert known.metrics["r"] == 1
    assert known.metrics["vortex_lines"] == 0


def test_a_vortex_in_a_hole_of_the_support_is_told_as_such():
    y, x = np.indices((24, 24)) - 11.5
    support = (np.hypot(y, x) < 9) & (np.hypot(y, x) > 3)
    obj = (support * np.exp(1j * np.arctan2(y, x))).astype(np.complex64)
    told = "crystal: the phase turns by 2π around a hole in the support: the displacement jumps at"
    with pytest.warns(SayreWarning, match=told):
        crystal = to_crystal(
            obj,
            support,
            scan=Scan(lattice_constant=4.0, hkl=(1, 1, 1), along=0),
            grid=Grid(step=(0.01, 0.01), unit="1/angstrom"),
        )
    assert crystal.metrics["vortex_lines"] == 0


def test_a_dislocation_is_not_smeared_on_its_way_to_the_laboratory():
    """A vortex on oblique voxels: the strain has no cut, the displacement has one, and it is said."""
    scan = geometry()
    shape = (40, 48, 44)
    support, angle, _ = cylinder(shape, 12)
    obj = (support * np.exp(1j * angle)).astype(np.complex64)
    with pytest.warns(
        SayreWarning, match=r"1 phase vortex \(disl.* the strain, from wrapped gradients, does not"
    ):
        crystal = to_crystal(obj, support, scan=Scan(geometry=scan))
    assert crystal.metrics["vortex_lines"] == 1
    assert crystal.metrics["cut_voxels"] > 50
    assert np.isfinite(crystal.strain[crystal.support]).mean() > 0.99
    # The exact field of a vortex has |∇phase| = 1/r: a cut smeared over a voxel would show 2π per voxel.
    basis = voxel_basis(scan.steps(), shape)
    index = (places(crystal.shape, crystal.voxel_size[0] * LABORATORY) / 10) @ np.linalg.inv(basis)
    r = np.hypot(index[..., 1] + 0.5, index[..., 2] + 0.5)
    away = crystal.support & (r > 4)
    steepest = 1 / (4 * 10 * np.linalg.svd(basis, compute_uv=False).min() * crystal.g)
    assert np.nanmax(np.abs(crystal.strain[away])) < 1.2 * steepest
    u = np.where(away, crystal.displacement, np.nan)
    jumps = max(np.nanmax(np.abs(np.diff(u, axis=axis))) for axis in range(3))
    assert jumps == pytest.approx(2 * np.pi / crystal.g, rel=0.2)


def test_refusals():
    empty = np.zeros((8, 8, 8), bool)
    with pytest.raises(InputError, match=r"^along: axis 2 of an object with 2 axes; 0 to 1"):
        to_crystal(np.ones((8, 8), np.complex64), ~empty[0], scan=Scan(along=2))
    with pytest.raises(InputError, match="support is empty"):
        to_crystal(np.ones((8, 8, 8), np.complex64), empty)
    with pytest.raises(InputError, match="support is empty"):
        Cubes.around(empty, LABORATORY)
    full = ~empty
    with pytest.raises(InputError, match="positive number of nm"):
        Cubes.around(full, LABORATORY, -1.0)
    with pytest.raises(InputError, match="take larger voxels"):
        Cubes.around(full, LABORATORY, 1e-3)
