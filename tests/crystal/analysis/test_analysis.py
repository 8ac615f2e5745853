"""Surface, window, refraction and strain statistics of an object, against analytic cases."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.signal import windows

from sayre.crystal.analysis.apodise import apodised
from sayre.crystal.analysis.isosurface import isosurface, support_of
from sayre.crystal.analysis.refraction import corrected, path_lengths
from sayre.crystal.analysis.statistics import parts, surface_of
from sayre.crystal.geometry import Geometry
from sayre.crystal.strain import strain
from sayre.errors import InputError, SayreWarning


def block(shape=(40, 44, 48), low=(10, 12, 14), high=(30, 31, 33)):
    inside = np.zeros(shape, bool)
    inside[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return inside


@pytest.mark.parametrize("blur", [0.8, 1.5, 2.2])
def test_the_surface_of_a_blurred_block_is_where_it_was(blur):
    rng = np.random.default_rng(0)
    inside = block()
    amplitude = 7 * ndimage.gaussian_filter(inside.astype(float), blur)
    amplitude = np.abs(amplitude + 0.15 * rng.normal(size=inside.shape))
    surface = isosurface(amplitude)
    assert surface.chosen
    assert surface.threshold == surface.bulk / 2
    assert surface.bulk * surface.largest == pytest.approx(7, rel=0.03)
    support, _ = support_of(amplitude, surface)
    for axis in range(3):
        through = tuple(slice(None) if i == axis else n for i, n in enumerate((20, 21, 23)))
        np.testing.assert_array_equal(support[through], inside[through])


def test_background_however_large_does_not_choose_the_surface():
    inside = block((60, 60, 60), (25, 25, 25), (37, 37, 37))
    rng = np.random.default_rng(1)
    amplitude = np.abs(np.where(inside, 5, 0) + 0.3 * rng.normal(size=inside.shape))
    assert isosurface(amplitude).bulk * amplitude.max() == pytest.approx(5, rel=0.05)


def test_a_stated_isosurface_is_kept_and_other_parts_are_left_out():
    inside = block()
    amplitude = np.where(inside, 4.0, 0)
    amplitude[20, 21, 23] = 0  # a hole
    amplitude[2:4, 2:4, 2:4] = 4
    surface = isosurface(amplitude, 0.3)
    assert (surface.threshold, surface.chosen) == (0.3, False)
    support, others = support_of(amplitude, surface)
    np.testing.assert_array_equal(support, inside)
    assert others == 8


def test_amplitudes_that_show_no_bulk_are_told():
    rng = np.random.default_rng(2)
    with pytest.warns(SayreWarning, match=r"amplitudes of the bulk scatter by .* state `isosurface=`"):
        isosurface(rng.rayleigh(size=(30, 30, 30)) * rng.exponential(size=(30, 30, 30)))
    with pytest.raises(InputError, match="all amplitudes are 0"):
        isosurface(np.zeros((4, 4)))


@pytest.mark.parametrize("shape", [(16, 18, 20), (15, 17, 21)])
def test_the_convolution_is_the_window_in_reciprocal_space(shape):
    rng = np.random.default_rng(3)
    obj = np.zeros(shape, np.complex64)
    obj[4:-4, 4:-4, 4:-4] = (rng.normal(size=shape) + 1j * rng.normal(size=shape))[4:-4, 4:-4, 4:-4]
    pattern = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))
    for axis, n in enumerate(shape):
        # `sym=False` has its maximum at n // 2 for even n; for odd n the frequencies are symmetric already.
        window = 0.42 + 0.5 * np.cos(2 * np.pi * (np.arange(n) - n // 2) / n)
        window += 0.08 * np.cos(4 * np.pi * (np.arange(n) - n // 2) / n)
        if n % 2 == 0:
            np.testing.assert_allclose(window, windows.blackman(n, sym=False), atol=1e-12)
        pattern *= window.reshape([-1 if i == axis else 1 for i in range(3)])
    expected = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(pattern)))
    np.testing.assert_allclose(apodised(obj), expected, atol=1e-5)


def test_paths_through_a_block_on_oblique_voxels():
    """Of a sheared block the way along a row is the way to its end, whatever the other axes."""
    inside = block()
    basis = np.array([[2.0, 0, 0], [0.5, 1.5, 0], [0, 0.4, 1.0]])
    for axis in range(3):
        towards = basis[axis] / np.linalg.norm(basis[axis])
        found = path_lengths(inside, basis, towards)
        end = (30, 31, 33)[axis] - 0.5
        true = (end - np.indices(inside.shape)[axis]) * np.linalg.norm(basis[axis])
        middle = ndimage.binary_erosion(inside, iterations=3)
        assert np.abs(found - true)[middle].max() < 0.5 * np.linalg.norm(basis[axis])
        assert not found[~inside].any()


def plate(theta, *, delta, beta):
    """A plate, its normal along G of a symmetric reflection, as corrected; and its basis and geometry."""
    geometry = Geometry(
        energy=9000.0,
        distance=1.0,
        pixel_size=(55e-6, 55e-6),
        detector=(("x-", 2 * theta),),
        rocking_axis="x+",
        rocking_step=0.01,
    )
    normal = geometry.g() / np.linalg.norm(geometry.g())
    basis = np.stack([normal, np.cross([1.0, 0, 0], normal), [1.0, 0, 0]])
    inside = np.zeros((24, 150, 15), bool)
    inside[4:-4, 4:-4, 2:-2] = True
    obj = inside.astype(np.complex64)
    return corrected(obj, inside, basis, geometry, delta=delta, beta=beta), inside, basis, geometry


@pytest.mark.parametrize("theta", [20.0, 35.0])
def test_refraction_makes_planes_seem_closer(theta):
    """By δ/sin²θ, in Bragg's law as corrected for refraction (Warren): the correction takes it back."""
    obj, inside, basis, geometry = plate(theta, delta=3e-5, beta=1e-9)
    found = strain(np.angle(obj), inside, geometry.g(), basis)
    middle = (slice(8, -8), slice(70, 80), slice(5, -5))
    np.testing.assert_allclose(found[middle], 3e-5 / np.sin(np.radians(theta)) ** 2, rtol=0.02)


