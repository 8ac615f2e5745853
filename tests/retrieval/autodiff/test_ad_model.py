"""The parts of a model, and the symmetries of misfit and priors."""

import numpy as np
import pytest
import torch
from ad_samples import problem
from scipy.interpolate import BSpline

from sayre.data import Grid, Pattern
from sayre.errors import InputError
from sayre.retrieval.autodiff.box import Box
from sayre.retrieval.autodiff.fit import Fit
from sayre.retrieval.autodiff.misfit import Detector
from sayre.retrieval.autodiff.planes import directions, enclosing, polyhedron
from sayre.retrieval.autodiff.priors import PRIORS
from sayre.retrieval.autodiff.settings import WORDS, ModelSettings
from sayre.retrieval.autodiff.spline import Spline
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.engine.recipe import parse


def test_box_takes_and_puts_around_the_origin():
    centred = np.zeros((2, 9, 10, 8), bool)
    centred[0, 3:6, 4:7, 4:8] = True
    centred[1, 4:7, 5:6, 3:4] = True
    support = torch.from_numpy(np.fft.ifftshift(centred, (1, 2, 3)))
    box = Box.around(support)
    assert [p.tolist() for p in box.positions] == [[-1, 0, 1, 2], [-1, 0, 1], [-1, 0, 1, 2, 3]]
    np.testing.assert_array_equal(box.take(support), centred[:, 3:7, 4:7, 3:8])
    whole = torch.zeros_like(support)
    box.put(whole, box.take(support))
    assert torch.equal(whole, support)
    assert Box.around(support, 0.1).shape == (9, 9, 8)
    assert Box.around(torch.zeros(1, 4, 4, dtype=torch.bool)).shape == (1, 1)


def test_splines_are_those_of_scipy():
    positions = (torch.arange(-5, 9), torch.arange(-4, 4))
    spline = Spline(positions, 3.0, torch.float64)
    generator = torch.Generator().manual_seed(0)
    c = torch.randn((1, *spline.knots), generator=generator, dtype=torch.float64)
    expected = c[0].numpy()
    for axis, p in enumerate(positions):
        m = expected.shape[axis]
        t = float(p[0]) + 3.0 * (np.arange(m + 4) - 3)
        expected = BSpline(t, expected, 3, axis=axis)(p.numpy().astype(float))
        expected = np.moveaxis(expected, 0, axis) if expected.shape[axis] != len(p) else expected
    np.testing.assert_allclose(spline(c)[0], expected, atol=1e-12)


def test_spline_fit_recovers_the_field_where_it_has_weight():
    positions = (torch.arange(-8, 9), torch.arange(-7, 8), torch.arange(6))
    spline = Spline(positions, 4.0, torch.float64)
    z, y, x = torch.meshgrid(*(p.double() / 8 for p in positions), indexing="ij")
    field = torch.stack([3 * z * y + x**2, torch.sin(2 * z) - y])
    weights = ((z**2 + y**2 < 0.6) * (1 + x)).expand_as(field)
    found = spline(spline.fit(field, weights))
    assert ((found - field).abs() * (weights > 0)).max() < 0.03
    assert found.abs().max() < 2 * field.abs().max()


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_first_polyhedron_encloses_its_support(dims):
    rng = np.random.default_rng(dims)
    positions = tuple(torch.arange(-10, 11) for _ in range(dims))
    grids = torch.stack(torch.meshgrid(*(p.double() for p in positions), indexing="ij"), -1)
    inside = ((grids - torch.from_numpy(rng.uniform(-3, 3, dims))).square().sum(-1) < 25)[None]
    feet, centre = enclosing(inside, 40, positions)
    edge = torch.full((1,), 0.02, dtype=torch.float64)
    found = polyhedron(feet, centre, edge, tuple(p.double() for p in positions)) > 0.5
    assert (found | ~inside).all()
    assert found.sum() < 1.5 * inside.sum()
    assert directions(40, dims).norm(dim=1).sub(1).abs().max() < 1e-12
    assert directions(40, dims).mean(0).abs().max() < 0.05


