"""Covers any mask by overlapping windows whose axis 0 lies across the gap, and blends what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sayre.filling.kept import Kept
from sayre.filling.network.large import large_tiles
from sayre.filling.network.volume import Volume
from sayre.numerics.gaps import run_lengths
from sayre.numerics.progress import Advance

Log = NDArray[np.float32]
Floats = NDArray[np.float64]
Predict = Callable[..., tuple[Log, Log]]
"""`(*channels of a Volume) -> (mean, log_variance)`, all `(batch, depth, rows, columns)`."""
VIEWS = 2
"""Orientations in which a large window is shown: docs/inpainting.md has what one and four would give."""


@dataclass(frozen=True, kw_only=True)
class Slab:
    """Masked voxels that share a slab of `depth` planes across `axis`, the first of them at `start`.

    `voxels` are flat indices into the volume; `start` may be negative: the slab reaches beyond the array.
    """

    axis: int
    start: int
    voxels: NDArray[np.intp]

    def within(self, wanted: NDArray[np.bool_]) -> Slab:
        """The slab with those of its voxels alone that are wanted, of the volume's shape."""
        return replace(self, voxels=self.voxels[wanted.ravel()[self.voxels]])


@dataclass(frozen=True, kw_only=True)
class Filling:
    """Blended predictions at flat indices `voxels`, in `log(1 + I)`."""

    voxels: NDArray[np.intp]
    mean: Floats
    variance: Floats


def plan(mask: NDArray[np.bool_], *, depth: int, max_width: int) -> tuple[list[Slab], NDArray[np.intp]]:
    """Assign every masked voxel to the slabs that can fill it.

    A voxel belongs to the axis along which its masked run is shortest, to several on a tie; the
    crossing of gaps is assigned once the gaps around it are. Slabs centre the gap.

    Parameters
    ----------
    mask
        bool, 3D; True where not measured.
    depth
        Voxels of a window across the gap.
    max_width
        Widest gap that the network knows, in voxels.

    Returns
    -------
    slabs
        Every voxel occurs in at least one.
    beyond
        Flat indices of voxels no slab can fill: wider than `max_width` on every axis, or with measured
        voxels on one side only.
    """
    slabs: list[Slab] = []
    missing = mask.copy()
    while missing.any():
        runs = [run_lengths(missing, axis) for axis in range(mask.ndim)]
        shortest = np.minimum.reduce(runs)
        reachable = missing & (shortest <= max_width)
        if not reachable.any():
            break
        for axis, run in enumerate(runs):
            slabs += _group(reachable & (run == shortest), run, axis, depth)
        missing &= ~reachable
    return slabs, np.flatnonzero(missing)


def _group(mine: NDArray[np.bool_], run: NDArray[np.int32], axis: int, depth: int) -> list[Slab]:
    """Slabs of one axis; runs whose centres differ by at most 2 voxels share one."""
    voxels = np.flatnonzero(mine)
    if not len(voxels):
        return []
    n = mine.shape[axis]
    along = np.arange(n, dtype=np.int32).reshape([-1 if i == axis else 1 for i in range(mine.ndim)])
    before = np.maximum.accumulate(np.where(run > 0, np.int32(-1), along), axis=axis)
    starts = before.ravel()[voxels] + 1 - (depth - run.ravel()[voxels]) // 2
    slabs = []
    while len(voxels):
        values, counts = np.unique(starts, return_counts=True)
        start = int(values[np.argmax(counts)])
        near = np.abs(starts - start) <= 2
        slabs.append(Slab(axis=axis, start=start, voxels=voxels[near]))
        voxels, starts = voxels[~near], starts[~near]
    return slabs


