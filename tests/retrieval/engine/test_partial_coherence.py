from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from noise import counts_of_test
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.choice.consensus import consensus
from sayre.retrieval.engine.arrays import fourier, kernels
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.coherence import PartialCoherence
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.modulus import SHARPER, Modulus
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.support import ShrinkWrap

SIGMA = (1.2, 0.5, 0.9)


@pytest.fixture(scope="module")
def blurred(crystal):
    """Make noise-free counts with a Gaussian point-spread function, and their object."""
    obj = crystal[0]
    coherent = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))) ** 2
    counts = gaussian_filter(coherent.astype(np.float64), SIGMA, mode="wrap").astype(np.float32)
    counts = counts_of_test(counts)
    root = np.sqrt(counts)
    return obj, Bounds(lower=root, upper=root, counts=counts, weight=np.ones(counts.shape, np.uint8))


def test_the_width_of_the_point_spread_function_is_recovered(blurred):
    obj, bounds = blurred
    modulus = Modulus(bounds, 1, torch.device("cpu"))
    truth = torch.from_numpy(np.fft.ifftshift(obj))[None]
    before = float(modulus.fit_quality(truth).residual[0])
    for _ in range(10):
        modulus.update_coherence(truth)
    after = float(modulus.fit_quality(truth).residual[0])
    assert after < 0.1 * before
    np.testing.assert_allclose(modulus.coherence.widths()[0], SIGMA, atol=0.1)


def test_kernel_is_normalised_and_acts_as_a_convolution(blurred):
    coherence = PartialCoherence(2, (9, 10, 12), torch.device("cpu"), sigma=0.8)
    np.testing.assert_allclose(coherence.kernel.sum((1, 2, 3)), 1, rtol=1e-5)
    point = torch.zeros((2, 9, 10, 12))
    point[:, 4, 5, 6] = 7
    convolved = coherence.blur(point)
    np.testing.assert_allclose(convolved.sum((1, 2, 3)), 7, rtol=1e-4)
    expected = gaussian_filter(point[0].numpy().astype(np.float64), 0.8, mode="wrap", truncate=8)
    np.testing.assert_allclose(convolved[0], expected, atol=2e-3)


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


@pytest.mark.parametrize("columns", [25, 26])
def test_kernels_are_those_of_the_transfer_function_on_any_array(columns):
    first = PartialCoherence(2, (24, 27, columns), torch.device("cpu"), sigma=0.8)
    np.testing.assert_allclose(first.point_spread(), first.kernel, atol=1e-6)
    larger = PartialCoherence(2, (30, 36, 32), torch.device("cpu"), known=first.point_spread())
    point = torch.zeros((2, 30, 36, 32))
    point[:, 9, 8, 7] = 1
    convolved = larger.blur(point)[:, 4:15, 3:14, 2:13]
    np.testing.assert_allclose(convolved, first.kernel, atol=1e-6)


def test_the_point_spread_function_is_kept_on_the_wide_array(blurred):
    obj, bounds = blurred
    start = Start(index=0, object=obj * np.exp(0.1j), support=np.abs(obj) > 0)
    (run,) = retrieve(bounds, [start], parse("ER*5 + (PSF + ER*7)**5"), ShrinkWrap())
    steps, wrap = parse("ER*20"), ShrinkWrap(sigma=(0.0, 0.0))
    found, without = (consensus([one], bounds, steps, wrap) for one in (run, replace(run, point_spread=None)))
    assert float(found.fit.residual[0]) < 0.5 * float(without.fit.residual[0])
    errors = [1 - correlation(align(x.object, obj), obj) for x in (found, without)]
    assert errors[0] < 0.7 * errors[1]


