"""Blurs against their analytic results, and against patterns from which nothing is cut off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayre.errors import InputError
from sayre.simulation.peak import simulate
from sayre.simulation.scattering.coherence import FWHM, PointSpread, blur


def grid(n):
    return np.meshgrid(*[np.arange(n) - n // 2.0] * 3, indexing="ij")


def test_gaussian_peak_widens_in_quadrature():
    z, y, x = grid(41)
    peak = np.exp(-(z**2 / 8 + y**2 / 18 + x**2 / 8)).astype(np.float32)
    found = blur(peak, PointSpread(fwhm=(1.5 * FWHM, 0, 2 * FWHM), rocking=1.2 * FWHM))
    sz, sx = 4 + 1.5**2 + 1.2**2, 4 + 2**2
    height = 4 / np.sqrt(sz * sx)
    expected = height * np.exp(-(z**2 / 2 / sz + y**2 / 18 + x**2 / 2 / sx))
    np.testing.assert_allclose(found, expected, atol=0.02)
    moments = (found.sum((1, 2)) * np.arange(-20, 21) ** 2).sum() / found.sum()
    assert moments == pytest.approx(sz + 2 / 12, rel=0.01)


def test_lorentzians_add_their_widths():
    """Integrated over voxels on both sides, a Lorentzian of width 3 blurred by 4 is one of width 7."""
    n = 4001
    edges = np.arange(n + 1) - n // 2 - 0.5
    line = np.diff(np.arctan(edges * 2 / 3)) / np.pi
    wide = np.diff(np.arctan(edges * 2 / 7)) / np.pi
    found = blur(line[:, None, None].astype(np.float32), PointSpread(fwhm=(4, 0, 0), lorentzian=1))[:, 0, 0]
    near = slice(n // 2 - 30, n // 2 + 31)
    np.testing.assert_allclose(found[near], wide[near], rtol=0.02)


def test_pseudo_voigt_is_the_weighted_sum():
    intensity = np.random.default_rng(0).random((12, 9, 10)).astype(np.float32)
    width = (2.0, 1.0, 3.0)
    mixed, narrow, tails = (blur(intensity, PointSpread(fwhm=width, lorentzian=e)) for e in (0.3, 0.0, 1.0))
    np.testing.assert_allclose(mixed, 0.7 * narrow + 0.3 * tails, rtol=1e-5)


@settings(max_examples=30)
@given(
    widths=st.tuples(*[st.floats(0, 9)] * 4), mix=st.floats(0, 1), shape=st.tuples(*[st.integers(1, 9)] * 3)
)
def test_constants_stay_and_nothing_turns_negative(widths, mix, shape):
    spread = PointSpread(fwhm=widths[:3], lorentzian=mix, rocking=widths[3])
    np.testing.assert_allclose(blur(np.full(shape, 3.0, np.float32), spread), 3, rtol=1e-5)
    point = np.zeros(shape, np.float32)
    point[0, 0, 0] = 1
    found = blur(point, spread)
    assert found.min() >= 0
    assert found.argmax() == 0


def test_no_width_is_no_blur():
    intensity = np.random.default_rng(0).random((6, 7, 8)).astype(np.float32)
    np.testing.assert_array_equal(blur(intensity, PointSpread()), intensity)
    narrow = blur(intensity, PointSpread(fwhm=(1e-3,) * 3, lorentzian=0.5, rocking=1e-3))
    np.testing.assert_allclose(narrow, intensity, atol=2e-3)


@pytest.mark.parametrize("lorentzian", [0.0, 0.4])
def test_border_is_that_of_a_larger_pattern(lorentzian):
    """Simulated on 24³ and cropped from 60³: the same blurred expectation, borders included."""
    spread = PointSpread(fwhm=(2.0, 1.0, 1.5), lorentzian=lorentzian, rocking=1.0)
    small, large = (
        simulate("cube", atoms=10_000, shape_px=n, spread=spread, generator=np.random.default_rng(0))
        for n in (24, 60)
    )
    crop = (slice(18, 42),) * 3
    error = np.abs(small.expectation / large.expectation[crop] - 1)
    assert error.max() < (0.3 if lorentzian else 0.002)
    assert np.median(error) < (0.03 if lorentzian else 1e-4)
    plain = np.abs(small.amplitude) ** 2
    naive = blur(plain, spread)
    border = np.abs(naive / large.expectation[crop] - 1)[0].max()
    assert border > 2 * error[0].max()


def test_blurred_counts_are_those_of_the_amplitude():
    """With a total of counts, the unblurred amplitude holds as many but for those blurred past the border."""
    spread = PointSpread(fwhm=(1.5, 1.5, 1.5))
    made = simulate("octahedron", atoms=3000, shape_px=40, spread=spread, generator=np.random.default_rng(0))
    assert made.expectation.max() == pytest.approx(1e6)
    total = (np.abs(made.amplitude) ** 2).sum(dtype=float)
    assert total == pytest.approx(made.expectation.sum(dtype=float), rel=0.02)


@pytest.mark.parametrize("options", [{"fwhm": (-1, 0, 0)}, {"lorentzian": 1.5}, {"rocking": float("nan")}])
def test_impossible_spreads_are_refused(options):
    with pytest.raises(InputError, match="coherence"):
        PointSpread(**options)
