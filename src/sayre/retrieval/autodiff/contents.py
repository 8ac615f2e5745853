"""Models of the content, the object inside the support: complex `(batch, *box)`, amplitudes about 1."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from sayre.crystal.unwrap import unwrap
from sayre.retrieval.autodiff.box import Box
from sayre.retrieval.autodiff.settings import ModelSettings
from sayre.retrieval.autodiff.spline import Spline


class Grid(nn.Module):
    """A free complex number in each voxel, so that no phase wraps."""

    def __init__(self, first: Tensor) -> None:
        super().__init__()
        self.parts = nn.Parameter(torch.view_as_real(first).clone())

    def forward(self) -> Tensor:
        """Return the content."""
        return torch.view_as_complex(self.parts)


class Polar(nn.Module):
    """An amplitude times `exp(i phase)`.

    The amplitude is free in each voxel (of either sign) or uniform. The phase is free in each voxel, where it
    may start wrapped since only its exponential enters, or a spline, which is fitted to the unwrapped phase
    with the intensities as weights.

    Parameters
    ----------
    first
        Complex `(batch, *box)`, the content to start from.
    support
        bool `(batch, *box)`.
    box
        Gives the positions of voxels.
    settings
        `amplitude`, `phase` and `spacing` are used.
    """

    def __init__(self, first: Tensor, support: Tensor, box: Box, settings: ModelSettings) -> None:
        super().__init__()
        amplitude = first.abs()
        dims = tuple(range(1, first.ndim))
        if settings.amplitude == "uniform":
            mean = (amplitude * support).sum(dims, keepdim=True) / support.sum(dims, keepdim=True).clamp(
                min=1
            )
            self.amplitude = nn.Parameter(mean)
        else:
            self.amplitude = nn.Parameter(amplitude)
        self.spline: Spline | None = None
        if settings.phase == "displacement":
            self.spline = Spline(box.positions, settings.spacing, amplitude.dtype)
            unwrapped = torch.stack([_unwrapped(*row) for row in zip(first, support, strict=True)])
            first_phase = self.spline.fit(unwrapped.to(amplitude), amplitude.square() * support)
        else:
            first_phase = first.angle()
        self.phase = nn.Parameter(first_phase)

    def forward(self) -> Tensor:
        """Compute the content."""
        phase = self.phase if self.spline is None else self.spline(self.phase)
        return torch.complex(self.amplitude * phase.cos(), self.amplitude * phase.sin())


def content_model(first: Tensor, support: Tensor, box: Box, settings: ModelSettings) -> nn.Module:
    """Return the model of the content that the settings name.

    Parameters
    ----------
    first
        Complex `(batch, *box)`, the content to start from.
    support
        bool `(batch, *box)`.
    box
        Gives the positions of voxels.
    settings
        `amplitude` and `phase` select the model.
    """
    if settings.phase == "grid" and settings.amplitude == "free":
        return Grid(first)
    return Polar(first, support, box, settings)


def _unwrapped(row: Tensor, support: Tensor) -> Tensor:
    """Unwrap the phase of one object; 0 where there is none, and in one dimension."""
    inside = (support & (row.abs() > 0)).cpu().numpy()
    if not inside.any() or inside.ndim < 2:
        return torch.zeros(row.shape)
    return torch.from_numpy(np.nan_to_num(unwrap(row.angle().cpu().numpy(), inside).phase))
