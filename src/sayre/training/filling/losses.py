"""Losses of the filling networks."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_and_spread_loss(
    mean: Tensor, log_variance: Tensor, target: Tensor, wanted: Tensor, noise: Tensor, linear: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute the squared error of the mean and the Gaussian likelihood of the predicted error.

    The squared error of each window is divided by the square root of that of the first fill, so that hard
    windows count for more but do not dominate. The gradient of the likelihood does not reach the mean (see
    Seitzer et al., ICLR 2022, for the reason).

    Parameters
    ----------
    mean, log_variance
        Output of the network, float32 `(batch, …)`.
    target
        The right `log(1 + I)`, same shape.
    wanted
        1 in voxels that count, 0 in the others, same shape.
    noise
        Known variance of `target`, same shape.
    linear
        The first fill, same shape.

    Returns
    -------
    error, likelihood
        Two scalars; the likelihood is its negative logarithm.
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
    """Compute the loss of the published patch network.

    It is the mean absolute error in the gap, plus the sum over the slices along axis 1 of 1 − SSIM (11×11
    Gaussian window of σ 1.5, range 1), plus the mean absolute error of finite-difference gradients.

    Parameters
    ----------
    predicted
        Output of the network, float32 `(batch, depth, rows, columns)`, scaled to [0, 1]. Outside the gap it
        is replaced by `truth`.
    truth
        The right output, same shape.
    gap
        1 in the gap, 0 elsewhere, same shape.

    Notes
    -----
    M. Masto, Deep Learning for Bragg Coherent Diffraction Imaging, PhD thesis, Université Grenoble Alpes,
    section 4.3.2; Masto et al., J. Appl. Cryst. 57 (2024), doi 10.1107/S1600576724004163.
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
