import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sayre.errors import InputError
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.recipe import PRESETS, parse
from sayre.retrieval.engine.runs import Start, retrieve
from sayre.retrieval.engine.support import ShrinkWrap, initial_support, smooth


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


def test_support_that_would_die_or_fill_the_box_recovers():
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


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0},
        {"threshold": np.nan},
        {"reference": "mean"},
        {"fraction": (1, 0)},
        {"fraction": (0, 0.4)},
        {"sigma": (np.nan, 1)},
        {"sigma": (2, -1)},
    ],
)
def test_shrink_wrap_refuses(options):
    with pytest.raises(InputError, match=f"^support {next(iter(options))}"):
        ShrinkWrap(**options)


def names(text):
    return [(type(s.algorithm).__name__ if s.algorithm else s.what, s.count) for s in parse(text)]


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
@settings(deadline=None)
def test_any_text_is_a_recipe_or_refused(text):
    with contextlib.suppress(InputError):
        assert parse(text)


def test_a_recipe_gives_shrink_wrap_its_smoothing(pattern, crystal):
    """As a shrink-wrap of that width throughout; without it the schedule of the options holds."""
    bounds = amplitude_bounds(pattern)
    start = Start(index=0, object=crystal[0], support=np.abs(crystal[0]) > 0)
    supports = []
    for text, sigma in (("SW(sigma=2)", (0.5, 0.5)), ("SW", (2.0, 2.0)), ("SW", (0.5, 0.5))):
        (run,) = retrieve(bounds, [start], parse(f"ER*2, {text}, ER*2"), ShrinkWrap(sigma=sigma))
        supports.append(run.support)
    np.testing.assert_array_equal(supports[0], supports[1])
    assert (supports[1] != supports[2]).any()
