"""Losses that do not mind which of the twins is found."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def inverted(x: Tensor) -> Tensor:
    """Inverted through index `n // 2` of every axis but the first."""
    axes = tuple(range(1, x.ndim))
    return x.flip(axes).roll(tuple(1 - x.shape[a] % 2 for a in axes), axes)


def cover_loss(logits: Tensor, coverage: Tensor, cover: float = 4.0) -> Tensor:
    """Cross-entropy with the shape or its inversion, whichever is nearer; a voxel missed weighs `cover`.

    Relative to the crystal's own volume, so that small crystals count as large ones do.

    Parameters
    ----------
    logits, coverage
        float32 `(batch, side, …)`; coverage between 0 and 1.
    """
    return torch.minimum(*_both(logits, coverage, cover)).mean()


def nearer(logits: Tensor, coverage: Tensor, cover: float = 4.0) -> Tensor:
    """For each logits that of coverage and its inversion whose loss is less."""
    straight, turned = _both(logits, coverage, cover)
    wide = (straight <= turned).reshape(-1, *(1,) * (coverage.ndim - 1))
    return torch.where(wide, coverage, inverted(coverage))


def _both(logits: Tensor, coverage: Tensor, cover: float) -> tuple[Tensor, Tensor]:
    return _each(logits, coverage, cover), _each(logits, inverted(coverage), cover)


def _each(logits: Tensor, coverage: Tensor, cover: float) -> Tensor:
    weight = torch.full((), cover, device=logits.device)
    loss = F.binary_cross_entropy_with_logits(logits, coverage, reduction="none", pos_weight=weight)
    volume = coverage.flatten(1).sum(1).clamp(min=8)
    return loss.flatten(1).sum(1) / volume
