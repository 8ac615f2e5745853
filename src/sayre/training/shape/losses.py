"""Losses of the shape network, which are the same for a crystal and its twin."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def inverted(x: Tensor) -> Tensor:
    """Invert arrays through index `n // 2` of every axis but the first."""
    axes = tuple(range(1, x.ndim))
    return x.flip(axes).roll(tuple(1 - x.shape[a] % 2 for a in axes), axes)


def cover_loss(logits: Tensor, coverage: Tensor, cover: float = 4.0) -> Tensor:
    """Compute the cross-entropy with the shape or its inversion, whichever is nearer, over the volume.

    Parameters
    ----------
    logits
        Output of the network, float32 `(batch, side, …)`.
    coverage
        Share of each voxel inside the crystal, float32, same shape, 0 to 1.
    cover
        Weight of the voxels of the crystal over that of the others.

    Returns
    -------
    Mean over the batch.
    """
    return torch.minimum(*_both(logits, coverage, cover)).mean()


def nearer(logits: Tensor, coverage: Tensor, cover: float = 4.0) -> Tensor:
    """Select, for each sample, the coverage or its inversion, whichever has the smaller loss.

    Parameters
    ----------
    logits, coverage, cover
        As `cover_loss` takes them.

    Returns
    -------
    float32, same shape as `coverage`.
    """
    straight, turned = _both(logits, coverage, cover)
    wide = (straight <= turned).reshape(-1, *(1,) * (coverage.ndim - 1))
    return torch.where(wide, coverage, inverted(coverage))


def _both(logits: Tensor, coverage: Tensor, cover: float) -> tuple[Tensor, Tensor]:
    """Compute the losses of each sample with the coverage and with its inversion."""
    return _each(logits, coverage, cover), _each(logits, inverted(coverage), cover)


def _each(logits: Tensor, coverage: Tensor, cover: float) -> Tensor:
    """Compute the loss of each sample over the volume of its crystal, so that all count alike."""
    weight = torch.full((), cover, device=logits.device)
    loss = F.binary_cross_entropy_with_logits(logits, coverage, reduction="none", pos_weight=weight)
    volume = coverage.flatten(1).sum(1).clamp(min=8)
    return loss.flatten(1).sum(1) / volume
