"""Rendered plans against direct sums, a convex hull, and the code that draws one crystal at a time."""

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull, HalfspaceIntersection

from sayre.numerics.interpolate import linear_fill
from sayre.simulation.strained.disturbed import Disturbances, blurred
from sayre.simulation.strained.plans import FAR, WidePopulation, plan
from sayre.simulation.strained.rendered import crystals, intensities, rendered

SIDE = 32
NONE = Disturbances(with_background=0, with_blur=0, with_grain=0, with_gaps=0)
BRIGHT = {"side": SIDE, "max_counts": (1e7, 1e7), "oversampling": (2.0, 2.5)}


def stacked(count, disturbances=NONE, seed=0, **ranges):
    generator = np.random.default_rng(seed)
    made = [plan(WidePopulation(**BRIGHT | ranges), disturbances, generator) for _ in range(count)]
    return {name: torch.from_numpy(np.stack([one[name] for one in made])) for name in made[0]}


def phase_of(plans, row, axis):
    """The phase as the plan states it, point by point, for waves alone."""
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    waves, amplitudes, offsets = (plans[name][row].numpy() for name in ("waves", "amplitudes", "offsets"))
    phase = sum(
        amplitude * np.cos(grid @ wave + offset)
        for wave, amplitude, offset in zip(waves, amplitudes, offsets, strict=True)
    )
    return grid, phase


def test_phase_and_faces_are_those_of_the_plan():
    plans = stacked(2, correlated=1.0, dislocation=0, misfit=0, phase_range=(2.0, 2.0))
    plans["levelled"][0], plans["levelled"][1] = 0, 1
    cover, fine = crystals(plans, SIDE)
    axis = (np.arange(cover.shape[1]) - cover.shape[1] // 2) / 2
    for row in range(2):
        grid, phase = phase_of(plans, row, axis)
        inside = cover[row].numpy() > 0
        if row:
            terms = np.concatenate([grid[inside], np.ones((inside.sum(), 1))], 1)
            phase[inside] -= terms @ np.linalg.lstsq(terms, phase[inside], rcond=None)[0]
        phase *= 2.0 / np.ptp(phase[inside])
        wrong = np.angle(fine[row].numpy() * np.exp(-1j * phase))[cover[row].numpy() > 0.5]
        assert np.abs(wrong).max() < 5e-3


def test_the_volume_is_that_of_the_polyhedron():
    plans = stacked(6, side=64)
    cover, _ = crystals(plans, 64)
    for row in range(6):
        real = plans["distances"][row] < FAR
        faces = np.column_stack([plans["normals"][row][real], -plans["distances"][row][real]]).astype(float)
        deepest = np.argwhere(cover[row].numpy() == cover[row].numpy().max()).mean(0)
        corners = HalfspaceIntersection(faces, deepest / 2 - cover.shape[1] // 4).intersections
        assert float(cover[row].sum()) / 8 == pytest.approx(ConvexHull(corners).volume, rel=0.1)


def test_intensities_are_those_of_a_direct_sum():
    """At whole steps from the brightest voxel, which is 1, of the object freed of its mean gradient."""
    plans = stacked(2)
    fine = crystals(plans, SIDE)[1].numpy()
    power = intensities(torch.from_numpy(fine), SIDE).numpy()
    axis = (np.arange(fine.shape[1]) - fine.shape[1] // 2) / 2
    grid = np.meshgrid(axis, axis, axis, indexing="ij")
    for one, found in zip(fine, power, strict=True):
        assert np.unravel_index(found.argmax(), found.shape) == (SIDE // 2,) * 3
        level = one
        for k in range(3):
            here, there = (np.take(one, range(s, len(axis) - 1 + s), k) for s in (0, 1))
            level = level * np.exp(-2j * np.angle(np.vdot(here, there)) * grid[k])

        def summed(q, level=level):
            turned = level * np.exp(-2j * np.pi / SIDE * sum(k * g for k, g in zip(q, grid, strict=True)))
            return float(np.abs(turned.sum()) ** 2)

        peak = max(np.ndindex(7, 7, 7), key=lambda at: summed(np.array(at) - 3))
        for q in ((0, 0, 0), (3, -2, 1), (-8, 5, 11), (0, -13, 7)):
            wanted = summed(np.array(q) + peak - 3) / summed(np.array(peak) - 3)
            assert found[tuple(k + SIDE // 2 for k in q)] == pytest.approx(wanted, rel=1e-3, abs=1e-7)


def test_the_coverage_is_in_the_place_of_the_object():
    """Where the counts are without noise, their autocorrelation fits that of the coverage in extent."""
    plans = stacked(4, phase_range=(0.0, 0.0), dislocation=0, max_counts=(1e8, 1e8))
    made = rendered(plans, SIDE)
    assert made.coverage.shape == (4, SIDE // 2, SIDE // 2, SIDE // 2)
    for counts, coverage in zip(made.counts.numpy(), made.coverage.numpy(), strict=True):
        shape = np.pad(coverage, SIDE // 4)
        wanted = np.abs(np.fft.fftn(np.fft.ifftshift(shape))) ** 2
        wanted = np.fft.fftshift(wanted) * counts.max() / wanted.max()
        near = (slice(SIDE // 2 - 4, SIDE // 2 + 5),) * 3
        assert np.abs(wanted[near] - counts[near]).max() < 0.05 * counts.max()


def test_background_blur_grain_and_gaps():
    plain = rendered(stacked(2), SIDE).counts

    def changed(**values):
        plans = stacked(2)
        for name, value in values.items():
            plans[name] = torch.tensor(value, dtype=torch.float32).expand_as(plans[name]).clone()
        return rendered(plans, SIDE).counts

    dark = plain < 3
    assert int(dark.sum()) > 300
    assert float(changed(background=40.0)[dark].mean()) == pytest.approx(41.5, abs=1.5)
    soft = changed(blur=[1.0, 0.0, 1.5])[0].numpy()
    wanted = blurred(plain[0].numpy(), np.array([1.0, 0.0, 1.5]))
    assert np.abs(soft - wanted).max() < 0.02 * wanted.max()
    two = changed(grain=0.5, shift=[5.0, -3.0, 8.0])[0].numpy()
    at = (SIDE // 2 + 5, SIDE // 2 - 3, SIDE // 2 + 8)
    assert two[at] == pytest.approx(0.5e7 + float(plain[0][at]), rel=0.05)


def test_gaps_are_filled_as_for_the_iterations():
    few = stacked(1)
    few["gaps"][0, 0] = torch.tensor([1.0, 18.0, 5.0])
    gapped, whole = rendered(few, SIDE).counts[0].numpy(), rendered(stacked(1), SIDE).counts[0].numpy()
    mask = np.zeros(whole.shape, bool)
    mask[:, 18:23] = True
    wanted = np.expm1(linear_fill(np.log1p(whole), mask))
    np.testing.assert_allclose(gapped, wanted, rtol=1e-3, atol=1e-3)


def test_plans_are_of_one_shape_and_repeat_by_seed():
    first, again = (stacked(3, Disturbances(), seed=4) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert torch.equal(rendered(first, SIDE).counts, rendered(again, SIDE).counts)
