"""Biharmonic filling, in three dimensions at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.sparse import csr_array

from sayre.filling.classical.checks import check
from sayre.numerics.interpolate import linear_fill
from sayre.numerics.progress import Advance

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

TOLERANCE = 1e-5
MAX_ITERATIONS = 2000


def biharmonic_fill(log_counts: Log, mask: Mask, *, progress: Advance | None = None) -> Log:
    """Fill by the solution of the biharmonic equation with the measured voxels as boundary values.

    The same discrete problem as `skimage.restoration.inpaint_biharmonic` (Damelin & Hoang, Int. J. Math.
    Math. Sci. 2018), all axes together, in its variational form: the masked voxels minimise the sum of
    squared Laplacians over themselves and their neighbours. Conjugate gradients from linear interpolation
    replace the factorisation, whose time and memory forbid gaps of 3D patterns. The result is kept within the
    range of the measured values, as there.

    Parameters
    ----------
    log_counts
        `log(1 + I)`, float32, 2D or 3D; masked entries are ignored.
    mask
        bool, same shape; True where not measured.
    progress
        Called with the fraction done.
    """
    from scipy.sparse.linalg import cg  # slow to import, and no other method needs it

    check(log_counts, mask)
    filled = linear_fill(log_counts, mask)
    if not mask.any():
        return filled
    cross = np.stack([np.eye(1, mask.ndim, i, dtype=int)[0] * s for i in range(mask.ndim) for s in (-1, 1)])
    near = binary_dilation(mask)
    laplacian = _laplacian(near, cross)
    missing = np.flatnonzero(mask)
    start = filled.ravel()[missing].astype(np.float64)
    known = np.where(mask, 0, filled).astype(np.float64).ravel()
    free = laplacian[:, missing].tocsr()
    normal = (free.T @ free).tocsr()
    right = -(free.T @ (laplacian @ known))
    jacobi = csr_array((1 / normal.diagonal(), (np.arange(len(missing)),) * 2))
    first = max(float(np.linalg.norm(right - normal @ start)), 1e-30)

    def tell(solution: NDArray[np.float64]) -> None:
        if progress:
            rest = max(float(np.linalg.norm(right - normal @ solution)) / first, TOLERANCE)
            progress(float(np.clip(np.log(rest) / np.log(TOLERANCE), 0, 1)))

    atol = TOLERANCE * first
    solution, _ = cg(
        normal, right, x0=start, rtol=0, atol=atol, maxiter=MAX_ITERATIONS, M=jacobi, callback=tell
    )
    measured = log_counts[~mask]
    filled.flat[missing] = np.clip(solution, max(float(measured.min()), 0), float(measured.max()))
    return filled


def _laplacian(rows: Mask, steps: NDArray[np.int_]) -> csr_array:
    """Discrete Laplacian at `rows`, as a sparse matrix on the flattened array; edges are mirrored."""
    where = np.stack(np.nonzero(rows))
    count = where.shape[1]
    row = np.arange(count)
    last = np.array(rows.shape)[:, None] - 1
    columns = [np.ravel_multi_index(tuple(where), rows.shape)]
    for step in steps:
        columns.append(np.ravel_multi_index(tuple(np.clip(where + step[:, None], 0, last)), rows.shape))
    data = np.repeat([-float(len(steps)), *[1.0] * len(steps)], count)
    shape = (count, rows.size)
    return csr_array((data, (np.tile(row, len(columns)), np.concatenate(columns))), shape=shape)
