"""The misfit of an object with the counts, and its gradient, with one FFT pair."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from sayre.retrieval.autodiff.box import Box
from sayre.retrieval.autodiff.losses import LOSSES, Target, normalisation
from sayre.retrieval.engine.modulus import Modulus

BLOCK = 1 << 16
"""Voxels handled at once by each CPU thread, so that they fit its cache."""


class Detector:
    """Computes the misfit of objects with the counts.

    The value and the gradient, in closed form, are computed together, so that no array of the size of the
    pattern is stored for the gradient.

    Parameters
    ----------
    modulus
        Its bounds are copied; its partial coherence, if it has any, is used as it is at each call.
    box
        Voxels where objects may differ from 0.
    loss
        `mae`, `lsq` or `poisson`.
    dtype
        Real dtype of the computation.
    """

    def __init__(self, modulus: Modulus, box: Box, loss: str, dtype: torch.dtype) -> None:
        self.modulus, self.box = modulus, box
        self.dims = tuple(range(1, len(modulus.shape) + 1))
        self.loss, self.target = LOSSES[loss], Target.of(modulus, dtype)
        self.normalisation = normalisation(loss, self.target)
        self._frequency: Tensor | None = None

    def misfit(self, part: Tensor, x: Tensor, width: Tensor | None, background: Tensor | None) -> Tensor:
        """Compute the misfit of each object, `(batch,)`, differentiable by `part`, `width` and `background`.

        Parameters
        ----------
        part
            Complex `(batch, *box)`, objects.
        x
            Complex `(batch, *shape)`, 0 outside the box; receives the objects.
        width
            `(batch,)`, standard deviations of the Gaussian point-spread functions in voxels; where it is
            None, `modulus.coherence` is used.
        background
            `(batch,)`, counts added to every voxel.
        """
        misfit: Tensor = _Misfit.apply(part, width, background, self, x)  # type: ignore[no-untyped-call]
        return misfit

    def best_scale(self, x: Tensor) -> Tensor:
        """Compute the factor `(batch, 1, …)` that scales each object `(batch, *shape)` to the counts.

        It is the least-squares solution for amplitudes over the voxels used; 1 for an object that is 0.
        """
        used = self.target.weight == 1
        amplitude = torch.fft.fftn(x, dim=self.dims).flatten(1).abs() * used
        power = amplitude.square().sum(1)
        scale = (amplitude * self.target.counts.sqrt()).sum(1) / power
        return self._wide(torch.where(power > 0, scale, torch.ones_like(scale)))

    def gaussian(self, width: Tensor) -> Tensor:
        """Compute the transfer function `exp(−2π²σ²k²)` of each `width` σ, on the half-space of `rfftn`."""
        return torch.exp(-2 * (math.pi * self._wide(width)).square() * self.squares.to(width))

    @property
    def squares(self) -> Tensor:
        """`k²` in (cycles per voxel)², on the half-space of `rfftn`."""
        if self._frequency is None:
            shape = self.modulus.shape
            lines = [
                (torch.fft.rfftfreq if axis == len(shape) - 1 else torch.fft.fftfreq)(n, dtype=torch.float64)
                for axis, n in enumerate(shape)
            ]
            total = sum(g.square() for g in torch.meshgrid(*lines, indexing="ij"))
            assert isinstance(total, Tensor)
            self._frequency = total.to(self.target.counts)
        return self._frequency

    def coherent(self, field: Tensor) -> Tensor:
        """Compute the misfit of each field; the field is replaced by twice the gradient by its conjugate."""
        flat, total = field.flatten(1), torch.zeros(len(field), dtype=torch.float64, device=field.device)
        for block in _blocks(flat):
            part = flat[:, block]
            value, slope = self.loss(_intensity(part), self.target.part(block))
            total += value.sum(1)
            part.mul_(slope.mul_(2 / self.normalisation))
        return total / self.normalisation

    def partially_coherent(
        self, field: Tensor, width: Tensor | None, background: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Compute the misfit of each field with a point-spread function and a background.

        The field is replaced by twice the gradient by its conjugate.

        Parameters
        ----------
        field
            Complex `(batch, *shape)`, Fourier transforms of the objects.
        width
            `(batch,)`, standard deviations of the Gaussian point-spread functions in voxels; where it is
            None, `modulus.coherence` is used.
        background
            `(batch,)`, counts added to every voxel.

        Returns
        -------
        misfit
            `(batch,)` float64.
        to_width, to_background
            `(batch,)`, gradients by `width` and `background`; None where these are None.
        """
        dims, shape = self.dims, self.modulus.shape
        intensity = _intensity(field)
        spectrum, transfer = None, self._transfer(width)
        if transfer is not None:
            spectrum = torch.fft.rfftn(intensity, dim=dims)
            intensity = torch.fft.irfftn(spectrum * transfer, shape, dim=dims).clamp_(min=0)
        if background is not None:
            intensity = intensity + self._wide(background)
        value, slope = self.loss(intensity.flatten(1), self.target)
        slope = slope.div_(self.normalisation).reshape(intensity.shape)
        to_background = None if background is None else slope.sum(dims)
        to_width = None
        if spectrum is not None and transfer is not None:
            if width is not None:
                change = -4 * math.pi**2 * self._wide(width) * self.squares * transfer
                to_width = (torch.fft.irfftn(spectrum * change, shape, dim=dims) * slope).sum(dims)
            slope = torch.fft.irfftn(torch.fft.rfftn(slope, dim=dims) * transfer, shape, dim=dims)
        field.mul_(2 * slope)
        return value.sum(1, dtype=torch.float64) / self.normalisation, to_width, to_background

    def _transfer(self, width: Tensor | None) -> Tensor | None:
        if width is not None:
            return self.gaussian(width)
        coherence = self.modulus.coherence
        return None if coherence is None else coherence.transfer.to(self.target.counts.dtype)

    def _wide(self, a: Tensor) -> Tensor:
        return a.reshape(-1, *(1,) * len(self.modulus.shape))


class _Misfit(torch.autograd.Function):
    """The misfit as a function that torch can differentiate."""

    @staticmethod
    def forward(
        ctx: Any,
        part: Tensor,
        width: Tensor | None,
        background: Tensor | None,
        detector: Detector,
        x: Tensor,
    ) -> Tensor:
        detector.box.put(x, part)
        field = torch.fft.fftn(x, dim=detector.dims)
        to_width = to_background = None
        if width is None and background is None and detector.modulus.coherence is None:
            total = detector.coherent(field)
        else:
            total, to_width, to_background = detector.partially_coherent(field, width, background)
        gradient = torch.fft.ifftn(field, dim=detector.dims, norm="forward")
        ctx.save_for_backward(detector.box.take(gradient), to_width, to_background)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        to_part, to_width, to_background = ctx.saved_tensors
        g = grads[0].to(to_part.real.dtype)
        return (
            to_part * g.reshape(-1, *(1,) * (to_part.ndim - 1)),
            None if to_width is None else to_width * g,
            None if to_background is None else to_background * g,
            None,
            None,
        )


def _intensity(field: Tensor) -> Tensor:
    re, im = torch.view_as_real(field).unbind(-1)
    return (re * re).addcmul_(im, im)


def _blocks(flat: Tensor) -> Iterator[slice]:
    """Yield slices of voxels that fit a CPU's cache, all rows together."""
    size = flat.shape[1]
    if flat.device.type == "cpu":
        size = max(BLOCK * torch.get_num_threads() // len(flat), 1024)
    for first in range(0, flat.shape[1], size):
        yield slice(first, first + size)
