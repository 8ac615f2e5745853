"""The shape network, a U-Net from the autocorrelation to the shape of a crystal, at quarter resolution."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = 3
"""Features of each lag: see `sayre.retrieval.learned.shape_features.features`."""
FOLD = 4
"""Lags along an axis in one cell of the network.

A cell holds half as many voxels, because the lag 2r belongs to the position r.
"""


def fold(x: Tensor, factor: int) -> Tensor:
    """Move the voxels of each cell to channels.

    Parameters
    ----------
    x
        `(batch, channels, factor·n, …)` with d axes of voxels.
    factor
        Voxels of a cell along each axis.

    Returns
    -------
    `(batch, channels·factor^d, n, …)`.
    """
    d = x.ndim - 2
    shape = list(x.shape[:2])
    for n in x.shape[2:]:
        shape += [n // factor, factor]
    cells = list(range(2, 2 + 2 * d, 2))
    inner = list(range(3, 3 + 2 * d, 2))
    folded = x.reshape(shape).permute(0, 1, *inner, *cells)
    return folded.reshape(x.shape[0], -1, *(n // factor for n in x.shape[2:]))


def unfold(x: Tensor, factor: int) -> Tensor:
    """Move channels to the voxels of each cell, which reverses `fold`.

    Parameters
    ----------
    x
        `(batch, channels·factor^d, n, …)` with d axes.
    factor
        Voxels of a cell along each axis.

    Returns
    -------
    `(batch, channels, factor·n, …)`.
    """
    d = x.ndim - 2
    channels = x.shape[1] // factor**d
    parts = x.reshape(x.shape[0], channels, *(factor,) * d, *x.shape[2:])
    order = [axis for k in range(d) for axis in (2 + d + k, 2 + k)]
    return parts.permute(0, 1, *order).reshape(x.shape[0], channels, *(n * factor for n in x.shape[2:]))


class ShapeNet(nn.Module):
    """A network that predicts the logit of the probability that the crystal covers a voxel.

    Parameters
    ----------
    dimensions
        2 or 3.
    width
        Channels at the finest resolution; twice as many at the next, three times as many at the one after.
    blocks
        Residual blocks at each resolution, in the encoder and again in the decoder.
    """

    def __init__(self, dimensions: int = 3, width: int = 48, blocks: tuple[int, ...] = (1, 2, 2)) -> None:
        super().__init__()
        conv = nn.Conv3d if dimensions == 3 else nn.Conv2d
        grow = nn.ConvTranspose3d if dimensions == 3 else nn.ConvTranspose2d
        self.dimensions = dimensions
        widths = [width * (level + 1) for level in range(len(blocks))]
        self.stem = conv(CHANNELS * FOLD**dimensions, width, 3, padding=1)
        self.down = nn.ModuleList(_stage(conv, w, b) for w, b in zip(widths, blocks, strict=True))
        self.up = nn.ModuleList(_stage(conv, w, b) for w, b in zip(widths[:-1], blocks[:-1], strict=True))
        pairs = list(pairwise(widths))
        self.shrink = nn.ModuleList(conv(a, b, 2, stride=2) for a, b in pairs)
        self.grow = nn.ModuleList(grow(b, a, 2, stride=2) for a, b in pairs)
        self.head = conv(width, (FOLD // 2) ** dimensions, 1)

    def forward(self, lags: Tensor) -> Tensor:
        """Predict logits `(batch, side / 2, …)` of the middle voxels from features `(batch, 3, side, …)`."""
        x = self.stem(fold(lags, FOLD))
        skips = []
        for stage, shrink in zip(self.down, self.shrink, strict=False):
            x = stage(x)
            skips.append(x)
            x = shrink(x)
        x = self.down[-1](x)
        for stage, grow, skip in zip(reversed(self.up), reversed(self.grow), reversed(skips), strict=True):
            x = stage(skip + grow(x))
        return unfold(self.head(_normalise(x)).float(), FOLD // 2)[:, 0]


class _Residual(nn.Module):
    """Two convolutions of kernel 3 added to their input; the identity before training."""

    def __init__(self, conv: type[nn.Conv2d | nn.Conv3d], channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels, 3, padding=1)
        self.second = conv(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(cast(Tensor, self.second.bias))

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.second(F.silu(self.first(_normalise(x)))))


def _stage(conv: type[nn.Conv2d | nn.Conv3d], channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(_Residual(conv, channels) for _ in range(blocks)))


def _normalise(x: Tensor) -> Tensor:
    return F.rms_norm(x.movedim(1, -1), (x.shape[1],), eps=1e-3).movedim(-1, 1)
