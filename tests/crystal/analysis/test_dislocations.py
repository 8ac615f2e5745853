"""Dislocations of known line and Burgers vector, by phase and by atoms."""

from dataclasses import replace

import numpy as np
import pytest
from physics_samples import cylinder

from sayre.crystal.analysis.dislocations import circuit, dislocations
from sayre.crystal.orthogonalise import voxel_basis
from sayre.simulation.particles import displacements, shapes
from sayre.simulation.scattering import scatter

SHAPE = (40, 48, 44)


@pytest.mark.parametrize("turns", [1, -1, 2])
@pytest.mark.parametrize(
    "basis", [np.eye(3), np.eye(3)[::-1], np.array([[1.0, 0.2, 0], [0, 1, 0.3], [0.1, 0, 1]])]
)
def test_a_vortex_along_an_axis(turns, basis):
    """Its place, its turns, and the sense of its direction whatever the hand of the array axes."""
    support, angle, _ = cylinder(SHAPE, 14)
    (line,), short = dislocations(turns * angle, support, basis)
    assert short == 0
    assert line.winding == abs(turns)
    np.testing.assert_allclose(line.points[:, 1:].mean(0), [23.5, 21.5], atol=0.51)
    # arctan2(axis 1, axis 2) turns from axis 2 to axis 1: to the left about axis 0 of right-handed axes. The
    # displacement is −phase/|G|.
    sense = np.sign(turns) * np.sign(np.linalg.det(basis))
    along = basis[0] / np.linalg.norm(basis[0])
    np.testing.assert_allclose(line.direction, sense * along, atol=0.02)
    assert line.length == pytest.approx(31 * np.linalg.norm(basis[0]), rel=0.1)


def test_the_dark_core_of_a_dislocation_is_searched():
    """A support with a channel where the amplitude is low: no square inside it shows the vortex."""
    support, angle, radius = cylinder(SHAPE, 14)
    (line,), _ = dislocations(angle, support & (radius > 2.5), np.eye(3))
    assert line.winding == 1
    assert len(line.points) >= 26  # near its ends the channel is open


def test_no_dislocations_where_there_are_none():
    support, _, radius = cylinder(SHAPE, 14)
    z = np.arange(SHAPE[0])[:, None, None]
    steep = 0.05 * radius**2 + 2.2 * z  # wraps from voxel to voxel, but turns nowhere
    assert dislocations(steep, support, np.eye(3)) == ([], 0)
    rng = np.random.default_rng(0)
    lines, short = dislocations(rng.normal(size=SHAPE), support, np.eye(3), shortest=60)
    assert lines == []
    assert short > 0  # noise turns, in short loops


def test_a_pair_of_opposite_vortices_is_no_dislocation_from_afar():
    y, x = (np.arange(n) - n // 2 + 0.5 for n in SHAPE[1:])
    pair = np.arctan2(y[:, None] - 1, x) - np.arctan2(y[:, None] + 1, x)
    phase = np.broadcast_to(pair, SHAPE)
    assert circuit(phase, (20, 23, 21), 0, 4) == 0
    assert circuit(phase, (20, 24, 21), 0, 0) == -circuit(phase, (20, 22, 21), 0, 0) != 0


def test_a_circuit_that_leaves_the_array_or_meets_nothing_is_none():
    support, angle, _ = cylinder(SHAPE, 14)
    assert circuit(angle, (20, 23, 21), 0, 6) == -1  # right-handed about axis 0 of the array
    assert circuit(angle, (20, 23, 21), 0, 30) is None
    assert circuit(np.where(support, angle, np.nan), (20, 23, 21), 0, 16) is None


LINES = {"screw": (1, 1, 0), "edge": (1, -1, 2), "none": None}
BURGERS = np.array([1.0, 1.0, 0.0]) / 2
AT = np.array([6.0, -4.0, 3.0])
"""Å, from the middle of the crystal."""


@pytest.mark.parametrize("kind", LINES)
def test_a_dislocation_of_a_simulated_crystal(kind):
    """Atoms displaced by the Volterra field, scattering, inverse FFT: G·b = 2π of 111 and ½[110]."""
    particle = shapes.build("wulff", 30_000, element="Au", generator=np.random.default_rng(0))
    a, sites = particle.lattice_constant, particle.positions - particle.positions.mean(0)
    moved = sites
    if LINES[kind] is not None:
        line = np.array(LINES[kind], float)
        moved = sites + displacements.dislocation(sites - AT, line, a * BURGERS, poisson=0.42)
    g = 2 * np.pi / a * np.ones(3)
    shape, size = (60, 60, 60), 3.0  # voxels of 3 Å
    steps = 2 * np.pi / (60 * size) * np.array([[1.0, 0, 0], [0.2, 1, 0], [0, -0.1, 1]])
    amplitude = scatter.scatter(replace(particle, positions=moved), g, steps, shape, threads=1)
    obj = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(amplitude)))
    basis = voxel_basis(steps, shape)
    modulus = np.abs(obj)
    found, _ = dislocations(np.angle(obj), modulus > 0.35 * np.percentile(modulus, 99.5), basis, shortest=8)
    if LINES[kind] is None:
        assert found == []
        return
    (dislocation,) = found
    assert dislocation.winding == 1
    along = line / np.linalg.norm(line)
    assert dislocation.direction @ along > np.cos(np.radians(8))  # parallel: b·G is positive
    off = 10 * (dislocation.points - 30) @ basis - AT
    away = np.linalg.norm(off - np.outer(off @ along, along), axis=1)
    assert np.median(away) < 0.6 * 10 * np.linalg.norm(basis, axis=1).max()