def bytes_kept(planes):
    """Count the bytes that autograd stores between the forward and backward pass of a convex model."""
    modulus, x, support = problem((16, 16, 16))
    fit = Fit(x, support, modulus, ModelSettings(support="convex", planes=planes))
    kept = []

    def count(tensor):
        kept.append(tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        fit.model()
    return sum(kept), fit.box.shape


def test_memory_does_not_grow_with_the_planes():
    """The stored bytes grow by the numbers of the planes, not by a volume for each."""
    (few, shape), (many, _) = bytes_kept(4), bytes_kept(200)
    assert many - few < 196 * 2 * 20 * 8
    assert many - few < 0.1 * 196 * 2 * 8 * np.prod(shape)


def peak_of_a_step(planes):
    modulus, x, support = problem((16, 16, 16))
    fit = Fit(x, support, modulus, ModelSettings(support="convex", planes=planes))
    fit.step(x)
    with torch.profiler.profile(profile_memory=True) as profiled:
        fit.step(x)
    changes = [e.nbytes() for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    return max(np.cumsum(changes)), fit.box.shape


def test_peak_memory_does_not_grow_with_the_planes():
    (few, shape), (many, _) = peak_of_a_step(4), peak_of_a_step(200)
    assert few > 0
    assert many - few < 0.02 * 196 * 2 * 8 * np.prod(shape)


@pytest.mark.parametrize("loss", WORDS["loss"])
def test_misfit_does_not_depend_on_phase_position_and_twin(loss):
    """The symmetries are global phase, translation and conjugate twin."""
    modulus, x, _ = problem(shape=(7, 8, 9), batch=1)
    box = Box.around(torch.ones_like(x, dtype=torch.bool))
    detector = Detector(modulus, box, loss, torch.float64)
    twin = x.conj().flip((1, 2, 3)).roll((1, 1, 1), (1, 2, 3)).resolve_conj()
    found = [
        float(detector.misfit(box.take(y), torch.zeros_like(y), None, None))
        for y in (x, x * np.exp(1.3j), x.roll((2, -1, 3), (1, 2, 3)), twin)
    ]
    np.testing.assert_allclose(found, found[0], rtol=1e-10)
    assert found[0] > 0.01


@pytest.mark.parametrize("name", PRIORS)
def test_priors_do_not_depend_on_wraps_offset_position_and_twin(name):
    rng = np.random.default_rng(0)
    s = torch.zeros(1, 9, 9, 9, dtype=torch.float64)
    s[:, 2:6, 1:7, 2:7] = 1
    amplitude = torch.from_numpy(rng.uniform(0.5, 1.5, s.shape))
    phase = torch.from_numpy(rng.uniform(-9, 9, s.shape))
    u, prior = torch.polar(amplitude, phase), PRIORS[name]
    expected = float(prior(u, s))
    assert expected > 0.01
    turned = torch.polar(amplitude, torch.remainder(phase + 1, 2 * np.pi))
    moved = u.roll((2, 1, 1), (1, 2, 3)), s.roll((2, 1, 1), (1, 2, 3))
    twin = u.conj().resolve_conj().flip((1, 2, 3)), s.flip((1, 2, 3))
    assert float(prior(turned, s)) == pytest.approx(expected, rel=1e-9)
    assert float(prior(*moved)) == pytest.approx(expected, rel=1e-9)
    assert float(prior(*twin)) == pytest.approx(
        expected, rel={"phase_tv": 0.1, "amplitude_tv": 0.1}.get(name, 1e-9)
    )


def test_priors_of_ramps_and_steps_by_hand():
    """Evaluate the priors of a ramp and a parabola of the phase in a large block."""
    n, slope, bend = 40, 0.3, 0.02
    z = torch.arange(n, dtype=torch.float64).reshape(1, n, 1, 1).expand(1, n, n, n)
    s = torch.ones_like(z)
    ramp, parabola = (torch.polar(s, p) for p in (slope * z, bend * (z - n / 2) ** 2 / 2))
    size = 1 / (1 + 0.1**2)  # of a phasor, squared: faint amplitudes count less
    rise = 2 * np.sin(slope / 2)
    edge = (n - 1) / n
    expected = edge * ((rise**2 * size + 1e-4) ** 0.5 - 0.01) / size
    assert float(PRIORS["phase_tv"](ramp, s)) == pytest.approx(expected, rel=1e-6)
    assert float(PRIORS["phase_smooth"](ramp, s)) == pytest.approx(0, abs=1e-12)
    expected = (n - 2) / n * (1 - np.cos(bend)) * size
    assert float(PRIORS["phase_smooth"](parabola, s)) == pytest.approx(expected, rel=1e-6)
    uneven = 1 + 0.05 * z
    assert float(PRIORS["amplitude_tv"](uneven + 0j, s)) == pytest.approx(
        edge * ((0.05**2 + 1e-4) ** 0.5 - 0.01), rel=1e-6
    )
    assert float(PRIORS["amplitude_smooth"](uneven + 0j, s)) == pytest.approx(edge * 0.05**2 / 2, rel=1e-6)


@pytest.mark.parametrize(
    "settings",
    [ModelSettings(), ModelSettings(amplitude="uniform"), ModelSettings(phase="displacement", spacing=2)],
    ids=["complex", "uniform", "displacement"],
)
def test_a_model_starts_from_the_given_object(settings):
    """The object has phases that wrap more than once, and is scaled to the counts."""
    _, _, support = problem((20, 18, 16), batch=1)
    centred = np.fft.fftshift(support[0])
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in centred.shape), indexing="ij")
    obj = centred * 7 * np.exp(1j * (1.1 * z + 0.05 * y**2 + 0.4 * x))
    given = torch.from_numpy(np.fft.ifftshift(obj))[None]
    counts = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))) ** 2
    mask = np.zeros(obj.shape, bool)
    mask[:, 3:6] = True
    pattern = Pattern(
        intensity=np.where(mask, 0, counts).astype(np.float32), mask=mask, grid=Grid(step=(1,) * 3)
    )
    modulus = Modulus(amplitude_bounds(pattern), 1, torch.device("cpu"))
    found = torch.zeros_like(given)
    Fit(given / 300, support, modulus, settings).write(found, support)
    error = (found - given).abs().square().sum() / given.abs().square().sum()
    assert float(error) < 2e-3


