import numpy as np
import pytest

from noise import counts_of_test
from sayre.crystal.geometry import Geometry
from sayre.data import FilledPattern, Grid, Pattern
from sayre.errors import InputError, SayreWarning
from sayre.retrieval.binning import binned
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phasing import phase
from sayre.workflows.reconstruction import Scan, Settings, reconstruct


def peak(shape, at, seed=0):
    """Make counts that fall off from a peak at `at`, some masked."""
    rng = np.random.default_rng(seed)
    distance = sum((g - a) ** 2 for g, a in zip(np.indices(shape), at, strict=True))
    counts = rng.poisson(1e4 * np.exp(-distance / 30) + 3).astype(np.float32)
    mask = rng.random(shape) < 0.02
    mask[tuple(slice(a - 3, a + 4) for a in at)] = False
    counts[mask] = 0
    return Pattern(intensity=counts, mask=mask, grid=Grid(step=(0.1, 0.2, 0.3)[-len(shape) :]))


@pytest.mark.parametrize(
    ("shape", "at", "binning"),
    [
        ((33, 40, 38), (15, 21, 18), (1, 2, 3)),
        ((41, 40), (22, 19), (1, 3, 2)),
        ((24, 26), (12, 13), (5, 2, 2)),
    ],
)
@pytest.mark.filterwarnings("ignore:pattern. (cut to|.* blocks are masked)")
def test_blocks_around_the_peak_are_summed(shape, at, binning):
    pattern = peak(shape, at)
    found = binned(pattern, binning)
    factors = binning[-len(shape) :]
    assert found.grid.step == pytest.approx([s * f for s, f in zip(pattern.grid.step, factors, strict=True)])
    top = np.unravel_index(found.intensity.argmax(), found.shape)
    for index in np.ndindex(found.shape):
        # the block that the peak is in the middle of is the brightest one
        first = [a - (f - 1) // 2 + (i - t) * f for a, f, i, t in zip(at, factors, index, top, strict=True)]
        block = tuple(slice(a, a + f) for a, f in zip(first, factors, strict=True))
        masked = pattern.mask[block].any()
        assert found.mask[index] == masked
        assert found.intensity[index] == (0 if masked else pattern.intensity[block].sum())


@pytest.mark.filterwarnings("ignore:pattern. (cut to|.* blocks are masked)")
def test_what_is_binned_twice_states_where_it_is_in_the_first_array():
    pattern = peak((40, 96), (17, 51))
    twice = binned(binned(pattern, (1, 1, 3)), (1, 2, 2))
    assert twice.meta.binning == (2, 6)
    for index in np.argwhere(~twice.mask):
        first = [o + b * i for o, b, i in zip(twice.meta.origin, (2, 6), index, strict=True)]
        block = tuple(slice(a, a + b) for a, b in zip(first, (2, 6), strict=True))
        assert twice.intensity[tuple(index)] == pattern.intensity[block].sum()


def test_errors_of_the_filling_are_summed():
    pattern = peak((24, 24), (12, 12))
    rng = np.random.default_rng(1)
    filled = np.where(pattern.mask, rng.uniform(1, 50, pattern.shape), pattern.intensity).astype(np.float32)
    sigma = np.where(pattern.mask, 0.1, 0).astype(np.float32)
    whole = FilledPattern(pattern=pattern, intensity=filled, sigma=sigma, method="linear")
    found = binned(whole, (1, 2, 2))
    i, j = np.argwhere(found.pattern.mask)[0]
    first = [12 - 2 * int(n) for n in np.unravel_index(found.intensity.argmax(), found.pattern.shape)]
    block = tuple(slice(f + 2 * k, f + 2 * k + 2) for f, k in zip(first, (i, j), strict=True))
    assert found.intensity[i, j] == pytest.approx(filled[block].sum(), rel=1e-6)
    absolute = (0.1 * (1 + filled[block]))[pattern.mask[block]].sum()
    assert found.sigma[i, j] == pytest.approx(absolute / (1 + filled[block].sum()), rel=1e-5)


def test_binning_refuses_small_arrays_and_warns_of_changes():
    pattern = peak((32, 32), (15, 16))
    assert binned(pattern, (3, 1, 1)) is pattern
    with pytest.raises(InputError, match=r"leaves .* voxels of .* 8 or more"):
        binned(pattern, (1, 1, 5))
    with (
        pytest.warns(SayreWarning, match="cut to 30 × 32 voxels"),
        pytest.warns(SayreWarning, match="blocks are masked because of a masked voxel"),
    ):
        binned(pattern, (1, 2, 1))


@pytest.mark.usefixtures("refined_soon")
@pytest.mark.filterwarnings("ignore:.*(do not trust|the autocorrelation|no geometry)")
def test_binned_counts_give_the_same_crystal(crystal):
    """Counts oversampled twice as finely as the fixture, when binned, give the object of the fixture."""
    obj, n = crystal[0], crystal[0].shape[0]
    wide = np.zeros((2 * n,) * 3, np.complex64)
    middle = (slice(n - n // 2, 2 * n - n // 2),) * 3
    wide[middle] = obj
    field = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(wide)))
    expected = np.abs(field) ** 2 * (1e6 / np.abs(field).max() ** 2)
    counts = counts_of_test(np.random.default_rng(0).poisson(expected).astype(np.float32))
    pattern = Pattern(intensity=counts, mask=counts < 0, grid=Grid(step=(1.0,) * 3))
    settings = Settings(recipe="(HIO*20 + SW)**6, (RAAR*20 + SW)**3, ER*20", runs=3, binning=(2, 2, 2))
    made = reconstruct(pattern, settings, Scan())
    assert made.phased.pattern.intensity.sum() == pytest.approx(counts.sum(), rel=0.02)
    found = made.phased.object
    assert found.shape == obj.shape
    assert correlation(align(found, obj), obj) > 0.95
    unbinned = phase(pattern, recipe="ER*2", runs=1, refine="none")
    assert unbinned.oversampling[0] == pytest.approx(2 * made.phased.oversampling[0], rel=0.15)


def test_binning_scales_the_steps_of_the_geometry():
    geometry = Geometry.at(
        "id01", angles=(0.0, 30.0), energy=8000, distance=1, pixel_size=(55e-6, 55e-6),
        rocking_axis="x-", rocking_step=0.01, binning=(1, 2, 2),
    )  # fmt: skip
    scan = Scan(geometry=geometry).binned((2, 1, 3))
    assert scan.geometry.binning == (2, 2, 6)
    np.testing.assert_allclose(scan.geometry.steps(), geometry.steps() * [[2], [1], [3]])
    assert Scan().binned((2, 2, 2)) == Scan()
