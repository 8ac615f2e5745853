import contextlib
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sayre.errors import InputError
from sayre.retrieval.engine.arrays import fourier, kernels
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import PRESETS, parse
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.support import ShrinkWrap, autocorrelation, initial_support, smooth
from sayre.retrieval.settings import Settings


def test_autocorrelation_gives_a_centrosymmetric_shape_whatever_its_strain():
    n = 48
    z, y, x = np.mgrid[:n, :n, :n] - n // 2
    inside = (abs(z) <= 5) & (abs(y) <= 7) & (abs(x) <= 6) & (abs(x + y) <= 9)
    rng = np.random.default_rng(0)
    obj = inside * np.exp(1j * gaussian_filter(rng.standard_normal(inside.shape), 4) * 60)
    counts = (np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))) ** 2).astype(np.float32)
    found = initial_support(counts, threshold=0, noise_factor=1e-2)
    assert (found & inside).sum() > 0.98 * inside.sum()
    assert (found & ~inside).sum() < 0.02 * inside.sum()


def test_smooth_is_a_periodic_gaussian():
    field = np.random.default_rng(1).random((12, 13, 15)).astype(np.float32)
    expected = gaussian_filter(field.astype(np.float64), 1.7, mode="wrap", truncate=8)
    np.testing.assert_allclose(smooth(torch.tensor(field), 1.7), expected, atol=2e-4)


@pytest.mark.parametrize(("reference", "level"), [("max", 4.0), ("rms", 2.5**0.5), ("average", 1.0)])
def test_shrink_wrap_threshold(reference, level):
    amplitude = np.zeros((1, 8, 8), np.complex64)
    amplitude[0, 2:4, 2:4] = [[4, 0.2], [0.3, 1.5]]
    amplitude[0, 6, 6] = 1.2
    old = torch.zeros((1, 8, 8), dtype=torch.bool)
    old[0, 2:4, 2:4] = True
    inside = np.abs(amplitude[0])[old[0].numpy()]
    level = {"max": inside.max(), "rms": np.sqrt((inside**2).mean()), "average": inside.mean()}[reference]
    wrap = ShrinkWrap(threshold=0.4, reference=reference, sigma=(0, 0), fraction=(1e-3, 0.9))
    new = wrap.update(torch.tensor(amplitude), old, 0.0)
    np.testing.assert_array_equal(new[0], np.abs(amplitude[0]) > 0.4 * level)
    shrunk = ShrinkWrap(
        threshold=0.2, reference=reference, sigma=(0, 0), fraction=(1e-3, 0.9), only_shrink=True
    ).update(torch.tensor(amplitude), old, 0.0)
    assert not (shrunk & ~old).any()


@pytest.mark.parametrize("reference", ["rms", "average"])
def test_a_threshold_of_one_has_no_support_that_stays(reference):
    """Which is why settings refuse it, of the reference that it could be above, too."""
    obj = np.random.default_rng(4).uniform(0.5, 1.0, (1, 12, 12, 12)) + np.eye(12) * 0.8
    sizes = {}
    for threshold in (0.9, 1.0):
        wrap = ShrinkWrap(threshold=threshold, reference=reference, sigma=(0, 0), fraction=(1e-3, 1))
        support, found = torch.ones(obj.shape, dtype=torch.bool), []
        for _ in range(12):
            support = wrap.update(torch.tensor(obj.astype(np.complex64)), support, 0.0)
            found.append(int(support.sum()))
        sizes[threshold] = found
    assert sizes[1.0][-1] == 1
    assert all(later < size for size, later in itertools.pairwise(sizes[1.0][: sizes[1.0].index(1) + 1]))
    assert sizes[0.9][-1] == sizes[0.9][-2] > 50
    with pytest.raises(InputError, match="threshold: must be a number above 0 and below 1, found 1"):
        Settings(threshold=1.0, reference=reference)