def test_richardson_lucy_steps_by_numpy():
    """With an asymmetric kernel and voxels left out, the kernel of each step is symmetrised."""
    shape, reach = (13, 14, 12), 5
    rng = np.random.default_rng(4)
    coherent = rng.gamma(0.5, 100, (2, *shape))
    lopsided = np.roll(coherent, 1, 1) * 0.5 + coherent * 0.4 + np.roll(coherent, (1, -2), (2, 3)) * 0.1
    counts, used = lopsided.astype(np.float32)[0], rng.random(shape) < 0.8
    coherence = PartialCoherence(2, shape, torch.device("cpu"))
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
            convolved = np.fft.ifftn(field * np.fft.fftn(whole)).real
            ratio = np.where(used, counts / np.maximum(convolved, 1e-3), 1)
            gain = np.fft.ifftn(np.fft.fftn(ratio) * field.conj()).real[near] / one.sum()
            kernel = kernel * np.maximum(gain, 0)
            kernel = kernel + kernel[::-1, ::-1, ::-1]
            kernel /= kernel.sum()
        np.testing.assert_allclose(found, kernel, atol=2e-4 * kernel.max())
        np.testing.assert_allclose(found, found.flip((0, 1, 2)), atol=1e-6)
        assert kernel[reach - 1 : reach + 2, reach, reach].min() > 0.05


SHAPE = (8, 9, 10)


@pytest.fixture(params=["whole", "passes"])
def spread(request, monkeypatch):
    """Make a modulus with two point-spread functions, its bounds, and objects, supports and kernels."""
    if request.param == "passes":
        monkeypatch.setattr(fourier, "LARGE", 0)
        monkeypatch.setattr(kernels, "BLOCK", 100)
    rng = np.random.default_rng(0)
    objects = (rng.standard_normal((2, *SHAPE)) + 1j * rng.standard_normal((2, *SHAPE))).astype(np.complex64)
    counts = rng.poisson(rng.uniform(5, 60, SHAPE)).astype(np.float32)
    weight = rng.choice([0, 1, 1, 2], SHAPE).astype(np.uint8)
    lower, upper = 0.95 * np.sqrt(counts), 1.05 * np.sqrt(counts)
    bounds = Bounds(lower=lower, upper=upper, counts=counts, weight=weight)
    sizes = (3, 5, 5)
    known = rng.uniform(0.1, 1, (2, *sizes)).astype(np.float32)
    known = known + known[:, ::-1, ::-1, ::-1]
    known /= known.sum((1, 2, 3), keepdims=True)
    modulus = Modulus(bounds, 2, torch.device("cpu"))
    modulus.set_point_spreads(list(known))
    return modulus, bounds, objects, rng.random((2, *SHAPE)) < 0.7, known


