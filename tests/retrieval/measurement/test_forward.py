"""The forward model of a measurement against sums written out in NumPy, and its gradient."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from sayre.retrieval.engine.bounds import Bounds, Prior
from sayre.retrieval.measurement.angles import Frames
from sayre.retrieval.measurement.background import SmoothShape
from sayre.retrieval.measurement.envelope import unmeasured_rate
from sayre.retrieval.measurement.factors import factors, rough, undamped
from sayre.retrieval.measurement.forward import STEP, UNEVEN, Forward, Parameters
from sayre.retrieval.measurement.likelihood import FLOOR
from sayre.retrieval.measurement.spread import PointSpread

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


@pytest.fixture
def full(problem, rng):
    """The same with every effect."""
    forward, bounds, p = problem
    more = {
        "tails": torch.tensor(0.7, dtype=torch.float64),
        "background_frames": 0.3 * tensor(rng, SHAPE[0]),
        "background_waves": 0.3 * tensor(rng, 3, 3),
        "angles": 0.3 * tensor(rng, SHAPE[0]),
    }
    return forward, bounds, p._replace(**more)


def test_expected_counts_with_every_effect_are_those_of_sums_written_out(full):
    """Tails, frames off their angles and an uneven background, each by its definition."""
    forward, bounds, p = full
    q = np.meshgrid(*(np.fft.fftfreq(n) for n in SHAPE), indexing="ij")
    covariance = (p.factor.tril() @ p.factor.tril().T).numpy()
    form, share = np.einsum("i...,ij,j...->...", q, covariance, q), np.sin(0.7) ** 2
    transfer = (1 - share) * np.exp(-2 * np.pi**2 * form) + share * np.exp(-2 * np.pi * np.sqrt(form))
    places = [np.fft.fftfreq(n, 1 / n) for n in SHAPE]
    off = [places[0] + rough(p.angles).numpy(), *places[1:]]
    waves = [np.exp(-2j * np.pi * np.outer(f, z) / n) for f, z, n in zip(off, places, SHAPE, strict=True)]
    field = np.einsum("az,by,cx,zyx->abc", *waves, forward.whole(p.object).numpy())
    blurred = np.fft.ifftn(np.fft.fftn(np.abs(field) ** 2) * transfer).real.clip(0)
    smooth = np.zeros(SHAPE[1:])
    rows, columns = np.meshgrid(*((np.arange(n) + 0.5) / n for n in SHAPE[1:]), indexing="ij")
    for i in range(3):
        for j in range(3):
            if i or j:
                smooth += (
                    float(p.background_waves[i, j]) * np.cos(np.pi * i * rows) * np.cos(np.pi * j * columns)
                )
    shape = p.background_frames.numpy()[:, None, None] + np.fft.ifftshift(smooth)
    dark = 0.36 * np.exp(shape - shape[np.fft.ifftshift(bounds.weight == 1)].mean())
    flux, gain = factors(p.frames).numpy(), factors(p.gains).numpy()
    exact = gain * (flux[:, None, None] * blurred + dark)
    np.testing.assert_allclose(forward.expected(p).numpy(), exact, rtol=1e-10)


def test_equal_angles_give_the_field_of_an_fft(problem):
    """And a shift of the whole scan by a step is the frames of the neighbours."""
    forward, _, p = problem
    frames = Frames(SHAPE, forward.inside, torch.float64)
    coherent = torch.fft.fftn(forward.whole(p.object))
    for steps in (0, 1):
        field, _ = frames.field(p.object, torch.full((SHAPE[0],), float(steps), dtype=torch.float64))
        np.testing.assert_allclose(field.numpy(), coherent.roll(-steps, 0).numpy(), atol=1e-12)


def test_a_lorentzian_of_every_axis_falls_off_as_one():
    """Summed over the other axis a Lorentzian of two axes is one of one axis, of half width √C."""
    size, width = 801, 2.0
    spread = PointSpread((size, 3), torch.float64, torch.device("cpu"))
    factor = torch.diag(torch.tensor([width, 0.5], dtype=torch.float64))
    whole = spread.transfer(factor, torch.tensor(np.pi / 2, dtype=torch.float64)).whole
    kernel = torch.fft.irfftn(whole.to(torch.complex128), s=(size, 3)).sum(1).numpy()
    lags = np.arange(30)
    period = np.arange(-2000, 2001)[:, None] * size
    exact = (width / np.pi / ((lags + period) ** 2 + width**2)).sum(0)
    np.testing.assert_allclose(kernel[:30], exact, rtol=0.01)


def test_smooth_backgrounds_come_back_as_their_coefficients(rng):
    shape = SmoothShape(torch.full((9, 14), 1 / 126, dtype=torch.float64))
    coefficients = tensor(rng, 3, 3)
    coefficients[0, 0] = 0
    found = shape.coefficients(shape.field(coefficients) + 3.0)
    np.testing.assert_allclose(found.numpy(), coefficients.numpy(), atol=1e-12)


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


def test_the_misfit_is_the_deviance_with_bounds_and_priors(full):
    forward, bounds, p = full
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
    for part in (p.background_frames, p.background_waves):
        exact += float((part / UNEVEN).square().sum()) / 2
    exact += float((p.angles / STEP).square().sum()) / 2
    assert forward.misfit(p).value == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("name", Parameters._fields)
def test_the_gradient_is_that_of_finite_differences(full, problem, rng, name, every):
    forward, _, p = full if every else problem
    if getattr(p, name) is None:
        p = p._replace(**{name: getattr(full[2], name)})
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
    dot = np.zeros((48, 48))
    dot[0, 0] = 1
    transfer = (
        PointSpread((48, 48), torch.float64, torch.device("cpu"))
        .transfer(torch.diag(torch.tensor([1.5, 2.5], dtype=torch.float64)))
        .whole
    )
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
