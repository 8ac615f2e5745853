"""Prediction of the shape of the crystal from its pattern by a trained network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from torch import nn

from sayre.retrieval.learned.shape_features import features

Floats = NDArray[np.float32]
OUTSIDE = -30.0
"""Logit of voxels outside the region that the network predicts."""
MAX_EXTENT = 0.45
"""Largest extent of the crystal as a fraction of the lags along an axis; training used up to 0.5."""


@dataclass(frozen=True)
class ShapePredictor:
    """A trained network that predicts the shape of the crystal.

    Attributes
    ----------
    network
        Takes `side` lags along each axis and returns logits of the middle `side / 2` voxels.
    side
        Lags along each axis.
    name
        Name of the weights.
    sha256
        SHA-256 of their file.
    """

    network: nn.Module
    side: int
    name: str
    sha256: str

    def __call__(self, counts: Floats, ratios: tuple[float, ...], device: torch.device) -> Floats:
        """Predict the logit that the crystal covers each voxel, float32 of the shape of `counts`.

        The prediction is of the crystal or of its inversion, between which counts do not distinguish.

        Parameters
        ----------
        counts
            float32, centred, gaps filled, of any shape.
        ratios
            Oversampling ratio of each axis. Where the crystal is larger than those of the training, the outer
            counts are cut off, which makes its voxels larger; where the array is smaller than `side`, lags
            are padded with zeros. Counts are never interpolated.
        device
            Device of the computation.
        """
        sizes = tuple(
            min(n, 2 * int(MAX_EXTENT * self.side * ratio / 2))
            for n, ratio in zip(counts.shape, ratios, strict=True)
        )
        middle = tuple(
            slice(n // 2 - m // 2, n // 2 + m - m // 2) for n, m in zip(counts.shape, sizes, strict=True)
        )
        lags = torch.from_numpy(features(counts[middle], self.side))[None].to(device)
        with torch.inference_mode():
            logits = self.network.to(device)(lags)[0].float().cpu().numpy()
        lines = (
            (np.arange(n) - n // 2) * (m / n) + logits.shape[0] // 2
            for n, m in zip(counts.shape, sizes, strict=True)
        )
        places = np.meshgrid(*lines, indexing="ij", copy=False)
        return np.asarray(map_coordinates(logits, places, order=1, cval=OUTSIDE), np.float32)


def middle(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the slices of the middle half of an array along each axis."""
    return tuple(slice(n // 4, n - n // 4) for n in shape)
