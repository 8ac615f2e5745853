"""What fills the support: complex `(batch, *box)`, amplitudes of the order of 1."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from sayre.crystal.unwrap import unwrap
from sayre.retrieval.autodiff.box import Box
from sayre.retrieval.autodiff.settings import ModelSettings
from sayre.retrieval.autodiff.spline import Spline


class Grid(nn.Module):
    """A complex number in each voxel: nothing wraps."""

    def __init__(self, first: Tensor) -> None:
        super().__init__()
        self.parts = nn.Parameter(torch.view_as_real(first).clone())

    def forward(self) -> Tensor:
        return torch.view_as_complex(self.parts)


class Polar(nn.Module):
    """Amplitude, free (of either sign) or uniform, times `exp(i phase)`, the phase a grid or a spline.

    A phase grid starts wrapped, which its exponential does not see; a spline is fitted to the unwrapped phase
    with the intensities as weights.
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
        phase = self.phase if self.spline is None else self.spline(self.phase)
        return torch.complex(self.amplitude * phase.cos(), self.amplitude * phase.sin())


def content_model(first: Tensor, support: Tensor, box: Box, settings: ModelSettings) -> nn.Module:
    """The model that `amplitude` and `phase` name, started from an object `(batch, *box)`."""
    if settings.phase == "grid" and settings.amplitude == "free":
        return Grid(first)
    return Polar(first, support, box, settings)


def _unwrapped(row: Tensor, support: Tensor) -> Tensor:
    inside = (support & (row.abs() > 0)).cpu().numpy()
    if not inside.any() or inside.ndim < 2:
        return torch.zeros(row.shape)
    return torch.from_numpy(np.nan_to_num(unwrap(row.angle().cpu().numpy(), inside).phase))
