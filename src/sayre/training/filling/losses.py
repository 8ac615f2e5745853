"""What networks are trained towards."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_and_spread_loss(
    mean: Tensor, log_variance: Tensor, target: Tensor, wanted: Tensor, noise: Tensor, linear: Tensor
) -> tuple[Tensor, Tensor]:
    """Squared error of the mean and Gaussian likelihood of the spread, both over wanted voxels.

    The squared error of each window is divided by the square root of linear interpolation's, so that
    hard windows count for more but do not drown the rest. The likelihood takes the error as given: its
    gradient does not reach the mean (Seitzer et al., ICLR 2022, on why it should not).

    Parameters
    ----------
    mean, log_variance, target, wanted, noise, linear
        `(batch, ...)`; `noise` is the known variance of `target`, `linear` the linear fill.

    Returns
    -------
    Two scalars: error, likelihood.
    """
    axes = tuple(range(1, mean.ndim))
    count = wanted.sum(axes).clamp(min=1)
    squared = ((mean - target) ** 2 * wanted).sum(axes) / count
    yardstick = ((linear - target) ** 2 * wanted).sum(axes) / count
    error = (squared / (yardstick + 1e-3).sqrt()).mean()
    residual = (mean.detach() - target) ** 2
    variance = log_variance.exp() + noise
    likelihood = ((variance.log() + residual / variance) * wanted).sum() / (2 * wanted.sum().clamp(min=1))
    return error, torch.as_tensor(likelihood)


def published_loss(predicted: Tensor, truth: Tensor, gap: Tensor) -> Tensor:
    """Loss of the published patch network (thesis section 4.3.2; Masto et al. 2024).

    Mean absolute error in the gap, plus 1 − SSIM of the slices along axis 1 (11×11 Gaussian window of
    σ 1.5, range 1) summed over them, plus the mean absolute error of finite-difference gradients.

    Parameters
    ----------
    predicted, truth
        `(batch, depth, rows, columns)`, scaled to [0, 1]; outside the gap `predicted` is replaced by
        `truth`.
    gap
        Same shape, 1 in the gap.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    absolute = ((predicted - truth).abs() * gap).sum() / gap.sum().clamp(min=1)
    merged = torch.where(gap > 0, predicted, truth)
    slices, batch = merged.flatten(0, 1)[:, None], len(merged)
    truths = truth.flatten(0, 1)[:, None]
    _, image = ssim(slices, truths, sigma=1.5, data_range=1.0, reduction="none", return_full_image=True)
    similarity = image[..., 5:-5, 5:-5].mean((1, 2, 3))  # without the padded border, as published
    gradients = [(merged.diff(dim=d) - truth.diff(dim=d)).abs().mean() for d in (1, 2, 3)]
    return absolute + (1 - similarity).sum() / batch + torch.stack(gradients).sum()
