"""The shape of the crystal behind a pattern, by a trained network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.special import expit
from torch import nn

from sayre import weights as shipped
from sayre.data.manifest import sha256_of
from sayre.errors import InputError
from sayre.phasing.shape.features import features
from sayre.phasing.shape.network import ShapeNet

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


@cache
def load_predictor(name: str | Path | None, dimensions: int) -> ShapePredictor:
    """From the registry by name, from a file, or the one that ships for so many dimensions.

    Raises
    ------
    InputError
        No such weights, not of a shape network, or of one for other dimensions.
    """
    row = None
    if name is None:
        row = shipped.default("shape", dimensions)
        if row is None:
            raise InputError(f"weights: no shape network for {dimensions}D counts ships; --weights FILE")
    elif not Path(name).is_file():
        row = shipped.find(str(name))
    path = Path(str(name)) if row is None else row.path
    tensors, header = shipped.read(path, row.sha256 if row else None)
    kind = header.get("network", "unknown")
    of = header["options"]["dimensions"] if kind == "shape" else 3
    if (kind, of) != ("shape", dimensions):
        raise InputError(f"{path}: is a network {kind} for {of}D counts; needed: shape, for {dimensions}D")
    network = ShapeNet(**header["options"])
    network.load_state_dict(tensors)
    return ShapePredictor(
        network=network.eval(),
        side=int(header["side"]),
        name=row.name if row else path.name,
        sha256=sha256_of(path),
    )


def weights_used(name: str | Path | None, dimensions: int) -> dict[str, str]:
    """Name and SHA-256 of the weights that `load_predictor` takes."""
    predictor = load_predictor(name, dimensions)
    return {predictor.name: predictor.sha256}


def middle(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The middle half of an array along each axis."""
    return tuple(slice(n // 4, n - n // 4) for n in shape)


def verify_sample(row: shipped.Weights) -> float:
    """Largest difference of the probabilities a network gives its stored sample from the stored ones.

    Raises
    ------
    InputError
        The file's hash is not the registry's, or the sample is missing.
    """
    predictor = load_predictor(row.name, row.dimensions)
    if not row.sample.is_file():
        raise InputError(f"{row.sample}: the sample of {row.name} is missing; reinstall sayre")
    with np.load(row.sample) as sample:
        logits = predictor(sample["counts"], tuple(sample["ratios"]), torch.device("cpu"))
        stored = sample["logits"].astype(np.float32)
        return float(np.abs(expit(logits[middle(logits.shape)]) - expit(stored)).max())