def fill(
    volume: Volume,
    slabs: list[Slab],
    predict: Predict,
    *,
    depth: int,
    tile: int,
    stride: int | None,
    views: int = 1,
    batch: int = 8,
    progress: Advance | None = None,
    kept: Kept | None = None,
    name: str = "windows",
) -> Filling:
    """Predict every voxel of `slabs` from overlapping windows and blend.

    Parameters
    ----------
    volume
        3D.
    slabs
        From `plan`.
    predict
        The network. Each window meets it in another of the 16 orientations that keep axis 0.
    depth, tile
        Planes of a window, and rows and columns of those of training.
    stride
        Distance of neighbouring windows of `(depth, tile, tile)`; smaller averages more predictions of each
        voxel. None for as few as possible, larger than those of training.
    views
        Orientations in which each of the large windows is shown, 1 or 2.
    batch
        Windows of training, or as many voxels of larger ones, that are shown at once.
    progress
        Called with the fraction done.
    kept
        Where the sums of the windows seen are kept, and resumed from.
    name
        Under which they are kept.

    Returns
    -------
    Filling
        Mean weighted by precision, and the harmonic mean of the variances; within a slab the windows also
        weigh by the place of the voxel in them.
    """
    blend, left = _Blend(slabs), None if kept is None else kept.load(name)
    first = begun = done = 0
    if left is not None:
        first, begun = left["place"].tolist()
        blend.restore(left)
    shape, jobs = volume.mask.shape, []
    for slab in slabs:
        if stride is None:
            sides, cut = large_tiles(*_in_plane(slab, shape), tile, views)
        else:
            sides, cut = (tile, tile), tiles(slab, shape, tile, stride)
        together = max(batch * tile**2 // (sides[0] * sides[1]), 1)
        jobs.append((slab, sides, list(_batches(cut, together))))
    count = sum(len(chunk) * a * b for _, (a, b), batches in jobs for chunk in batches)
    for number, (slab, sides, batches) in enumerate(jobs):
        seen = len(batches) if number < first else begun if number == first else 0
        done += sum(map(len, batches[:seen])) * sides[0] * sides[1]
        if number < first:
            continue
        view, weight = SlabView(slab, shape, depth, sides), _window_weight(sides)
        channels = [view.across(*c) for c in volume.channels]
        sums, inside = np.zeros((3, *view.shape)), (slice(None), *view.index)
        if left is not None and number == first:
            sums[inside] = left["sums"]
        for seen_now, chunk in enumerate(batches[seen:], seen + 1):
            _add_windows(sums, channels, chunk, predict, weight)
            done += len(chunk) * sides[0] * sides[1]
            if progress:
                progress(done / count)
            last = number == len(jobs) - 1 and seen_now == len(batches)
            if kept is not None and (last or kept.due):
                save = kept.finish if last else kept.save
                save(name, place=np.array([number, seen_now]), sums=sums[inside], **blend.arrays)
        blend.add(slab, sums[inside])
    return blend.filling


def _add_windows(
    sums: Floats,
    channels: list[Log],
    chunk: list[tuple[int, int, int]],
    predict: Predict,
    weight: Floats,
) -> None:
    """Predict windows of one orientation, and add weight, confidence and confidence times mean to `sums`."""
    (rows, columns), orientation = weight.shape, chunk[0][2]
    cut = [np.stack([c[:, y : y + rows, x : x + columns] for y, x, _ in chunk]) for c in channels]
    mean, log_variance = predict(*(orient(c, orientation) for c in cut))
    mean, log_variance = orient_back(mean, orientation), orient_back(log_variance, orientation)
    for (row, column, _), m, v in zip(chunk, mean, log_variance, strict=True):
        confidence = weight * np.exp(-v.astype(np.float64))
        part = sums[:, :, row : row + rows, column : column + columns]
        part += np.stack([np.broadcast_to(weight, confidence.shape), confidence, confidence * m])


class _Blend:
    """Sums over slabs at flat indices `voxels`, from which mean and variance follow."""

    def __init__(self, slabs: list[Slab]) -> None:
        filled = np.zeros(max((int(slab.voxels.max()) + 1 for slab in slabs), default=0), bool)
        for slab in slabs:
            filled[slab.voxels] = True
        self.voxels = np.flatnonzero(filled)
        self.slabs_met, self.precisions, self.total = (np.zeros(len(self.voxels)) for _ in range(3))

    @property
    def arrays(self) -> dict[str, Floats]:
        """What `restore` takes."""
        return {"slabs_met": self.slabs_met, "precisions": self.precisions, "total": self.total}

    def restore(self, arrays: Mapping[str, Floats]) -> None:
        """Continue from the sums that an earlier call kept."""
        self.slabs_met, self.precisions, self.total = (arrays[name] for name in self.arrays)

    def add(self, slab: Slab, sums: Floats) -> None:
        """Take in a slab: weight, confidence and confidence times mean of each of its voxels."""
        at = np.searchsorted(self.voxels, slab.voxels)
        weight, confidence, weighted = sums
        precision = confidence / weight
        self.slabs_met[at] += 1
        self.precisions[at] += precision
        self.total[at] += precision * (weighted / confidence)

    @property
    def filling(self) -> Filling:
        return Filling(
            voxels=self.voxels,
            mean=self.total / self.precisions,
            variance=self.slabs_met / self.precisions,
        )


class SlabView:
    """Looks at volumes through a slab: its axis first, padded to whole windows.

    `shape` is that of the padded slab and `index` where the slab's voxels lie in it.
    """

    def __init__(self, slab: Slab, volume: tuple[int, ...], depth: int, sides: tuple[int, int]) -> None:
        low, high = max(slab.start, 0), min(slab.start + depth, volume[slab.axis])
        plane = [n for axis, n in enumerate(volume) if axis != slab.axis]
        self.axis = slab.axis
        self.planes = tuple(slice(low, high) if axis == slab.axis else slice(None) for axis in range(3))
        beyond = [max(s - n, 0) for s, n in zip(sides, plane, strict=True)]
        self.pad = [(low - slab.start, slab.start + depth - high), *((0, b) for b in beyond)]
        self.shape = (depth, *(n + b for n, b in zip(plane, beyond, strict=True)))
        index = list(np.unravel_index(slab.voxels, volume))
        first = index.pop(slab.axis) - slab.start
        self.index = (first, index[0], index[1])

    def across(self, array: NDArray[np.generic], outside: float | None) -> Log:
        """`array` of the volume's shape, float32 in the slab's; `outside` fills the padding, None repeats.

        Parameters
        ----------
        array
            Of the pattern's shape.
        outside
            Value beyond the border; None repeats the border.
        """
        cut = np.moveaxis(array[self.planes], self.axis, 0)
        if outside is None:
            return np.pad(cut, self.pad, mode="edge").astype(np.float32)
        return np.pad(cut, self.pad, constant_values=outside).astype(np.float32)


def tiles(slab: Slab, volume: tuple[int, ...], tile: int, stride: int) -> list[tuple[int, int, int]]:
    """Corners and orientation of the windows that touch the slab's voxels, the last flush with the border.

    Parameters
    ----------
    slab
        From `plan`.
    volume
        Shape of the array.
    tile
        Rows and columns of a window.
    stride
        Distance of neighbouring windows.
    """
    index, sizes = _in_plane(slab, volume)
    corners = []
    for size, positions in zip(sizes, index, strict=True):
        last = max(size - tile, 0)
        first = int(np.clip(positions.min() - tile // 2, 0, last))
        stop = int(np.clip(positions.max() - tile // 2, first, last))
        corners.append(np.unique(np.append(np.arange(first, stop, stride), stop)))
    occupied = np.zeros(sizes, np.int32)
    occupied[index[0], index[1]] = 1
    inside = np.pad(occupied.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    r, c = np.meshgrid(*corners, indexing="ij")
    r1, c1 = np.minimum(r + tile, sizes[0]), np.minimum(c + tile, sizes[1])
    used = inside[r1, c1] - inside[r, c1] - inside[r1, c] + inside[r, c] > 0
    i, j = np.nonzero(used)
    return [(int(r[a, b]), int(c[a, b]), int((5 * a + 3 * b) % 16)) for a, b in zip(i, j, strict=True)]


def _in_plane(
    slab: Slab, volume: tuple[int, ...]
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], tuple[int, int]]:
    """Rows and columns of a slab's voxels, and how many there are of them."""
    rows, columns = (axis for axis in range(3) if axis != slab.axis)
    index = np.unravel_index(slab.voxels, volume)
    return (index[rows], index[columns]), (volume[rows], volume[columns])


def _batches(tiles: list[tuple[int, int, int]], size: int) -> Iterator[list[tuple[int, int, int]]]:
    """Windows of one orientation, at most `size` at a time."""
    for orientation in range(16):
        same = [t for t in tiles if t[2] == orientation]
        for first in range(0, len(same), size):
            yield same[first : first + size]


def orient(x: Log, orientation: int) -> Log:
    """Windows `(batch, depth, rows, columns)` in one of the 16 orientations that keep axis 1.

    Parameters
    ----------
    x
        Windows `(batch, depth, tile, tile)`.
    orientation
        From 0 to 15.
    """
    x = np.flip(x, _flips(orientation))
    return np.ascontiguousarray(x.swapaxes(2, 3) if orientation & 8 else x)


def orient_back(x: Log, orientation: int) -> Log:
    """Inverse of `orient`.

    Parameters
    ----------
    x
        Windows `(batch, depth, tile, tile)`.
    orientation
        As `orient` was given it.
    """
    return np.flip(x.swapaxes(2, 3) if orientation & 8 else x, _flips(orientation))


def _flips(orientation: int) -> tuple[int, ...]:
    return tuple(axis for bit, axis in enumerate((1, 2, 3)) if orientation >> bit & 1)


def _window_weight(sides: tuple[int, int]) -> Floats:
    """Raised cosine over the window, never zero, so that borders are covered."""
    return np.outer(*(0.01 + np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in sides))
