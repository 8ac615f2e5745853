"""Fields of frames that were not measured at equal steps of the rocking angle."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Frames:
    """The field of an object in frames off their places, without approximation.

    Along the scan a sum over the planes of the object takes the place of the FFT,
    `F_f = Σ_z exp(−2πi (f + δ_f) z/n) X_z`, in which `X_z` is the 2D transform of a plane.

    Parameters
    ----------
    shape
        Shape of the array.
    inside
        int64, flat indices of the object's voxels, origin at index 0.
    dtype
        Precision of real numbers.
    """

    def __init__(self, shape: tuple[int, ...], inside: Tensor, dtype: torch.dtype) -> None:
        self.shape, self.plane = shape, int(np.prod(shape[1:]))
        device, frames = inside.device, shape[0]
        self.planes, number = torch.unique(inside // self.plane, return_inverse=True)
        self.inside = number * self.plane + inside % self.plane
        places = torch.fft.fftfreq(frames, 1 / frames, dtype=dtype, device=device)
        self.places, self.turns = places, places[self.planes] * (2 * np.pi / frames)

    def field(self, values: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the field, and the transforms of the planes that `back` needs.

        Parameters
        ----------
        values
            Complex, the object's voxels.
        shifts
            Real `(frames,)`, δ in steps of the scan.
        """
        rest = self.shape[1:]
        planes = torch.zeros(len(self.planes) * self.plane, dtype=values.dtype, device=values.device)
        planes[self.inside] = values
        planes = torch.fft.fftn(planes.reshape(-1, *rest), dim=self._others).reshape(-1, self.plane)
        return (self._waves(shifts) @ planes).reshape(self.shape), planes

    def back(self, gradient: Tensor, planes: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the derivatives by the object's voxels and by the shifts.

        Parameters
        ----------
        gradient
            Derivative by the field, in the sense that a change dF changes the value by `Re Σ gradient* dF`.
        planes, shifts
            From and for `field`.
        """
        waves, flat = self._waves(shifts), gradient.reshape(-1, self.plane)
        back = (waves.mH @ flat).reshape(-1, *self.shape[1:])
        by_object = torch.fft.ifftn(back, dim=self._others).flatten()[self.inside] * self.plane
        by_waves = flat.conj() @ planes.mT
        return by_object, (by_waves * waves * (-1j * self.turns)).real.sum(1)

    @property
    def _others(self) -> tuple[int, ...]:
        return tuple(range(1, len(self.shape)))

    def _waves(self, shifts: Tensor) -> Tensor:
        turned = -torch.outer(self.places + shifts, self.turns)
        return torch.polar(torch.ones_like(turned), turned)
