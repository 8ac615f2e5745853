"""Smooth fields: cubic B-splines on a coarse grid of knots."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

FIT_STEPS = 100
STIFFNESS = 1e-3


class Spline:
    """Tensor product of uniform cubic B-splines.

    Linear in its coefficients, twice continuously differentiable in space; one small matrix product an axis
    (Unser, IEEE Signal Process. Mag. 16(6), 22, 1999).

    Parameters
    ----------
    positions
        Voxel coordinates of each axis, rising.
    spacing
        Voxels from knot to knot.
    dtype
        Of the field.
    """

    def __init__(self, positions: Sequence[Tensor], spacing: float, dtype: torch.dtype) -> None:
        self.bases = [_basis(p.to(dtype), spacing) for p in positions]

    @property
    def knots(self) -> tuple[int, ...]:
        """Coefficients along each axis."""
        return tuple(b.shape[1] for b in self.bases)

    def __call__(self, coefficients: Tensor) -> Tensor:
        """The field `(batch, *voxels)` of coefficients `(batch, *knots)`."""
        for basis in self.bases:
            coefficients = torch.tensordot(coefficients, basis, dims=([1], [1]))
        return coefficients

    def fit(self, values: Tensor, weights: Tensor) -> Tensor:
        """Coefficients whose field is nearest to `values` by weighted least squares; both `(batch, *voxels)`.

        A slight stiffness carries the field on where the weights are 0. By conjugate gradients.
        """
        unit = weights.mean(tuple(range(1, weights.ndim)), keepdim=True).clamp(min=1e-30)
        weights = weights / unit

        def normal(c: Tensor) -> Tensor:
            return self._back(weights * self(c)) + STIFFNESS * _stiff(c)

        return _conjugate_gradients(normal, self._back(weights * values), FIT_STEPS)

    def _back(self, field: Tensor) -> Tensor:
        for basis in self.bases:
            field = torch.tensordot(field, basis, dims=([1], [0]))
        return field


def _basis(positions: Tensor, spacing: float) -> Tensor:
    """`(voxels, knots)`: the spline of each knot at each voxel; they sum to 1."""
    knots = math.ceil((len(positions) - 1) / spacing) + 3
    t = ((positions - positions[0]) / spacing)[:, None] - torch.arange(-1, knots - 1).to(positions)
    near = 2 / 3 - t.square() + t.abs() ** 3 / 2
    far = (2 - t.abs()).clamp(min=0) ** 3 / 6
    return torch.where(t.abs() < 1, near, far)


def _stiff(c: Tensor) -> Tensor:
    """Gradient of half the sum of squared second differences along each axis."""
    total = 1e-4 * c
    for axis in range(1, c.ndim):
        if c.shape[axis] < 3:
            continue
        bend = torch.diff(c, n=2, dim=axis)
        ends = torch.zeros_like(c.narrow(axis, 0, 2))
        total = total + torch.diff(torch.cat([ends, bend, ends], axis), n=2, dim=axis)
    return total


def _conjugate_gradients(matrix: Callable[[Tensor], Tensor], right: Tensor, steps: int) -> Tensor:
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
