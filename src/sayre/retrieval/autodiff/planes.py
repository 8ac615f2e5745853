"""Differentiable convex polyhedra: products of the sigmoids of half-spaces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

NEAREST = 1.0
"""Least distance in voxels of a plane of a first polyhedron from its centre."""


class _HalfSpaces(torch.autograd.Function):
    """`s(r) = Π σ(dₖ − nₖ·r)`, computed plane by plane forward and backward; s and the planes are stored."""

    @staticmethod
    def forward(ctx: Any, normals: Tensor, offsets: Tensor, *positions: Tensor) -> Tensor:
        product = normals.new_ones((len(normals), *(len(p) for p in positions)))
        for height in _heights(normals, offsets, positions):
            product *= height.sigmoid_()
        ctx.save_for_backward(normals, offsets, product, *positions)
        return product

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        normals, offsets, product, *positions = ctx.saved_tensors
        weight = grads[0] * product
        along_offsets, along_normals = torch.empty_like(offsets), torch.empty_like(normals)
        for k, height in enumerate(_heights(normals, offsets, positions)):
            pull = height.neg_().sigmoid_().mul_(weight)
            for axis, position in enumerate(positions):
                others = [a + 1 for a in range(len(positions)) if a != axis]
                profile = pull.sum(others) if others else pull
                along_normals[:, k, axis] = -profile @ position
            along_offsets[:, k] = profile.sum(1)
        return along_normals, along_offsets, *(None for _ in positions)


def _heights(normals: Tensor, offsets: Tensor, positions: Sequence[Tensor]) -> Iterator[Tensor]:
    """Yield `dₖ − nₖ·r` of each plane, `(batch, *voxels)`."""
    dims = len(positions)
    for k in range(normals.shape[1]):
        height = offsets[:, k].reshape(-1, *(1,) * dims)
        for axis, position in enumerate(positions):
            line = position.reshape(*(1,) * (axis + 1), -1, *(1,) * (dims - axis - 1))
            height = height - normals[:, k, axis].reshape(-1, *(1,) * dims) * line
        yield height


def polyhedron(feet: Tensor, centre: Tensor, edge: Tensor, positions: Sequence[Tensor]) -> Tensor:
    """Compute a soft polyhedron, `(batch, *voxels)`: 1 inside every half-space, 0 outside, with soft edges.

    Parameters
    ----------
    feet
        `(batch, planes, dimensions)`, foot of the perpendicular from `centre` to each plane, relative to
        `centre`, in voxels. It has as many numbers as a plane has degrees of freedom, so that no direction
        drifts, and a plane moves as far as its foot does.
    centre
        `(batch, dimensions)`, a point inside every half-space, in voxels.
    edge
        `(batch,)`, width of the sigmoids in voxels.
    positions
        Voxel coordinates of each axis, of the dtype of `feet`.

    Notes
    -----
    Memory does not depend on the number of planes, since each is computed again for the gradient.
    """
    distance = feet.norm(dim=-1)
    normals = feet / distance[..., None]
    offsets = distance + (normals * centre[:, None]).sum(-1)
    steep = 1 / edge[:, None]
    inside: Tensor = _HalfSpaces.apply(normals * steep[..., None], offsets * steep, *positions)  # type: ignore[no-untyped-call]
    return inside


def directions(count: int, dims: int) -> Tensor:
    """Compute unit vectors that are spread evenly over all directions, `(count, dims)` float64.

    Parameters
    ----------
    count
        Number of vectors.
    dims
        Dimensions, 1 to 3; in 3D the vectors lie on a Fibonacci spiral.
    """
    k = torch.arange(count, dtype=torch.float64)
    if dims == 1:
        return (1 - 2 * (k % 2))[:, None]
    if dims == 2:
        return torch.stack([torch.sin(2 * math.pi * k / count), torch.cos(2 * math.pi * k / count)], 1)
    height = 1 - (2 * k + 1) / count
    turn = math.pi * (1 + 5**0.5) * k
    across = (1 - height.square()).sqrt()
    return torch.stack([height, across * torch.sin(turn), across * torch.cos(turn)], 1)


def enclosing(
    support: Tensor, count: int, positions: Sequence[Tensor], apart: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Compute the polyhedra that enclose supports, with planes in evenly spread directions.

    Parameters
    ----------
    support
        bool `(batch, *voxels)`.
    count
        Number of planes.
    positions
        Voxel coordinates of each axis.
    apart
        Distance of each plane from the middle of the outermost voxel, in voxels.

    Returns
    -------
    feet, centres
        float64, as `polyhedron` takes them.
    """
    normals = directions(count, len(positions)).to(support.device)
    feet, centres = [], []
    for row in support:
        places = torch.nonzero(row)
        if len(places) == 0:
            places = torch.tensor([[n // 2 for n in row.shape]], device=support.device)
        points = torch.stack([p.double()[places[:, a]] for a, p in enumerate(positions)], 1)
        centre = points.mean(0)
        reach = torch.stack([((points - centre) @ normal).max() for normal in normals]) + apart
        feet.append(normals * reach.clamp(min=NEAREST)[:, None])
        centres.append(centre)
    return torch.stack(feet), torch.stack(centres)
