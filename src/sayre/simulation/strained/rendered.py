"""Patterns of planned crystals, many at once and on any device: see `sayre.simulation.strained.plans`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

FINE = 2
"""Samples of the object along each axis of a voxel."""
Plans = Mapping[str, Tensor]
"""Plans stacked along a first axis, float32."""


class Rendered(NamedTuple):
    """Crystals and their patterns.

    Attributes
    ----------
    counts
        Photon counts, float32 `(batch, side, side, side)`, the brightest expected voxel in the middle, gaps
        filled linearly.
    coverage
        Share of each of the middle voxels inside the crystal, float32 `(batch, side / 2, …)`.
    """

    counts: Tensor
    coverage: Tensor


def rendered(plans: Plans, side: int) -> Rendered:
    """Make the patterns of planned crystals.

    Parameters
    ----------
    plans
        Plans stacked along a first axis, on the device of the computation.
    side
        Voxels along each axis.
    """
    cover, fine = crystals(plans, side)
    expected = intensities(fine, side) * plans["peak"][:, None, None, None]
    return Rendered(_counted(expected, plans), _coverage(cover, side // 2))


def crystals(plans: Plans, side: int) -> tuple[Tensor, Tensor]:
    """Sample planned crystals at half voxels.

    Parameters
    ----------
    plans, side
        As in `rendered`.

    Returns
    -------
    cover
        Share of each sample inside the crystal, float32 `(batch, points, points, points)`; the middle point
        is the centre.
    fine
        The samples of the complex object, complex64, same shape.
    """
    axis = _axis(side, plans["span"].device)
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    depth = torch.full((len(plans["span"]), len(grid)), torch.inf, device=axis.device)
    for facet in range(plans["normals"].shape[1]):
        there = torch.addmm(plans["distances"][:, facet, None], plans["normals"][:, facet], grid.T, alpha=-1)
        torch.minimum(depth, there, out=depth)
    cover = (0.5 + depth * FINE).clamp_(0, 1)
    phase = _phase(plans, axis, grid, cover > 0)
    shape = (len(cover), *(len(axis),) * 3)
    return cover.reshape(shape), torch.polar(cover, phase).reshape(shape)


def intensities(fine: Tensor, side: int) -> Tensor:
    """Compute `|Fourier transform|²` around its brightest voxel, which is 1, float32 `(batch, side, …)`.

    Parameters
    ----------
    fine
        Samples of objects, as `crystals` returns them.
    side
        Voxels along each axis.
    """
    ramp = []
    for k in range(1, 4):  # the mean gradient of phase is the centre of mass of the intensity
        here, there = fine.narrow(k, 0, fine.shape[k] - 1), fine.narrow(k, 1, fine.shape[k] - 1)
        ramp.append((here.conj() * there).sum((1, 2, 3)).angle() * FINE)
    steps = torch.stack(ramp, 1)
    first = _transformed(fine, side, steps)
    places = torch.unravel_index(first.flatten(1).argmax(1), first.shape[1:])
    steps = steps + 2 * np.pi / side * (torch.stack(places, 1) - side // 2)
    power = _transformed(fine, side, steps)
    return power / power.amax((1, 2, 3), keepdim=True)


def _axis(side: int, device: torch.device) -> Tensor:
    """Return the places of the samples along an axis, in voxels."""
    half = (side // 4 + 1) * FINE
    return torch.arange(-half, half + 1, device=device) / FINE


def _transformed(fine: Tensor, side: int, ramp: Tensor) -> Tensor:
    """Compute `|Fourier transform|²` of objects divided by a phase ramp in rad a voxel."""
    axis = _axis(side, fine.device)
    frequency = 2 * np.pi / side * (torch.arange(side, device=fine.device) - side // 2)
    field = fine
    for k in range(3):
        angles = (frequency[None, :, None] + ramp[:, k, None, None]) * axis
        matrix = torch.polar(torch.ones_like(angles), -angles)
        rows = torch.bmm(matrix, field.flatten(2))
        field = rows.reshape(*rows.shape[:2], *field.shape[2:]).movedim(1, -1)
    return field.real.square() + field.imag.square()


def _phase(plans: Plans, axis: Tensor, grid: Tensor, inside: Tensor) -> Tensor:
    """Compute the phase in rad at each point of the grid, `(batch, points)`."""
    batch, waves = plans["amplitudes"].shape
    angles = plans["waves"][..., None] * axis
    first, second, third = torch.polar(torch.ones_like(angles), angles).unbind(2)
    weighted = torch.polar(plans["amplitudes"], plans["offsets"])[..., None] * first
    plane = (weighted[..., None] * second[:, :, None]).reshape(batch, waves, -1)
    phase = torch.bmm(plane.mT, third).real.flatten(1)
    phase = phase - plans["levelled"][:, None] * _ramp(phase, grid, inside)
    phase = torch.where(plans["misfit"][:, None] > 0, _misfit(plans, grid, inside), phase)
    low = torch.where(inside, phase, torch.inf).amin(1, keepdim=True)
    high = torch.where(inside, phase, -torch.inf).amax(1, keepdim=True)
    phase = phase * (plans["span"][:, None] / (high - low).clamp(min=1e-9))
    x, y = ((grid - plans["line"][:, None]) @ plans["across"].mT).unbind(2)
    return phase + plans["turn"][:, None] * torch.atan2(y, x)


def _ramp(phase: Tensor, grid: Tensor, inside: Tensor) -> Tensor:
    """Compute the mean and the ramp of each phase inside the crystal, by least squares."""
    terms = torch.cat([grid, torch.ones_like(grid[:, :1])], 1)
    weight = inside.float()
    products = (terms[:, :, None] * terms[:, None]).reshape(-1, 16)
    normal = (weight @ products).reshape(-1, 4, 4) + 1e-3 * torch.eye(4, device=grid.device)
    fitted: Tensor = torch.linalg.solve(normal, (weight * phase) @ terms) @ terms.T
    return fitted


def _misfit(plans: Plans, grid: Tensor, inside: Tensor) -> Tensor:
    """Compute a phase that decays with the distance from a plane."""
    height = plans["up"] @ grid.T
    weight = inside.float()
    along = plans["along"] - (plans["along"] * plans["up"]).sum(1, keepdim=True) * plans["up"]
    lateral = along @ grid.T
    lateral = lateral - (lateral * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp(min=1)
    height = height - torch.where(inside, height, torch.inf).amin(1, keepdim=True)
    reach = plans["reach"][:, None]
    return (lateral + reach * plans["common"][:, None]) * torch.exp(-height.clamp(min=0) / reach)


def _coverage(cover: Tensor, middle: int) -> Tensor:
    """Average the coverage of the samples over each of the `middle` voxels in the middle of an axis."""
    for k in range(1, 4):
        first = cover.shape[k] // 2 - (middle // 2) * FINE
        before, here, after = (
            cover.narrow(k, first + s, middle * FINE - 1).index_select(
                k, torch.arange(0, middle * FINE - 1, FINE, device=cover.device)
            )
            for s in (-1, 0, 1)
        )
        cover = 0.25 * before + 0.5 * here + 0.25 * after
    return cover


def _counted(expected: Tensor, plans: Plans) -> Tensor:
    """Disturb expected counts, draw photons, and fill gaps linearly in log(1 + I), one after the other."""
    grain = plans["grain"][:, None, None, None]
    if bool((grain > 0).any()):
        other = expected.roll(1, 0) / plans["peak"].roll(1)[:, None, None, None]
        expected = expected + grain * plans["peak"][:, None, None, None] * _rolled(other, plans["shift"])
    if bool((plans["blur"] > 0).any()):
        expected = _blurred(expected, plans["blur"])
    expected = expected + plans["background"][:, None, None, None]
    source = torch.Generator(expected.device).manual_seed(int(plans["seed"][0]))
    counts = torch.poisson(expected, source)
    for one, gaps in zip(counts, plans["gaps"].tolist(), strict=True):
        for axis, start, width in (map(int, gap) for gap in gaps if gap[2]):
            level = torch.log1p(one)
            low, high = (level.narrow(axis, at, 1) for at in (start - 1, start + width))
            share = torch.arange(1, width + 1, device=one.device) / (width + 1)
            line = share.reshape([-1 if k == axis else 1 for k in range(3)])
            one.narrow(axis, start, width).copy_(torch.expm1(low + (high - low) * line))
    return counts


def _rolled(fields: Tensor, shifts: Tensor) -> Tensor:
    """Roll each field along its axes by its own whole numbers."""
    for k in range(3):
        n = fields.shape[k + 1]
        places = (torch.arange(n, device=fields.device) - shifts[:, k, None].long()) % n
        view = places.reshape([len(fields), *(n if axis == k else 1 for axis in range(3))])
        fields = fields.gather(k + 1, view.expand_as(fields))
    return fields


def _blurred(expected: Tensor, widths: Tensor) -> Tensor:
    """Convolve periodic fields with Gaussians of full widths at half maximum `(batch, 3)`, in voxels."""
    spectrum = torch.fft.rfftn(expected, dim=(1, 2, 3))
    for k, n in enumerate(expected.shape[1:]):
        line = (torch.fft.rfftfreq if k == 2 else torch.fft.fftfreq)(n, device=expected.device)
        sigma = widths[:, k, None] / (2 * np.sqrt(2 * np.log(2)))
        damping = torch.exp(-2 * (np.pi * sigma * line) ** 2)
        spectrum = spectrum * damping.reshape([len(expected), *(-1 if a == k else 1 for a in range(3))])
    blurred: Tensor = torch.fft.irfftn(spectrum, s=expected.shape[1:], dim=(1, 2, 3))
    return blurred.clamp_(min=0)
