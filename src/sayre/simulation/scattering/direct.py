"""Kinematic scattering as a direct sum in torch: matrix products, made for a GPU."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.simulation.scattering.scatter import weigh

if TYPE_CHECKING:
    from collections.abc import Iterator

_FACTORS = 2**27
"""Entries of the largest array of phase factors, 1 GiB in complex64."""


@torch.no_grad()
def scatter_torch(
    particle: Particle,
    g: NDArray[np.float64],
    steps: NDArray[np.float64],
    shape: tuple[int, int, int],
    *,
    device: str | torch.device = "cuda",
    phase: NDArray[np.float64] | None = None,
    form_factors: bool = False,
    chunk: int | None = None,
) -> NDArray[np.complex64]:
    """Compute the amplitude of `scatter` by the direct sum in single precision, on a GPU.

    On any grid of constant steps, sheared or not, `exp(−i q·r)` is a product of one factor per axis, so the
    sum over atoms is a matrix product of the factors of two axes, `(n0·n1, atoms)`, with those of the third,
    `(atoms, n2)`: 8·n0·n1·n2 floating-point operations per atom. Phases are reduced in float64, the factors
    are float32 (never TF32), and the sums of `chunk` atoms are added up in float64.

    Parameters
    ----------
    particle, g, steps, shape, phase, form_factors
        As `sayre.simulation.scattering.scatter.scatter` takes them.
    device
        Where the matrix products are computed.
    chunk
        Atoms of one matrix product; by default as many as keep the factors under 1 GiB.

    Returns
    -------
    complex64 of `shape`, in host memory.

    Notes
    -----
    With ε = 1.2e-7, the spacing of float32 at 1, the root mean square error of a voxel of amplitude F is at
    most `ε √(4 N + (|F|² + Σ|S|²)/6)`, where N is the number of atoms and S runs over the sums of the first
    1, 2, 3, … terms of each chunk:

    - The four factors of an atom and their products err by 2 ε together, each atom independently of the
      others, which adds up to 2 ε √N in every voxel.
    - Every addition rounds the real and the imaginary part of the sum so far, S, by at most ε|S|/√12, and so
      does the conversion of F to float32. Away from the Bragg peak S stays near √N, and the error is a few
      ε √N. At the peak the terms are in phase, S grows to the number of atoms of the chunk, and the error
      grows as N: to ε N with small chunks, to ε N √(N/18) with a single one. This is the error of a sum made
      atom after atom; a matrix product that sums in blocks has less.

    An unstrained crystal at its Bragg peak is the worst case: all terms are alike and so are their rounding
    errors, which then add up to at most `ε N chunk/4`.
    """
    device = torch.device(device)
    positions = torch.as_tensor(particle.positions, dtype=torch.float64)
    shift = torch.as_tensor(np.zeros(len(particle)) if phase is None else phase, dtype=torch.float64)
    vectors = torch.as_tensor(np.vstack([g, steps]), dtype=torch.float64, device=device).T
    chunk = chunk or max(_FACTORS // (shape[0] * shape[1]), 64)
    total = torch.zeros(shape, dtype=torch.complex128, device=device)
    with _full_float32():
        for start in range(0, len(particle), chunk):
            part = slice(start, start + chunk)
            angles = positions[part].to(device) @ vectors
            angles[:, 0] += shift[part].to(device)
            x, y, z = (_factors(angles[:, 1 + k], n) for k, n in enumerate(shape))
            x *= _unit(angles[:, 0])
            pairs = (x[:, None] * y[None]).reshape(-1, x.shape[1])
            total += (pairs @ z.T).reshape(shape)
    amplitude = total.to(torch.complex64).cpu().numpy()
    if form_factors:
        weigh(amplitude, particle.species, g, steps)
    return np.asarray(amplitude)


def _factors(angle: torch.Tensor, n: int) -> torch.Tensor:
    """Compute `exp(−i k·angle)` for every voxel k of an axis and every atom, complex64 `(n, atoms)`."""
    index = torch.arange(n, dtype=torch.float64, device=angle.device) - n // 2
    return _unit(index[:, None] * angle)


def _unit(angle: torch.Tensor) -> torch.Tensor:
    """Compute `exp(−i angle)` in single precision, of an angle that is reduced in double precision."""
    reduced = torch.remainder(angle, 2 * torch.pi).to(torch.float32)
    return torch.polar(torch.ones_like(reduced), -reduced)


@contextmanager
def _full_float32() -> Iterator[None]:
    """Compute matrix products in full float32, never TF32, inside the `with` block."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
