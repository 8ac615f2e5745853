"""Trained weights: a registry row each, hashes checked on every load, nothing unpickled."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.data.manifest import sha256_of
from sayre.errors import InputError
from sayre.files.atomic import replacing

if TYPE_CHECKING:
    from torch import Tensor

_SCALE = "::scale"
FOLDER = Path(str(resources.files("sayre.networks"))) / "weights"
REGISTRY = FOLDER / "registry.toml"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One row of the registry.

    `task` is what the weights do ("inpaint", "shape"), on counts of so many `dimensions`; `widths` the gap
    widths they were trained on, inclusive; `training` and `validation` record what made them and how good
    they are; `default` marks the row taken where no weights are named.
    """

    name: str
    file: str
    sha256: str
    task: str
    dimensions: int = 3
    widths: tuple[int, int] = (0, 0)
    default: bool = False
    summary: str = ""
    sigma_scale: float = 1.0
    training: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return FOLDER / self.file

    @property
    def sample(self) -> Path:
        """An input and the output it must give, `.npz`."""
        return self.path.with_suffix(".sample.npz")

    def stored_sample(self) -> dict[str, NDArray[Any]]:
        """Arrays of `sample`.

        Raises
        ------
        InputError
            It is missing.
        """
        if not self.sample.is_file():
            raise InputError(f"{self.sample}: the sample of {self.name} is missing; reinstall sayre")
        with np.load(self.sample) as file:
            return {name: file[name] for name in file.files}


@cache
def registry() -> dict[str, Weights]:
    """All weights that ship, by name."""
    rows = tomllib.loads(REGISTRY.read_text())
    return {
        name: Weights(name=name, **{**row, "widths": tuple(row.get("widths", (0, 0)))})
        for name, row in rows.items()
    }


def find(name: str) -> Weights:
    """A row of the registry.

    Raises
    ------
    InputError
        No such name; the message lists those there are.
    """
    try:
        return registry()[name]
    except KeyError:
        known = ", ".join(registry()) or "none ship"
        raise InputError(f"weights: {name!r} is neither a file nor a known name; known: {known}") from None


def default(task: str, dimensions: int = 3) -> Weights | None:
    """The row taken for a task where no weights are named, if any ships."""
    rows = (row for row in registry().values() if row.default)
    return next((row for row in rows if (row.task, row.dimensions) == (task, dimensions)), None)


def read(path: Path, sha256: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors (float32) and configuration of a safetensors file.

    Raises
    ------
    InputError
        Missing file, another hash than `sha256`, not safetensors, or no configuration in it.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path}: no such weights file; `sayre weights list` shows what ships")
    if sha256 is not None and (found := sha256_of(path)) != sha256:
        raise InputError(
            f"{path}: SHA-256 is {found[:12]}…, the registry says {sha256[:12]}…; reinstall sayre"
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            stored = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"{path}: not a safetensors file: {error}") from None
    if "sayre" not in header:
        raise InputError(f"{path}: holds no Sayre configuration; `sayre train` writes files that do")
    tensors = {
        name: tensor * stored[name + _SCALE] if name + _SCALE in stored else tensor
        for name, tensor in stored.items()
        if not name.endswith(_SCALE)
    }
    return tensors, json.loads(header["sayre"])


def write(
    path: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any], *, small: bool = False
) -> str:
    """Write tensors in half precision with their configuration; returns the SHA-256.

    `small` takes eight bits for each number of a tensor of two or more dimensions, and a scale for each of
    its rows.
    """
    import torch
    from safetensors.torch import save

    stored = {}
    for name, tensor in tensors.items():
        if small and tensor.ndim > 1:
            rows = tensor.detach().float()
            scale = rows.abs().amax(tuple(range(1, rows.ndim)), keepdim=True).clamp(min=1e-12) / 127
            stored[name] = (rows / scale).round().to(torch.int8)
            stored[name + _SCALE] = scale
        else:
            stored[name] = tensor.detach().half().contiguous()
    with replacing(path, force=True) as file:
        file.write(save(stored, metadata={"sayre": json.dumps(config, sort_keys=True)}))
    return sha256_of(path)
