"""The phased crystal fills its own gaps, as far as copies of the gaps trust it."""

import numpy as np
import pytest
import torch
from kept_steps import Steps
from scipy.ndimage import gaussian_filter

from sayre.data import Grid, Pattern
from sayre.errors import SayreWarning
from sayre.files import load_filled, save
from sayre.filling import crystal
from sayre.filling.crystal import phases
from sayre.filling.crystal.copies import CLEARANCE, copies_of
from sayre.filling.crystal.evidence import standard_errors, weights
from sayre.filling.fill import inpaint
from sayre.filling.settings import FillingSettings
from sayre.numerics.metrics import log_error
from sayre.workflows.fill import FillJob, steps_config
from sayre.workflows.jobs.input_file import InputFile

N, GAP = 40, slice(25, 29)
PEAK = (N // 2,) * 3


def by_wiener(pattern, progress=None, kept=None):
    return inpaint(pattern, method="wiener", progress=progress, kept=kept)


def filled_by_crystal(pattern, **more):
    return crystal.crystal_fill(pattern, by_wiener, device=torch.device("cpu"), **more)


def gapped(expected, seed=0):
    counts = np.random.default_rng(seed).poisson(expected).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    mask[:, GAP] = True
    counts[mask] = 0
    return Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


@pytest.fixture(scope="module")
def expected():
    """Expected counts of a strained block without symmetry, 1e6 in the peak: the middle of a larger array."""
    z, y, x = (np.mgrid[: 2 * N, : 2 * N, : 2 * N] - N) / (N / 4)
    inside = (abs(z) < 1) & (abs(y) < 1) & (abs(x) < 1) & (x + y + z < 1.2) & (z - y < 1.3)
    obj = inside * np.exp(1j * (0.5 * x * y + 0.4 * z**2))
    counts = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))) ** 2
    middle = (slice(N - N // 2, N + N // 2),) * 3
    return counts[middle] * (1e6 / counts.max())


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def filled(expected):
    return filled_by_crystal(gapped(expected))


def test_the_crystal_fills_far_better_than_the_statistics(expected, filled):
    gap = filled.mask
    error = {
        name: log_error(inpaint(filled.pattern, method=name).intensity[gap], expected[gap])
        for name in ("linear", "wiener")
    }
    own = log_error(filled.intensity[gap], expected[gap])
    assert own < error["linear"] / 5
    assert own < error["wiener"] / 2
    assert filled.intensity[gap].sum() == pytest.approx(expected[gap].sum(), rel=0.02)
    assert filled.method == "crystal + wiener"


def test_the_stated_errors_hold(expected, filled):
    gap = filled.mask
    z = np.abs(np.log1p(filled.intensity[gap]) - np.log1p(expected[gap])) / filled.sigma[gap]
    assert 0.5 < np.mean(z < 1) < 0.9
    assert np.mean(z < 2) > 0.8


@pytest.fixture
def flat_pattern(rng):
    """A 2D pattern of a strained polygon, 1e6 in the peak, with a gap of 6 rows."""
    n = 96
    y, x = (np.mgrid[: 2 * n, : 2 * n] - n) / (n / 4)
    inside = (abs(y) < 1) & (abs(x) < 0.9) & (x + y < 1.2) & (x - 2 * y < 1.9)
    counts = np.abs(np.fft.fftshift(np.fft.fft2(inside * np.exp(1j * (0.5 * x * y + 0.4 * y**2))))) ** 2
    counts = counts[n // 2 : -n // 2, n // 2 : -n // 2] * (1e6 / counts.max())
    mask = np.zeros(counts.shape, bool)
    mask[n // 2 + 6 : n // 2 + 12] = True
    known = np.where(mask, 0, rng.poisson(counts)).astype(np.float32)
    return Pattern(intensity=known, mask=mask, grid=Grid(step=(1.0, 1.0))), counts


def test_two_dimensions_do(flat_pattern):
    pattern, truth = flat_pattern
    gap = pattern.mask
    error = {
        name: log_error(inpaint(pattern, method=name).intensity[gap], truth[gap])
        for name in ("linear", "wiener", "crystal")
    }
    assert error["crystal"] < min(error["linear"] / 3, error["wiener"] / 1.5)


def test_counts_that_are_no_photons_are_filled_in_photons(flat_pattern):
    pattern = flat_pattern[0]
    scaled = Pattern(intensity=pattern.intensity * np.float32(8), mask=pattern.mask, grid=pattern.grid)
    with pytest.warns(SayreWarning, match="photons of 8 counts"):
        found = inpaint(scaled, method="crystal").intensity[pattern.mask]
    own = inpaint(pattern, method="crystal", gain=1.0).intensity[pattern.mask]
    np.testing.assert_allclose(found, 8 * own, rtol=1e-4, atol=1e-4)


def test_a_job_writes_what_the_crystal_filled(flat_pattern, tmp_path):
    pattern = flat_pattern[0]
    save(tmp_path / "peak.npz", pattern)
    job = FillJob(
        input=InputFile(source=str(tmp_path / "peak.npz")),
        output=tmp_path / "filled.npz",
        filling=FillingSettings(method="crystal"),
    )
    outcome = job.run()
    assert outcome.numbers["method"] == "crystal + stack of linear, edges, wiener"
    assert outcome.manifest.config["method"] == "crystal"
    assert not job.folder.exists()
    written = load_filled(tmp_path / "filled.npz")
    np.testing.assert_array_equal(written.intensity, inpaint(pattern, method="crystal").intensity)


def test_the_steps_depend_on_the_network_beneath(filled):
    config = steps_config(filled.pattern, FillingSettings(method="crystal"), "cpu")["filling"]
    network = steps_config(filled.pattern, FillingSettings(method="unet"), "cpu")["filling"]
    assert config["method"] == "crystal"
    assert config["weights"] == network["weights"] != {}


@pytest.mark.parametrize("seed", [3, 4])
def test_nothing_is_lost_where_no_crystal_is(seed):
    """Uncorrelated fringes under a peak, of no finite object: the crystal alone errs far more."""
    y, x = np.mgrid[:96, :96] - 48
    fringes = np.exp(gaussian_filter(np.random.default_rng(seed).standard_normal((96, 96)), 1.5) * 5)
    expected = 3e3 * np.exp(-(y**2 + x**2) / 300) * fringes + 0.5
    counts, mask = np.random.default_rng(0).poisson(expected).astype(np.float32), np.zeros((96, 96), bool)
    mask[54:60] = True
    counts[mask] = 0
    pattern = Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0, 1.0)))
    plain, found = by_wiener(pattern), filled_by_crystal(pattern)
    assert found.method == "crystal + wiener"
    least = log_error(plain.intensity[mask], expected[mask])
    assert log_error(found.intensity[mask], expected[mask]) < 1.1 * least


def test_counts_that_cannot_be_phased_stay_as_the_statistics_fill_them():
    pattern = gapped(np.full((N, N, N), 20.0))
    with pytest.warns(SayreWarning, match="the crystal cannot fill the gap, wiener does"):
        found = filled_by_crystal(pattern)
    plain = by_wiener(pattern)
    np.testing.assert_array_equal(found.intensity, plain.intensity)
    np.testing.assert_array_equal(found.sigma, plain.sigma)
    assert found.method == "wiener"


def test_a_resumed_filling_has_the_same_bytes(flat_pattern, monkeypatch):
    monkeypatch.setattr(phases, "STARTS", 2)
    monkeypatch.setattr(phases, "EVALUATIONS", 5)
    pattern, steps = flat_pattern[0], Steps()
    whole = filled_by_crystal(pattern, kept=steps)
    names = [name for name, _ in steps.saved]
    first = names.index("start 1")
    assert names[first + 1].startswith("refined")
    for stop in (first, first + 2):
        resumed = steps.from_step(stop)
        again = filled_by_crystal(pattern, kept=resumed)
        np.testing.assert_array_equal(again.intensity, whole.intensity)
        np.testing.assert_array_equal(again.sigma, whole.sigma)
        done = [name for name, _ in resumed.saved[stop:] if name.startswith(("start", "refined"))]
        assert done == names[stop:]


def test_progress_ends_and_never_falls(flat_pattern, monkeypatch):
    monkeypatch.setattr(phases, "STARTS", 1)
    told = []
    filled_by_crystal(flat_pattern[0], progress=lambda fraction, note="": told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_copies_lie_beside_the_gaps_and_spare_the_peak():
    mask = np.zeros((30, 40, 50), bool)
    mask[:, 3:7] = True
    mask[:, :, 30:36] = True
    copies, hidden = copies_of(mask, (15, 20, 25))
    assert [(copy.axis, copy.shift) for copy in copies] == [(1, 4 + CLEARANCE), (2, 6 + CLEARANCE)]
    assert copies_of(mask[:, :, :46], (15, 20, 25))[0][1].shift == -14  # beyond the peak, for the border
    wanted = np.zeros_like(mask)
    wanted[:, 11:15] = True
    wanted[:, :, 40:46] = True  # on the side of the peak it would hide the peak
    wanted[12:19, 17:24, 22:29] = False
    np.testing.assert_array_equal(hidden, wanted & ~mask)
    for copy in copies:
        values = np.arange(mask.size).reshape(mask.shape)
        moved = np.roll(values, -copy.shift, copy.axis)
        np.testing.assert_array_equal(copy.of_gap(values)[copy.gap], moved[copy.gap])


def test_weights_are_those_of_the_copy_beside(rng):
    """Truth is the crystal on one half of the copy, the statistics on the other."""
    mask = np.zeros((30, 30, 60), bool)
    mask[:, 14:18] = True
    copies, hidden = copies_of(mask, (15, 5, 30))
    statistical = rng.uniform(20, 60, mask.shape).astype(np.float32)
    best = statistical * np.exp(0.5 * rng.standard_normal(mask.shape)).astype(np.float32)
    truth = np.where(np.arange(60) < 30, best, statistical)
    counts = np.where(hidden, rng.poisson(truth), 0).astype(np.float32)
    found = weights(counts, best, statistical, hidden, copies)[mask].reshape(30, 4, 60)
    assert found[..., :20].min() > 0.85
    assert found[..., 40:].max() < 0.15


def test_errors_are_scaled_to_those_made(rng):
    """Stated errors that are half the true ones in the dark, and a third of them where it is bright."""
    level = np.repeat([2.2, 5.5], 40_000).astype(np.float32)
    true = np.repeat([0.4, 0.15], 40_000)
    stated = (true * np.repeat([0.5, 1 / 3], 40_000)).astype(np.float32)
    counts = rng.poisson(np.expm1(level + true * rng.standard_normal(level.size))).astype(np.float32)
    scaled = standard_errors(counts, level, stated, np.ones(level.shape, bool))(level, stated)
    assert scaled[0] == pytest.approx(0.4, rel=0.1)
    assert scaled[-1] == pytest.approx(0.15, rel=0.1)
    wide = np.full_like(stated, 0.8)
    assert (standard_errors(counts, level, wide, np.ones(level.shape, bool))(level, wide) >= 0.8).all()
