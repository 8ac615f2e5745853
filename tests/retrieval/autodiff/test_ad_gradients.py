"""Gradients in double precision, compared with finite differences and with autograd of plain torch."""

import itertools

import numpy as np
import pytest
import torch
from ad_samples import problem

from sayre.retrieval.autodiff.box import Box
from sayre.retrieval.autodiff.fit import Fit
from sayre.retrieval.autodiff.losses import FLOOR
from sayre.retrieval.autodiff.misfit import Detector
from sayre.retrieval.autodiff.planes import directions, polyhedron
from sayre.retrieval.autodiff.priors import PRIORS
from sayre.retrieval.autodiff.settings import WORDS, ModelSettings
from sayre.retrieval.engine.coherence import PartialCoherence

LOSSES, SUPPORTS = WORDS["loss"], WORDS["support"]
CASES = [
    *(ModelSettings(loss=loss, support=support) for loss, support in itertools.product(LOSSES, SUPPORTS)),
    *(
        ModelSettings(phase=phase, amplitude=amplitude, support="convex", planes=6)
        for phase, amplitude in itertools.product(WORDS["phase"], WORDS["amplitude"])
    ),
    *(ModelSettings(support="level", loss=loss, psf=0.6, background=2.0) for loss in LOSSES),
    ModelSettings(background=1.0),
    ModelSettings(psf=0.4),
    *(
        ModelSettings(**{prior: 3.0}, support=support, phase=phase)
        for prior, support, phase in itertools.product(PRIORS, SUPPORTS[1:], WORDS["phase"])
    ),
]


@pytest.mark.parametrize(
    "settings",
    CASES,
    ids=lambda s: " ".join(f"{k}={v}" for k, v in vars(s).items() if v != vars(ModelSettings())[k]),
)
def test_objective_against_finite_differences(settings):
    modulus, x, support = problem(gap_upper=6.0)
    fit = Fit(x.clone(), support, modulus, settings)
    room = torch.zeros_like(x)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # away from the start, where amplitudes outside the first support are 0, a kink
        for parameter in fit.parameters:
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    fit.objective(room).sum().backward()
    for parameter in fit.parameters:
        along = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        expected = float((parameter.grad * along).sum())
        step = 1e-6
        with torch.no_grad():
            ends = []
            for sign in (1, -2):
                parameter += sign * step * along
                ends.append(float(fit.objective(room).sum()))
            parameter += step * along
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(expected, rel=2e-5, abs=1e-8)
        assert expected != 0


@pytest.mark.parametrize("loss", LOSSES)
def test_misfit_and_gradient_are_those_of_plain_torch(loss):
    """Plain torch computes them without blocks, boxes or closed forms."""
    modulus, x, support = problem(gap_upper=4.0)
    box = Box.around(support)
    part = box.take(x).clone().requires_grad_()
    found = Detector(modulus, box, loss, torch.float64).misfit(part, torch.zeros_like(x), None, None)
    found.sum().backward()

    whole = torch.zeros_like(x)
    again = part.detach().clone().requires_grad_()
    whole = whole.index_put(
        tuple(torch.broadcast_tensors(torch.arange(len(x)).reshape(-1, 1, 1, 1), *box.index[1:])), again
    )
    intensity = torch.fft.fftn(whole, dim=(1, 2, 3)).abs().square()
    amplitude, n = (intensity + FLOOR).sqrt(), modulus.counts
    used, gap = modulus.weight == 1, modulus.weight == 0
    over = (amplitude - (modulus.upper**2 + FLOOR).sqrt()).clamp(min=0)
    off = amplitude - (n + FLOOR).sqrt()
    dims = (1, 2, 3)
    if loss == "mae":
        expected = (off.abs() * used + over.nan_to_num() * gap).sum(dims) / n[used].sqrt().sum()
    elif loss == "lsq":
        expected = (off**2 * used + over.nan_to_num() ** 2 * gap).sum(dims) / n[used].sum()
    else:
        logarithm = torch.where(
            intensity > FLOOR, intensity.clamp(min=FLOOR).log(), np.log(FLOOR) + intensity / FLOOR - 1
        )
        deviance = intensity - n * logarithm - n + torch.xlogy(n, n)
        expected = (deviance * used + 2 * over.nan_to_num() ** 2 * gap).sum(dims) / (2 * n[used].sum())
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)
    expected.sum().backward()
    torch.testing.assert_close(part.grad, again.grad, rtol=1e-8, atol=1e-10)