def test_parameters_of_ad_in_a_recipe():
    step = parse("AD(support=convex, phase=displacement, loss=poisson, planes=20, lr=0.1, psf=0.5)*7")[0]
    assert (step.count, step.algorithm.support, step.algorithm.loss) == (7, "convex", "poisson")
    assert (step.algorithm.planes, step.algorithm.lr, step.algorithm.psf) == (20, 0.1, 0.5)
    assert parse("(HIO(beta=0.8)*20+SW)**10, AD*200")[-1].count == 200
    assert parse("AD(optimiser=RMSprop, phase_tv=1e-3)*1")[0].algorithm.phase_tv == 1e-3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AD(support=round)*1", "free, convex, level"),
        ("AD(support=3)*1", "a word is missing"),
        ("AD(lr=fast)*1", "a number is missing"),
        ("AD(planes=2.5)*1", "2.5 is not a whole number"),
        ("AD(planes=2)*1", "4 to 1000"),
        ("AD(lr=0)*1", "above 0"),
        ("AD(spacing=0.5)*1", "1 voxel or more"),
        ("AD(optimiser=Adamant)*1", "torch.optim"),
        ("AD(optimiser=Optimizer)*1", "torch.optim"),
        ("AD(colour=red)*1", "AD has support"),
        ("AD(amplitude=uniform, amplitude_tv=1)*1", "do not apply to a uniform amplitude"),
        ("HIO(beta=high)*1", "a number is missing"),
    ],
)
def test_parameters_of_ad_that_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse(text)
