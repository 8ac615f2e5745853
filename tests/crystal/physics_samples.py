"""A particle on a rocking curve, its displacement known; and analytic objects."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from noise import counts_of_test
from sayre.crystal.geometry import Geometry
from sayre.simulation.particles import shapes
from sayre.simulation.scattering import scatter

SHAPE = (64, 72, 60)
LENGTH = 50.0  # Å


def geometry(**changes):
    """A 34-ID-C scan so coarse that 64 voxels hold a 12 nm particle."""
    known = {
        "energy": 9000.0,
        "distance": 0.5,
        "pixel_size": (55e-6, 55e-6),
        "angles": (32.174, 12.6346),
        "rocking_axis": "y+",
        "rocking_step": 0.4,
        "binning": (1, 36, 44),
    }
    return Geometry.at("34idc", **(known | changes))


def field(places, along):
    """An asymmetric displacement along G in Å, and its derivative along G, at places in Å."""
    s, x, y = places @ along / LENGTH, places[..., 0] / LENGTH, places[..., 1] / LENGTH
    u = 0.10 * s**2 + 0.08 * s * x + 0.05 * y**3 + 0.04 * s
    slope = 0.2 * s + 0.08 * x + 0.08 * s * along[0] + 0.15 * y**2 * along[1] + 0.04
    return u, slope / LENGTH


def strained_particle():
    """Object and support of a gold particle in `field`, by scattering and inverse FFT; scan; sites."""
    particle = shapes.build("winterbottom", 40_000, element="Au", generator=np.random.default_rng(0))
    length = 2 * np.pi * np.sqrt(3) / particle.lattice_constant
    scan = geometry()
    scan = replace(scan, energy=scan.energy * length / np.linalg.norm(scan.g()))
    along = scan.g() / length
    turn, _ = Rotation.align_vectors(
        [along, [0.3, 0.8, -0.2]], [np.full(3, 3**-0.5), [1, -1, 0]], weights=[np.inf, 1]
    )
    sites = turn.apply(particle.positions)
    moved = replace(particle, positions=sites + field(sites, along)[0][:, None] * along)
    amplitude = scatter.scatter(moved, scan.g(), scan.steps(), SHAPE, threads=1)
    amplitude = amplitude * np.sqrt(counts_of_test(np.ones(SHAPE)))
    obj = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(amplitude))).astype(np.complex64)
    modulus = np.abs(obj)
    return obj, modulus > 0.4 * np.median(modulus[modulus > modulus.max() / 2]), scan, sites


def places(shape, basis):
    """Where the voxels are, Å, for a basis in nm."""
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1)
    return 10 * index @ basis


def cylinder(shape, radius):
    """Support of a cylinder along axis 0, and the polar angle and radius in voxels, off the voxel centres."""
    y, x = (np.arange(n) - n // 2 + 0.5 for n in shape[1:])
    r, angle = np.hypot(y[:, None], x), np.arctan2(y[:, None], x)
    inside = np.broadcast_to(r < radius, shape).copy()
    inside[:4], inside[-4:] = False, False
    return inside, np.broadcast_to(angle, shape), np.broadcast_to(r, shape)
