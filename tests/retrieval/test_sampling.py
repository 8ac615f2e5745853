"""Oversampling from counts alone: estimated, told to be unknown, or too coarse beyond doubt."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from sayre.data import Grid, Pattern
from sayre.errors import InputError, SayreWarning
from sayre.files import load
from sayre.retrieval import prepare
from sayre.retrieval.binning import binned
from sayre.retrieval.phasing import phase
from sayre.retrieval.sampling import ratios_text, sampling
from sayre.retrieval.settings import Settings
from sayre.simulation.peak import simulate
from sayre.simulation.strained.voxels import VoxelPopulation, draw

SIDES = {2: 128, 3: 48}


def pattern_of(counts, mask=None):
    mask = np.zeros(counts.shape, bool) if mask is None else mask
    counts = np.where(mask, 0, counts).astype(np.float32)
    return Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


def crystal(dimensions, ratio, seed, **changes):
    """Counts of a strained crystal whose tightest axis has this ratio, and the ratio of every axis."""
    generator = np.random.default_rng([dimensions, seed])
    settings = {"phase_range": (0, 8 * np.pi), "max_counts": (1e5, 1e8), "anisotropy": 1.3, **changes}
    made = draw(
        VoxelPopulation(
            side=SIDES[dimensions], dimensions=dimensions, oversampling=(ratio, ratio), **settings
        ),
        generator,
    )
    counts = generator.poisson(np.abs(made.amplitude) ** 2).astype(np.float32)
    return counts, made.oversampling


def block(shape, lengths):
    """Counts of a block without strain and without noise; the autocorrelation ends at its length exactly."""
    obj = np.zeros(shape)
    obj[tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(shape, lengths, strict=True))] = 1
    return (np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))) ** 2).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "lengths"), [((60, 60, 60), (20, 27, 8)), ((64, 81), (10, 30)), ((32, 40, 48), (4, 19, 24))]
)
def test_a_block_is_as_long_as_it_is(shape, lengths):
    found = sampling(pattern_of(1e4 * block(shape, lengths)))
    for axis, n, length in zip(found, shape, lengths, strict=True):
        assert not axis.coarse
        assert math.isnan(axis.ratio) or axis.ratio == pytest.approx(n / length, rel=1.01 / (length - 1))
        assert math.isnan(axis.ratio) == (length > n // 2 - 1)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_strain_does_not_shorten_the_crystal(dimensions):
    """Phases of up to 8π: the bright part of the autocorrelation is shorter than the crystal, its end is not.

    The estimate is never much below the truth, and too high by a fifth at most in most crystals.
    """
    errors, bright = [], []
    for seed in range(8):
        counts, true = crystal(dimensions, 2.2 + 0.3 * seed, seed)
        found = sampling(pattern_of(counts))
        errors += [one.ratio / ratio for one, ratio in zip(found, true, strict=True)]
        bright += list(np.array(prepare.bright_ratios(counts)) / true)
    assert np.isfinite(errors).mean() > 0.85
    assert np.nanmin(errors) > 0.85
    assert np.nanmedian(errors) < 1.25
    assert np.nanpercentile(errors, 90) < np.percentile(bright, 50)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_no_crystal_that_is_sampled_finely_is_refused(dimensions):
    """Whatever is in the counts besides: a gap, an alien, frames or pixels that respond unequally."""
    for seed in range(6):
        counts, _ = crystal(dimensions, 2.1 + 0.2 * seed, 100 + seed)
        rng, n = np.random.default_rng(seed), SIDES[dimensions]
        gap = np.zeros(counts.shape, bool)
        gap[..., n // 2 - 3 : n // 2 + 3] = True
        alien = counts.copy()
        alien[(slice(9, 12),) * dimensions] += 0.02 * counts.sum() / 3**dimensions
        frames = counts * (1 + 0.01 * rng.normal(size=(n,) + (1,) * (dimensions - 1)))
        pixels = counts * (1 + 0.03 * rng.normal(size=counts.shape))
        for pattern in (
            pattern_of(counts),
            pattern_of(counts, gap),
            pattern_of(alien),
            pattern_of(frames),
            pattern_of(pixels),
            pattern_of(counts + rng.poisson(2.0, counts.shape)),
        ):
            assert not any(axis.coarse for axis in sampling(pattern))


@pytest.mark.parametrize("across", [(1, 48, 48), (48, 1, 1)])
def test_a_floor_of_uneven_pixels_or_frames_is_no_coarse_sampling(across):
    """Of 20 %, with counts of which the sampling alone is never refused; a few have such floors by chance."""
    refused = 0
    for seed in range(12):
        counts, _ = crystal(3, 2.3 + 0.1 * seed, 300 + seed)
        response = np.exp(0.2 * np.random.default_rng(seed).normal(size=across))
        refused += any(axis.coarse for axis in sampling(pattern_of(counts * response)))
    assert refused <= 2


@pytest.mark.parametrize("dimensions", [2, 3])
def test_what_is_too_coarse_is_refused_or_not_known(dimensions):
    """Below 1.5 a quarter may be told to be unknown; a ratio of 2 or more is not claimed for one in ten."""
    refused, claimed = [], []
    for seed in range(12):
        counts, true = crystal(dimensions, 1.2 + 0.025 * seed, 200 + seed)
        found = sampling(pattern_of(counts))
        refused.append(any(axis.coarse for axis in found))
        claimed.append(not any(axis.coarse or math.isnan(axis.ratio) for axis in found))
        assert all(t < 2 for axis, t in zip(found, true, strict=True) if axis.coarse)
    assert np.mean(refused) > 0.6
    assert sum(claimed) <= 1


@pytest.mark.parametrize("shape", ["winterbottom", "octahedron", "cube"])
@pytest.mark.filterwarnings("ignore:oversampling:sayre.errors.SayreWarning")
def test_atoms_on_too_coarse_a_grid(shape):
    """Faceted particles, unstrained and strained, turned at random, in 64³."""
    for phase_range in (0.0, 6.0):
        peak = simulate(
            shape,
            atoms=60_000,
            generator=np.random.default_rng(1),
            shape_px=64,
            oversampling=1.3,
            max_counts=1e6,
            phase_range=phase_range,
            rotate=True,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SayreWarning)
            cut = prepare.centred(peak.pattern)
            with pytest.raises(InputError, match=r"oversampling ratio below 2 on axis .* % of its modulus"):
                prepare.check(cut)


def test_a_strained_crystal_across_a_gap_is_not_refused():
    """Filled linearly, what is wrong in the gap fills the lines through the middle of the autocorrelation."""
    ratios = []
    for seed in range(5):
        counts, _ = crystal(3, 3.0, 300 + seed, max_counts=(1e8, 1e8))
        mask = np.zeros(counts.shape, bool)
        mask[:, 22:27] = True
        pattern = pattern_of(counts, mask)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SayreWarning)
            ratios.append(prepare.check(pattern))
    assert np.isnan(ratios).mean() < 0.2
    assert np.nanmin(ratios) > 2.2


def test_what_is_not_known_is_warned_of_and_is_no_number():
    """The weak tail of a second crystal across the whole array: neither refused nor called 1."""
    first = block((48, 48, 48), (12, 12, 12))
    second = block((48, 48, 48), (28, 12, 12))
    counts = first / first.sum() + 0.06 * second / second.sum()
    pattern = pattern_of(np.random.default_rng(0).poisson(1e8 * counts))
    with pytest.warns(SayreWarning, match="ratio unknown, 4.00, 4.00: on axis 0 it could not be estimated"):
        ratios = prepare.check(pattern)
    assert math.isnan(ratios[0])
    assert ratios[1:] == pytest.approx((4, 4), rel=0.12)


def test_a_saturated_peak_is_not_refused_for_its_sampling():
    counts, _ = crystal(2, 1.3, 1, phase_range=(0, 1.0))
    with pytest.raises(InputError, match="oversampling ratio below 2"):
        prepare.check(pattern_of(counts))
    with pytest.warns(SayreWarning) as caught:
        prepare.check(pattern_of(np.minimum(counts, 0.1 * counts.max())))
    told = " ".join(str(warning.message) for warning in caught)
    assert "same highest count" in told
    assert "the oversampling ratio could not be estimated on any axis, for" in told


def test_a_network_is_given_numbers():
    """At least 2 where the bright part of the autocorrelation has no end."""
    counts = block((40, 40), (34, 10))
    assert prepare.bright_ratios(counts) == pytest.approx((2.0, 4.0), rel=0.15)


def test_ratios_as_text():
    assert ratios_text((2.346, float("nan"), 10.0)) == "2.35, unknown, 10.00"


@pytest.mark.measured
@pytest.mark.parametrize("size", [64, 96])
def test_a_measured_peak_passes(measured, size):
    counts = measured("A")["intensity"].astype(np.float32)
    cut = prepare.centred(prepare.around_peak(pattern_of(counts), size))
    found = sampling(cut)
    assert not any(axis.coarse for axis in found)
    assert found[0].ratio > 3.5


@pytest.mark.measured
@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_measured_peaks_with_gaps_and_in_the_plane_pass(data_dir):
    """A cross of a MAXIPIX beside the peak; two-dimensional patterns whose axes all end far out."""
    found = sampling(prepare.centred(prepare.around_peak(load(data_dir / "D_id01_maxipix.cxi"), 96)))
    assert not any(axis.coarse for axis in found)
    assert np.isfinite([axis.ratio for axis in found]).all()
    with np.load(data_dir / "H_2d_cdi.npz") as file:
        planar = pattern_of(file["nadia_planar"].astype(np.float32))
    assert min(axis.ratio for axis in sampling(prepare.centred(planar))) > 4


@pytest.mark.measured
@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_a_measured_peak_that_is_binned_too_far_is_refused(measured):
    counts = measured("A")["intensity"].astype(np.float32)
    with pytest.raises(InputError, match="oversampling ratio below 2 on axis"):
        prepare.check(prepare.centred(binned(prepare.around_peak(pattern_of(counts), 96), (1, 4, 4))))


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_a_part_that_is_too_small_is_not_said_to_be_measured_too_coarsely():
    """The ratio of the whole is 3; a quarter of it around the peak does not show the object."""
    pattern = pattern_of(crystal(3, 3.0, 0)[0])
    settings = Settings(runs=1, recipe="ER*1", refine="none")
    part = prepare.around_peak(pattern, 12)
    message = r"part of 12 × 12 × 10 voxels around the peak is too small .*take 32 .* \(`Pattern.crop`\)$"
    with pytest.raises(InputError, match=message):
        phase(part, settings)
    with pytest.raises(InputError, match=r"ratio below 2 .* finer steps or from farther \(all axes"):
        phase(pattern_of(part.intensity), settings)
    with pytest.raises(InputError, match=r"below 2 .*, and do not bin \(`binning=`\)"):
        phase(pattern, settings, binning=(3, 3, 3))
    with pytest.raises(InputError, match=r"`binning=`: .* leaves .* needed: smaller blocks would do"):
        phase(pattern_of(part.intensity), settings, binning=(2, 2, 2))
    with pytest.raises(InputError, match=r"smaller blocks or a larger part \(`Pattern.crop`\) would do"):
        phase(part, settings, binning=(2, 2, 2))
