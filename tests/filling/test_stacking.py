"""Filling by several methods: hidden copies, the weights that follow from them, and the error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kept_steps import Steps

from sayre.data import Grid, Pattern
from sayre.detectors import masks
from sayre.filling.fill import inpaint
from sayre.filling.scores import evaluate
from sayre.filling.stacking.evidence import LEAD, Evidence, levels_of, over_plane
from sayre.filling.stacking.experts import Estimate, Expert, from_smoothed_edges
from sayre.filling.stacking.mixture import combine
from sayre.filling.stacking.pieces import hidden_copies
from sayre.filling.stacking.scale import error_scale
from sayre.filling.stacking.simplex import stacked
from sayre.filling.stacking.streaks import along_streaks
from sayre.networks import registry

SHAPE = (10, 60, 40)


@pytest.fixture
def plane():
    return masks.plane(SHAPE, 1, 30, 5)


@pytest.fixture
def no_weights(monkeypatch):
    """As if no network shipped."""
    monkeypatch.setattr(registry, "default", lambda *_: None)


def expert(name, gap, hidden, sigma=0.1):
    def estimate(counts):
        log = np.log1p(np.broadcast_to(counts, SHAPE)).astype(np.float32)
        return Estimate(log=log.copy(), sigma=np.full(SHAPE, sigma, np.float32))

    return Expert(name=name, gap=estimate(gap), hidden=estimate(hidden))


def test_copies_are_as_wide_as_the_gap_on_both_sides(plane):
    copies = hidden_copies(plane)
    (piece,) = copies.pieces
    assert (piece.axis, piece.shifts) == (1, (-13, 13))
    assert np.flatnonzero(copies.mask.any((0, 2))).tolist() == [*range(17, 22), *range(43, 48)]
    assert np.array_equal(copies.wide, plane)
    assert not copies.narrow.any()


def test_what_lies_at_a_copy():
    mask = masks.plane(SHAPE, 1, 3, 5)
    (piece,) = hidden_copies(mask).pieces
    assert piece.shifts == (13,)
    index = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    np.testing.assert_array_equal(piece.moved(index, 13), index[:, 16:21])
    np.testing.assert_array_equal(piece.moved(index, -5, -1)[:, 2:], index[:, :3])
    assert (piece.moved(index, -5, -1)[:, :2] == -1).all()


def test_borders_are_continued_and_narrow_runs_are_copied_alone(plane):
    mask = plane.copy()
    mask[:, :4] = mask[:, 10, 7] = True
    copies = hidden_copies(mask)
    assert copies.mask[:, 4:8].all()
    assert not (copies.mask & mask).any()
    assert set(zip(*np.nonzero(copies.narrow)[1:], strict=True)) == {(10, 15)}
    assert not copies.wide[:, 10, 7].any()


def test_copies_of_different_pieces_keep_apart():
    """Where copies of both planes of a cross met, the hole would be wider than the gap."""
    shape = (4, 80, 80)
    cross = masks.cross(shape, axes=(1, 2), starts=(36, 30), widths=(6, 6))
    copies = hidden_copies(cross)
    assert not (copies.mask & cross).any()
    rows = [r for r in range(80) if copies.mask[0, r, 75]]
    assert rows == [*range(22, 28), *range(50, 56)]
    columns = copies.mask[0, :, 16:22].any(1)
    assert columns[:18].all()
    assert not columns[18:22].any()


def test_stacked_weights_are_those_of_the_smallest_error():
    """Karush, Kuhn and Tucker: the slope is the same for experts that weigh, and no smaller for others."""
    generator = np.random.default_rng(2)
    factors = generator.normal(size=(4, 6, 500))
    products = np.einsum("kip,lip->klp", factors, factors).astype(np.float32) / 6
    penalty = generator.uniform(0, 0.3, (4, 500)).astype(np.float32)
    weights = stacked(products, penalty)
    np.testing.assert_allclose(weights.sum(0), 1, rtol=1e-5)
    assert weights.min() >= 0
    slope = 2 * np.einsum("klp,lp->kp", products, weights) + penalty
    level = (weights * slope).sum(0)
    assert (slope - level).min() > -0.03
    assert np.abs((slope - level)[weights > 1e-4]).max() < 0.03
    assert 0.3 < np.mean(weights > 1e-4) < 0.9


def test_sums_over_the_plane_of_a_gap():
    """One voxel counts as one, and an even field as the area of the Gaussian times the thickness."""
    field = np.zeros((41, 5, 43), np.float32)
    field[20, 2, 20] = 7
    np.testing.assert_allclose(over_plane(field, 1, 2.5)[20, 0, 20], 7, rtol=0.02)
    np.testing.assert_allclose(over_plane(field, 1, 2.5)[25, 0, 20], 7 * np.exp(-2), rtol=0.02)
    even = over_plane(np.ones_like(field), 1, 2.5)[20, 0, 20]
    np.testing.assert_allclose(even, 5 * 2 * np.pi * 2.5**2, rtol=0.02)


def test_without_copies_the_leading_expert_fills():
    mask = masks.plane(SHAPE, 1, 2, 50)
    copies = hidden_copies(mask)
    assert not copies.pieces[0].shifts
    experts = [expert(name, 3, 3) for name in "ab"]
    weights = Evidence(np.full(SHAPE, 3, np.float32), copies, experts).weights(copies.pieces[0])
    assert (weights[0] == 0).all()
    assert (weights[1] == 1).all()


def evidence_of(truth, plane, *experts):
    counts = np.random.default_rng(0).poisson(np.broadcast_to(truth, SHAPE)).astype(np.float32)
    copies = hidden_copies(plane)
    evidence = Evidence(counts, copies, experts)
    return evidence, evidence.weights(copies.pieces[0])


@pytest.mark.parametrize(("off", "first"), [(1.05, False), (1.5, True)])
def test_an_expert_leads_until_another_is_clearly_better(plane, off, first):
    """Counts of 100 everywhere; one expert says so, the leading one says more."""
    evidence, weights = evidence_of(100, plane, expert("a", 100, 100), expert("b", 100, 100 * off))
    leading = 0 if first else 1
    assert evidence.leading[4] == leading
    assert (weights[leading, :, :, 10:30] > 0.9).all()
    assert LEAD > 0


def test_each_place_and_brightness_has_its_own_expert(plane):
    """One expert is right on the left and where it is dark, the other on the right."""
    truth = np.ones(SHAPE, np.float32)
    truth[:, :, 20:] = 80
    said = np.where(truth > 1, truth * 0.4, truth), np.where(truth > 1, truth, truth + 5)
    left, right = (expert(name, one, one) for name, one in zip(("left", "right"), said, strict=True))
    _, weights = evidence_of(truth, plane, left, right)
    assert weights[0, :, :, :15].min() > 0.85
    assert weights[1, :, :, 25:].min() > 0.95
    np.testing.assert_allclose(weights.sum(0), 1, rtol=1e-5)


def test_what_one_side_alone_says_changes_nothing(plane):
    """In one place the leading expert is wrong in one copy, in another place in both."""
    wrong = np.full(SHAPE, 40, np.float32)
    wrong[:, :30, 3:6] = wrong[:, :, 33:37] = 10
    _, weights = evidence_of(40, plane, expert("a", 40, 58), expert("b", 40, wrong))
    assert weights[1, :, :, 3:7].min() > 0.8
    assert weights[0, :, :, 33:37].min() > 0.5


def test_classes_of_brightness_share_every_voxel():
    light = np.linspace(0, 9, 100).astype(np.float32)
    np.testing.assert_allclose(np.sum(levels_of(light), axis=0), 1, rtol=1e-6)


@pytest.mark.parametrize(("stated", "low", "high"), [(0.3, 0.85, 1.2), (0.15, 1.6, 2.5), (0.6, 0.4, 0.65)])
def test_the_scale_of_an_error_is_found(stated, low, high):
    generator = np.random.default_rng(3)
    for level in (10.0, 60.0, 1000.0):
        log = np.full(3000, np.log1p(level), np.float32)
        truth = np.expm1(log + generator.normal(0, 0.3, log.size))
        counts = generator.poisson(truth).astype(np.float32)
        near = np.arange(log.size) < log.size // 3
        scale = error_scale(counts, log, np.full_like(log, stated), near, np.random.default_rng(0))
        assert low < scale(log[:1], near[:1])[0] < high
        assert low < scale(log[-1:], near[-1:])[0] < high


def test_errors_near_the_peak_have_a_scale_of_their_own():
    generator = np.random.default_rng(3)
    near = np.arange(6000) < 1000
    log = np.full(near.size, np.log1p(60), np.float32)
    truth = np.expm1(log + np.where(near, 0.5, 0.2) * generator.normal(size=log.size))
    counts = generator.poisson(np.maximum(truth, 0)).astype(np.float32)
    scale = error_scale(counts, log, np.full_like(log, 0.2), near, np.random.default_rng(0))
    assert scale(log[:1], near[:1])[0] == pytest.approx(2.5, rel=0.2)
    assert scale(log[-1:], near[-1:])[0] == pytest.approx(1.2, rel=0.2)


def test_edges_are_means_of_counts():
    """Single photons on a flat field: the mean of their logarithms is too low, that of counts is not."""
    counts = np.random.default_rng(0).poisson(np.full((40, 40, 40), 0.5)).astype(np.float32)
    mask = masks.plane(counts.shape, 1, 18, 4)
    smooth = np.expm1(from_smoothed_edges(np.log1p(counts), mask)[mask])
    assert smooth.mean() == pytest.approx(0.5, abs=0.03)


def test_a_mixture_states_the_spread_of_its_experts(plane):
    """The truth lies between two of them: the error is at least their distance from the mixture."""
    counts = np.full(SHAPE, 50, np.float32)
    copies = hidden_copies(plane)
    experts = [expert("a", 40, 30, sigma=0.01), expert("b", 90, 75, sigma=0.01)]
    weights = Evidence(counts, copies, experts).weights(copies.pieces[0])[:, 5, 2, 20]
    assert 0.2 < weights[0] < 0.8
    found, _ = combine(counts, plane, copies, experts, np.random.default_rng(0))
    logs = np.log1p(np.array([40.0, 90.0]))
    apart = np.sqrt(weights @ (logs - weights @ logs) ** 2)
    assert found.sigma[5, 32, 20] > 0.95 * apart
    assert not found.sigma[~plane].any()


@pytest.fixture
def rod():
    """A peak, and a rod of 12 counts through the dark field: what stationary statistics smear out."""
    shape = (24, 72, 48)
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij")
    truth = 4000 * np.exp(-(z**2 + y**2 + x**2) / 12) + 0.1
    truth += 12 * np.exp(-(z**2 + (x - 9) ** 2) / 2)
    counts = np.random.default_rng(5).poisson(truth).astype(np.float32)
    pattern = Pattern(intensity=counts, mask=np.zeros(shape, bool), grid=Grid(step=(1.0,) * 3))
    return pattern, truth.astype(np.float32)


def test_a_rod_is_not_lost(rod, no_weights):
    pattern, truth = rod
    rows = {
        s.method: s
        for s in evaluate(
            pattern, width=6, axis=1, position=8, methods=["linear", "wiener", "stack"], truth=truth
        )
    }
    stack = rows.pop("stack")
    assert rows["wiener"].bright_sum < 0.5
    assert abs(stack.bright_sum - 1) < 0.1
    assert stack.bright_ratio < 0.7
    assert stack.root_error < min(row.root_error for row in rows.values())
    assert stack.covered_1 > 0.6


def streaks_of(truth, plane, filled=1.0):
    """Counts that a filling of `filled` counts in the gap has after streaks are written to it."""
    counts = np.random.default_rng(0).poisson(np.broadcast_to(truth, SHAPE)).astype(np.float32)
    (piece,) = hidden_copies(plane).pieces
    into = expert("a", filled, filled).gap
    along_streaks(into, np.where(plane, 0, counts), plane, piece.box, piece.axis, piece.inside)
    return np.expm1(into.log[piece.box]), into.sigma[piece.box]


def test_a_streak_goes_on_through_the_gap(plane):
    """Counts that fall by a third from one side to the other, in single columns."""
    along = (20 * np.exp(-0.012 * np.arange(SHAPE[1])))[:, None]
    truth = np.where(np.arange(SHAPE[2]) % 4 == 0, along, 0.5)
    found, sigma = streaks_of(truth, plane)
    assert np.median(found[:, :, ::4].mean(1) / along[30:35].mean()) == pytest.approx(1, abs=0.05)
    assert np.mean(found[:, :, ::4] > 1.01) > 0.8
    assert sigma[:, :, ::4].max() < 0.3
    np.testing.assert_allclose(found[:, :, 1::4], 1, rtol=1e-5)


@pytest.mark.parametrize(
    "along",
    [
        20 * (1 + np.cos(2 * np.pi * (np.arange(60) - 32) / 9)),
        np.where(np.arange(60) < 32, 20, 1.0),
        400 * np.exp(-((np.arange(60) - 32) ** 2) / 50),
    ],
    ids=["fringes", "one side alone", "a peak"],
)
def test_what_is_no_streak_stays_as_it_was_filled(plane, along):
    found, _ = streaks_of(along[:, None] + 0.01, plane)
    assert np.mean(found > 1.01) < 0.03


def test_bright_counts_are_filled_by_their_mean_root(plane):
    """One expert states a log-normal law: the filling is the square of the mean root of its counts."""
    copies = hidden_copies(plane)
    experts = [expert("a", 50, 50, sigma=0.5)]
    found, _ = combine(np.full(SHAPE, 50, np.float32), plane, copies, experts, np.random.default_rng(0))
    drawn = np.exp(np.log1p(50) + 0.5 * np.random.default_rng(0).normal(size=200_000)) - 1
    mean_root = np.sqrt(np.maximum(drawn, 0)).mean()
    assert np.expm1(found.log[5, 32, 20]) == pytest.approx(mean_root**2, rel=0.01)


@pytest.mark.parametrize("method", ["auto", "stack"])
def test_the_default_keeps_what_was_measured_and_says_what_filled(rod, no_weights, method):
    pattern = rod[0].crop((slice(0, 12), slice(0, 40), slice(0, 30)))
    mask = masks.plane(pattern.shape, 1, 18, 4)
    mask[:, 3, 5] = True
    gapped = pattern.with_mask(mask)
    told = []
    found = inpaint(gapped, method=method, progress=told.append)
    assert found.method == "stack of linear, edges, wiener"
    np.testing.assert_array_equal(found.intensity[~mask], pattern.intensity[~mask])
    assert (found.sigma[mask] > 0).all()
    assert told == sorted(told)
    assert told[-1] == 1


def test_narrow_gaps_alone_are_filled_by_wiener(rod, no_weights):
    pattern = rod[0].crop((slice(0, 12), slice(0, 40), slice(0, 30)))
    mask = np.zeros(pattern.shape, bool)
    mask[:, ::9, ::7] = True
    gapped = pattern.with_mask(mask)
    assert inpaint(gapped).method == "stack of wiener"
    alone = inpaint(gapped, method="wiener")
    np.testing.assert_allclose(inpaint(gapped).intensity, alone.intensity, rtol=0.02, atol=0.02)


def test_a_stack_resumed_after_any_step_has_the_same_bytes(rod, no_weights):
    pattern = rod[0].crop((slice(0, 12), slice(0, 40), slice(0, 30)))
    gapped = pattern.with_mask(masks.plane(pattern.shape, 1, 18, 4))
    kept = Steps()
    whole = inpaint(gapped, kept=kept)
    names = [name for name, _ in kept.saved]
    assert names == ["hidden", "wiener", "wiener", "stack"]
    for done in range(1, len(names) + 1):
        again = inpaint(gapped, kept=kept.from_step(done))
        assert again.intensity.tobytes() == whole.intensity.tobytes()
        assert again.sigma.tobytes() == whole.sigma.tobytes()


def test_two_dimensional_counts_are_stacked_too(no_weights):
    counts = np.random.default_rng(0).poisson(np.full((40, 44), 5.0)).astype(np.float32)
    mask = masks.plane(counts.shape, 0, 18, 4)
    pattern = Pattern(intensity=np.where(mask, 0, counts), mask=mask, grid=Grid(step=(1.0, 1.0)))
    found = inpaint(replace(pattern))
    assert found.method == "stack of linear, edges, wiener"
    assert found.intensity[mask].mean() == pytest.approx(5.0, abs=0.8)


def test_dead_pixels_cost_the_network_nothing(rod, monkeypatch):
    """Wiener alone fills them: the network is asked for the voxels of the wide gap and of its copies."""
    from sayre.filling.stacking import windows

    asked = []
    fill = windows.fill

    def counting(volume, slabs, *arguments, **options):
        asked.append(sum(len(slab.voxels) for slab in slabs))
        return fill(volume, slabs, *arguments, **options)

    monkeypatch.setattr(windows, "fill", counting)
    pattern = rod[0].crop((slice(0, 12), slice(0, 40), slice(0, 30)))
    gap = masks.plane(pattern.shape, 1, 18, 4)
    dead = np.zeros(pattern.shape, bool)
    dead[:, np.arange(2, 17, 5)[:, None], np.arange(2, 28, 3)] = True
    for mask in (gap, gap | dead):
        inpaint(pattern.with_mask(mask))
    copies, gaps, with_dead = asked[0], asked[1], asked[2:]
    assert gaps == gap.sum()
    assert with_dead[1] == gaps
    assert 0 < with_dead[0] <= copies
