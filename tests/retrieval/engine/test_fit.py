"""Residual and log-likelihoods of an object compared with sums written out in NumPy."""

import numpy as np
import pytest
import torch

from sayre.retrieval.autodiff.losses import Target, normalisation, poisson
from sayre.retrieval.engine.arrays import fourier, kernels
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import Modulus

SHAPE = (6, 7, 8)


@pytest.fixture(params=["whole", "passes"], autouse=True)
def way(request, monkeypatch):
    """Transform these small arrays whole, as by default, or in passes."""
    if request.param == "passes":
        monkeypatch.setattr(fourier, "LARGE", 0)
        monkeypatch.setattr(kernels, "BLOCK", 100)


@pytest.fixture
def problem():
    """Make bounds with a third of the voxels free and a few not measured, objects, and a support."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.uniform(0, 40, SHAPE)).astype(np.float32)
    weight = rng.choice([0, 1, 1, 2], SHAPE).astype(np.uint8)
    root = np.sqrt(counts)
    bounds = Bounds(lower=root, upper=root, counts=np.where(weight > 0, counts, 0), weight=weight)
    objects = rng.standard_normal((2, *SHAPE)) + 1j * rng.standard_normal((2, *SHAPE))
    return bounds, (0.4 * objects).astype(np.complex64), rng.random((2, *SHAPE)) < 0.5


def half_deviance(counts, calculated):
    """Compute `λ − n + n log(n/λ)` of each voxel, which is `λ` for no counts."""
    counts = counts.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(counts > 0, calculated - counts + counts * np.log(counts / calculated), calculated)


@pytest.mark.parametrize("cut", [False, True])
def test_fit_quality_by_hand(problem, cut):
    bounds, objects, support = problem
    modulus = Modulus(bounds, 2, torch.device("cpu"))
    compared = torch.from_numpy(objects), torch.tensor(support) if cut else None
    fit, alone = modulus.fit_quality(*compared), modulus.residual(*compared)
    for index, obj in enumerate(objects):
        calculated = np.abs(np.fft.fftshift(np.fft.fftn(obj * support[index] if cut else obj))) ** 2
        used, free = bounds.weight == 1, bounds.weight == 2
        square = (np.sqrt(calculated) - np.sqrt(bounds.counts))[used] ** 2
        residual = np.sqrt(square.sum() / bounds.counts[used].sum())
        deviance = half_deviance(bounds.counts, calculated)
        assert float(fit.residual[index]) == pytest.approx(residual, rel=1e-4)
        assert float(alone[index]) == pytest.approx(residual, rel=1e-4)
        assert float(fit.likelihood[index]) == pytest.approx(deviance[used].mean(), rel=1e-4)
        assert float(fit.free_likelihood[index]) == pytest.approx(deviance[free].mean(), rel=1e-4)


def test_the_likelihood_is_that_of_poisson_counts():
    """Half the deviance of a perfect model of many counts averages ½, half of χ² of one degree of freedom."""
    shape = (24, 24, 24)
    rng = np.random.default_rng(1)
    obj = 30 * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    expected = np.abs(np.fft.fftshift(np.fft.fftn(obj))) ** 2
    counts = rng.poisson(expected).astype(np.float32)
    root = np.sqrt(counts)
    bounds = Bounds(lower=root, upper=root, counts=counts, weight=np.ones(shape, np.uint8))
    fit = Modulus(bounds, 1, torch.device("cpu")).fit_quality(
        torch.from_numpy(obj.astype(np.complex64))[None]
    )
    # χ²/2 has a standard deviation of 1/√2 a voxel: four standard errors of the mean
    assert float(fit.likelihood[0]) == pytest.approx(0.5, abs=4 / np.sqrt(2 * counts.size))
    assert np.isnan(float(fit.free_likelihood[0]))


def test_the_poisson_loss_is_half_the_deviance():
    counts = torch.tensor([0.0, 1.0, 5.0, 400.0], dtype=torch.float64)
    intensity = torch.tensor([3.0, 2.0, 5.0, 450.0], dtype=torch.float64)
    root = counts.sqrt()
    target = Target(root, root, counts, torch.ones(4))
    value, slope = poisson(intensity, target)
    expected = [3.0, 1 - np.log(2), 0.0, 50 - 400 * np.log(450 / 400)]
    np.testing.assert_allclose(value, expected, atol=1e-9)
    np.testing.assert_allclose(slope, 1 - counts / intensity, atol=1e-12)
    assert normalisation("poisson", target) == pytest.approx(2 * 406)
    assert normalisation("lsq", target) == pytest.approx(406)
    assert normalisation("mae", target) == pytest.approx(float(root.sum()))


@pytest.mark.parametrize("top", [1.0, 1e2, 1e4, 1e6, 1e8])
def test_half_the_deviance_is_exact_for_bright_voxels_too(top):
    """Against the formula in double precision; for bright voxels its terms are 1e8 times its value."""
    rng = np.random.default_rng(0)
    expected = rng.uniform(0, top, 10_000).astype(np.float32)
    counts = rng.poisson(expected).astype(np.float32)
    n, wide = counts.astype(float), np.maximum(expected, 1e-3).astype(float)
    exact = expected - n - n * np.log(wide / np.maximum(n, 1))
    found = kernels.half_deviance(torch.from_numpy(expected), torch.from_numpy(counts))
    np.testing.assert_allclose(found.numpy(), exact, rtol=2e-3, atol=2e-4)


def test_half_the_deviance_where_nothing_is_calculated_or_counted():
    calculated = torch.tensor([0.0, 0.0, 1e6, 5.0, 1e-9])
    counts = torch.tensor([0.0, 1e6, 1e-3, 0.0, 5.0])
    exact = [0, -1e6 - 1e6 * np.log(1e-9), 1e6 - 1e-3 - 1e-3 * np.log(1e9), 5, -5 - 5 * np.log(1e-3 / 5)]
    np.testing.assert_allclose(kernels.half_deviance(calculated, counts).numpy(), exact, rtol=1e-6)
