"""The three networks of Table 4.1 of Masto's thesis, which fill gaps of 2D patterns.

All take `log(1 + I)` scaled to [0, 1], 0 in the gap, and return a whole pattern of that scale. The table
lists their layers and counts their parameters: 31,827,673, 322,458 and 32,652,337. The listing differs from
the count in two places, where the count is followed, and the text from the listing in two:

- The convolutions after the decoder are listed with kernel 5 (the last one of the modified U-Net with 3).
  With kernel 3 both U-Nets have exactly the stated number, with 5 they have 24,288 and 43,008 more.
- The last convolution of the MSD-Net is listed with kernel 3, which makes 2,184 parameters too many. With
  kernel 1 and the sixteen blocks of the listing it has exactly the stated number.
- The text says that the rates of the MSD-Net end at 30; those of the sixteen blocks end at 32.
- The text lets the encoder end at 2×2 cells. Five halvings of 128, as listed, end at 4×4.

Kernel 4 of the last block of the modified decoder is as listed, and needed for its count. The skip to the
input's own resolution exists in the modified U-Net only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sayre.networks.dense import dense
from sayre.networks.layers import Grow, begin_as_keras, conv, leaky

FILTERS = (48, 96, 192, 384, 768)
"""Filters of the encoder blocks; the decoder has them in reverse order."""
BOTTLENECK = 1536
HEAD = (24, 12, 6)
RATES = ((16, 8, 4, 2), (10, 5, 3, 1), (5, 3, 2, 1))
"""Dilation rates of the first blocks of the modified U-Net."""
BLOCKS = 16
"""Blocks of the MSD-Net, of two convolutions each."""
REDUCTION = 2 ** len(FILTERS)
"""Number of which the side of a pattern must be a multiple, for the U-Nets."""


class PlanarUNet(nn.Module):
    """The U-Net, or with dilated convolutions the modified one.

    Parameters
    ----------
    width
        Factor on the filters of every layer; 1 as published.
    modified
        Whether the first three blocks are dilated, with a last decoder block of kernel 4 and a last skip.
    """

    def __init__(self, width: float = 1.0, *, modified: bool = False) -> None:
        super().__init__()

        def wide(filters: int) -> int:
            return max(4, 4 * round(filters * width / 4))

        self.encoder = nn.ModuleList()
        channels, skipped = 1, []
        for level, filters in enumerate(FILTERS):
            if modified and level < len(RATES):
                self.encoder.append(_Dilated(channels, wide(filters), RATES[level]))
                channels += wide(filters)
            else:
                self.encoder.append(conv(2, channels, wide(filters), 3))
                channels = wide(filters)
            skipped.append(channels)
        self.bottleneck = conv(2, channels, wide(BOTTLENECK), 3)
        channels = wide(BOTTLENECK)
        joined = [0, *reversed(skipped[1:])]
        self.decoder = nn.ModuleList()
        for filters, skip in zip(reversed(FILTERS), joined, strict=True):
            kernel = 4 if modified and filters == FILTERS[0] else 3
            self.decoder.append(Grow(2, channels + skip, wide(filters), kernel))
            channels = wide(filters)
        self.last_skip = modified
        channels += skipped[0] if modified else 0
        self.head = nn.ModuleList()
        for filters in HEAD:
            self.head.append(conv(2, channels, wide(filters) if width != 1 else filters, 3))
            channels = wide(filters) if width != 1 else filters
        self.last = conv(2, channels, 1, 3)
        begin_as_keras(self)

    def forward(self, scaled: Tensor) -> Tensor:
        """Predict patterns, float32, from scaled logarithms `(batch, side, side)` of the same shape."""
        x, skips = scaled[:, None], []
        for block in self.encoder:
            x = leaky(block(x))
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = leaky(self.bottleneck(x))
        for level, block in enumerate(self.decoder):
            x = leaky(block(torch.cat([x, skips.pop()], 1) if level else x))
        if self.last_skip:
            x = torch.cat([x, skips.pop()], 1)
        for block in self.head:
            x = leaky(block(x))
        return _scaled(self.last, x)


class MSDNet(nn.Module):
    """The mixed-scale dense network: blocks of two dilated convolutions, each joined to its input.

    Block i has i filters a convolution and the dilation rates 2i − 1 and 2i.

    Parameters
    ----------
    width
        Share of the sixteen blocks; 1 as published.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        channels = 1
        for block in range(1, max(2, round(BLOCKS * width)) + 1):
            for rate in (2 * block - 1, 2 * block):
                self.layers.append(conv(2, channels, block, 3, rate))
                channels += block
        self.last = conv(2, channels, 1, 1)
        begin_as_keras(self)

    def forward(self, scaled: Tensor) -> Tensor:
        """Predict patterns, float32, from scaled logarithms `(batch, side, side)` of the same shape."""
        layers = list(cast("Iterable[nn.Conv2d]", self.layers))
        rates = [layer.dilation[0] for layer in layers]
        return _scaled(
            self.last, dense(scaled, rates, [(layer.weight, layer.bias) for layer in layers]).transpose(0, 1)
        )


def _scaled(last: nn.Module, x: Tensor) -> Tensor:
    """Apply the last layer and the sigmoid in full precision, which a small rounding would be seen in."""
    with torch.autocast(x.device.type, enabled=False):
        return torch.sigmoid(last(x.float())[:, 0])


class _Dilated(nn.Module):
    """The input, joined to its convolutions at several dilation rates, a quarter of the filters each."""

    def __init__(self, channels: int, filters: int, rates: Sequence[int]) -> None:
        super().__init__()
        share = filters // len(rates)
        self.branches = nn.ModuleList(conv(2, channels, share, 3, rate) for rate in rates)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, *(branch(x) for branch in self.branches)], 1)


def modified_unet(width: float = 1.0) -> PlanarUNet:
    """Make the modified U-Net; `width` as `PlanarUNet` takes it."""
    return PlanarUNet(width, modified=True)


NETWORKS: Mapping[str, Callable[[float], nn.Module]] = {
    "unet": PlanarUNet,
    "msd": MSDNet,
    "modified": modified_unet,
}
"""Constructors of the networks by name, which take the factor on their width."""
PARAMETERS: Mapping[str, int] = {"unet": 31_827_673, "msd": 322_458, "modified": 32_652_337}
"""Trainable parameters as the thesis states them."""


def parameters_of(network: nn.Module) -> int:
    """Count the trainable parameters of a network."""
    return sum(parameter.numel() for parameter in network.parameters())