def test_a_support_too_small_or_too_large_is_kept_in_range():
    rng = np.random.default_rng(2)
    x = torch.tensor(rng.uniform(0.9, 1.1, (1, 10, 10, 10)).astype(np.complex64))
    full = ShrinkWrap(threshold=0.1, sigma=(0, 0), fraction=(0.01, 0.2)).update(
        x, torch.ones(x.shape) > 0, 0.0
    )
    assert full.sum() == 200
    spike = torch.zeros((1, 10, 10, 10), dtype=torch.complex64)
    spike[0, 5, 5] = torch.linspace(0.01, 1, 10)
    spike[0, 5, 5, 5] = 1000
    few = ShrinkWrap(threshold=0.9, reference="max", sigma=(0, 0), fraction=(0.005, 0.2))
    assert few.update(spike, torch.ones(x.shape) > 0, 0.0).sum() == 5


def test_smoothing_falls_along_the_run():
    x = torch.zeros((1, 32, 32), dtype=torch.complex64)
    x[0, 16, 16] = 1
    wrap = ShrinkWrap(threshold=0.2, reference="max", sigma=(4.0, 1.0))
    whole = torch.ones(x.shape) > 0
    assert wrap.update(x, whole, 0.0).sum() > 8 * wrap.update(x, whole, 1.0).sum()


def names(text):
    return [(type(s.algorithm).__name__ if s.algorithm else s.operation, s.count) for s in parse(text)]


def test_recipes():
    assert names("(HIO*20+ER*5)**2, ER*50") == [("HIO", 20), ("ER", 5)] * 2 + [("ER", 50)]
    assert names("RAAR(beta=0.7)*3 + SW, DETWIN, ML*2") == [("RAAR", 3), ("SW", 1), ("DETWIN", 1), ("ML", 2)]
    assert parse("RAAR(beta=0.7)*3")[0].algorithm.beta == 0.7
    assert names("((HIO*2)**2 + ER*1)**2") == [("HIO", 2), ("HIO", 2), ("ER", 1)] * 2
    for preset in PRESETS:
        assert parse(preset)


@pytest.mark.parametrize(
    "text",
    ["", "HIO", "HIO*", "HIO*0", "HIO*1.5", "XYZ*3", "(HIO*3", "HIO*3)", "HIO(gamma=1)*3", "SW", "HIO*3 ?",
     "HIO*3 ER*2", "HIO*99999999", "((HIO*999)**999)**999"],
)  # fmt: skip
def test_recipes_that_cannot_be_read(text):
    with pytest.raises(InputError, match="recipe"):
        parse(text)


@given(st.text(alphabet="HIOERSW*()+, 0123456789.=", max_size=20))
def test_any_text_is_a_recipe_or_refused(text):
    with contextlib.suppress(InputError):
        assert parse(text)


def test_a_recipe_gives_shrink_wrap_its_smoothing(pattern, crystal):
    """SW(sigma=…) has that width throughout; without it the width follows the settings."""
    bounds = amplitude_bounds(pattern)
    start = Start(index=0, object=crystal[0], support=np.abs(crystal[0]) > 0)
    supports = []
    for text, sigma in (("SW(sigma=2)", (0.5, 0.5)), ("SW", (2.0, 2.0)), ("SW", (0.5, 0.5))):
        (run,) = retrieve(bounds, [start], parse(f"ER*2, {text}, ER*2"), ShrinkWrap(sigma=sigma))
        supports.append(run.support)
    np.testing.assert_array_equal(supports[0], supports[1])
    assert (supports[1] != supports[2]).any()


def spectrum(obj):
    return (np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))) ** 2).astype(np.float32)


