"""Crystals recovered by automatic differentiation."""

import numpy as np
import pytest
import torch

from noise import counts_of_test
from sayre.data import Grid, Pattern
from sayre.retrieval.autodiff.fit import Fit
from sayre.retrieval.autodiff.settings import ModelSettings
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.engine.bounds import Bounds, amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.start import Start, random_start
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.phasing import phase
from sayre.retrieval.settings import Settings


def pattern_of(counts, mask=None):
    mask = np.zeros(counts.shape, bool) if mask is None else mask
    return Pattern(intensity=counts.astype(np.float32), mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


def scores(runs, truth):
    return [correlation(align(run.object, truth), truth) for run in runs]


def strained(n=28, seed=1, span=2 * np.pi, peak=1e6):
    """Make a cut block with a smooth random phase of range `span`: object, support, counts."""
    rng = np.random.default_rng(seed)
    z, y, x = (np.mgrid[:n, :n, :n] - n // 2) / (n / 5.2)
    inside = (abs(z) < 1) & (abs(y) < 1) & (abs(x) < 1) & (x + y + z < 1.3) & (y - x < 1.2) & (z + y > -1.4)
    terms = rng.standard_normal(6)
    shape = terms @ np.stack([z * y, y * x, z * x, z**2 - y**2, x**2 * z, y**3]).reshape(6, -1)
    shape = shape.reshape(inside.shape)
    obj = inside * np.exp(1j * span * shape / np.ptp(shape[inside]))
    field = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))
    scale = np.sqrt(peak) / np.abs(field).max()
    counts = rng.poisson(np.abs(field * scale) ** 2).astype(np.float32)
    return (obj * scale).astype(np.complex64), inside, counts_of_test(counts)


def test_true_support_smooth_phase():
    """A displacement in the true support, coarse to fine, recovers a strained crystal from random phases."""
    obj, inside, counts = strained(n=24, span=np.pi)
    bounds = amplitude_bounds(pattern_of(counts))
    starts = [random_start(bounds, inside, i, 0) for i in range(3)]
    smooth = "phase=displacement, amplitude=uniform"
    recipe = f"AD({smooth}, spacing=8, lr=0.2)*60, AD({smooth})*80"
    runs = list(retrieve(bounds, starts, parse(recipe), ShrinkWrap(), batch=3))
    best = min(runs, key=lambda run: run.residual)
    assert scores([best], obj)[0] > 0.99
    assert best.residual < 0.1


@pytest.mark.filterwarnings("ignore:pattern. oversampling")
def test_refines_an_iterative_result_with_a_gap():
    """A smooth phase halves the error of the iterations for a highly strained crystal with a gap."""
    obj, inside, counts = strained()
    mask = np.zeros(counts.shape, bool)
    mask[:, 16:19] = True
    bounds = amplitude_bounds(pattern_of(np.where(mask, 0, counts), mask))
    starts = [random_start(bounds, inside, i, 0) for i in range(2)]
    iterated = "(HIO*40 + ER*10)**4"
    smooth = iterated + ", AD(phase=displacement)*100"
    errors = {}
    for recipe in (iterated + ", ER*100", smooth):
        runs = list(retrieve(bounds, starts, parse(recipe), ShrinkWrap()))
        errors[recipe] = 1 - max(scores(runs, obj))
    assert errors[smooth] < 0.01
    assert errors[smooth] < 0.7 * errors[iterated + ", ER*100"]


