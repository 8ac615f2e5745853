"""The network of Masto et al. (arXiv:2507.06644, 2025), a U-Net from scaled counts to a phase."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sayre.networks.layers import Grow, begin_as_keras, conv, leaky

DILATED = ((32, (8, 5, 3, 1)), (64, (6, 4, 2, 1)))
"""Filters of the first two encoder blocks, divided among their dilation rates; the kernel is 5."""
PLAIN = ((128, 4), (256, 3), (512, 3), (1024, 3))
"""Filters and kernel of the other encoder blocks."""
BOTTLENECK = (2048, 2)
DECODER = ((1024, 3), (512, 3), (256, 3), (128, 4), (64, 5), (32, 5))
MERGE = (16, 5)
REDUCTION = 2 ** (len(DILATED) + len(PLAIN))
"""Factor of which the side must be a multiple."""


class PublishedNet(nn.Module):
    """A network that predicts the phase φ(q) of each voxel in rad, without bounds, by a linear last layer.

    Parameters
    ----------
    dimensions
        3 as published; 2 has the same layers in the plane.
    width
        Factor on the filters of every layer; 1 as published (143.8 million parameters in 3D).

    Notes
    -----
    The encoder has six blocks, each followed by a maximum over pairs of voxels: two blocks of four dilated
    convolutions side by side, joined to their input, and four blocks of one convolution. The output of every
    block, with half the channels after a convolution of kernel 3, is joined to the decoder, which has
    transposed convolutions of stride 2. All rectifiers are leaky with slope 0.2, and there is no
    normalisation. At 64 voxels along each axis the bottleneck is a single cell.

    The paper does not state how filters are divided among the dilation rates, which kernels the deeper layers
    have, or the last layer but one. They are those of the training script that its author published
    (matteomasto/high_strain_CNN), with which the number of parameters is the published one. The alignment of
    even kernels and of transposed convolutions, and the initial weights (Glorot), are those of Keras.
    """

    def __init__(self, dimensions: int = 3, width: float = 1.0) -> None:
        super().__init__()

        def wide(filters: int) -> int:
            return max(4, 4 * round(filters * width / 4))

        self.dimensions = dimensions
        self.dilated = nn.ModuleList()
        self.plain = nn.ModuleList()
        channels, skipped = 1, []
        for filters, rates in DILATED:
            self.dilated.append(_Dilated(dimensions, channels, wide(filters), rates))
            channels += wide(filters)
            skipped.append(channels)
        for filters, kernel in PLAIN:
            self.plain.append(conv(dimensions, channels, wide(filters), kernel))
            channels = wide(filters)
            skipped.append(channels)
        self.skips = nn.ModuleList(conv(dimensions, c, c // 2, 3) for c in skipped)
        self.bottleneck = conv(dimensions, channels, wide(BOTTLENECK[0]), BOTTLENECK[1])
        widths = [wide(BOTTLENECK[0]), *(wide(filters) for filters, _ in DECODER)]
        joined = [0, *(c // 2 for c in reversed(skipped))]
        self.decoder = nn.ModuleList(
            Grow(dimensions, before + skip, after, kernel)
            for (before, after), skip, (_, kernel) in zip(pairwise(widths), joined, DECODER, strict=False)
        )
        self.merge = conv(dimensions, widths[-1] + joined[-1], wide(MERGE[0]), MERGE[1])
        self.head = conv(dimensions, wide(MERGE[0]), 1, MERGE[1])
        begin_as_keras(self)

    def forward(self, scaled: Tensor) -> Tensor:
        """Predict phases in rad, float32, from scaled counts `(batch, side, …)` of the same shape."""
        halve = F.max_pool3d if self.dimensions == 3 else F.max_pool2d
        x, skips = scaled[:, None], []
        for block, skip in zip([*self.dilated, *self.plain], self.skips, strict=True):
            x = leaky(block(x))
            skips.append(leaky(skip(x)))
            x = halve(x, 2)
        x = leaky(self.bottleneck(x))
        for block in self.decoder:
            x = leaky(block(x))
            x = torch.cat([x, skips.pop()], 1)
        phase: Tensor = self.head(leaky(self.merge(x))).float()[:, 0]
        return phase


class _Dilated(nn.Module):
    """Convolutions of kernel 5 at several dilation rates side by side, after their input."""

    def __init__(self, dimensions: int, channels: int, filters: int, rates: Sequence[int]) -> None:
        super().__init__()
        share = filters // len(rates)
        self.branches = nn.ModuleList(conv(dimensions, channels, share, 5, rate) for rate in rates)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, *(branch(x) for branch in self.branches)], 1)
