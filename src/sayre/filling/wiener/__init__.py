"""Wiener filling: the conditional expectation of a gap under the pattern's own statistics.

Nothing is trained beforehand: envelope, contrast, noise, covariance and inversion symmetry of the fringes
are estimated from the measured voxels (`spectrum`), and all masked voxels, whatever their shape, are
conditioned on all measured ones (`posterior`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from sayre.filling.classical.checks import check
from sayre.filling.kept import Kept
from sayre.filling.wiener.calibration import centroid, constant_table, error_table, shifted_mask
from sayre.filling.wiener.posterior import ITERATIONS, mean_of, solve
from sayre.filling.wiener.spectrum import fringe_model, local_model
from sayre.filling.wiener.steps import Calibrated, keep, resume
from sayre.numerics.interpolate import linear_fill
from sayre.numerics.poisson import expectation_of_log, slope_of_expectation
from sayre.numerics.progress import Advance

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[slice, ...]

MAX_SIDE = 160
TILE_CORE = 112
TILE_CONTEXT = 24


def wiener_fill(
    log_counts: Log, mask: Mask, *, progress: Advance | None = None, kept: Kept | None = None
) -> tuple[Log, Log]:
    """Fill masked voxels by their conditional expectation and state its standard error.

    Parameters
    ----------
    log_counts
        `log(1 + I)`, 2D or 3D; masked entries are ignored.
    mask
        True where not measured, of the same shape: planes, crosses, borders, beamstops, single pixels.
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
    values = linear_fill(log_counts, mask)
    main = _main_box(values)
    tiles = list(_tiles(mask, main))
    report = _Report(progress, 2 + len(tiles))
    filled, sigma = np.array(log_counts, np.float32), np.zeros(mask.shape, np.float32)
    calibrated, done = resume(kept, filled, sigma, mask) or (None, 0)
    if calibrated is None:
        calibrated = _calibrate(values[main], mask[main], report)
        keep(kept, calibrated, 0, filled, sigma, mask)
    report.next(1 + done)
    fringes, elsewhere = calibrated.fringes, replace(calibrated.fringes, symmetry=0.0)
    depth = distance_transform_cdt(mask, metric="chessboard")
    waiting = mask.copy()
    boxes = [(main, main, fringes), *((core, box, elsewhere) for core, box in tiles)]
    for number, (core, box, model) in enumerate(boxes, 1):
        if number <= done:
            waiting[core] = False
            continue
        local = local_model(values[box], mask[box])
        start = calibrated.solution if model is fringes else None
        mean = np.maximum(mean_of(local, solve(local, model, start=start, step=report.step)), 0)
        now = np.zeros_like(waiting)
        now[core] = waiting[core]
        mean = mean[now[box]]
        filled[now] = expectation_of_log(mean)
        sigma[now] = slope_of_expectation(mean) * calibrated.table.look_up(depth[now], mean)
        waiting[core] = False
        keep(kept, calibrated, number, filled, sigma, mask)
        report.next()
    return filled, sigma


def _calibrate(values: Log, mask: Mask, report: _Report) -> Calibrated:
    """Fill a shifted copy of the mask, hidden together with the mask itself; its solution starts the next."""
    fringes = fringe_model(local_model(values, mask))
    moved = shifted_mask(values, mask)
    hidden = mask | moved
    if not moved.any() or hidden.all():
        return Calibrated(fringes=fringes, table=constant_table(fringes.variance), solution=None)
    local = local_model(linear_fill(values, hidden), hidden)
    solution = solve(local, fringes, step=report.step)
    mean = np.maximum(mean_of(local, solution), 0)
    depth = distance_transform_cdt(hidden, metric="chessboard")
    prior = fringes.variance * local.contrast**2
    table = error_table(mean[moved], values[moved], depth[moved], prior[moved])
    return Calibrated(fringes=fringes, table=table, solution=solution)


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
