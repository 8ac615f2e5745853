"""Layers aligned as in Keras, which the published networks were written in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Grow(nn.Module):
    """Transposed convolution to twice the number of voxels along each axis.

    Parameters
    ----------
    dimensions
        2 or 3.
    channels, filters
        Channels before and after.
    kernel
        Voxels of the kernel along each axis, 2 or more.
    """

    def __init__(self, dimensions: int, channels: int, filters: int, kernel: int) -> None:
        super().__init__()
        grow = nn.ConvTranspose3d if dimensions == 3 else nn.ConvTranspose2d
        self.grow = grow(channels, filters, kernel, stride=2, padding=kernel // 2 - 1)

    def forward(self, x: Tensor) -> Tensor:
        grown: Tensor = self.grow(x)
        for axis, n in enumerate(x.shape[2:], 2):
            grown = grown.narrow(axis, 0, 2 * n)
        return grown


def conv(dimensions: int, channels: int, filters: int, kernel: int, rate: int = 1) -> nn.Module:
    """Make a convolution that keeps the shape, with even kernels aligned as in Keras.

    Parameters
    ----------
    dimensions
        2 or 3.
    channels, filters
        Channels before and after.
    kernel
        Voxels of the kernel along each axis.
    rate
        Dilation rate, for odd kernels.
    """
    plain = nn.Conv3d if dimensions == 3 else nn.Conv2d
    pad: Any = nn.ZeroPad3d if dimensions == 3 else nn.ZeroPad2d
    if kernel % 2:
        return plain(channels, filters, kernel, padding=kernel // 2 * rate, dilation=rate)
    return nn.Sequential(pad((kernel // 2 - 1, kernel // 2) * dimensions), plain(channels, filters, kernel))


def leaky(x: Tensor) -> Tensor:
    """Apply the leaky rectifier of slope 0.2, the default of Keras."""
    return F.leaky_relu(x, 0.2)


def begin_as_keras(network: nn.Module) -> None:
    """Draw the weights by Glorot's rule and set the biases to 0, the defaults of Keras."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("weight"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)


def channels_last(network: nn.Module) -> nn.Module:
    """Lay the weights of a network out with their channels last, which its convolutions are faster with.

    Parameters
    ----------
    network
        Of convolutions in 2D or in 3D.

    Returns
    -------
    The network.
    """
    ranks = {parameter.ndim for parameter in network.parameters()}
    layout = torch.channels_last_3d if 5 in ranks else torch.channels_last
    return network.to(memory_format=layout)  # type: ignore[call-overload, no-any-return]
