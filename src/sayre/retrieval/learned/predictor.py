"""Loading of the networks that predict starts; the header of the weights states which network it is."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from sayre.data.manifest import sha256_of
from sayre.errors import InputError, understood
from sayre.networks import registry as shipped
from sayre.networks.fitting import network_of
from sayre.networks.published import PublishedNet
from sayre.networks.shape import ShapeNet
from sayre.retrieval.learned.phase_predictor import PhasePredictor
from sayre.retrieval.learned.shape_predictor import ShapePredictor, middle

Predictor = ShapePredictor | PhasePredictor


@cache
def load_predictor(name: str | Path | None, dimensions: int) -> Predictor:
    """Load a network that predicts starts.

    Parameters
    ----------
    name
        Name in the registry or a `.safetensors` file; None is the default of the registry.
    dimensions
        Dimensions of the counts, 2 or 3.

    Raises
    ------
    InputError
        The weights do not exist, are of another kind of network, or are for other dimensions.
    """
    row = None
    if name is None:
        row = shipped.default("shape", dimensions)
        if row is None:
            raise InputError(
                f"weights: no shape network ships for {dimensions}D counts; give a file by "
                "`init_weights=`, or use `init='random'`"
            )
    elif not Path(name).is_file():
        row = shipped.find(str(name))
    path = Path(str(name)) if row is None else row.path
    tensors, header = shipped.read(path, row.sha256 if row else None)
    with understood(path):
        kind, options = header.get("network", "unknown"), header.get("options", {})
        of = options.get("dimensions", 3)
        if kind not in ("shape", "published") or of != dimensions:
            raise InputError(
                f"{path}: holds a network of kind {kind} for {of}D counts; one of kind shape or published "
                f"for {dimensions}D counts is needed"
            )
        side, label, digest = int(header["side"]), row.name if row else path.name, sha256_of(path)
        about: dict[str, Any] = {"side": side, "name": label, "sha256": digest}
        if kind == "published":
            network = network_of(path, kind, PublishedNet, options, tensors)
            return PhasePredictor(network=network, **about)
        return ShapePredictor(network=network_of(path, kind, ShapeNet, options, tensors), **about)


def weights_used(name: str | Path | None, dimensions: int) -> dict[str, str]:
    """Return the name and the SHA-256 of the weights that `load_predictor` loads.

    Parameters
    ----------
    name, dimensions
        As in `load_predictor`.
    """
    predictor = load_predictor(name, dimensions)
    return {predictor.name: predictor.sha256}


def verify_sample(row: shipped.Weights) -> float:
    """Return the largest difference between predicted and stored probabilities of a network's sample.

    Raises
    ------
    InputError
        The hash of the file differs from that in the registry, or the sample is missing.
    """
    predictor = load_predictor(row.name, row.dimensions)
    assert isinstance(predictor, ShapePredictor)
    sample = row.stored_sample()
    logits = predictor(sample["counts"], tuple(sample["ratios"]), torch.device("cpu"))
    stored = sample["logits"].astype(np.float32)
    return float(np.abs(expit(logits[middle(logits.shape)]) - expit(stored)).max())