def facets(kind, n=32):
    """Make a rotated cube of side 11 or octahedron of inner radius 4.9, with unit normals and distances."""
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((3, 3)))[0]
    if kind == "cube":
        normals, reach = np.concatenate([turn, -turn]), 5.5
    else:
        signs = np.stack(np.meshgrid(*[[-1, 1]] * 3), -1).reshape(-1, 3) / 3**0.5
        normals, reach = signs @ turn, 8.5 / 3**0.5
    half = (np.mgrid[: 2 * n, : 2 * n, : 2 * n] - n) / 2
    inside = (np.tensordot(normals, half, 1) < reach).all(0)
    field = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(inside.astype(float))))
    field = field[(slice(n // 2, n // 2 + n),) * 3]  # finer voxels cut off in q: no staircase
    return normals, reach, np.abs(field * 1e3 / np.abs(field).max()) ** 2


@pytest.mark.parametrize("kind", ["cube", "octahedron"])
def test_half_spaces_recover_the_facets(kind):
    """From a ball, a plane reaches each facet, and opposite ones have the distance of the facets."""
    normals, reach, expected = facets(kind)
    counts = counts_of_test(np.random.default_rng(0).poisson(expected).astype(np.float32))
    modulus = Modulus(amplitude_bounds(pattern_of(counts), Settings(free=0)), 1, torch.device("cpu"))
    n = counts.shape[0]
    ball = ((np.mgrid[:n, :n, :n] - n // 2) ** 2).sum(0) < 36
    support = torch.from_numpy(np.fft.ifftshift(ball))[None]
    settings = ModelSettings(
        support="convex", amplitude="uniform", phase="displacement", spacing=8, planes=14
    )
    x = support.to(torch.complex64)
    fit = Fit(x, support, modulus, settings)
    first, *_, last = (float(fit.step(x)) for _ in range(160))
    assert last < 0.06 * first
    feet = fit.support.feet[0].detach().numpy().astype(float)
    distance = np.linalg.norm(feet, axis=1)
    angles = (feet / distance[:, None]) @ normals.T
    nearest = [min(distance[angles[:, k] > 0.995], default=np.inf) for k in range(len(normals))]
    for k, normal in enumerate(normals):
        opposite = int(np.argmin(normals @ normal))
        assert nearest[k] + nearest[opposite] == pytest.approx(2 * reach, abs=0.15)


@pytest.mark.parametrize("kind", ["convex", "level"])
def test_supports_that_move_replace_the_given_one(kind):
    _, reach, expected = facets("cube")
    counts = counts_of_test(np.round(expected).astype(np.float32))
    n = counts.shape[0]
    ball = ((np.mgrid[:n, :n, :n] - n // 2) ** 2).sum(0) < 30
    start = Start(index=0, object=ball.astype(np.complex64), support=ball)
    recipe = f"AD(support={kind}, amplitude=uniform, phase=displacement, spacing=6)*120"
    bounds = amplitude_bounds(pattern_of(counts))
    (run,) = retrieve(bounds, [start], parse(recipe), ShrinkWrap())
    assert run.residual < 0.2
    assert ((run.object != 0) <= run.support).all()
    voxels = (2 * reach) ** 3
    assert voxels < run.support.sum() < 1.7 * voxels
    assert np.abs(run.object).sum() / np.abs(run.object).max() == pytest.approx(voxels, rel=0.05)


def test_point_spread_and_background_are_recovered():
    """Counts of a known object are convolved with σ = 0.6 voxels, on a background of 3 counts, with noise."""
    obj, inside, _ = strained(span=2.0, peak=1e7)
    modulus_of = np.abs(np.fft.fftn(np.fft.ifftshift(obj))) ** 2
    k = np.meshgrid(*(np.fft.fftfreq(n) for n in obj.shape), indexing="ij")
    transfer = np.exp(-2 * (np.pi * 0.6) ** 2 * sum(a**2 for a in k))
    convolved = np.fft.fftshift(np.fft.ifftn(np.fft.fftn(modulus_of) * transfer).real)
    counts = counts_of_test(np.random.default_rng(0).poisson(convolved.clip(0) + 3).astype(np.float32))
    root = np.sqrt(counts)
    bounds = Bounds(lower=root, upper=root, counts=counts, weight=np.ones(counts.shape, np.uint8))
    modulus = Modulus(bounds, 1, torch.device("cpu"))
    x = torch.from_numpy(np.fft.ifftshift(obj))[None]
    support = torch.from_numpy(np.fft.ifftshift(inside))[None]
    settings = ModelSettings(
        loss="poisson", amplitude="uniform", phase="displacement", psf=0.3, background=1, half=60
    )
    fit = Fit(x.clone(), support, modulus, settings)
    again = torch.zeros_like(x)
    for _ in range(180):
        fit.step(again)
    assert float(fit.width.detach()) == pytest.approx(0.6, abs=0.02)
    assert float(fit.background.detach()) == pytest.approx(3, abs=0.15)
    assert modulus.coherence is not None
    blurred = modulus.coherence.blur(torch.from_numpy(modulus_of.astype(np.float32))[None])[0]
    np.testing.assert_allclose(blurred, np.fft.ifftshift(convolved), atol=0.02 * convolved.max())


@pytest.mark.parametrize("optimiser", ["Adam", "LBFGS", "RMSprop", "NAdam", "Rprop"])
def test_optimisers_by_name(optimiser):
    obj, inside, counts = strained(span=2.0)
    modulus = Modulus(amplitude_bounds(pattern_of(counts)), 1, torch.device("cpu"))
    rng = np.random.default_rng(0)
    x = torch.from_numpy(
        np.fft.ifftshift(obj * np.exp(1j * rng.uniform(-1, 1, obj.shape)).astype(np.complex64))
    )
    support = torch.from_numpy(np.fft.ifftshift(inside))[None]
    fit = Fit(x[None].clone(), support, modulus, ModelSettings(optimiser=optimiser, lr=0.03))
    room = torch.zeros_like(x[None])
    losses = [float(fit.step(room)) for _ in range(15)]
    assert losses[-1] < 0.4 * losses[0]


def test_starts_are_independent_and_repeatable():
    _, inside, counts = strained(n=20)
    bounds = amplitude_bounds(pattern_of(counts))
    starts = [random_start(bounds, inside, i, 3) for i in range(3)]
    wrong = Start(index=9, object=np.full(counts.shape, np.nan, np.complex64), support=inside)
    empty = Start(index=8, object=starts[0].object * 0, support=inside & False)
    for text in (
        "AD*20",
        "HIO*5 + SW + AD(support=convex, phase=displacement)*20 + ER*3 + AD(support=level)*5",
    ):
        steps = parse(text)
        single, again = (list(retrieve(bounds, starts, steps, ShrinkWrap(), batch=1)) for _ in range(2))
        for a, b in zip(single, again, strict=True):
            np.testing.assert_array_equal(a.object, b.object)
        batched = list(retrieve(bounds, [*starts, wrong, empty], steps, ShrinkWrap(), batch=5))
        assert [bool(run.failed) for run in batched] == [False] * 3 + [True] * 2
        assert correlation(single[0].object, single[1].object) < 0.99
    assert batched[0].object.dtype == np.complex64


@pytest.mark.parametrize(
    ("text", "least"), [("AD*15", 0.9999), ("AD(phase=displacement, support=convex)*5", 0.99)]
)
def test_batched_starts_are_the_single_ones(text, least):
    """Spline fits of random phases are ill-conditioned, so that other rounding of a batch shows in them."""
    _, inside, counts = strained(n=20)
    bounds = amplitude_bounds(pattern_of(counts))
    starts = [random_start(bounds, inside, i, 3) for i in range(3)]
    single, batched = (list(retrieve(bounds, starts, parse(text), ShrinkWrap(), batch=b)) for b in (1, 3))
    for a, b in zip(single, batched, strict=True):
        assert correlation(a.object, b.object) > least
    assert correlation(single[0].object, single[1].object) < 0.9


@pytest.mark.filterwarnings("ignore:.*do not trust")
def test_in_a_recipe_of_phase():
    """AD phases a pattern in 2D from a given object."""
    obj, _, counts = strained(span=2.0)
    found = phase(pattern_of(counts), recipe="(HIO*20 + SW)**8, ER*10, (AD*20 + SW)**2, AD*20", runs=3)
    assert correlation(align(found.object, obj), obj) > 0.98
    flat = obj[14]
    expected = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(flat), norm="ortho"))) ** 2
    counts = counts_of_test(np.random.default_rng(0).poisson(expected * (1e6 / expected.max())))
    found = phase(pattern_of(counts), recipe="AD(support=convex)*40, AD(loss=mae)*20", runs=1, init=flat)
    assert correlation(align(found.object, flat), flat) > 0.97
