"""Models of the support: `(batch, *box)`, from 0 to 1."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from sayre.retrieval.autodiff.box import Box
from sayre.retrieval.autodiff.planes import enclosing, polyhedron
from sayre.retrieval.autodiff.settings import ModelSettings
from sayre.retrieval.autodiff.spline import Spline

MARGIN = 0.15
"""Room around a support that can move, as a fraction of its length on every side."""
REACH = 4.0
"""Distance from the border in voxels beyond which a first level set is constant."""


class Given(nn.Module):
    """The given support, which does not change."""

    def __init__(self, support: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.inside = support.to(dtype)

    def forward(self) -> Tensor:
        """Compute the support."""
        return self.inside


class Convex(nn.Module):
    """A convex polyhedron that at first encloses the given support; see `planes.polyhedron`."""

    def __init__(self, support: Tensor, box: Box, settings: ModelSettings, dtype: torch.dtype) -> None:
        super().__init__()
        feet, centre = enclosing(support, settings.planes, box.positions, 0.5 + settings.edge)
        self.feet = nn.Parameter(feet.to(dtype))
        self.log_edge = nn.Parameter(torch.full_like(self.feet[:, 0, 0], settings.edge).log())
        self.centre = centre.to(dtype)
        self.positions = [p.to(dtype) for p in box.positions]

    def forward(self) -> Tensor:
        """Compute the support."""
        return polyhedron(self.feet, self.centre, self.log_edge.exp(), self.positions)


class Level(nn.Module):
    """The sigmoid of a smooth function, at first the distance from the border of the given support."""

    def __init__(self, support: Tensor, box: Box, settings: ModelSettings, dtype: torch.dtype) -> None:
        super().__init__()
        self.spline = Spline(box.positions, max(settings.spacing / 2, 1.0), dtype)
        distance = torch.stack([_signed_distance(row) for row in support]).to(support.device, dtype)
        self.coefficients = nn.Parameter(self.spline.fit(distance, torch.ones_like(distance)))
        self.edge = settings.edge

    def forward(self) -> Tensor:
        """Compute the support."""
        return torch.sigmoid(self.spline(self.coefficients) / self.edge)


def support_model(support: Tensor, box: Box, settings: ModelSettings, dtype: torch.dtype) -> nn.Module:
    """Return the model of the support that `settings.support` names.

    Parameters
    ----------
    support
        bool `(batch, *box)`, the support to start from.
    box
        Gives the positions of voxels.
    settings
        `support` selects the model; `planes`, `edge` and `spacing` are used.
    dtype
        Real dtype of the model.
    """
    if settings.support == "convex":
        return Convex(support, box, settings, dtype)
    if settings.support == "level":
        return Level(support, box, settings, dtype)
    return Given(support, dtype)


def _signed_distance(support: Tensor) -> Tensor:
    """Compute the distance from the border in voxels, positive inside and limited to `REACH`."""
    inside = np.pad(support.cpu().numpy(), 1)
    distance = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
    distance = distance - np.where(inside, 0.5, -0.5)
    cut = np.clip(distance, -REACH, REACH)[(slice(1, -1),) * inside.ndim]
    return torch.from_numpy(np.ascontiguousarray(cut))
