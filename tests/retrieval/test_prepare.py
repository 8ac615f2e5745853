"""Counts that cannot be phased are refused; counts that are changed or doubtful are warned of."""

import warnings

import numpy as np
import pytest

from sayre.data import FilledPattern, Grid, Pattern
from sayre.detectors import hygiene
from sayre.errors import InputError, SayreWarning
from sayre.retrieval import prepare
from sayre.retrieval.peaks import find_peaks
from sayre.simulation.strained.testset import strained_crystal


def pattern_of(counts, mask=None):
    mask = np.zeros(counts.shape, bool) if mask is None else mask
    return Pattern(
        intensity=np.where(mask, 0, counts).astype(np.float32),
        mask=mask,
        grid=Grid(step=(1.0,) * counts.ndim),
    )


def checked(pattern):
    """Return the centred pattern, and the warnings that it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SayreWarning)
        cut = prepare.centred(pattern)
        prepare.check(cut)
    return cut, [str(w.message) for w in caught]


@pytest.mark.parametrize("level", [0, 7, 2.5e5])
def test_equal_counts_have_no_peak(level):
    for shape in ((24, 24, 24), (40, 30)):
        with pytest.raises(InputError, match=f"no peak: the brightest voxel has {level:.7g} counts"):
            prepare.centred(pattern_of(np.full(shape, level)))


@pytest.mark.parametrize("mean", [0.02, 1.0, 300.0, 1e5])
def test_noise_has_no_peak(mean):
    """This holds for a hundred patterns with a gap."""
    rng, mask = np.random.default_rng(0), np.zeros((16, 16, 16), bool)
    mask[:, 5:8] = True
    for _ in range(100):
        with pytest.raises(InputError, match=r"no peak: .* than noise of"):
            prepare.around_peak(pattern_of(rng.poisson(mean, mask.shape), mask), 8)


def test_a_flat_field_shows_no_object():
    """Its noise is white, though stronger than Poisson noise."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(100 * rng.lognormal(0, 0.3, (24, 24, 24)))
    counts[12, 12, 12] = counts.max() + 1
    with pytest.raises(InputError, match="shows no object"):
        prepare.check(pattern_of(counts))


@pytest.mark.parametrize("where", [np.s_[3, 4, 5], np.s_[:, 4, 5], np.s_[14, 18:20, 30], np.s_[:, 0, 35]])
def test_a_hot_pixel_is_not_the_peak(crystal, where):
    """It is masked, in one frame or in all, alone or beside another, and nothing else changes."""
    counts, hot = crystal[2].copy(), np.zeros(crystal[2].shape, bool)
    hot[where] = True
    counts[hot] = 5 * counts.max()
    cut, warned = checked(pattern_of(counts))
    assert len(warned) == 1
    alone = "the frames before and after and all around ten times"
    assert ("1 pixel is hot in every frame (" if hot.sum() > 2 else alone) in warned[0]
    assert "masked" in warned[0]
    np.testing.assert_array_equal(cut.mask, hot)
    np.testing.assert_array_equal(cut.intensity[~hot], crystal[2][~hot])


def test_a_hot_pixel_in_filled_counts_is_refused(crystal):
    counts = crystal[2].copy()
    counts[2, 2, 2] = 1e9
    sigma = np.zeros_like(counts)
    filled = FilledPattern(pattern=pattern_of(counts), intensity=counts, sigma=sigma, method="nearest")
    with pytest.raises(InputError, match=r"first at \(2, 2, 2\).*`mask=`"):
        prepare.centred(filled)


