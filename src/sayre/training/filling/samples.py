"""Training windows: gaps are drawn into patterns, and windows are cut as they are for filling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.detectors import masks
from sayre.filling.network.volume import Baseline, Log, Volume, prepare
from sayre.filling.network.windows import Slab, SlabView, orient, plan
from sayre.numerics.gaps import UNBOUNDED, run_lengths
from sayre.training.filling.disturbances import draw_dead_columns, draw_factors

Array = TypeVar("Array")
Mask = NDArray[np.bool_]
TruthSource = Callable[[np.random.Generator], "Truth"]
"""A function that draws a pattern."""


class Truth(NamedTuple):
    """A pattern to draw gaps into.

    Attributes
    ----------
    values
        Measured counts, or expected counts without noise and with a peak of 1; float32.
    measured
        Whether the values are measured counts.
    mask
        Voxels that are not measured, bool; None where all are.
    """

    values: Log
    measured: bool
    mask: Mask | None = None


class Scene(NamedTuple):
    """A pattern with gaps, from which windows are cut.

    Attributes
    ----------
    volume
        The pattern with its first fill.
    target
        The right `log(1 + I)`, float32.
    noise
        Poisson variance of the target, float32.
    slabs
        The gaps to fill.
    """

    volume: Volume
    target: Log
    noise: Log
    slabs: list[Slab]


class Window(NamedTuple, Generic[Array]):
    """A training sample: inputs and right output of a filling network, each `(depth, rows, columns)`.

    Attributes
    ----------
    filled, sigma, mask, mirror, mirror_mask, linear
        Inputs, as `sayre.filling.network.volume.Volume` has them.
    target
        The right `log(1 + I)`.
    wanted
        1 in voxels that count in the loss, 0 in the others.
    noise
        Poisson variance of the target.
    """

    filled: Array
    sigma: Array
    mask: Array
    mirror: Array
    mirror_mask: Array
    linear: Array
    target: Array
    wanted: Array
    noise: Array


@dataclass(frozen=True, kw_only=True)
class WindowRecipe:
    """How scenes and windows are drawn.

    Attributes
    ----------
    shape
        Planes, rows and columns of a window.
    baseline
        Method of the first fill.
    widths
        Smallest and largest gap width, in voxels.
    max_counts
        Range of the expected counts in the brightest voxel, log-uniform.
    noise_free
        Share of the scenes without photon noise, whose counts may be 100 times as high.
    background
        Share of the scenes with a background.
    gains, frames
        Shares of the scenes whose pixels differ in gain, the same in every frame, or whose frames differ in
        flux; frames lie along an axis drawn at random.
    scatter
        Range of the relative standard deviation of these gains and fluxes.
    cross
        Share of the scenes with gaps across two axes; the others have one or two gaps across one axis.
    beamstop, isolated
        Shares of the scenes with a beamstop, or with isolated pixels, in place of those gaps.
    border, dead
        Shares of the scenes whose outer planes are masked, or which have dead pixels beside the gaps.
    candidates
        Places that are drawn for a window, of which bright ones are selected more often.
    target
        Whether the expected counts are right, or the noisy "counts", as published.
    """

    shape: tuple[int, int, int] = (32, 48, 48)
    baseline: Baseline = "wiener"
    widths: tuple[int, int] = (1, 16)
    max_counts: tuple[float, float] = (1e4, 1e9)
    noise_free: float = 0.1
    background: float = 0.3
    gains: float = 0.3
    frames: float = 0.3
    scatter: tuple[float, float] = (0.02, 0.2)
    cross: float = 0.4
    beamstop: float = 0.1
    isolated: float = 0.08
    border: float = 0.05
    dead: float = 0.15
    candidates: int = 4
    target: Literal["expectation", "counts"] = "expectation"


def draw_scene(truth: Truth, recipe: WindowRecipe, generator: np.random.Generator) -> Scene:
    """Draw the exposure, the photon noise and the gaps of a scene, and compute its first fill.

    Parameters
    ----------
    truth
        The pattern; measured counts get neither exposure nor noise.
    recipe
        Ranges and shares to draw from.
    generator
        Source of every random number.
    """
    noisy = not truth.measured and generator.random() >= recipe.noise_free
    expected = truth.values
    if not truth.measured:
        low, high = np.log10(recipe.max_counts)
        expected = expected * np.float32(10 ** generator.uniform(low, high if noisy else high + 2))
        if generator.random() < recipe.background:
            expected = expected + np.float32(10 ** generator.uniform(-2, 0.5))
    axis, seen = int(generator.integers(3)), expected
    if noisy and generator.random() < recipe.frames:
        expected = seen = expected * draw_factors(expected.shape, {axis}, recipe.scatter, generator)
    if noisy and generator.random() < recipe.gains:
        seen = expected * draw_factors(expected.shape, {0, 1, 2} - {axis}, recipe.scatter, generator)
    counts = generator.poisson(seen).astype(np.float32) if noisy else expected
    known = np.ones(counts.shape, bool) if truth.mask is None else ~truth.mask
    gap = draw_gaps(counts, recipe, generator) & known
    mask = gap | ~known
    if not gap.any() or mask.all():
        return draw_scene(truth, recipe, generator)
    if generator.random() < recipe.border:
        mask |= masks.plane(mask.shape, int(generator.integers(3)), 0, int(generator.integers(1, 12)))
    if generator.random() < recipe.dead:
        mask |= draw_dead_columns(mask.shape, generator.permutation(3).tolist(), generator)
    slabs, _ = plan(mask, depth=recipe.shape[0], max_width=recipe.widths[1])
    slabs = [s for s in slabs if gap.flat[s.voxels].any()]
    if not slabs:
        return draw_scene(truth, recipe, generator)
    noisy_target = truth.measured or (noisy and recipe.target == "counts")
    target = counts if noisy_target else expected
    noise = target / (1 + target) ** 2 if noisy_target else np.zeros_like(target)
    return Scene(prepare(np.where(mask, 0, counts), mask, recipe.baseline), np.log1p(target), noise, slabs)


def draw_gaps(counts: Log, recipe: WindowRecipe, generator: np.random.Generator) -> Mask:
    """Draw the gaps of a scene, more often near the peak than far from it.

    Parameters
    ----------
    counts
        float32 `(n0, n1, n2)`.
    recipe
        Ranges and shares to draw from.
    generator
        Source of every random number.

    Returns
    -------
    bool, same shape, True in the gaps.
    """
    shape, (narrow, wide) = counts.shape, recipe.widths
    peak = np.unravel_index(int(np.argmax(counts)), shape)

    def place(axis: int, width: int) -> int:
        spread = shape[axis] * 0.22
        start = round(float(peak[axis]) + generator.normal(0, spread)) - width // 2
        return int(np.clip(start, 2, shape[axis] - width - 2))

    kind, mask = generator.random(), np.zeros(shape, bool)
    axes = [int(a) for a in generator.permutation(3)]
    width = int(generator.integers(narrow, wide + 1))
    if kind < recipe.isolated:
        return draw_dead_columns(shape, axes, generator) | masks.dead_pixels(
            shape, fraction=10 ** generator.uniform(-4, -2.5), generator=generator
        )
    if kind < recipe.isolated + recipe.beamstop:
        a, b = (place(axis, width) + (width - 1) / 2 for axis in axes[:2])
        y, x = np.ogrid[: shape[axes[0]], : shape[axes[1]]]
        disc = (y - a) ** 2 + (x - b) ** 2 <= (width / 2) ** 2
        return mask | np.moveaxis(
            np.broadcast_to(disc[..., None], (*disc.shape, shape[axes[2]])), (0, 1, 2), axes
        )
    mask |= masks.plane(shape, axes[0], place(axes[0], width), width)
    if generator.random() < recipe.cross:
        across = width if generator.random() < 0.5 else int(generator.integers(narrow, wide + 1))
        mask |= masks.plane(shape, axes[1], place(axes[1], across), across)
    else:
        second = masks.plane(shape, axes[0], place(axes[0], width), width)
        if run_lengths(mask | second, axes[0])[second].max() in (width, UNBOUNDED):
            mask |= second
    return mask


def draw_window(scene: Scene, recipe: WindowRecipe, generator: np.random.Generator) -> Window[Log]:
    """Cut a window of a scene at a random place and in a random orientation.

    Parameters
    ----------
    scene
        The pattern with gaps.
    recipe
        Shape of the window, and number of candidate places.
    generator
        Source of every random number.
    """
    tile = recipe.shape[1]
    sizes = np.array([len(s.voxels) for s in scene.slabs], float)
    slab = scene.slabs[int(generator.choice(len(sizes), p=sizes / sizes.sum()))]
    view = SlabView(slab, scene.volume.mask.shape, recipe.shape[0], (tile, tile))
    channels = [view.across(*c) for c in scene.volume.channels]
    wanted = np.zeros(view.shape, np.float32)
    wanted[view.index] = 1
    target, noise = view.across(scene.target, 0.0), view.across(scene.noise, 0.0)
    spots = generator.integers(len(slab.voxels), size=recipe.candidates)
    corners = []
    for spot in spots:
        rows, columns = view.index[1][spot], view.index[2][spot]
        r = int(np.clip(rows - generator.integers(tile), 0, view.shape[1] - tile))
        c = int(np.clip(columns - generator.integers(tile), 0, view.shape[2] - tile))
        corners.append((r, c))
    middle = channels[0][recipe.shape[0] // 2]
    light = np.array([middle[r : r + tile, c : c + tile].mean() for r, c in corners]) + 1e-3
    r, c = corners[int(generator.choice(len(corners), p=light / light.sum()))]
    orientation = int(generator.integers(16))
    parts = (a[None, :, r : r + tile, c : c + tile] for a in (*channels, target, wanted, noise))
    return Window(*(orient(part, orientation)[0] for part in parts))


def windows(
    source: TruthSource,
    recipe: WindowRecipe,
    generator: np.random.Generator,
    *,
    uses: int = 24,
    held: int = 8,
) -> Iterator[Window[Log]]:
    """Draw windows without end, from a pool of scenes to which new ones are added.

    Parameters
    ----------
    source
        Draws a pattern.
    recipe
        How scenes and windows are drawn.
    generator
        Source of every random number.
    uses
        Windows that are drawn before a scene is added.
    held
        Largest number of scenes in the pool; a further one replaces one of them.
    """
    pool = [draw_scene(source(generator), recipe, generator)]
    while True:
        for _ in range(uses):
            yield draw_window(pool[int(generator.integers(len(pool)))], recipe, generator)
        scene = draw_scene(source(generator), recipe, generator)
        if len(pool) < held:
            pool.append(scene)
        else:
            pool[int(generator.integers(held))] = scene


def collate(batch: list[Window[Log]]) -> Window[torch.Tensor]:
    """Stack windows into tensors."""
    return Window(*(torch.from_numpy(np.stack(parts)) for parts in zip(*batch, strict=True)))
