"""The point spread of beam and detector by its Fourier transform: Gaussian, Lorentzian, and between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Transfer(NamedTuple):
    """A transfer function and its parts, on the half-space of `rfftn`.

    Attributes
    ----------
    whole
        The transfer function.
    gaussian, lorentzian, root
        With tails alone: both parts, and `√(qᵀCq)`.
    share
        Weight of the Lorentzian.
    """

    whole: Tensor
    gaussian: Tensor | None = None
    lorentzian: Tensor | None = None
    root: Tensor | None = None
    share: float = 0.0


class PointSpread:
    """Pseudo-Voigt point spreads of any covariance C, `(1 − η) exp(−2π² qᵀCq) + η exp(−2π √(qᵀCq))`.

    Parameters
    ----------
    shape
        Shape of the array, on which intensities are convolved in circles.
    dtype, device
        Precision and place of the arrays.
    """

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> None:
        self.shape = shape
        axes = [torch.fft.fftfreq(n, dtype=dtype, device=device) for n in shape[:-1]]
        axes.append(torch.fft.rfftfreq(shape[-1], dtype=dtype, device=device))
        self.frequencies = [
            q.reshape([-1 if i == axis else 1 for i in range(len(axes))]) for axis, q in enumerate(axes)
        ]

    def transfer(self, factor: Tensor, tails: Tensor | None = None) -> Transfer:
        """Compute the Fourier transform of a point spread.

        Parameters
        ----------
        factor
            `C = L Lᵀ` of its lower triangle L, voxels².
        tails
            Scalar angle whose squared sine is the share η of the Lorentzian; None for a Gaussian.
        """
        covariance = (factor.tril() @ factor.tril().T).tolist()
        *others, last = self.frequencies
        across = torch.zeros((), dtype=factor.dtype, device=factor.device)
        along = across
        for i, first in enumerate(others):
            along = along + first * (2 * covariance[i][-1])
            for j, second in enumerate(others[: i + 1]):
                across = across + first * second * (covariance[i][j] * (1 if i == j else 2))
        form = (last * covariance[-1][-1] + along).mul(last).add_(across)
        if tails is None:
            return Transfer(form.mul_(-2 * np.pi**2).exp_())
        gaussian = torch.exp(form * (-2 * np.pi**2))
        root, share = form.clamp(min=0).sqrt(), float(tails.sin().square())
        lorentzian = torch.exp(root * (-2 * np.pi))
        return Transfer((1 - share) * gaussian + share * lorentzian, gaussian, lorentzian, root, share)

    def gradient(
        self, factor: Tensor, tails: Tensor | None, transfer: Transfer, slope: Tensor, spectrum: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Compute the derivatives by `factor` and `tails`.

        Parameters
        ----------
        factor, tails
            As `transfer` takes them.
        transfer
            What it returned.
        slope
            Transform of the derivative by the blurred intensity.
        spectrum
            Transform of the intensity: blurred without tails, and before it is blurred with them.
        """
        work, last = (slope.conj() * spectrum).real, self.shape[-1]
        work[..., 1 : (last + 1) // 2] *= 2  # the other half-space
        voxels = float(np.prod(self.shape))
        by_tails = None
        scale = -2 * np.pi**2
        if tails is not None:
            assert transfer.gaussian is not None
            assert transfer.lorentzian is not None
            assert transfer.root is not None
            change = (work * (transfer.lorentzian - transfer.gaussian)).sum(dtype=torch.float64) / voxels
            by_tails = (change * (2 * tails).sin()).to(tails)
            cusp = transfer.lorentzian / transfer.root.clamp(min=1e-6) * (-np.pi * transfer.share)
            work, scale = work * ((1 - transfer.share) * scale * transfer.gaussian + cusp), 1.0
        by_covariance = self._moments(work) * (scale / voxels)
        return (2 * by_covariance @ factor.tril()).tril(), by_tails

    def _moments(self, work: Tensor) -> Tensor:
        """Compute the sums of an array times the products of two frequencies, `(axes, axes)`."""
        *others, last = self.frequencies
        powers = torch.stack([last.flatten() ** power for power in range(3)], 1)
        zeroth, first, second = (work @ powers).double().unbind(-1)
        found = torch.zeros(len(self.shape), len(self.shape), dtype=torch.float64, device=work.device)
        found[-1, -1] = second.sum()
        for i, one in enumerate(others):
            found[i, -1] = found[-1, i] = (first * one[..., 0]).sum()
            for j, other in enumerate(others[: i + 1]):
                found[i, j] = found[j, i] = (zeroth * (one * other)[..., 0]).sum()
        return found.to(work)
