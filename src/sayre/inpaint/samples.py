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
    """A pattern to cut windows from: measured counts, or the noise-free expectation with a peak of 1."""

    values: NDArray[np.float32]
    measured: bool
    mask: NDArray[np.bool_] | None = None


class Window(NamedTuple, Generic[Array]):
    """One training example, each `(depth, rows, columns)`.

    `filled` is the linear fill of `log(1 + counts)`; `mask` 1 where not measured; `target`
    the truth of `log(1 + I)`; `wanted` 1 where the loss counts; `noise` the Poisson variance of `target`.
    """

    filled: Array
    mask: Array
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
    beamstop: float = 0.12
    isolated: float = 0.08
    border: float = 0.12
    off_centre: float = 0.4
    candidates: int = 4
    target: Literal["expectation", "counts"] = "expectation"


def draw_window(truth: Truth, recipe: WindowRecipe, generator: np.random.Generator) -> Window[Floats]:
    """Cut one window out of `truth`, draw a gap and, for an expectation, photon noise."""
    axes = generator.permutation(3)
    flips = tuple(slice(None, None, int(s)) for s in generator.choice([1, -1], 3))
    values = truth.values.transpose(axes)[flips]
    scale, noisy = 1.0, False
    if not truth.measured:
        noisy = generator.random() >= recipe.noise_free
        low, high = np.log10(recipe.max_counts)
        scale = 10 ** generator.uniform(low, high if noisy else high + 2)
    crop = _choose_crop(values, scale, recipe, generator)
    expected = values[crop] * np.float32(scale)
    if not truth.measured and generator.random() < recipe.background:
        expected = expected + np.float32(10 ** generator.uniform(-2, 0.5))
    counts = generator.poisson(expected).astype(np.float32) if noisy else expected
    gap = draw_gap(recipe, generator)
    mask = gap | _draw_blemishes(recipe, generator)
    wanted = gap
    if truth.mask is not None:
        unmeasured = truth.mask.transpose(axes)[flips][crop]
        mask, wanted = mask | unmeasured, wanted & ~unmeasured
    if mask.all():
        return draw_window(truth, recipe, generator)
    noisy_target = truth.measured or (noisy and recipe.target == "counts")
    target = counts if noisy_target else expected
    noise = target / (1 + target) ** 2 if noisy_target else np.zeros_like(target)
    return Window(
        filled=linear_fill(np.log1p(counts), mask),
        mask=mask.astype(np.float32),
        target=np.log1p(target),
        wanted=wanted.astype(np.float32),
        noise=noise,
    )


def _choose_crop(
    values: NDArray[np.float32], scale: float, recipe: WindowRecipe, generator: np.random.Generator
) -> tuple[slice, ...]:
    """Of a few random places, prefer the bright: most of a pattern is empty."""
    room = np.array(values.shape) - recipe.shape
    starts = generator.integers(0, list(room + 1), (recipe.candidates, 3))
    crops = [tuple(slice(s, s + n) for s, n in zip(start, recipe.shape, strict=True)) for start in starts]
    middle = recipe.shape[0] // 2
    light = np.array([np.log1p(values[c][middle, ::4, ::4] * scale).mean() for c in crops]) + 1e-3
    return crops[int(generator.choice(len(crops), p=light / light.sum()))]


def draw_gap(recipe: WindowRecipe, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Draw the gap to be filled: a plane, a beamstop along an in-plane axis, or isolated pixels and lines."""
    depth, rows, columns = recipe.shape
    gap = np.zeros(recipe.shape, bool)
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
        return gap
    if kind < recipe.isolated + recipe.beamstop:
        centre, middle = generator.integers(columns // 6, columns - columns // 6), start + (width - 1) / 2
        z, x = np.ogrid[:depth, :columns]
        gap |= ((z - middle) ** 2 + (x - centre) ** 2 <= (width / 2) ** 2)[:, None, :]
        return gap if generator.random() < 0.5 else np.ascontiguousarray(gap.transpose(0, 2, 1))
    gap[start : start + width] = True
    return gap


def _draw_blemishes(recipe: WindowRecipe, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Draw what else is not measured: crossing gaps, the outside of the array, a second gap, dead pixels."""
    mask = np.zeros(recipe.shape, bool)
    if generator.random() < recipe.cross:
        for axis in (1, 2) if generator.random() < 0.2 else (int(generator.integers(1, 3)),):
            width = int(generator.integers(recipe.widths[0], recipe.widths[1] + 1))
            start = int(generator.integers(-width // 2, recipe.shape[axis] - width // 2))
            stripe = [slice(None)] * 3
            stripe[axis] = slice(max(start, 0), start + width)
            mask[tuple(stripe)] = True
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
    pool = [source(generator) for _ in range(held)]
    while True:
        if generator.random() < 1 / uses:
            pool[int(generator.integers(held))] = source(generator)
        yield draw_window(pool[int(generator.integers(held))], recipe, generator)


def collate(batch: list[Window[Floats]]) -> Window[torch.Tensor]:
    """Stack windows into tensors."""
    return Window(*(torch.from_numpy(np.stack(parts)) for parts in zip(*batch, strict=True)))