@pytest.mark.parametrize(("first", "last"), [(10, None), (None, 26)])
def test_a_peak_near_the_end_of_a_scan_keeps_all_frames(crystal, first, last):
    """Unmeasured frames stand where the scan has none; counts and errors of a filling stay in their place."""
    part = crystal[2][first:last]
    pattern = pattern_of(part)
    with pytest.warns(SayreWarning, match="unmeasured frames are added"):
        cut = prepare.centred(pattern)
    start = cut.meta.origin
    inner = tuple(slice(-o, -o + len(part)) if not a else slice(None) for a, o in enumerate(start))
    if first is None:
        inner = (slice(0, len(part)), *inner[1:])
    box = tuple(slice(o, o + n) for o, n in zip(start[1:], cut.shape[1:], strict=True))
    np.testing.assert_array_equal(cut.intensity[inner], part[:, box[0], box[1]])
    assert not cut.mask[inner].any()
    assert cut.mask.sum() == (len(cut.mask) - len(part)) * cut.mask[0].size > 0
    assert abs(int(np.argmax(cut.intensity.sum(axis=(1, 2)))) - len(cut.mask) // 2) <= 1
    sigma = np.zeros_like(part)
    filled = FilledPattern(pattern=pattern, intensity=part, sigma=sigma, method="nearest")
    with pytest.warns(SayreWarning, match="unmeasured frames are added"):
        wide = prepare.centred(filled)
    np.testing.assert_array_equal(wide.pattern.mask, cut.mask)
    assert (wide.sigma[cut.mask] > 5).all()
    assert not wide.sigma[~cut.mask].any()


def test_ordinary_peaks_have_no_hot_pixel(crystal):
    sharp = np.zeros((40, 40, 40))
    sharp[10:29, 10:29, 10:29] = 1  # oversampling of 2.1, the sharpest that is phased
    peaks = [crystal[2], np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(sharp)))) ** 2]
    peaks += [c * dose for c in (crystal[2] / crystal[2].sum(),) for dose in (1e3, 1e4)]
    rng = np.random.default_rng(0)
    for expected in peaks:
        counts = rng.poisson(expected).astype(np.float32)
        bright = counts > 0.2 * counts.max()
        assert not (hygiene.lone(counts, counts < 0) & bright).any()


@pytest.mark.measured
def test_a_measured_peak_is_not_changed(measured):
    file = measured("A")
    pattern = pattern_of(file["intensity"].astype(np.float32))
    assert hygiene.cleaned(pattern) is pattern
    counts, noise, voxels = prepare.photons(prepare.around_peak(pattern, 96).intensity)
    assert counts > 100 * prepare.FEW_PHOTONS * voxels
    assert counts > 1e3 * noise


def test_strain_does_not_move_the_peak():
    """The brightest voxel is far from the middle in some of ten crystals without a mean phase gradient."""
    far = []
    for index in range(10):
        counts = strained_crystal(2, "4-8", index).counts
        brightest = np.unravel_index(int(np.argmax(counts)), counts.shape)
        far.append([np.abs(np.array(place) - 64).max() for place in (brightest, find_peaks(counts).first)])
    brightest, peak = np.array(far).T
    assert (brightest > 10).sum() >= 3
    assert peak.max() < 8


def test_a_peak_that_may_lie_in_a_gap_is_warned_of(crystal):
    counts, mask = crystal[2], np.zeros(crystal[2].shape, bool)
    mask[:, 17:20] = True  # over the peak at 18
    far = np.roll(mask, 8, 1)
    for gap, filled, count in ((mask, False, 27), (mask, True, 0), (far, False, 0)):
        pattern = pattern_of(counts, gap)
        if filled:
            pattern = FilledPattern(
                pattern=pattern, intensity=counts, sigma=np.zeros_like(counts), method="wiener"
            )
        warned = [text for text in checked(pattern)[1] if "lie in the gap" in text]
        assert len(warned) == bool(count)
        assert not count or f"{count} of the 27 voxels around the peak are masked" in warned[0]


@pytest.mark.parametrize(("dose", "background"), [(3e3, 0.0), (3e3, 0.03), (1e6, 0.0), (1e6, 1.0)])
def test_few_counts_for_the_object_are_warned_of(crystal, dose, background):
    """The numbers are those of the object, without the background."""
    expected = crystal[2] * (dose / crystal[2].sum())
    counts = np.random.default_rng(0).poisson(expected + background)
    cut, warned = checked(pattern_of(counts))
    signal, _, voxels = prepare.photons(cut.intensity)
    assert signal == pytest.approx(dose, rel=0.2)
    assert (0.5 if dose > 1e5 else 0.15) < voxels / (crystal[0] != 0).sum() <= 1
    few = [text for text in warned if "photon noise limits" in text]
    assert len(few) == (dose < 1e5)
    assert not few or f"{signal:.0f} counts for an object of at least {voxels} voxels" in few[0]
