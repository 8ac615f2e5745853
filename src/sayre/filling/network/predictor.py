"""A trained network as a function from windows to fillings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.data.manifest import sha256_of
from sayre.errors import InputError, understood
from sayre.filling.network.volume import Baseline
from sayre.networks import build
from sayre.networks import registry as shipped
from sayre.networks.fitting import network_of
from sayre.networks.layers import channels_last
from sayre.numerics.device import find_device

DEFAULT_STRIDE = 16
"""Distance of neighbouring windows, where they are not large; docs/inpainting.md has the curve of time and
accuracy."""


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A network ready to fill windows; see `sayre.filling.network.windows.Predict`.

    `sigma_scale` multiplies the network's standard error: averaging windows makes it smaller than one
    window's. `convolutional` is whether it has convolutions alone, so that windows may be larger than those
    of its training.
    """

    network: torch.nn.Module
    device: torch.device
    depth: int
    tile: int
    widths: tuple[int, int]
    baseline: Baseline = "wiener"
    states_error: bool = True
    convolutional: bool = False
    sigma_scale: float = 1.0
    name: str = ""
    sha256: str = ""

    def __call__(self, *channels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16):
            mean, log_variance = self.network(*(torch.from_numpy(c).to(self.device) for c in channels))
        return mean.float().cpu().numpy(), log_variance.float().cpu().numpy()

    def stride(self, asked: int | None, otherwise: int = DEFAULT_STRIDE) -> int | None:
        """Return the distance of its windows; None for few and large ones.

        Parameters
        ----------
        asked
            Distance that a user asks for.
        otherwise
            Distance where none is asked for and windows cannot be large.
        """
        if asked is None and self.convolutional:
            return None
        return min(asked or otherwise, self.tile)


def load_predictor(name: str | Path | None, device: str = "auto") -> Predictor:
    """Load weights by registry name or file; None takes the registry's default.

    Parameters
    ----------
    name
        Name in the registry or a `.safetensors` file; None takes the registry's default.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    InputError
        Unknown or damaged weights, or a device that is not there.
    """
    where, (path, expected, row) = find_device(device), located(name)
    tensors, config = shipped.read(path, expected)
    with understood(path):
        kind = config["network"]
        network = network_of(path, kind, partial(build, kind), config["options"], tensors)
        channels_last(network.to(where))
        return Predictor(
            network=network,
            device=where,
            depth=int(config["window"][0]),
            tile=int(config["window"][1]),
            widths=(int(config["widths"][0]), int(config["widths"][1])),
            baseline=config["baseline"],
            states_error=kind != "patch",
            convolutional=kind == "slab",
            sha256=expected or sha256_of(path),
            **{"name": path.name, "sigma_scale": float(config.get("sigma_scale", 1.0)), **row},
        )


def located(name: str | Path | None) -> tuple[Path, str | None, dict[str, Any]]:
    """Return the file of weights, the SHA-256 that it must have, and what the registry states of it.

    Parameters
    ----------
    name
        As `load_predictor` takes it.

    Raises
    ------
    InputError
        Unknown weights.
    """
    if name is not None and Path(name).suffix == ".safetensors":
        return Path(name), None, {}
    entry = shipped.default("inpaint") if name is None else shipped.find(str(name))
    if entry is None:
        raise InputError("weights: none ship for inpainting; give a file by `weights=` or another `method=`")
    return entry.path, entry.sha256, {"sigma_scale": entry.sigma_scale, "name": entry.name}


def weights_used(method: str, name: str | Path | None = None) -> dict[str, str]:
    """Name and SHA-256 of the weights behind a filling by `method`; empty where it has none.

    Parameters
    ----------
    method
        As `FilledPattern.method` names it.
    name
        As `load_predictor` takes it.

    Raises
    ------
    InputError
        Unknown weights, or no such file.
    """
    if "unet" not in method:
        return {}
    path, expected, row = located(name)
    shipped.require_file(path)
    return {row.get("name", path.name): expected or sha256_of(path)}


def verify_sample(row: shipped.Weights) -> float:
    """Largest difference between a network's output for its stored sample and the stored output.

    Raises
    ------
    InputError
        The file's hash is not the registry's, or the sample is missing.
    """
    predictor = load_predictor(row.name, "cpu")
    sample = row.stored_sample()
    names = ("filled", "sigma", "mask", "mirror", "mirror_mask", "linear")
    mean, _ = predictor(*(sample[name].astype(np.float32) for name in names))
    wanted = sample["mask"] > 0
    return float(np.abs(mean - sample["mean"])[wanted].max())
