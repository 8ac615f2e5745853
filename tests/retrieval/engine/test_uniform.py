import numpy as np
import pytest
import torch

from noise import counts_of_test
from sayre.data import Grid, Pattern
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.start import random_start
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.engine.uniform import indices, plateau, relax_below
from sayre.retrieval.settings import Settings
from sayre.simulation.strained.voxels import VoxelPopulation, draw


@pytest.fixture
def arrays():
    generator = torch.Generator().manual_seed(0)
    x, p = (torch.randn(2, 5, 6, 7, dtype=torch.complex64, generator=generator) for _ in range(2))
    return x, p, torch.rand(2, 5, 6, 7, generator=generator) > 0.5


def ceilings_of(p, support, ceiling):
    """Largest amplitude allowed in each object."""
    squares = (p.abs().square() * support).flatten(1)
    levels = ceiling * (squares.square().sum(1) / squares.sum(1)).sqrt()
    return levels.reshape(-1, 1, 1, 1)


def test_plateau_of_a_flat_object_is_its_amplitude():
    flat = torch.full((5000,), 3.0)
    assert float(plateau(flat.square())) == pytest.approx(3.0, rel=1e-5)
    assert float(plateau(1e-9 * flat.square())) == pytest.approx(3 * 1e-9**0.5, rel=1e-5)
    dark = torch.where(torch.rand(5000, generator=torch.Generator().manual_seed(0)) < 0.3, 0.1 * flat, flat)
    assert float(plateau(dark.square())) == pytest.approx(3.0, rel=1e-2)


@pytest.mark.parametrize("starts", [1, 2])
def test_the_projection_is_the_nearest_object_below_the_ceiling(arrays, starts):
    """Compare with the formula voxel by voxel; no other member of the set is nearer."""
    x, p, support = (array[:starts] for array in arrays)
    out, top = x.clone(), ceilings_of(p, support, 0.8)
    relax_below(out, p, support, indices(support), 0.8, None)
    assert torch.allclose(out, support * p * torch.minimum(torch.ones(()), top / p.abs()))
    other = x * support
    other *= torch.minimum(torch.ones(()), top / other.abs().clamp(min=1e-9))
    assert ((out - p).abs() <= (other - p).abs() + 1e-6).all()


def test_hybrid_input_output_step(arrays):
    x, p, support = arrays
    inside = indices(support)
    out, projected, free = x.clone(), x.clone(), x.clone()
    relax_below(out, p, support, inside, 0.8, 0.9)
    relax_below(projected, p, support, inside, 0.8, None)
    kept = torch.isclose(projected, p)
    assert 0 < kept[support].sum() < support.sum()
    assert torch.allclose(out, torch.where(kept, p, x - 0.9 * (p - projected)), atol=1e-6)
    relax_below(free, p, support, inside, 1e9, 0.9)
    assert torch.allclose(free, torch.where(support, p, x - 0.9 * p))


def test_an_empty_support_beside_a_full_one(arrays):
    x, p, support = arrays
    support[0] = False
    out = x.clone()
    relax_below(out, p, support, indices(support), 1.0, None)
    assert not out[0].any()
    assert torch.allclose(out[1].abs().max(), ceilings_of(p, support, 1.0)[1])


def test_a_ceiling_phases_what_the_plain_algorithm_does_not():
    """Of 2D crystals with phases of 4π to 6π and a known support, most are recovered with it, few without."""
    population = VoxelPopulation(
        side=96,
        dimensions=2,
        oversampling=(2.5, 4),
        phase_range=(4 * np.pi, 6 * np.pi),
        dislocation=0,
        misfit=0,
        max_counts=(1e7, 1e7),
    )
    reached: dict[str, list[float]] = {"": [], "ceiling=1": []}
    for seed in range(6):
        made = draw(population, np.random.default_rng(seed))
        counts = np.random.default_rng(seed).poisson(np.abs(made.amplitude) ** 2).astype(np.float32)
        counts = counts_of_test(counts)
        pattern = Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0, 1.0)))
        bounds = amplitude_bounds(pattern, Settings(free=0.0))
        start = random_start(bounds, made.coverage > 0.02, 0, seed)
        for option, correlations in reached.items():
            text = f"HIO({option})*280, ER({option})*20" if option else "(HIO*40 + ER*10)**6"
            run = next(iter(retrieve(bounds, [start], parse(text), ShrinkWrap())))
            correlations.append(correlation(align(run.object, made.object), made.object))
    assert np.mean(reached["ceiling=1"]) > 0.8
    assert np.mean(reached[""]) < 0.75
