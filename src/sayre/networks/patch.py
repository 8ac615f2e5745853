"""The published 3D patch network, which Sayre's own network is compared with.

It is that of Masto et al., J. Appl. Cryst. 57 (2024), doi 10.1107/S1600576724004163, layer for layer, with
2,771,309 parameters; each gap width has a network of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Conv(nn.Conv3d):
    """A convolution that keeps the shape: zeros are added around it, one more behind for an even kernel.

    This is what `padding="same"` does in torch, which warns of every even kernel.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, rate: int = 1) -> None:
        around, self.behind = divmod(rate * (kernel - 1), 2)
        super().__init__(inputs, outputs, kernel, padding=around, dilation=rate)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (0, self.behind) * 3) if self.behind else x)


class DilatedBlock(nn.Module):
    """The input, joined to its convolutions at several dilation rates."""

    def __init__(self, inputs: int, filters: int, kernel: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(Conv(inputs, filters, kernel, rate) for rate in rates)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, *(branch(x) for branch in self.branches)], 1)


class PatchNet(nn.Module):
    """U-Net on 32³ patches, with the inputs and outputs of `SlabNet`; it states no error."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            [
                DilatedBlock(1, 8, 3, (4, 3, 2, 1)),
                DilatedBlock(33, 16, 2, (3, 2, 2, 1)),
                Conv(97, 128, 2),
                Conv(128, 256, 2),
            ]
        )
        self.bottleneck = Conv(256, 478, 2)
        self.decoder = nn.ModuleList([Conv(128 + 478, 222, 2), Conv(97 + 222, 96, 2), Conv(33 + 96, 32, 2)])
        self.head = nn.ModuleList([Conv(32, 24, 4), Conv(24, 12, 3), Conv(12, 6, 2)])
        self.last = Conv(6, 1, 1)

    def normalised(self, patch: Tensor) -> Tensor:
        """Predict patches `(batch, 1, 32, 32, 32)` that are scaled to [0, 1] and 0 in the gap."""
        skips, x = [], patch
        for layer in self.encoder:
            x = F.leaky_relu(F.max_pool3d(layer(x), 2), 0.2)
            skips.append(x)
        x = F.leaky_relu(self.bottleneck(x), 0.2)
        for layer, skip in zip(self.decoder, skips[-2::-1], strict=True):
            x = F.leaky_relu(layer(torch.cat([skip, F.interpolate(x, scale_factor=2)], 1)), 0.2)
        x = F.interpolate(x, scale_factor=2)
        for layer in self.head:
            x = F.leaky_relu(layer(x), 0.2)
        return torch.sigmoid(1.5 * self.last(x))

    def forward(self, filled: Tensor, _: Tensor, mask: Tensor, *__: Tensor) -> tuple[Tensor, Tensor]:
        """Fill patches.

        Parameters
        ----------
        filled
            `log(1 + I)` with a first fill, which is not used, float32 `(batch, 32, 32, 32)`.
        mask
            Same shape, 1 where not measured.

        Returns
        -------
        mean, log_variance
            float32, same shape; the log variance is 0 everywhere.
        """
        low, span = patch_range(filled, mask)
        scaled = (filled - low) / span * (1 - mask)
        mean = self.normalised(scaled[:, None]).float()[:, 0] * span + low
        return mean, torch.zeros_like(mean)


def patch_range(filled: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the minimum and the range of the measured voxels of each patch.

    Parameters
    ----------
    filled
        `log(1 + I)`, float32 `(batch, 32, 32, 32)`.
    mask
        Same shape, 1 where not measured.

    Returns
    -------
    low, span
        Minimum and range, float32 `(batch, 1, 1, 1)`.
    """
    axes = (1, 2, 3)
    low = torch.where(mask > 0, torch.inf, filled).amin(axes, keepdim=True)
    high = torch.where(mask > 0, -torch.inf, filled).amax(axes, keepdim=True)
    return low, (high - low).clamp(min=1e-6)
