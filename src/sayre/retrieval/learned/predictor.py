"""Networks that phase retrieval can begin from; their weights say which one they are of."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.special import expit

from sayre.data.manifest import sha256_of
from sayre.errors import InputError
from sayre.networks import registry as shipped
from sayre.networks.published import PublishedNet
from sayre.networks.shape import ShapeNet
from sayre.retrieval.learned.phase_predictor import PhasePredictor
from sayre.retrieval.learned.shape_predictor import ShapePredictor, middle

Predictor = ShapePredictor | PhasePredictor


@cache
def load_predictor(name: str | Path | None, dimensions: int) -> Predictor:
    """From the registry by name, from a file, or the one that ships for so many dimensions.

    Raises
    ------
    InputError
        No such weights, of no network for phases, or of one for other dimensions.
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
    kind, options = header.get("network", "unknown"), header.get("options", {})
    of = options.get("dimensions", 3)
    if kind not in ("shape", "published") or of != dimensions:
        raise InputError(
            f"{path}: is a network {kind} for {of}D counts; needed: shape or published, for {dimensions}D"
        )
    network = ShapeNet(**options) if kind == "shape" else PublishedNet(**options)
    network.load_state_dict(tensors)
    network.eval()
    side, label, digest = int(header["side"]), row.name if row else path.name, sha256_of(path)
    if isinstance(network, PublishedNet):
        return PhasePredictor(network=network, side=side, name=label, sha256=digest)
    return ShapePredictor(network=network, side=side, name=label, sha256=digest)


def weights_used(name: str | Path | None, dimensions: int) -> dict[str, str]:
    """Name and SHA-256 of the weights that `load_predictor` takes."""
    predictor = load_predictor(name, dimensions)
    return {predictor.name: predictor.sha256}


def verify_sample(row: shipped.Weights) -> float:
    """Largest difference of the probabilities a shape network gives its stored sample from the stored ones.

    Raises
    ------
    InputError
        The file's hash is not the registry's, or the sample is missing.
    """
    predictor = load_predictor(row.name, row.dimensions)
    assert isinstance(predictor, ShapePredictor)
    sample = row.stored_sample()
    logits = predictor(sample["counts"], tuple(sample["ratios"]), torch.device("cpu"))
    stored = sample["logits"].astype(np.float32)
    return float(np.abs(expit(logits[middle(logits.shape)]) - expit(stored)).max())
