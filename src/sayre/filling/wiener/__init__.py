"""Wiener filling: the conditional expectation of a gap under the pattern's own statistics.

Nothing is trained beforehand: envelope, contrast, noise, covariance and inversion symmetry of the fringes
are estimated from the measured voxels (`spectrum`), and all masked voxels, whatever their shape, are
conditioned on all measured ones (`posterior`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from sayre.filling.classical.checks import check
from sayre.filling.kept import Kept
from sayre.filling.wiener.calibration import (
    PRIOR_COUNT,
    centroid,
    constant_table,
    error_of_mean,
    error_table,
    scatter_of_few,
    shifted_mask,
)
from sayre.filling.wiener.posterior import ITERATIONS, Solution, mean_of, solve
from sayre.filling.wiener.spectrum import Fringes, Local, fringe_model, local_model
from sayre.filling.wiener.steps import Calibrated, keep, keep_hidden, resume, resume_hidden
from sayre.numerics.interpolate import linear_fill
from sayre.numerics.poisson import expectation_of_log, slope_of_expectation
from sayre.numerics.progress import Advance

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[slice, ...]

MAX_SIDE = 160
TILE_CORE = 112
TILE_CONTEXT = 24


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """What a filling of hidden copies tells: what was learnt of the pattern, and the copies filled.

    `filled` and `sigma` are as those of `wiener_fill`, of the masked voxels and the copies.
    """

    calibrated: Calibrated
    filled: Log
    sigma: Log


def wiener_fill(
    log_counts: Log,
    mask: Mask,
    *,
    hidden: Hidden | None = None,
    linear: Log | None = None,
    progress: Advance | None = None,
    kept: Kept | None = None,
) -> tuple[Log, Log]:
    """Fill masked voxels by their conditional expectation and state its standard error.

    Parameters
    ----------
    log_counts
        `log(1 + I)`, 2D or 3D; masked entries are ignored.
    mask
        True where not measured, of the same shape: planes, crosses, borders, beamstops, single pixels.
    hidden
        What `wiener_hidden` found, in place of a shifted copy of the mask.
    linear
        `log_counts` with the mask filled by `linear_fill`, where that is known.
    progress
        Called with the fraction done.
    kept
        Where the calibration and filled boxes are kept, and resumed from.

    Returns
    -------
    filled
        `log_counts` with masked voxels replaced by `log(1 + expected counts)`; measured voxels bit for bit.
    sigma
        Standard error of `log(1 + expected counts)` in masked voxels, 0 elsewhere: the root mean squared
        error of filling a shifted copy of the mask cut into the same pattern, less the variance of the
        Poisson counts it is judged by, for each depth in the gap and brightness.

    Raises
    ------
    InputError
        Shapes differ, not 2D or 3D, or no voxel is measured.

    Notes
    -----
    Wiener, *Extrapolation, Interpolation, and Smoothing of Stationary Time Series* (1949), in the Bayesian
    form for heteroscedastic noise. Arrays longer than 160 voxels on an axis are filled in boxes: one around
    the centre of intensity, which gives the statistics, then tiles with 24 voxels of context.
    """
    check(log_counts, mask)
    values = linear_fill(log_counts, mask) if linear is None else linear
    main = _main_box(values)
    tiles = list(_tiles(mask, main))
    report = _Report(progress, 2 + len(tiles))
    filled, sigma = np.array(log_counts, np.float32), np.zeros(mask.shape, np.float32)
    calibrated, done = resume(kept, filled, sigma, mask) or (None, 0)
    if calibrated is None:
        calibrated = _calibrate(values[main], mask[main], report) if hidden is None else hidden.calibrated
        keep(kept, calibrated, 0, filled, sigma, mask)
    report.next(1 + done)
    boxes = _Boxes(values, mask, calibrated, report)
    waiting = mask.copy()
    for number, (core, box, model) in enumerate(boxes.all(main, tiles), 1):
        if number > done:
            start = calibrated.solution if model is calibrated.fringes else None
            now = np.zeros_like(waiting)
            now[core] = waiting[core]
            boxes.fill(box, model, calibrated.plain, start, now, filled, sigma)
        waiting[core] = False
        if number > done:
            keep(kept, calibrated, number, filled, sigma, mask, last=number == 1 + len(tiles))
            report.next()
    return filled, sigma


def wiener_hidden(
    log_counts: Log,
    mask: Mask,
    copies: Mask,
    *,
    linear: tuple[Log, Log] | None = None,
    progress: Advance | None = None,
    kept: Kept | None = None,
) -> Hidden:
    """Fill measured voxels that are hidden together with the masked ones.

    Parameters
    ----------
    log_counts, mask
        As `wiener_fill` takes them.
    copies
        True in the measured voxels to hide.
    linear
        `log_counts` filled by `linear_fill`, without the mask and without both, where that is known.
    progress
        Called with the fraction done.
    kept
        Where the result is kept, and read from.
    """
    check(log_counts, mask)
    both = mask | copies
    values, seen = linear or (linear_fill(log_counts, mask), linear_fill(log_counts, both))
    main = _main_box(values)
    filled, sigma = seen.copy(), np.zeros(mask.shape, np.float32)
    left = resume_hidden(kept, filled, sigma, both)
    if left is not None:
        return Hidden(calibrated=left, filled=filled, sigma=sigma)
    tiles = list(_tiles(both, main))
    report = _Report(progress, 1 + len(tiles))
    calibrated = _calibrate(values[main], mask[main], report, copies[main], seen[main])
    report.next()
    boxes = _Boxes(seen, both, calibrated, report)
    waiting = both.copy()
    for core, box, model in boxes.all(main, tiles):
        now = np.zeros_like(waiting)
        now[core] = waiting[core]
        boxes.fill(box, model, calibrated.hidden, None, now, filled, sigma, calibrated.solution)
        waiting[core] = False
        if model is not calibrated.fringes:
            report.next()
    keep_hidden(kept, calibrated, filled, sigma, both)
    return Hidden(calibrated=calibrated, filled=filled, sigma=sigma)


class _Boxes:
    """Fills boxes of a pattern: the main one by the statistics of all, tiles without the symmetry."""

    def __init__(self, values: Log, mask: Mask, calibrated: Calibrated, report: _Report) -> None:
        self.values, self.mask, self.calibrated, self.report = values, mask, calibrated, report
        self.depth = distance_transform_cdt(mask, metric="chessboard")

    def all(self, main: Box, tiles: list[tuple[Box, Box]]) -> list[tuple[Box, Box, Fringes]]:
        """Core, core with context and model of each box, the main one first."""
        fringes = self.calibrated.fringes
        elsewhere = replace(fringes, symmetry=0.0)
        return [(main, main, fringes), *((core, box, elsewhere) for core, box in tiles)]

    def fill(
        self,
        box: Box,
        model: Fringes,
        known: Local | None,
        start: Solution | None,
        now: Mask,
        filled: Log,
        sigma: Log,
        solution: Solution | None = None,
    ) -> None:
        """Write the voxels `now` of a box; `known` and `solution` are those of the main box."""
        main = model is self.calibrated.fringes
        local = known if main and known is not None else local_model(self.values[box], self.mask[box])
        if solution is None or not main:
            solution = solve(local, model, start=start, step=self.report.step)
        mean = np.maximum(mean_of(local, solution), 0)[now[box]]
        filled[now] = expectation_of_log(mean)
        sigma[now] = slope_of_expectation(mean) * self.calibrated.table.look_up(self.depth[now], mean)


def _calibrate(
    values: Log, mask: Mask, report: _Report, copies: Mask | None = None, seen: Log | None = None
) -> Calibrated:
    """Fill a shifted copy of the mask, hidden together with the mask itself; its solution starts the next."""
    plain = local_model(values, mask)
    fringes = fringe_model(plain)
    moved = shifted_mask(values, mask) if copies is None else copies
    hidden = mask | moved
    known = np.array([values.mean()] if mask.all() else values[~mask], np.float64)
    if known.size < PRIOR_COUNT:
        table = constant_table(max(fringes.variance, scatter_of_few(known)))
        return Calibrated(fringes=fringes, table=table, solution=None, plain=plain)
    if not moved.any() or hidden.all():
        table = constant_table(fringes.variance).at_least(error_of_mean(known))
        return Calibrated(fringes=fringes, table=table, solution=None, plain=plain)
    local = local_model(linear_fill(values, hidden) if seen is None else seen, hidden)
    solution = solve(local, fringes, step=report.step)
    mean = np.maximum(mean_of(local, solution), 0)
    depth = distance_transform_cdt(hidden, metric="chessboard")
    prior = fringes.variance * local.contrast**2
    table = error_table(mean[moved], values[moved], depth[moved], prior[moved])
    table = table.at_least(error_of_mean(known))
    return Calibrated(fringes=fringes, table=table, solution=solution, plain=plain, hidden=local)


def _main_box(values: Log) -> Box:
    """The whole array, or `MAX_SIDE` voxels around the centre of brightness on the axes that are longer."""
    box = []
    for axis, n in enumerate(values.shape):
        start = round(centroid(values, axis)) - MAX_SIDE // 2
        start = min(max(start, 0), max(n - MAX_SIDE, 0))
        box.append(slice(start, min(start + MAX_SIDE, n)))
    return tuple(box)


def _tiles(mask: Mask, main: Box) -> Iterator[tuple[Box, Box]]:
    """Core and core with context of each tile that holds masked voxels outside the main box."""
    waiting = mask.copy()
    waiting[main] = False
    for corner in product(*(range(0, n, TILE_CORE) for n in mask.shape)):
        tile = tuple(slice(c, min(c + TILE_CORE, n)) for c, n in zip(corner, mask.shape, strict=True))
        if not waiting[tile].any():
            continue
        found = [np.flatnonzero(waiting[tile].any(_others(axis, mask.ndim))) for axis in range(mask.ndim)]
        core = tuple(slice(c + int(f[0]), c + int(f[-1]) + 1) for c, f in zip(corner, found, strict=True))
        grown = (slice(max(s.start - TILE_CONTEXT, 0), s.stop + TILE_CONTEXT) for s in core)
        yield core, tuple(grown)


def _others(axis: int, ndim: int) -> tuple[int, ...]:
    return tuple(i for i in range(ndim) if i != axis)


class _Report:
    """Progress over several solutions of at most `ITERATIONS` steps each."""

    def __init__(self, progress: Advance | None, solutions: int) -> None:
        self._progress, self._solutions = progress, solutions
        self._solved, self._steps = 0, 0

    def step(self) -> None:
        self._steps += 1
        self._tell(self._solved + self._steps / ITERATIONS)

    def next(self, solved: int = 1) -> None:
        self._solved, self._steps = self._solved + solved, 0
        self._tell(self._solved)

    def _tell(self, done: float) -> None:
        if self._progress:
            self._progress(done / self._solutions)
