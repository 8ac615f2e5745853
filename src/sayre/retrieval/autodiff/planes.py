"""A differentiable convex polyhedron: the product of the sigmoids of half-spaces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

NEAREST = 1.0
"""Voxels: a plane of a first polyhedron is no nearer to its centre."""


class _HalfSpaces(torch.autograd.Function):
    """`s(r) = Π σ(dₖ − nₖ·r)`, plane by plane both ways: only s and the planes are kept."""

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
    """`dₖ − nₖ·r` of each plane, `(batch, *voxels)`."""
    dims = len(positions)
    for k in range(normals.shape[1]):
        height = offsets[:, k].reshape(-1, *(1,) * dims)
        for axis, position in enumerate(positions):
            line = position.reshape(*(1,) * (axis + 1), -1, *(1,) * (dims - axis - 1))
            height = height - normals[:, k, axis].reshape(-1, *(1,) * dims) * line
        yield height


def polyhedron(feet: Tensor, centre: Tensor, edge: Tensor, positions: Sequence[Tensor]) -> Tensor:
    """1 inside every half-space and 0 outside, by sigmoids of width `edge`: `(batch, *voxels)`.

    Parameters
    ----------
    feet
        `(batch, planes, dimensions)`, voxels from `centre`: the foot of the perpendicular from there on
        each plane. It holds direction and distance in as many numbers as a plane has freedoms, so that none
        drifts, and moves the plane by as much as it moves itself.
    centre
        `(batch, dimensions)`, inside every half-space.
    edge
        `(batch,)`, voxels.
    positions
        Voxel coordinates of each axis, of the dtype of `feet`.

    Notes
    -----
    Memory does not depend on the number of planes: each is computed again for the gradient.
    """
    distance = feet.norm(dim=-1)
    normals = feet / distance[..., None]
    offsets = distance + (normals * centre[:, None]).sum(-1)
    steep = 1 / edge[:, None]
    found: Tensor = _HalfSpaces.apply(normals * steep[..., None], offsets * steep, *positions)  # type: ignore[no-untyped-call]
    return found


def directions(count: int, dims: int) -> Tensor:
    """`count` unit vectors, evenly spread: `(count, dims)` float64."""
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
    """Feet and centres of polyhedra around bool supports `(batch, *voxels)`, float64.

    Planes are `apart` voxels from the outermost voxel's middle.
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
