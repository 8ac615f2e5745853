"""Dilated convolutions of kernel 3, each joined to its input, as matrix products.

Each layer sees the channels of all layers before it. With the channels as the first axis of one array they
are its beginning, which a matrix product takes as it lies; convolutions would copy it for every layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

SLOPE = 0.2


def dense(images: Tensor, rates: Sequence[int], parameters: Sequence[tuple[Tensor, Any]]) -> Tensor:
    """Apply layers of dilated convolutions with a leaky rectifier of slope 0.2, each joined behind its input.

    Parameters
    ----------
    images
        `(batch, rows, columns)`.
    rates
        Dilation rate of each layer.
    parameters
        Weight `(filters, channels, 3, 3)` and bias `(filters,)` of each layer.

    Returns
    -------
    All channels, `(channels, batch, rows, columns)`, in the precision of `torch.autocast` where that is on.
    """
    device = images.device.type
    if torch.is_autocast_enabled(device):
        images = images.to(torch.get_autocast_dtype(device))
    flat = [parameter for pair in parameters for parameter in pair]
    with torch.autocast(device, enabled=False):
        made: Tensor = _Dense.apply(images, tuple(rates), *flat)  # type: ignore[no-untyped-call]
    return made


class _Dense(torch.autograd.Function):
    """The layers, and the gradients with respect to their parameters alone."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, rates: tuple[int, ...], *parameters: Tensor) -> Tensor:
        shape, end = images.shape, 1
        joined = images.new_empty((1 + sum(len(bias) for bias in parameters[1::2]), *shape))
        joined[0] = images
        for rate, weight, bias in zip(rates, parameters[::2], parameters[1::2], strict=True):
            begin, end = end, end + len(bias)
            products = (_taps(weight, joined) @ joined[:begin].view(begin, -1)).view(9, len(bias), *shape)
            total = bias[:, None, None, None].expand(len(bias), *shape).contiguous()
            for product, (to, of) in zip(products, _shifts(rate, shape), strict=True):
                total[to] += product[of]
            joined[begin:end] = F.leaky_relu(total, SLOPE)
        ctx.rates = rates
        ctx.save_for_backward(joined, *parameters)
        return joined

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        joined, *parameters = ctx.saved_tensors
        gradient = gradients[0].clone(memory_format=torch.contiguous_format)
        found: list[Tensor] = []
        begin = len(joined)
        for rate, weight, bias in zip(ctx.rates[::-1], parameters[-2::-2], parameters[::-2], strict=True):
            begin, end = begin - len(bias), begin
            back = torch.where(joined[begin:end] > 0, gradient[begin:end], SLOPE * gradient[begin:end])
            products = back.new_zeros((9, *back.shape))
            for product, (to, of) in zip(products, _shifts(rate, back.shape[1:]), strict=True):
                product[of] = back[to]
            flat, before = products.view(9 * len(bias), -1), joined[:begin].view(begin, -1)
            taps = (flat @ before.T).view(3, 3, len(bias), begin)
            found += [back.sum((1, 2, 3), dtype=bias.dtype), taps.permute(2, 3, 0, 1).to(weight.dtype)]
            gradient[:begin].view(begin, -1).addmm_(_taps(weight, joined).T, flat)
        return None, None, *reversed(found)


def _taps(weight: Tensor, like: Tensor) -> Tensor:
    """Return weights as a matrix, `(9 · filters, channels)`."""
    return weight.to(like.dtype).permute(2, 3, 0, 1).reshape(-1, weight.shape[1])


def _shifts(rate: int, shape: Sequence[int]) -> Iterator[tuple[Any, Any]]:
    """Yield where each of the nine taps adds to, and what part of its product."""
    rows, columns = (
        [
            (slice(max(-s, 0), max(n - max(s, 0), 0)), slice(max(s, 0), max(n + min(s, 0), 0)))
            for s in (-rate, 0, rate)
        ]
        for n in shape[-2:]
    )
    for row, row_of in rows:
        for column, column_of in columns:
            yield (..., row, column), (..., row_of, column_of)
