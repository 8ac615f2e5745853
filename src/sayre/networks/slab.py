"""Sayre's own filling network, which fills any gap in a slab of planes.

A slab is 32 planes of `log(1 + I)` with the gap in the middle. The planes are the channels of a 2D
convolutional network over the other two axes, so that no computation is spent on planes far from the gap.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DEPTH = 32
"""Planes of a slab."""


def normalise(x: Tensor) -> Tensor:
    """Divide the channels of each pixel by their root mean square.

    `torch.nn.functional.rms_norm` takes fifty times as long on bfloat16 and a processor.
    """
    square = x.float().square().mean(1, keepdim=True)
    return x * torch.rsqrt(square + 1e-3).to(x.dtype)


class Residual(nn.Module):
    """Two 3×3 convolutions added to their input; the identity before training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(cast(Tensor, self.second.bias))

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.second(F.silu(self.first(normalise(x)))))


class SlabNet(nn.Module):
    """A network that predicts mean and variance of `log(1 + expected counts)` in the masked voxels of a slab.

    Parameters
    ----------
    width
        Channels at full resolution; `1.25 × width` at a half and a quarter.
    blocks
        Residual blocks of the encoder, and of the decoder, at full, half and quarter resolution.

    Notes
    -----
    The network predicts a correction to a first fill and to its error. Its inputs are the slab less its local
    mean level, the mask, that level (on which the photon noise depends), the error of the first fill, the
    inverted pattern, and what linear interpolation gives in place of the first fill.
    """

    def __init__(self, width: int = 128, blocks: tuple[int, int, int] = (2, 2, 2)) -> None:
        super().__init__()
        deep = width * 5 // 4
        full, half, quarter = blocks
        self.stem = nn.Conv2d(6 * DEPTH + 1, width, 3, padding=1)
        self.down0 = nn.Sequential(*(Residual(width) for _ in range(full)))
        self.shrink0 = nn.Conv2d(width, deep, 2, stride=2)
        self.down1 = nn.Sequential(*(Residual(deep) for _ in range(half)))
        self.shrink1 = nn.Conv2d(deep, deep, 2, stride=2)
        self.middle = nn.Sequential(*(Residual(deep) for _ in range(quarter)))
        self.grow1 = nn.ConvTranspose2d(deep, deep, 2, stride=2)
        self.up1 = nn.Sequential(*(Residual(deep) for _ in range(half)))
        self.grow0 = nn.ConvTranspose2d(deep, width, 2, stride=2)
        self.up0 = nn.Sequential(*(Residual(width) for _ in range(full)))
        self.head = nn.Conv2d(width, 2 * DEPTH, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(cast(Tensor, self.head.bias))

    def forward(
        self,
        filled: Tensor,
        sigma: Tensor,
        mask: Tensor,
        mirror: Tensor,
        mirror_mask: Tensor,
        linear: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Fill slabs.

        Parameters
        ----------
        filled, sigma
            `log(1 + I)` with a first fill where masked, and the standard error of that fill, float32 `(batch,
            32, rows, columns)`; rows and columns are multiples of 4.
        mask
            float32, same shape, 1 where not measured.
        mirror, mirror_mask
            The pattern inverted through its centre, 0 where not measured, and its mask. The intensity of an
            unstrained crystal is its own inversion.
        linear
            `log(1 + I)` interpolated linearly where masked.

        Returns
        -------
        mean, log_variance
            float32, same shape, to be used where masked. An untrained network returns the first fill.
        """
        measured = 1 - mask
        weight = F.avg_pool2d(measured.sum(1, keepdim=True), 9, 1, 4, count_include_pad=False)
        level = F.avg_pool2d((filled * measured).sum(1, keepdim=True), 9, 1, 4, count_include_pad=False)
        level = level / weight.clamp(min=0.05)
        inverted = (mirror - level) / 1.5 * (1 - mirror_mask)
        first = 2 * (sigma + 0.01).log()
        inputs = [(filled - level) / 1.5, mask, level / 5, inverted, mirror_mask, (first + 4) / 4 * mask]
        inputs.append((linear - filled) / 1.5 * mask)
        x = torch.cat(inputs, 1).contiguous(memory_format=torch.channels_last)
        x0 = self.down0(self.stem(x))
        x1 = self.down1(self.shrink0(x0))
        x2 = self.middle(self.shrink1(x1))
        x1 = self.up1(x1 + self.grow1(x2))
        x0 = self.up0(x0 + self.grow0(x1))
        correction, spread = self.head(normalise(x0)).float().chunk(2, 1)
        return filled + correction, (first + spread).clamp(-12, 4)
