"""Prediction of the object of a pattern by the published network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sayre.errors import warn
from sayre.networks.published import PublishedNet
from sayre.numerics.fourier import to_object
from sayre.retrieval.learned.phase_features import Complexes, Floats, first_voxel, scaled, window


def back_transformed(counts: Floats, phase: Floats) -> Complexes:
    """Compute the object as the inverse Fourier transform of `√I exp(i phase)`, complex64.

    Parameters
    ----------
    counts
        float32, centred.
    phase
        float32 of the same shape, rad.
    """
    amplitude = np.sqrt(counts) * np.exp(1j * phase).astype(np.complex64)
    return np.asarray(to_object(amplitude), np.complex64)


@dataclass(frozen=True)
class PhasePredictor:
    """A trained network that predicts phases.

    Attributes
    ----------
    network
        Network for `side` voxels along each axis.
    side
        Voxels along each axis.
    name
        Name of the weights.
    sha256
        SHA-256 of their file.
    """

    network: PublishedNet
    side: int
    name: str
    sha256: str

    def phase(self, counts: Floats, device: torch.device) -> tuple[Floats, Floats]:
        """Predict the phases of a pattern.

        Parameters
        ----------
        counts
            float32 of any shape, gaps filled. The network is applied to the `side` voxels along each axis
            around the centre of mass, padded with zeros where there are fewer.
        device
            Device of the computation.

        Returns
        -------
        phase
            float32 in rad, of the shape of `counts`.
        counts
            float32, the counts that the phases belong to; 0 outside those voxels.

        Warns
        -----
        SayreWarning
            More than 1 % of the counts lie outside those voxels.
        """
        shape = (self.side,) * counts.ndim
        first = first_voxel(counts, self.side)
        inner = window(counts, first, shape)
        total = float(counts.sum(dtype=np.float64))
        lost = 1 - float(inner.sum(dtype=np.float64)) / max(total, 1e-30)
        if lost > 0.01:
            warn(
                f"{self.name}: the network takes {self.side} voxels along each axis, and {lost:.1%} of the "
                "counts lie outside them; binning brings more of them inside"
            )
        level = torch.from_numpy(scaled(inner))[None].to(device)
        with torch.inference_mode():
            phase = self.network.to(device)(level)[0].float().cpu().numpy()
        back = [-f for f in first]
        return window(phase, back, counts.shape), window(inner, back, counts.shape)

    def object(self, counts: Floats, device: torch.device) -> Complexes:
        """Predict the object or its conjugate twin, complex64, centred, of the shape of `counts`.

        Parameters
        ----------
        counts, device
            As in `phase`.
        """
        phase, kept = self.phase(counts, device)
        return back_transformed(kept, phase)
