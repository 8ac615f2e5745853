import numpy as np
import pytest

from noise import counts_of_test
from sayre.data import Grid, Pattern
from sayre.errors import SayreWarning
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.choice.consensus import consensus, resampled, with_margin
from sayre.retrieval.choice.select import select
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.recipe import divide, parse
from sayre.retrieval.engine.runs import Run, Start, random_start, retrieve
from sayre.retrieval.engine.support import ShrinkWrap, initial_support
from sayre.retrieval.phased import phase


def spectrum(obj):
    return np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))


def run_of(obj):
    nan = float("nan")
    found = Packed.of(obj, np.ones(obj.shape, bool))
    return Run(index=0, found=found, residual=nan, likelihood=nan, free_likelihood=nan)


@pytest.fixture(scope="module")
def tetrahedron():
    """A tetrahedron by its exact transform, which an array of 40³ cuts off; the field, and noisy counts.

    Sampled 4 times as fine in real space, of which the detector sees the middle.
    """
    n, fine = 40, 160
    z, y, x = ((np.mgrid[:fine, :fine, :fine] - fine // 2) / 4.0).astype(np.float32)
    normals = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    # a turn that takes the facets off the axes
    turn = np.linalg.qr(np.array([[1, 0.3, -0.2], [-0.4, 1, 0.5], [0.1, -0.6, 1]]))[0]
    inside = np.ones(z.shape, bool)
    for a, b, c in normals @ turn:
        inside &= a * z + b * y + c * x < 4.2
    shape = np.where(inside, np.exp(1j * 0.004 * (z * y + x * x)), 0)
    middle = slice(fine // 2 - n // 2, fine // 2 + n // 2)
    field = spectrum(shape)[middle, middle, middle]
    field *= np.sqrt(1e6) / np.abs(field).max()
    counts = np.random.default_rng(0).poisson(np.abs(field) ** 2).astype(np.float32)
    counts = counts_of_test(counts)
    truth = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(field))).astype(np.complex64)
    return truth, Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * 3))


@pytest.mark.parametrize("shape", [(24, 27, 25), (31, 36, 40), (20, 21, 36)])
def test_resampling_keeps_the_field_where_it_remains(crystal, shape):
    obj = crystal[0][:24, :27, :25]
    new, old = spectrum(resampled(obj, shape)), spectrum(obj)
    small = [min(a, b) for a, b in zip(shape, obj.shape, strict=True)]
    parts = []
    for field in (new, old):
        firsts = [n // 2 - m // 2 for n, m in zip(field.shape, small, strict=True)]
        parts.append(field[tuple(slice(f, f + m) for f, m in zip(firsts, small, strict=True))])
    np.testing.assert_allclose(*parts, atol=1e-4 * np.abs(old).max())
    left = np.linalg.norm(new) ** 2 - np.linalg.norm(parts[0]) ** 2
    assert abs(left) < 1e-5 * np.linalg.norm(new) ** 2


def test_margin_is_unmeasured_and_allows_any_amplitude(pattern):
    bounds = amplitude_bounds(pattern)
    wide = with_margin(bounds)
    assert all(size >= 1.25 * n for size, n in zip(wide.counts.shape, bounds.counts.shape, strict=True))
    firsts = [size // 2 - n // 2 for size, n in zip(wide.counts.shape, bounds.counts.shape, strict=True)]
    inner = tuple(slice(f, f + n) for f, n in zip(firsts, bounds.counts.shape, strict=True))
    for name in ("lower", "upper", "counts", "weight"):
        np.testing.assert_array_equal(getattr(wide, name)[inner], getattr(bounds, name))
    outside = np.ones(wide.counts.shape, bool)
    outside[inner] = False
    assert np.isinf(wide.upper[outside]).all()
    assert not wide.lower[outside].any() | wide.weight[outside].any()


def test_beyond_the_edges_sharp_crystals_hold(tetrahedron):
    """From the true phases: iterations in the array as measured spoil them, those with a margin do not."""
    truth, pattern = tetrahedron
    bounds, wrap = amplitude_bounds(pattern), ShrinkWrap(sigma=(1.0, 1.0))
    steps = parse("(RAAR*20 + SW)**4, ER*20")
    (bare,) = retrieve(bounds, [Start(index=0, object=truth, support=wrap.final(truth))], steps, wrap)
    found = consensus([run_of(truth)], bounds, steps, wrap)
    errors = [1 - correlation(align(x, truth), truth) for x in (bare.object, found.object)]
    assert errors[1] < 0.005
    assert errors[1] < 0.2 * errors[0]
    assert found.fit.residual[0] < 0.6 * bare.residual


@pytest.mark.filterwarnings("ignore:.*do not trust")
def test_steps_beyond_the_edges_improve_what_random_starts_reach(tetrahedron):
    """Three searches of four starts, each against the average of the same starts without these steps."""
    truth, pattern = tetrahedron
    bounds, wrap = amplitude_bounds(pattern), ShrinkWrap()
    errors = []
    for seed in range(3):
        found = phase(pattern, recipe="quick", runs=4, seed=seed)
        bare = consensus(select(found.runs), bounds, (), wrap)
        errors.append([1 - correlation(align(x.object, truth), truth) for x in (bare, found)])
    before, after = np.mean(errors, axis=0)
    assert after < 0.06
    assert after < 0.75 * before


def test_scatter_is_of_the_results_of_two_halves(pattern):
    """Against two sets of starts as they come out."""
    bounds, support, wrap = amplitude_bounds(pattern), initial_support(pattern.intensity), ShrinkWrap()
    before, after = divide(parse("(HIO*20 + SW)**3, ER*10, WIDE, (RAAR*10 + SW)**2"))
    starts = [random_start(bounds, support, index, 0) for index in range(12)]
    runs = list(retrieve(bounds, starts, before, wrap))
    sets = [consensus(runs[first::2], bounds, after, wrap) for first in (0, 1)]
    apart = np.sqrt(2 - 2 * correlation(align(sets[1].object, sets[0].object), sets[0].object))
    for found in sets:
        assert 0.4 * apart < found.modes.scatter < 2.5 * apart


def test_a_consensus_that_breaks_is_said_and_the_average_stays(pattern):
    empty = np.zeros(pattern.shape, np.complex64)
    runs = [run_of(empty), run_of(empty)]
    with pytest.warns(SayreWarning, match="WIDE: .* empty after 2 iterations; the steps"):
        found = consensus(runs, amplitude_bounds(pattern), parse("ER*2"), ShrinkWrap())
    np.testing.assert_array_equal(found.object, empty)
    assert float(found.fit.residual[0]) == pytest.approx(1)