def blurred_by(kernel, field):
    """Convolve the intensity of a field, origin at index 0, with a kernel that has lag 0 in the middle."""
    intensity, total = np.abs(field) ** 2, np.zeros(field.shape)
    for place in np.ndindex(*kernel.shape):
        shift = tuple(p - n // 2 for p, n in zip(place, kernel.shape, strict=True))
        total += kernel[place] * np.roll(intensity, shift, range(field.ndim))
    return total


def test_projection_with_a_point_spread_function(spread):
    """The field keeps its phase, and its modulus is scaled as the convolved modulus has to be, to a limit."""
    modulus, bounds, objects, _, known = spread
    out = modulus.project(torch.from_numpy(objects.copy()), torch.empty(objects.shape, dtype=torch.complex64))
    for obj, kernel, found in zip(objects, known, out.numpy(), strict=True):
        field = np.fft.fftn(obj)
        convolved = np.sqrt(blurred_by(kernel, field))
        lower, upper = np.fft.ifftshift(bounds.lower), np.fft.ifftshift(bounds.upper)
        scaled = field * np.clip(convolved, lower, upper) / convolved
        limit = SHARPER * upper
        scaled *= np.minimum(1, limit / np.maximum(np.abs(scaled), 1e-30))
        expected = np.fft.ifftn(scaled)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_fit_quality_with_a_point_spread_function(spread):
    modulus, bounds, objects, support, known = spread
    counts, weight = np.fft.ifftshift(bounds.counts), np.fft.ifftshift(bounds.weight)
    for cut in (None, torch.from_numpy(support)):
        fit = modulus.fit_quality(torch.from_numpy(objects), cut)
        for k, (obj, kernel) in enumerate(zip(objects, known, strict=True)):
            convolved = blurred_by(kernel, np.fft.fftn(obj if cut is None else obj * support[k]))
            square = ((np.sqrt(convolved) - np.sqrt(counts)) ** 2)[weight == 1].sum()
            residual = np.sqrt(square / counts[weight == 1].sum())
            assert float(fit.residual[k]) == pytest.approx(residual, rel=1e-4)
            deviance = convolved - counts + counts * np.log(np.maximum(counts, 1e-30) / convolved)
            assert float(fit.likelihood[k]) == pytest.approx(deviance[weight == 1].mean(), rel=1e-3)
            assert float(fit.free_likelihood[k]) == pytest.approx(deviance[weight == 2].mean(), rel=1e-3)


def test_point_spread_functions_are_used_for_all_objects_or_none(spread):
    modulus, _, _, _, known = spread
    np.testing.assert_allclose(modulus.coherence.kernel, known)
    modulus.set_point_spreads([known[0], None])
    assert modulus.coherence is None
    modulus.set_point_spreads([None, None])
    assert modulus.coherence is None


def test_an_update_starts_from_a_narrow_gaussian(spread):
    """It uses the intensities of the objects inside their supports, and the voxels used."""
    modulus, bounds, objects, support, _ = spread
    modulus.set_point_spreads([None, None])
    modulus.update_coherence(torch.from_numpy(objects), torch.from_numpy(support))
    expected = PartialCoherence(2, SHAPE, torch.device("cpu"))
    intensity = np.abs(np.fft.fftn(objects * support, axes=(1, 2, 3))) ** 2
    counts, used = np.fft.ifftshift(bounds.counts), np.fft.ifftshift(bounds.weight) == 1
    expected.update(
        *(torch.from_numpy(np.ascontiguousarray(a)) for a in (intensity.astype(np.float32), counts, used))
    )
    np.testing.assert_allclose(modulus.coherence.kernel, expected.kernel, atol=1e-4)
    first = modulus.coherence
    modulus.update_coherence(torch.from_numpy(objects), torch.from_numpy(support))
    assert modulus.coherence is first


@pytest.mark.parametrize("sigma", [0.5, 0.9])
def test_the_kernel_at_the_start(sigma):
    """It is a Gaussian cut at five voxels, or at half of a smaller array."""
    coherence = PartialCoherence(3, (9, 4, 30), torch.device("cpu"), sigma)
    lags = np.meshgrid(np.arange(-4, 5), np.arange(-1, 2), np.arange(-5, 6), indexing="ij")
    kernel = np.exp(-sum(lag**2 for lag in lags) / (2 * sigma**2))
    kernel /= kernel.sum()
    assert coherence.kernel.shape == (3, 9, 3, 11)
    np.testing.assert_allclose(coherence.kernel, np.broadcast_to(kernel, (3, *kernel.shape)), atol=1e-6)
    np.testing.assert_allclose(coherence.point_spread(), coherence.kernel, atol=1e-6)
    widths = [np.sqrt((kernel * lag**2).sum()) for lag in lags]
    np.testing.assert_allclose(coherence.widths(), np.broadcast_to(widths, (3, 3)), atol=1e-4)
    default = PartialCoherence(1, (9, 4, 30), torch.device("cpu"))
    assert np.allclose(default.kernel, coherence.kernel[:1]) == (sigma == 0.5)


def test_a_blur_is_never_negative_and_is_written_to_out():
    coherence = PartialCoherence(1, (16, 18), torch.device("cpu"), 1.5)
    point = torch.zeros((1, 16, 18))
    point[0, 3, 4] = 1e6
    before, out = point.clone(), torch.empty_like(point)
    buffer = torch.empty((1, 16, 18), dtype=torch.complex64)
    assert coherence.blur(point, out=out, buffer=buffer) is out
    assert torch.equal(point, before)
    assert float(out.min()) >= 0
    assert torch.allclose(coherence.blur(point), out)
    lines = torch.zeros(1, 16)
    lines[0, 3] = 1
    line = PartialCoherence(1, (16,), torch.device("cpu"), 0.7)
    np.testing.assert_allclose(
        line.widths(), [[np.sqrt(float((line.kernel * line.lags[0] ** 2).sum()))]], rtol=1e-5
    )
