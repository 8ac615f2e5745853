"""The object behind a pattern, by the published network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sayre.errors import warn
from sayre.networks.published import PublishedNet
from sayre.numerics.fourier import to_object
from sayre.retrieval.learned.phase_features import Complexes, Floats, first_voxel, scaled, window


def back_transformed(counts: Floats, phase: Floats) -> Complexes:
    """Inverse Fourier transform of `√I exp(i phase)`, complex64, centred as `counts` and `phase` are."""
    amplitude = np.sqrt(counts) * np.exp(1j * phase).astype(np.complex64)
    return np.asarray(to_object(amplitude), np.complex64)


@dataclass(frozen=True)
class PhasePredictor:
    """A trained network for `side` voxels along each axis."""

    network: PublishedNet
    side: int
    name: str
    sha256: str

    def phase(self, counts: Floats, device: torch.device) -> tuple[Floats, Floats]:
        """Phases, and the counts that they belong to: those the network sees, 0 elsewhere.

        Parameters
        ----------
        counts
            Gaps filled, any shape of the network's dimensions. The `side` voxels around the centre of mass
            are taken, padded with zeros where there are fewer.

        Returns
        -------
        phase
            float32 in rad, of the shape of `counts`.
        counts
            float32.

        Warns
        -----
        SayreWarning
            More than a hundredth of the counts lies outside.
        """
        shape = (self.side,) * counts.ndim
        first = first_voxel(counts, self.side)
        inner = window(counts, first, shape)
        total = float(counts.sum(dtype=np.float64))
        lost = 1 - float(inner.sum(dtype=np.float64)) / max(total, 1e-30)
        if lost > 0.01:
            warn(f"{self.name}: sees {self.side} voxels a side; {lost:.1%} of the counts are outside")
        seen = torch.from_numpy(scaled(inner))[None].to(device)
        with torch.inference_mode():
            phase = self.network.to(device)(seen)[0].float().cpu().numpy()
        back = [-f for f in first]
        return window(phase, back, counts.shape), window(inner, back, counts.shape)

    def object(self, counts: Floats, device: torch.device) -> Complexes:
        """The predicted object, complex64 of the shape of `counts`, centred; it or its conjugate twin."""
        phase, kept = self.phase(counts, device)
        return back_transformed(kept, phase)