def test_point_spread_of_the_recipe_is_used():
    """Intensities are convolved with the point-spread function that `PSF` computed."""
    modulus, x, support = problem()
    modulus.coherence = PartialCoherence(len(x), modulus.shape, torch.device("cpu"), sigma=0.7)
    box = Box.around(support)
    detector = Detector(modulus, box, "lsq", torch.float64)
    found = detector.misfit(box.take(x), torch.zeros_like(x), None, None)
    width = torch.full((len(x),), 0.7, dtype=torch.float64)
    modulus.coherence = None
    gaussian = detector.misfit(box.take(x), torch.zeros_like(x), width, None)
    sharp = detector.misfit(box.take(x), torch.zeros_like(x), None, None)
    torch.testing.assert_close(found, gaussian, rtol=2e-3, atol=0)
    assert ((found - sharp).abs() > 0.02 * sharp).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("beam", ["coherent", "partially coherent"])
def test_counts_of_gaps_and_free_voxels_do_not_matter(loss, beam):
    """For any counts in masked and free voxels, value and gradient are the same to the last bit."""
    modulus, x, support = problem()
    unused = modulus.weight != 1
    box, extra = Box.around(support), None
    if beam == "partially coherent":
        extra = torch.full((len(x),), 0.5, dtype=torch.float64)
    results = []
    for value in (0.0, 1e6):
        modulus.counts[unused] = value
        free = modulus.weight == 2
        modulus.lower[free], modulus.upper[free] = value, value
        part = box.take(x).clone().requires_grad_()
        total = Detector(modulus, box, loss, torch.float64).misfit(part, torch.zeros_like(x), extra, extra)
        total.sum().backward()
        results.append((total.detach(), part.grad))
    for first, second in zip(*results, strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("loss", LOSSES)
def test_gap_voxels_have_exactly_no_gradient(loss):
    modulus, x, support = problem()
    detector = Detector(modulus, Box.around(support), loss, torch.float64)
    field = torch.fft.fftn(x, dim=(1, 2, 3))
    detector.coherent(field)
    used = modulus.weight == 1
    assert (field[:, ~used] == 0).all()
    assert (field[:, used] != 0).all()


def test_half_spaces_in_double_precision():
    generator = torch.Generator().manual_seed(0)
    feet = (directions(5, 3) * 3 + 0.3 * torch.randn(5, 3, generator=generator, dtype=torch.float64))[None]
    feet = torch.cat([feet, feet * 1.2]).requires_grad_()
    centre = torch.tensor([[0.3, -0.2, 0.1], [0, 0, 0.4]], dtype=torch.float64)
    edge = torch.tensor([0.8, 0.6], dtype=torch.float64, requires_grad=True)
    lines = tuple(torch.arange(-3, 4, dtype=torch.float64) for _ in range(3))
    assert torch.autograd.gradcheck(lambda f, e: polyhedron(f, centre, e, lines), (feet, edge))
    grids = torch.stack(torch.meshgrid(*lines, indexing="ij"), -1)
    distance = feet.norm(dim=-1)
    height = distance[0] - ((grids - centre[0]) @ (feet / distance[..., None])[0].T)
    plain = torch.sigmoid(height / 0.8).prod(-1)
    torch.testing.assert_close(polyhedron(feet, centre, edge, lines)[0], plain)
