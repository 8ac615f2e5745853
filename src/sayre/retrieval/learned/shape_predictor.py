"""The shape of the crystal behind a pattern, by a trained network."""

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
"""Logit of voxels that the network does not speak of."""
MAX_EXTENT = 0.45
"""Largest extent of the crystal over the lags along an axis; training goes to a half."""


@dataclass(frozen=True)
class ShapePredictor:
    """A trained shape network: `side` lags along each axis in, logits of the middle `side / 2` voxels out."""

    network: nn.Module
    side: int
    name: str
    sha256: str

    def __call__(self, counts: Floats, ratios: tuple[float, ...], device: torch.device) -> Floats:
        """Logits that the crystal covers a voxel, float32 of the shape of `counts`.

        Of the crystal or its inversion: counts do not tell which.

        Parameters
        ----------
        counts
            Centred, gaps filled, of any shape.
        ratios
            Oversampling ratio of each axis. Where the crystal would be larger than the network knows, the
            outer counts are cut off, which makes its voxels larger; where the array is smaller than `side`,
            lags are padded with zeros. Counts are never interpolated.
        """
        sizes = tuple(
            min(n, 2 * int(MAX_EXTENT * self.side * ratio / 2))
            for n, ratio in zip(counts.shape, ratios, strict=True)
        )
        middle = tuple(
            slice(n // 2 - m // 2, n // 2 + m - m // 2) for n, m in zip(counts.shape, sizes, strict=True)
        )
        seen = torch.from_numpy(features(counts[middle], self.side))[None].to(device)
        with torch.inference_mode():
            logits = self.network.to(device)(seen)[0].float().cpu().numpy()
        lines = (
            (np.arange(n) - n // 2) * (m / n) + logits.shape[0] // 2
            for n, m in zip(counts.shape, sizes, strict=True)
        )
        places = np.meshgrid(*lines, indexing="ij", copy=False)
        return np.asarray(map_coordinates(logits, places, order=1, cval=OUTSIDE), np.float32)


def middle(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The middle half of an array along each axis."""
    return tuple(slice(n // 4, n - n // 4) for n in shape)