@pytest.mark.parametrize("shape", [(10, 13), (8, 9, 7)])
def test_autocorrelation_and_its_noise_by_hand(shape):
    rng = np.random.default_rng(0)
    obj = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    modulus, noise = autocorrelation(spectrum(obj))
    assert modulus.dtype == np.float32
    for lag in np.ndindex(*shape):
        shift = tuple(k - n // 2 for k, n in zip(lag, shape, strict=True))
        moved = np.roll(obj, shift, range(len(shape)))
        assert modulus[lag] == pytest.approx(abs(np.vdot(obj, moved)), rel=1e-3, abs=1e-3)
    # a count N has the variance N, and the inverse transform divides by the voxels
    counts = np.random.default_rng(1).poisson(50, (4000, *shape))
    spread = np.fft.ifftn(counts - 50, axes=range(1, 1 + len(shape))).reshape(4000, -1)[:, 1:]
    _, noise = autocorrelation(np.full(shape, 50, np.float32))
    assert noise == pytest.approx(np.sqrt(np.mean(np.abs(spread) ** 2)), rel=0.02)


@pytest.mark.parametrize("shape", [(16, 21), (12, 11, 14)])
@pytest.mark.parametrize(
    ("options", "scale"),
    [({}, 1), ({}, 0.01), ({"threshold": 0.2}, 1), ({"threshold": 0.0, "noise_factor": 40.0}, 1)],
)
def test_the_first_support_by_hand(shape, options, scale):
    """Of bright counts the threshold decides, of dark ones the noise."""
    obj = np.zeros(shape, np.complex64)
    obj[tuple(slice(2, n - 3) for n in shape)] = 1
    counts = scale * spectrum(obj * np.random.default_rng(0).gamma(0.5, 2, shape))
    modulus, noise = autocorrelation(counts)
    settings = {"threshold": 0.04, "noise_factor": 8.0} | options
    level = max(settings["threshold"] * modulus.max(), settings["noise_factor"] * noise)
    assert (level > settings["threshold"] * modulus.max()) == (scale < 1 or settings["threshold"] == 0)
    found = initial_support(counts, **options)
    assert found.dtype == bool
    for place in np.ndindex(*shape):
        twice = [2 * (p - n // 2) + n // 2 for p, n in zip(place, shape, strict=True)]
        inside = all(0 <= t < n for t, n in zip(twice, shape, strict=True))
        assert found[place] == (inside and modulus[tuple(twice)] > level)
    assert 1 < found.sum() < found.size


def test_counts_of_nothing_have_no_support():
    assert not initial_support(np.zeros((6, 7), np.float32)).any()


def test_shrink_wrap_of_the_settings():
    chosen = {
        "threshold": 0.21,
        "reference": "max",
        "smoothing": (3.5, 0.25),
        "support_fraction": (0.02, 0.3),
    }
    wrap = ShrinkWrap.of(Settings(**chosen))
    assert wrap == ShrinkWrap(threshold=0.21, reference="max", sigma=(3.5, 0.25), fraction=(0.02, 0.3))


@pytest.mark.parametrize("progress", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("passes", [False, True])
def test_an_update_by_hand(monkeypatch, progress, passes):
    """Two objects of one batch have supports of their own, and the width falls along the run."""
    if passes:
        monkeypatch.setattr(fourier, "LARGE", 0)
        monkeypatch.setattr(kernels, "BLOCK", 50)
    rng = np.random.default_rng(0)
    x = (rng.gamma(0.4, 1, (2, 9, 10, 11)) * np.exp(1j * rng.uniform(-3, 3, (2, 9, 10, 11)))).astype(
        np.complex64
    )
    old = rng.random(x.shape) < 0.3
    wrap = ShrinkWrap(threshold=0.95, reference="rms", sigma=(1.6, 0.4), fraction=(1e-3, 0.9))
    kept = torch.tensor(x), torch.tensor(old)
    found = wrap.update(*kept, progress)
    assert torch.equal(kept[0], torch.tensor(x))
    assert torch.equal(kept[1], torch.tensor(old))
    buffered = wrap.update(*kept, progress, torch.empty(1, *x.shape[1:], dtype=torch.complex64))
    assert torch.equal(found, buffered)
    width = 1.6 - 1.2 * progress
    frequencies = np.meshgrid(*map(np.fft.fftfreq, x.shape[1:]), indexing="ij")
    transfer = np.exp(-2 * (np.pi * width) ** 2 * sum(f**2 for f in frequencies))
    for one, before, after in zip(x, old, found.numpy(), strict=True):
        amplitude = np.fft.ifftn(np.fft.fftn(np.abs(one)) * transfer).real
        level = 0.95 * np.sqrt(np.mean(amplitude[before] ** 2))
        clear = np.abs(amplitude - level) > 1e-4
        assert clear.mean() > 0.98
        np.testing.assert_array_equal(after[clear], (amplitude > level)[clear])


def test_without_a_support_the_reference_is_the_whole_array():
    x = torch.zeros((1, 6, 6), dtype=torch.complex64)
    x[0, 2, 2:4] = torch.tensor([1.0, 0.2])
    wrap = ShrinkWrap(threshold=0.5, reference="max", sigma=(0, 0), fraction=(1e-3, 0.9))
    found = wrap.update(x, torch.zeros(x.shape, dtype=torch.bool), 0.0)
    assert found.nonzero().tolist() == [[0, 2, 2]]


@pytest.mark.parametrize(("fraction", "count"), [((0.05, 0.9), 5), ((1e-9, 0.9), 1), ((1e-9, 0.03), 3)])
def test_the_brightest_voxels_are_the_support_out_of_range(fraction, count):
    amplitude = torch.from_numpy(np.random.default_rng(0).permutation(100).reshape(1, 10, 10) + 1.0).float()
    low = count == 3
    wrap = ShrinkWrap(threshold=0.1 if low else 0.999, reference="max", sigma=(0, 0), fraction=fraction)
    if count == 1:
        amplitude[amplitude == 100] = 2000  # alone above the threshold: as it is
    everywhere = torch.ones(amplitude.shape, dtype=torch.bool)
    for buffer in (None, torch.empty(1, 10, 10, dtype=torch.complex64)):
        found = wrap.update(amplitude.to(torch.complex64), everywhere, 0.0, buffer)
        assert torch.equal(found, amplitude >= torch.sort(amplitude.flatten()).values[-count])


def test_the_support_of_a_dark_object_has_at_least_one_voxel():
    x = torch.zeros((1, 5, 5), dtype=torch.complex64)
    x[0, 3, 1] = 1e-3
    wrap = ShrinkWrap(threshold=0.5, reference="max", sigma=(0, 0), fraction=(1e-9, 0.5))
    old = torch.zeros(x.shape, dtype=torch.bool)
    old[0, 0, 0] = True
    assert wrap.update(x, old, 0.0)[0, 3, 1]


def test_the_final_support_is_sharp_and_may_grow():
    """The reference is computed where the amplitude exceeds a fifth of its maximum, without smoothing."""
    faint = np.full((8, 9), 0.2, np.complex64)
    faint[3, 4] = 1
    wrap = ShrinkWrap(threshold=0.6, sigma=(3.0, 2.0), fraction=(1e-3, 0.9))
    np.testing.assert_array_equal(wrap.final(faint), faint == 1)
    rng = np.random.default_rng(0)
    obj = (rng.uniform(0, 1, (8, 9)) * np.exp(1j * rng.uniform(-3, 3, (8, 9)))).astype(np.complex64)
    amplitude = np.abs(obj)
    bright = amplitude > 0.2 * amplitude.max()
    level = np.sqrt(np.mean(amplitude[bright] ** 2))
    for threshold in (0.1, 0.6):
        wrap = ShrinkWrap(threshold=threshold, sigma=(3.0, 2.0), only_shrink=True, fraction=(1e-3, 0.999))
        found = wrap.final(obj)
        np.testing.assert_array_equal(found, amplitude > threshold * level)
        assert (found & ~bright).any() == (threshold == 0.1)
        assert found.dtype == bool


def test_a_gaussian_of_no_width_changes_nothing():
    amplitude = torch.rand((4, 5), generator=torch.Generator().manual_seed(0))
    assert smooth(amplitude, 0.0) is amplitude
    assert not torch.equal(smooth(amplitude.clone(), 0.5), amplitude)
