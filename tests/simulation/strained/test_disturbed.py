import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sayre.simulation.strained.disturbed import Disturbances, blurred, disturbed

NONE = {"with_background": 0, "with_blur": 0, "with_grain": 0, "with_gaps": 0}


@pytest.fixture
def peak():
    z, y, x = np.mgrid[:24, :24, :24] - 12
    return (1e4 * np.exp(-(z**2 + 2 * y**2 + 0.5 * x**2) / 8)).astype(np.float32)


def test_blur_is_the_gaussian_of_its_width(peak):
    fwhm = np.array([1.2, 0.0, 2.0])
    wanted = gaussian_filter(peak.astype(float), fwhm / np.sqrt(8 * np.log(2)), mode="wrap", truncate=8)
    assert np.abs(blurred(peak, fwhm) - wanted).max() < 0.03 * peak.max()  # sampled, not exact
    assert blurred(peak, np.zeros(3)) == pytest.approx(peak, abs=1e-2)
    assert blurred(peak, fwhm).sum() == pytest.approx(peak.sum(), rel=1e-4)


def test_without_disturbances_only_photons_are_counted(peak):
    made = disturbed(peak, Disturbances(**NONE), np.random.default_rng(0))
    assert not made.mask.any()
    z = (made.intensity - peak) / np.sqrt(peak + 1)
    assert abs(z.mean()) < 0.05
    assert np.std(z[peak > 10]) == pytest.approx(1, abs=0.1)


def test_background_grain_and_gaps_are_what_was_asked(peak):
    def draw(seed=0, **some):
        return disturbed(peak, Disturbances(**{**NONE, **some}), np.random.default_rng(seed))

    high = draw(with_background=1, background=(2.0, 2.0))
    assert high.intensity.sum() - peak.sum() == pytest.approx(2 * peak.size, rel=0.05)
    grain = draw(with_grain=1, grain=(0.1, 0.1))
    assert grain.intensity.sum() == pytest.approx(1.1 * peak.sum(), rel=0.02)
    assert grain.intensity[12, 12, 12] == pytest.approx(peak.max(), rel=0.1)
    for seed in range(20):
        gapped = draw(seed, with_gaps=1)
        assert 2 * 24**2 <= gapped.mask.sum() < 14 * 24**2
        assert not gapped.intensity[gapped.mask].any()
