"""Smooth fields described by cubic B-splines on a coarse grid of knots."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

FIT_STEPS = 100
"""Most iterations of conjugate gradients in a fit."""
STIFFNESS = 1e-3
"""Weight of squared second differences of the coefficients in a fit."""


class Spline:
    """A tensor product of uniform cubic B-splines.

    It is linear in its coefficients and twice continuously differentiable in space, and is computed by one
    small matrix product per axis (Unser, IEEE Signal Process. Mag. 16(6), 22, 1999).

    Parameters
    ----------
    positions
        Voxel coordinates of each axis, ascending.
    spacing
        Distance of the knots in voxels.
    dtype
        Real dtype of the field.
    """

    def __init__(self, positions: Sequence[Tensor], spacing: float, dtype: torch.dtype) -> None:
        self.bases = [_basis(p.to(dtype), spacing) for p in positions]

    @property
    def knots(self) -> tuple[int, ...]:
        """Number of coefficients along each axis."""
        return tuple(b.shape[1] for b in self.bases)

    def __call__(self, coefficients: Tensor) -> Tensor:
        """Compute the field `(batch, *voxels)` of coefficients `(batch, *knots)`."""
        for basis in self.bases:
            coefficients = torch.tensordot(coefficients, basis, dims=([1], [1]))
        return coefficients

    def fit(self, values: Tensor, weights: Tensor) -> Tensor:
        """Fit coefficients `(batch, *knots)` by weighted least squares, with conjugate gradients.

        A slight stiffness extrapolates the field to where the weights are 0.

        Parameters
        ----------
        values
            `(batch, *voxels)`, the field to approximate.
        weights
            `(batch, *voxels)`, not negative.
        """
        unit = weights.mean(tuple(range(1, weights.ndim)), keepdim=True).clamp(min=1e-30)
        weights = weights / unit

        def normal(c: Tensor) -> Tensor:
            return self._back(weights * self(c)) + STIFFNESS * _stiff(c)

        return _conjugate_gradients(normal, self._back(weights * values), FIT_STEPS)

    def _back(self, field: Tensor) -> Tensor:
        """Apply the transposed basis: from `(batch, *voxels)` to `(batch, *knots)`."""
        for basis in self.bases:
            field = torch.tensordot(field, basis, dims=([1], [0]))
        return field


def _basis(positions: Tensor, spacing: float) -> Tensor:
    """Compute the spline of each knot at each voxel, `(voxels, knots)`; those of a voxel sum to 1."""
    knots = math.ceil((len(positions) - 1) / spacing) + 3
    t = ((positions - positions[0]) / spacing)[:, None] - torch.arange(-1, knots - 1).to(positions)
    near = 2 / 3 - t.square() + t.abs() ** 3 / 2
    far = (2 - t.abs()).clamp(min=0) ** 3 / 6
    return torch.where(t.abs() < 1, near, far)


def _stiff(c: Tensor) -> Tensor:
    """Compute the gradient of half the sum of squared second differences along each axis."""
    total = 1e-4 * c
    for axis in range(1, c.ndim):
        if c.shape[axis] < 3:
            continue
        bend = torch.diff(c, n=2, dim=axis)
        ends = torch.zeros_like(c.narrow(axis, 0, 2))
        total = total + torch.diff(torch.cat([ends, bend, ends], axis), n=2, dim=axis)
    return total


def _conjugate_gradients(matrix: Callable[[Tensor], Tensor], right: Tensor, steps: int) -> Tensor:
    """Solve a linear system of each batch member by at most `steps` iterations."""
    dims = tuple(range(1, right.ndim))
    solution, residual, direction = torch.zeros_like(right), right, right
    power = residual.square().sum(dims, keepdim=True)
    least = 1e-12 * power
    for _ in range(steps):
        if bool((power <= least).all()):
            break
        moved = matrix(direction)
        length = power / (direction * moved).sum(dims, keepdim=True).clamp(min=1e-30)
        solution = solution + length * direction
        residual = residual - length * moved
        power, before = residual.square().sum(dims, keepdim=True), power
        direction = residual + direction * power / before.clamp(min=1e-30)
    return solution
