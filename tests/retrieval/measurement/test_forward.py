"""The forward model of a measurement against sums written out in NumPy, and its gradient."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from sayre.retrieval.engine.bounds import Bounds, Prior
from sayre.retrieval.measurement.envelope import unmeasured_rate
from sayre.retrieval.measurement.forward import FLOOR, Forward, Parameters, factors, rough, undamped

SHAPE = (7, 8, 9)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tensor(rng, *shape):
    return torch.from_numpy(rng.standard_normal(shape))


@pytest.fixture
def problem(rng):
    """A model of counts of which some are free and some have bounds alone, and parameters, in double."""
    weight = rng.choice([0, 1, 2], SHAPE, p=[0.2, 0.7, 0.1]).astype(np.uint8)
    filled = rng.random(SHAPE) < 0.5
    believed = (weight == 0) & (rng.random(SHAPE) < 0.5)
    bounds = Bounds(
        lower=np.where((weight == 0) & filled, 1.0, 0.0).astype(np.float32),
        upper=np.where(weight == 0, np.where(filled, 2.0, np.inf), np.inf).astype(np.float32),
        counts=rng.poisson(5, SHAPE).astype(np.float32),
        weight=weight,
        prior=Prior(
            level=rng.normal(1, 1, SHAPE).astype(np.float32),
            precision=np.where(believed, rng.uniform(1, 9, SHAPE), 0).astype(np.float32),
        ),
    )
    inside = np.zeros(SHAPE, bool)
    inside[2:5, 2:6, 3:6] = True
    forward = Forward(bounds, inside, torch.device("cpu"), dtype=torch.float64)
    count = len(forward.inside)
    factor = 0.7 * torch.eye(3, dtype=torch.float64) + 0.2 * tensor(rng, 3, 3).tril()
    return (
        forward,
        bounds,
        Parameters(
            object=0.3 * torch.complex(tensor(rng, count), tensor(rng, count)),
            factor=factor,
            frames=0.3 * tensor(rng, SHAPE[0]),
            background=torch.tensor(0.6, dtype=torch.float64),
            gains=0.3 * tensor(rng, *SHAPE[1:]),
        ),
    )


def test_expected_counts_are_those_of_the_formula(problem):
    """`λ = g (s (h ⊗ |F x|²) + b)`, with h as the exact transform of a Gaussian."""
    forward, _, p = problem
    q = np.meshgrid(*(np.fft.fftfreq(n) for n in SHAPE), indexing="ij")
    covariance = (p.factor.tril() @ p.factor.tril().T).numpy()
    transfer = np.exp(-2 * np.pi**2 * np.einsum("i...,ij,j...->...", q, covariance, q))
    coherent = np.abs(np.fft.fftn(forward.whole(p.object).numpy())) ** 2
    blurred = np.fft.ifftn(np.fft.fftn(coherent) * transfer).real.clip(0)
    flux, gain = factors(p.frames).numpy(), factors(p.gains).numpy()
    exact = gain * (flux[:, None, None] * blurred + 0.36)
    np.testing.assert_allclose(forward.expected(p).numpy(), exact, rtol=1e-12)


def test_the_misfit_is_the_deviance_with_bounds_and_priors(problem):
    forward, bounds, p = problem
    raised = np.fft.fftshift(forward.expected(p).numpy()) + FLOOR
    counts = bounds.counts.astype(float) + FLOOR
    deviance = raised - counts + counts * np.log(counts / raised)
    filled = bounds.lower > 0
    beyond = np.sqrt(raised) - np.clip(np.sqrt(raised), 1, 2)
    exact = deviance[bounds.weight == 1].sum() + 2 * (beyond[filled] ** 2).sum()
    exact += (unmeasured_rate(bounds) * (raised - FLOOR)).sum()
    logs = np.log1p(raised - FLOOR)
    exact += (bounds.prior.precision * (logs - bounds.prior.level) ** 2).sum() / 2
    for part, scatter in zip((p.frames, p.gains), forward.scatter, strict=True):
        exact += float((part / scatter).square().sum()) / 2
    assert forward.misfit(p).value == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("name", Parameters._fields)
def test_the_gradient_is_that_of_finite_differences(problem, rng, name):
    forward, _, p = problem
    value, step = getattr(p, name), 1e-6
    along = tensor(rng, *value.shape)
    if value.is_complex():
        along = torch.complex(along, tensor(rng, *value.shape))
    if name == "factor":
        along = along.tril()
    ends = [forward.misfit(p._replace(**{name: value + sign * step * along})).value for sign in (1, -1)]
    exact = (getattr(forward.misfit(p).gradient, name).conj() * along).real.sum()
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(exact), rel=1e-5)


def test_without_effects_the_intensity_is_expected(problem):
    forward, _, p = problem
    coherent = np.abs(np.fft.fftn(forward.whole(p.object).numpy())) ** 2
    np.testing.assert_allclose(forward.expected(Parameters(p.object)).numpy(), coherent, rtol=1e-12)


def test_the_point_spread_is_a_gaussian_of_this_covariance():
    counts = np.zeros((48, 48), np.float32)
    bounds = Bounds(lower=counts, upper=counts, counts=counts, weight=np.ones((48, 48), np.uint8))
    forward = Forward(bounds, counts == 0, torch.device("cpu"), dtype=torch.float64)
    dot = np.zeros((48, 48))
    dot[0, 0] = 1
    transfer = forward.transfer(torch.diag(torch.tensor([1.5, 2.5], dtype=torch.float64)))
    spread = torch.fft.irfftn(torch.fft.rfftn(torch.from_numpy(dot)) * transfer, s=(48, 48)).numpy()
    exact = gaussian_filter(dot, (1.5, 2.5), mode="wrap", truncate=8)
    np.testing.assert_allclose(spread, exact, atol=1e-6)  # of which one is sampled, the other its transform


@pytest.mark.parametrize("shape", [(20,), (16, 21)])
def test_long_waves_are_damped_and_the_mean_is_gone(shape, rng):
    values = tensor(rng, *shape)
    damped = rough(values)
    assert abs(float(damped.mean())) < 1e-12
    axes = np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in shape), indexing="ij")
    waves = np.sqrt(sum(axis**2 for axis in axes))
    exact = np.fft.fftn(values.numpy()) * np.minimum(waves / 8, 1)
    np.testing.assert_allclose(np.fft.fftn(damped.numpy()), exact, atol=1e-10)
    np.testing.assert_allclose(rough(undamped(damped)).numpy(), damped.numpy(), atol=1e-10)
