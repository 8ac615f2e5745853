"""Training windows: crops of patterns with gaps drawn into them.

Axis 0 of a window is across the gap. Every window is float32 and comes with its linear fill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.inpaint.interpolate import linear_fill

Array = TypeVar("Array")
Floats = NDArray[np.float32]
Source = Callable[[np.random.Generator], "Truth"]


class Truth(NamedTuple):
    """A pattern to cut windows from: measured counts, or the noise-free expectation with a peak of 1.

    `centre` is the point the pattern is (nearly) symmetric about.
    """

    values: NDArray[np.float32]
    measured: bool
    centre: tuple[float, ...]
    mask: NDArray[np.bool_] | None = None


class Scene(NamedTuple):
    """A pattern as a detector saw it: `counts`, what was to be expected, and how well `target` is known."""

    counts: NDArray[np.float32]
    target: NDArray[np.float32]
    noisy_target: bool
    twice_centre: tuple[int, ...]
    mask: NDArray[np.bool_]


class Window(NamedTuple, Generic[Array]):
    """One training example, each `(depth, rows, columns)`.

    `filled` is the linear fill of `log(1 + counts)`; `mask` 1 where not measured; `mirror` and
    `mirror_mask` the same of the pattern inverted through its centre, 0 where not measured; `target` the
    truth of `log(1 + I)`; `wanted` 1 where the loss counts; `noise` the Poisson variance of `target`.
    """

    filled: Array
    mask: Array
    mirror: Array
    mirror_mask: Array
    target: Array
    wanted: Array
    noise: Array


@dataclass(frozen=True, kw_only=True)
class WindowRecipe:
    """How windows are drawn. Counts and widths are ranges, `cross` … are probabilities.

    `max_counts` is log-uniform; a `noise_free` fraction keeps the expectation itself, at up to 100 times
    the counts. `target` "counts" trains towards the noisy counts, as published.
    """

    shape: tuple[int, int, int] = (32, 48, 48)
    widths: tuple[int, int] = (1, 16)
    max_counts: tuple[float, float] = (1e4, 1e9)
    noise_free: float = 0.1
    background: float = 0.3
    cross: float = 0.2
    no_mirror: float = 0.1
    lost_centre: float = 0.1
    beamstop: float = 0.12
    isolated: float = 0.08
    border: float = 0.12
    off_centre: float = 0.4
    candidates: int = 4
    target: Literal["expectation", "counts"] = "expectation"


def expose(truth: Truth, recipe: WindowRecipe, generator: np.random.Generator) -> Scene:
    """Draw exposure, background and photon noise for an expectation; measured counts stay as they are."""
    twice = tuple(round(2 * c) for c in truth.centre)
    if generator.random() < recipe.lost_centre:
        twice = tuple(t + int(d) for t, d in zip(twice, generator.integers(-4, 5, 3), strict=True))
    mask = np.zeros(truth.values.shape, bool) if truth.mask is None else truth.mask
    if truth.measured:
        return Scene(truth.values, truth.values, True, twice, mask)
    noisy = generator.random() >= recipe.noise_free
    low, high = np.log10(recipe.max_counts)
    expected = truth.values * np.float32(10 ** generator.uniform(low, high if noisy else high + 2))
    if generator.random() < recipe.background:
        expected = expected + np.float32(10 ** generator.uniform(-2, 0.5))
    counts = generator.poisson(expected).astype(np.float32) if noisy else expected
    noisy_target = noisy and recipe.target == "counts"
    return Scene(counts, counts if noisy_target else expected, noisy_target, twice, mask)


def draw_window(scene: Scene, recipe: WindowRecipe, generator: np.random.Generator) -> Window[Floats]:
    """Cut one window out of `scene` and draw a gap into it, in any orientation."""
    axes = generator.permutation(3)
    signs = generator.choice([1, -1], 3)
    flips = tuple(slice(None, None, int(sign)) for sign in signs)
    counts, target, known = (a.transpose(axes)[flips] for a in (scene.counts, scene.target, ~scene.mask))
    twice = [
        scene.twice_centre[axis] if sign > 0 else 2 * (n - 1) - scene.twice_centre[axis]
        for axis, sign, n in zip(axes, signs, counts.shape, strict=True)
    ]
    crop = _choose_crop(counts, recipe, generator)
    gap, everywhere = draw_gap(recipe, generator, counts.shape, crop)
    mask = gap | _draw_blemishes(recipe, generator) | everywhere[crop] | ~known[crop]
    if mask.all():
        return draw_window(scene, recipe, generator)
    mirror, seen = _mirrored(counts, known & ~everywhere, crop, twice)
    if generator.random() < recipe.no_mirror:
        mirror, seen = np.zeros_like(mirror), np.zeros_like(seen)
    aim = target[crop]
    return Window(
        filled=linear_fill(np.log1p(counts[crop]), mask),
        mask=mask.astype(np.float32),
        mirror=np.log1p(mirror) * seen,
        mirror_mask=1 - seen,
        target=np.log1p(aim),
        wanted=(gap & known[crop]).astype(np.float32),
        noise=aim / (1 + aim) ** 2 if scene.noisy_target else np.zeros_like(aim),
    )


def _mirrored(
    counts: Floats, known: NDArray[np.bool_], crop: tuple[slice, ...], twice: list[int]
) -> tuple[Floats, Floats]:
    """Counts of the inverted pattern in `crop`, and 1 where they were measured."""
    index, inside = [], []
    for window, t, n in zip(crop, twice, counts.shape, strict=True):
        there = t - np.arange(window.start, window.stop)
        index.append(np.clip(there, 0, n - 1))
        inside.append((there >= 0) & (there < n))
    at = np.ix_(*index)
    seen = known[at] & inside[0][:, None, None] & inside[1][:, None] & inside[2]
    return counts[at], seen.astype(np.float32)


def _choose_crop(counts: Floats, recipe: WindowRecipe, generator: np.random.Generator) -> tuple[slice, ...]:
    """Of a few random places, prefer the bright: most of a pattern is empty."""
    room = np.array(counts.shape) - recipe.shape
    starts = generator.integers(0, list(room + 1), (recipe.candidates, 3))
    crops = [tuple(slice(s, s + n) for s, n in zip(start, recipe.shape, strict=True)) for start in starts]
    middle = recipe.shape[0] // 2
    light = np.array([np.log1p(counts[c][middle, ::4, ::4]).mean() for c in crops]) + 1e-3
    return crops[int(generator.choice(len(crops), p=light / light.sum()))]


def draw_gap(
    recipe: WindowRecipe, generator: np.random.Generator, volume: tuple[int, ...], crop: tuple[slice, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw the gap to be filled: a plane, a beamstop along an in-plane axis, or isolated pixels and lines.

    Returns
    -------
    gap
        Voxels of the window to fill.
    everywhere
        The gap and the gaps that cross it, as they run on through the whole volume.
    """
    depth, rows, columns = recipe.shape
    gap, everywhere = np.zeros(recipe.shape, bool), np.zeros(volume, bool)
    width = int(generator.integers(recipe.widths[0], recipe.widths[1] + 1))
    start = (depth - width) // 2
    if generator.random() < recipe.off_centre:
        reach = min(4, start - 3)
        start += int(generator.integers(-reach, reach + 1))
    kind = generator.random()
    if kind < recipe.isolated:
        lines = np.zeros((depth, columns), bool)
        lines[4 : depth - 4] = generator.random((depth - 8, columns)) < 10 ** generator.uniform(-3, -1.7)
        points = generator.random((depth - 8, rows, columns)) < 10 ** generator.uniform(-3.5, -2)
        gap |= lines[:, None]
        gap[4 : depth - 4] |= points
        gap[depth // 2, rows // 2, columns // 2] = True
        everywhere[crop] = gap
        return gap, everywhere
    if kind < recipe.isolated + recipe.beamstop:
        centre = generator.integers(columns // 6, columns - columns // 6)
        z, x = np.ogrid[:depth, :columns]
        gap |= ((z - start - (width - 1) / 2) ** 2 + (x - centre) ** 2 <= (width / 2) ** 2)[:, None, :]
        if generator.random() < 0.5:
            everywhere[crop[0], :, crop[2]] = gap[:, :1]
        else:
            gap = np.ascontiguousarray(gap.transpose(0, 2, 1))
            everywhere[crop[0], crop[1], :] = gap[:, :, :1]
        return gap, everywhere
    gap[start : start + width] = True
    everywhere[crop[0].start + start : crop[0].start + start + width] = True
    if generator.random() < recipe.cross:
        for axis in (1, 2) if generator.random() < 0.2 else (int(generator.integers(1, 3)),):
            across = int(generator.integers(recipe.widths[0], recipe.widths[1] + 1))
            first = crop[axis].start + int(generator.integers(-across // 2, recipe.shape[axis] - across // 2))
            stripe = [slice(None)] * 3
            stripe[axis] = slice(max(first, 0), first + across)
            everywhere[tuple(stripe)] = True
    return gap, everywhere


def _draw_blemishes(recipe: WindowRecipe, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Draw what else is not measured: the outside of the array, dead pixels."""
    mask = np.zeros(recipe.shape, bool)
    if generator.random() < recipe.border:
        axis, reach = int(generator.integers(3)), int(generator.integers(1, 14))
        reach = reach if axis == 0 else 2 * reach
        outside = [slice(None)] * 3
        outside[axis] = slice(None, reach) if generator.random() < 0.5 else slice(-reach, None)
        mask[tuple(outside)] = True
    if generator.random() < 0.1:
        mask |= generator.random(recipe.shape) < 10 ** generator.uniform(-3.5, -2)
    return mask


def windows(
    source: Source,
    recipe: WindowRecipe,
    generator: np.random.Generator,
    *,
    uses: int = 24,
    held: int = 8,
) -> Iterator[Window[Floats]]:
    """Endless windows: `held` patterns at a time, each replaced after `uses` windows on average."""

    def scene() -> Scene:
        return expose(source(generator), recipe, generator)

    pool = [scene() for _ in range(held)]
    while True:
        if generator.random() < 1 / uses:
            pool[int(generator.integers(held))] = scene()
        yield draw_window(pool[int(generator.integers(held))], recipe, generator)


def collate(batch: list[Window[Floats]]) -> Window[torch.Tensor]:
    """Stack windows into tensors."""
    return Window(*(torch.from_numpy(np.stack(parts)) for parts in zip(*batch, strict=True)))