def test_absorption_is_that_of_the_way_in_and_out():
    theta = 25.0
    obj, _, _, geometry = plate(theta, delta=1e-9, beta=2e-6)
    attenuation = 4 * np.pi * 2e-6 / (geometry.wavelength / 10)  # of the intensity, 1/nm
    depth = 24 - 4 - 0.5 - np.arange(24)
    way = 2 * depth / np.sin(np.radians(theta))
    along = np.abs(obj[6:-6, 75, 7])
    np.testing.assert_allclose(along, np.exp(attenuation * way / 2)[6:-6], rtol=2e-4)
    assert along[0] > along[-1]  # the deeper, the more is given back


def test_strain_of_bulk_and_surface():
    inside = block()
    outer = surface_of(inside, 2)
    field = np.where(outer, 3e-4, -1e-4).astype(np.float32)
    field[~inside] = np.nan
    field[20, 20, 20] = np.nan
    found = parts(field, inside, 2)
    size, inner = np.array([20, 19, 19]), np.array([16, 15, 15])
    assert found["bulk"].voxels == inner.prod() - 1
    assert found["surface"].voxels == size.prod() - inner.prod()
    assert found["bulk"].mean == pytest.approx(-1e-4)
    assert found["surface"].rms == pytest.approx(3e-4)
    assert found["surface"].std == pytest.approx(0, abs=1e-9)
    assert (found["all"].low, found["all"].high) == pytest.approx((-1e-4, 3e-4))
    nothing = parts(np.full(inside.shape, np.nan, np.float32), inside)
    assert nothing["all"].voxels == 0
    assert np.isnan(nothing["all"].mean)
