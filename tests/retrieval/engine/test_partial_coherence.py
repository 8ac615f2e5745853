from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from noise import counts_of_test
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.choice.consensus import consensus
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.coherence import Coherence
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.runs import Start, retrieve
from sayre.retrieval.engine.support import ShrinkWrap

SIGMA = (1.2, 0.5, 0.9)


@pytest.fixture(scope="module")
def blurred(crystal):
    """Noise-free counts through a Gaussian point-spread function, and the object behind them."""
    obj = crystal[0]
    coherent = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))) ** 2
    counts = gaussian_filter(coherent.astype(np.float64), SIGMA, mode="wrap").astype(np.float32)
    counts = counts_of_test(counts)
    root = np.sqrt(counts)
    return obj, Bounds(lower=root, upper=root, counts=counts, weight=np.ones(counts.shape, np.uint8))


def test_finds_the_width_of_the_point_spread_function(blurred):
    obj, bounds = blurred
    modulus = Modulus(bounds, 1, torch.device("cpu"))
    truth = torch.from_numpy(np.fft.ifftshift(obj))[None]
    before = float(modulus.fit(truth).residual[0])
    for _ in range(10):
        modulus.update_coherence(truth)
    after = float(modulus.fit(truth).residual[0])
    assert after < 0.1 * before
    np.testing.assert_allclose(modulus.coherence.widths()[0], SIGMA, atol=0.1)


def test_kernel_is_normalised_and_acts_as_a_convolution(blurred):
    coherence = Coherence(2, (9, 10, 12), torch.device("cpu"), sigma=0.8)
    np.testing.assert_allclose(coherence.kernel.sum((1, 2, 3)), 1, rtol=1e-5)
    point = torch.zeros((2, 9, 10, 12))
    point[:, 4, 5, 6] = 7
    seen = coherence.blur(point)
    np.testing.assert_allclose(seen.sum((1, 2, 3)), 7, rtol=1e-4)
    expected = gaussian_filter(point[0].numpy().astype(np.float64), 0.8, mode="wrap", truncate=8)
    np.testing.assert_allclose(seen[0], expected, atol=2e-3)


def test_recipe_with_point_spread_function_fits_better(blurred):
    obj, bounds = blurred
    support = np.abs(obj) > 0
    start = Start(index=0, object=obj * np.exp(0.1j), support=support)
    plain, spread = (
        next(iter(retrieve(bounds, [start], parse(text), ShrinkWrap())))
        for text in ("ER*40", "ER*5 + (PSF + ER*7)**5")
    )
    assert spread.residual < 0.5 * plain.residual
    errors = [np.linalg.norm(np.abs(run.object) - np.abs(obj)) for run in (plain, spread)]
    assert errors[1] < 0.7 * errors[0]


def test_kernels_are_those_of_the_transfer_function_on_any_array():
    first = Coherence(2, (24, 27, 26), torch.device("cpu"), sigma=0.8)
    np.testing.assert_allclose(first.point_spread(), first.kernel, atol=1e-6)
    larger = Coherence(2, (30, 36, 32), torch.device("cpu"), known=first.point_spread())
    point = torch.zeros((2, 30, 36, 32))
    point[:, 9, 8, 7] = 1
    seen = larger.blur(point)[:, 4:15, 3:14, 2:13]
    np.testing.assert_allclose(seen, first.kernel, atol=1e-6)


def test_the_point_spread_function_goes_along_beyond_the_edges(blurred):
    obj, bounds = blurred
    start = Start(index=0, object=obj * np.exp(0.1j), support=np.abs(obj) > 0)
    (run,) = retrieve(bounds, [start], parse("ER*5 + (PSF + ER*7)**5"), ShrinkWrap())
    steps, wrap = parse("ER*20"), ShrinkWrap(sigma=(0.0, 0.0))
    found, without = (consensus([one], bounds, steps, wrap) for one in (run, replace(run, point_spread=None)))
    assert float(found.fit.residual[0]) < 0.5 * float(without.fit.residual[0])
    errors = [1 - correlation(align(x.object, obj), obj) for x in (found, without)]
    assert errors[0] < 0.7 * errors[1]


def test_richardson_lucy_steps_by_numpy():
    """Counts through a lopsided kernel, voxels left out: the kernel of each step is the symmetric part."""
    shape, reach = (13, 14, 12), 5
    rng = np.random.default_rng(4)
    coherent = rng.gamma(0.5, 100, (2, *shape))
    lopsided = np.roll(coherent, 1, 1) * 0.5 + coherent * 0.4 + np.roll(coherent, (1, -2), (2, 3)) * 0.1
    counts, used = lopsided.astype(np.float32)[0], rng.random(shape) < 0.8
    coherence = Coherence(2, shape, torch.device("cpu"))
    coherence.update(torch.tensor(coherent, dtype=torch.float32), torch.tensor(counts), torch.tensor(used))
    near = np.ix_(*(np.arange(-reach, reach + 1) for _ in shape))
    for one, found in zip(coherent, coherence.kernel, strict=True):
        distance = sum(lag.astype(float) ** 2 for lag in near)
        kernel = np.exp(-2 * distance)
        kernel /= kernel.sum()
        field = np.fft.fftn(one)
        for _ in range(10):
            whole = np.zeros(shape)
            whole[near] = kernel
            seen = np.fft.ifftn(field * np.fft.fftn(whole)).real
            ratio = np.where(used, counts / np.maximum(seen, 1e-3), 1)
            gain = np.fft.ifftn(np.fft.fftn(ratio) * field.conj()).real[near] / one.sum()
            kernel = kernel * np.maximum(gain, 0)
            kernel = kernel + kernel[::-1, ::-1, ::-1]
            kernel /= kernel.sum()
        np.testing.assert_allclose(found, kernel, atol=2e-4 * kernel.max())
        np.testing.assert_allclose(found, found.flip((0, 1, 2)), atol=1e-6)
        assert kernel[reach - 1 : reach + 2, reach, reach].min() > 0.05
