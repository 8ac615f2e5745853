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
from sayre.filling.crystal.copies import Copy, copies_beside
from sayre.filling.crystal.evidence import squared_errors, standard_errors, weights
from sayre.filling.fill import inpaint
from sayre.filling.settings import FillingSettings
from sayre.filling.stacking import stack_fill
from sayre.filling.stacking.pieces import hidden_copies
from sayre.numerics.metrics import log_error
from sayre.numerics.poisson import probability
from sayre.workflows.fill import FillJob, steps_config
from sayre.workflows.jobs.input_file import InputFile

N, GAP = 40, slice(25, 29)
PEAK = (N // 2,) * 3


def statistics(pattern):
    return stack_fill(pattern, None, 16)


def filled_by_crystal(pattern, **more):
    """Filled counts and their errors; without the network, which takes long."""
    found = crystal.crystal_fill(pattern, statistics(pattern), device=torch.device("cpu"), **more)
    assert found is not None
    return found


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
def pattern(expected):
    return gapped(expected)


@pytest.fixture(scope="module")
def filled(pattern):
    return filled_by_crystal(pattern)


def test_the_crystal_fills_far_better_than_the_statistics(expected, pattern, filled):
    gap = pattern.mask
    error = {
        name: log_error(inpaint(pattern, method=name).intensity[gap], expected[gap])
        for name in ("linear", "wiener", "unet")
    }
    own = log_error(np.expm1(filled.log[gap]), expected[gap])
    assert own < error["linear"] / 5
    assert own < error["wiener"] / 2
    assert own < error["unet"]
    assert np.expm1(filled.log[gap]).sum() == pytest.approx(expected[gap].sum(), rel=0.02)


def test_the_stated_errors_hold(expected, pattern, filled):
    """They are neither too small nor too large: of a normal law 68 % and 95 % would be within one and two."""
    gap = pattern.mask
    z = np.abs(filled.log[gap] - np.log1p(expected[gap])) / filled.sigma[gap]
    assert 0.6 < np.mean(z < 1) < 0.9
    assert np.mean(z < 2) > 0.9
    assert np.median(z) > 0.674 / 2
    assert not filled.sigma[~gap].any()


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


def test_the_steps_depend_on_the_network_beneath(pattern):
    config = steps_config(pattern, FillingSettings(method="crystal"), "cpu")["filling"]
    network = steps_config(pattern, FillingSettings(method="unet"), "cpu")["filling"]
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
    least = log_error(np.expm1(statistics(pattern).gap.log[mask]), expected[mask])
    assert log_error(np.expm1(filled_by_crystal(pattern).log[mask]), expected[mask]) < 1.1 * least


def test_counts_that_cannot_be_phased_stay_as_the_statistics_fill_them():
    pattern = gapped(np.full((N, N, N), 20.0))
    with pytest.warns(SayreWarning, match="the crystal cannot fill the gap, statistics do"):
        found = inpaint(pattern, method="crystal")
    plain = inpaint(pattern)
    np.testing.assert_array_equal(found.intensity, plain.intensity)
    np.testing.assert_array_equal(found.sigma, plain.sigma)
    assert found.method == plain.method


@pytest.mark.parametrize(("side", "nearer"), [(96, []), (64, ["near"])])
def test_a_resumed_filling_has_the_same_bytes(flat_pattern, monkeypatch, side, nearer):
    """Whether starts are searched for in all of the box or in a part of it."""
    monkeypatch.setattr(phases, "FEWER", 5)
    monkeypatch.setattr(phases, "EVALUATIONS", 5)
    monkeypatch.setitem(phases.SEARCH_SIDE, 2, side)
    pattern, steps = flat_pattern[0], Steps()
    whole = filled_by_crystal(pattern, kept=steps)
    names = [name for name, _ in steps.saved]
    kinds = [name.partition(" ")[0] for name in names]
    assert list(dict.fromkeys(kinds)) == ["start", "wide", *nearer, "model", "refined"]
    for stop in (1, names.index("model"), len(names) - 1):
        resumed = steps.from_step(stop)
        again = filled_by_crystal(pattern, kept=resumed)
        np.testing.assert_array_equal(again.log, whole.log)
        np.testing.assert_array_equal(again.sigma, whole.sigma)
        assert [name for name, _ in resumed.saved[stop:]] == names[stop:]


def test_progress_ends_and_never_falls(flat_pattern, monkeypatch):
    monkeypatch.setattr(phases, "STARTS", 1)
    told = []
    filled_by_crystal(flat_pattern[0], progress=lambda fraction, note="": told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_copies_lie_beside_the_gaps_and_spare_the_peak():
    mask = np.zeros((30, 60, 70), bool)
    mask[:, 3:7] = True
    mask[:, :, 36:42] = True
    peak = (15, 30, 45)
    chosen, hidden = copies_beside(hidden_copies(mask), peak)
    assert [(copy.axis, copy.shift) for copy in chosen] == [(1, 12), (2, 14)]
    wanted = np.zeros_like(mask)
    wanted[:, 15:19] = True
    wanted[:, :, 50:56] = True
    (nearer, _), (other, _) = (copies_beside(hidden_copies(mask), (15, 30, at)) for at in (52, 25))
    assert nearer[1].shift == -14  # the copy on the side of the peak would hide it
    assert other[1].shift == 14
    for copy in chosen:
        values = np.arange(mask.size).reshape(mask.shape)
        moved = np.roll(values, -copy.shift, copy.axis)
        np.testing.assert_array_equal(copy.of_gap(values)[copy.gap], moved[copy.gap])
    assert not (hidden & mask).any()
    assert (hidden <= wanted).all()
    assert hidden.sum() > 0.8 * (wanted & ~mask).sum()
    assert not copies_beside(hidden_copies(mask), (15, 17, 45))[1][12:19, 14:21, 42:49].any()


def test_weights_lean_to_those_of_the_copy_beside(rng):
    """Truth is the crystal on one half of the copy, the statistics on the other."""
    mask = np.zeros((30, 30, 60), bool)
    mask[:, 14:18] = True
    copies = [Copy(gap=mask, axis=1, shift=8)]
    hidden = np.zeros_like(mask)
    hidden[:, 22:26] = True
    statistical = rng.uniform(20, 60, mask.shape).astype(np.float32)
    best = statistical * np.exp(0.5 * rng.standard_normal(mask.shape)).astype(np.float32)
    truth = np.where(np.arange(60) < 30, best, statistical)
    counts = np.where(hidden, rng.poisson(truth), 0).astype(np.float32)
    starts, plain = np.log1p(np.stack([best, best])), np.log1p(statistical)
    found = weights(counts, starts, plain, plain, hidden, copies)[mask].reshape(30, 4, 60)
    assert found[..., :20].min() > found[..., 40:].max() + 0.05
    assert found[..., :20].mean() > found[..., 40:].mean() + 0.2


def rivals(rng, shape=(30, 60, 60)):
    """A gap and its copy; counts, and two fillings of both whose relative errors are 0.4 and independent."""
    mask, hidden = np.zeros(shape, bool), np.zeros(shape, bool)
    mask[:, 14:20], hidden[:, 28:34] = True, True
    truth = np.exp(rng.uniform(1, 6, shape))
    first, second = (np.log1p(truth) + 0.4 * rng.standard_normal(shape) for _ in range(2))
    counts = rng.poisson(truth).astype(np.float32)
    copies = [Copy(gap=mask, axis=1, shift=14)]
    return counts, first.astype(np.float32), second.astype(np.float32), mask, hidden, copies


def test_two_fillings_that_err_alike_are_mixed_and_the_crystal_pays_for_its_doubts(rng):
    """Independent errors of variance one: a weight of 1/(1 + h), where the crystal's counts h times."""
    counts, crystal, plain, mask, hidden, copies = rivals(rng)

    def share(starts):
        return float(weights(counts, starts, plain, plain, hidden, copies)[mask].mean())

    agreeing = np.stack([crystal, crystal])
    assert share(agreeing) == pytest.approx(1 / 2, abs=0.04)
    assert share(agreeing[:1]) == pytest.approx(1 / (1 + 3), abs=0.04)
    apart = 0.1 * np.where(mask, np.sqrt(2), 1)
    doubtful = np.stack([crystal + apart, crystal - apart]).astype(np.float32)
    assert share(doubtful) == pytest.approx(1 / (1 + 2), abs=0.04)


def test_chance_in_the_copy_moves_no_weight(rng):
    """The crystal errs twice as much: no place takes it for being better in its copy by chance."""
    counts, crystal, plain, mask, hidden, copies = rivals(rng)
    field = gaussian_filter(rng.standard_normal(mask.shape), 2.5)
    worse = (crystal + 0.8 * field / field.std()).astype(np.float32)
    found = weights(counts, np.stack([worse, worse]), plain, plain, hidden, copies)
    assert found[mask].max() < 0.4
    mixed = plain + found * (worse - plain)
    truth = np.log1p(counts)
    assert np.mean((mixed - truth)[mask] ** 2) < np.mean((plain - truth)[mask] ** 2)


def test_where_two_pieces_cross_a_weight_is_one_of_theirs(rng):
    counts, crystal, plain, mask, hidden, copies = rivals(rng)
    other = Copy(gap=mask & (np.arange(60) < 30), axis=1, shift=14)
    starts = np.stack([crystal, crystal])
    once = weights(counts, starts, plain, plain, hidden, copies)
    twice = weights(counts, starts, plain, plain, hidden, [*copies, other])
    np.testing.assert_allclose(twice, once, rtol=1e-6)


def scaled(counts, level, stated, share):
    """The standard errors of copies, as the same counts scale them where the crystal has this weight."""
    scale = standard_errors(counts, level, stated, np.ones(level.shape, bool))
    return scale(level, stated, np.full_like(level, share))


def made_and_stated(rng, of_true):
    """Copies with errors of 0.4 in the dark, 0.15 where it is bright, and stated ones so many times these."""
    level = np.repeat([2.2, 5.5], 40_000).astype(np.float32)
    true = np.repeat([0.4, 0.15], 40_000)
    counts = rng.poisson(np.expm1(level + true * rng.standard_normal(level.size))).astype(np.float32)
    return counts, level, (true * np.repeat(of_true, 40_000)).astype(np.float32)


def test_errors_are_scaled_to_those_made(rng):
    """Stated errors that are half the true ones in the dark, and a third of them where it is bright."""
    counts, level, stated = made_and_stated(rng, [0.5, 1 / 3])
    for share in (0, 0.5, 1):
        found = scaled(counts, level, stated, share)
        assert found[0] == pytest.approx(0.4, rel=0.1)
        assert found[-1] == pytest.approx(0.15, rel=0.1)


def test_errors_are_narrowed_as_far_as_the_crystal_is_taken(rng):
    """Stated errors of twice the true ones in the dark, and four times where it is bright."""
    counts, level, stated = made_and_stated(rng, [2, 4])
    for share, dark, bright in ((0, 0.8, 0.6), (0.5, 0.4 * np.sqrt(2), 0.3), (1, 0.4, 0.15)):
        found = scaled(counts, level, stated, share)
        assert found[0] == pytest.approx(dark, rel=0.1)
        assert found[-1] == pytest.approx(bright, rel=0.1)


def test_few_voxels_narrow_little(rng):
    """Of 300 copied voxels one half is believed: errors stated four times too large are two times so."""
    level = np.full(300, 5.5, np.float32)
    counts = rng.poisson(np.expm1(level + 0.15 * rng.standard_normal(300))).astype(np.float32)
    found = scaled(counts, level, np.full(300, 0.6, np.float32), 1)
    assert found[0] == pytest.approx(0.3, rel=0.1)
    unseen = standard_errors(counts, level, np.full(300, 0.6, np.float32), np.ones(300, bool))
    one = np.ones(1, np.float32)
    assert unseen(one, 0.6 * one, one) == pytest.approx(0.6, rel=1e-4)


@pytest.mark.parametrize("true", [0.05, 0.7, 2.0, 4.0])
@pytest.mark.parametrize("expected", [0.1, 1.0, 3.0])
def test_photon_noise_is_no_error_of_the_filling_in_the_dark(true, expected):
    """The mean over all counts that may be measured is the squared error, however far off the filling is."""
    counts = np.arange(60.0)
    found = squared_errors(counts.astype(np.float32), np.full(60, np.log1p(expected), np.float32))
    mean = float(probability(counts, true) @ found)
    assert mean == pytest.approx(((true - expected) / (1 + expected)) ** 2, rel=0.01, abs=1e-6)


def test_one_stray_count_does_not_set_the_errors_of_a_class(rng):
    level, stated = np.full(5000, 0.1, np.float32), np.full(5000, 0.5, np.float32)
    counts = rng.poisson(np.expm1(level)).astype(np.float32)
    counts[0] = 1e5
    assert scaled(counts, level, stated, 0)[0] < 0.6


@pytest.mark.parametrize(("true", "expected"), [(80.0, 80.0), (80.0, 50.0), (300.0, 500.0)])
def test_photon_noise_is_no_error_of_the_filling_where_it_is_bright(true, expected):
    counts = np.arange(1000.0)
    found = squared_errors(counts.astype(np.float32), np.full(1000, np.log1p(expected), np.float32))
    mean = float(probability(counts, true) @ found)
    assert mean == pytest.approx(np.log((1 + true) / (1 + expected)) ** 2, rel=0.1, abs=1e-4)
