"""The registry of trained weights, whose hashes are checked on every load; nothing is unpickled."""

from __future__ import annotations

import json
import math
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.data.manifest import sha256_of
from sayre.errors import InputError, understood
from sayre.files.atomic import replacing
from sayre.numerics import memory

if TYPE_CHECKING:
    from torch import Tensor

_SCALE = "::scale"
_SHAPES = "shapes"
FOLDER = Path(str(resources.files("sayre.networks"))) / "weights"
REGISTRY = FOLDER / "registry.toml"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained weights, as a row of the registry describes them.

    Attributes
    ----------
    name
        Name of the weights.
    file
        Name of their file.
    sha256
        SHA-256 of the file.
    task
        What the weights do: "inpaint" or "shape".
    dimensions
        Dimensions of the counts they are for.
    widths
        Smallest and largest gap width they were trained on, in voxels.
    default
        Whether they are used where no weights are named.
    summary
        What they are, in a few words.
    sigma_scale
        Factor on the standard error that the network predicts.
    training, validation
        How they were trained, and their scores.
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
        """Path of the file."""
        return FOLDER / self.file

    @property
    def sample(self) -> Path:
        """Path of the sample, an input and the output that the network must give, `.npz`."""
        return self.path.with_suffix(".sample.npz")

    def stored_sample(self) -> dict[str, NDArray[Any]]:
        """Read the arrays of the sample.

        Raises
        ------
        InputError
            The file is missing.
        """
        if not self.sample.is_file():
            raise InputError(
                f"{self.sample}: the sample of the weights {self.name} is missing; reinstall sayre"
            )
        with np.load(self.sample) as file:
            return {name: file[name] for name in file.files}


@cache
def registry() -> dict[str, Weights]:
    """Read the registry: all weights that the package contains, by name."""
    rows = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))
    return {
        name: Weights(name=name, **{**row, "widths": tuple(row.get("widths", (0, 0)))})
        for name, row in rows.items()
    }


def find(name: str) -> Weights:
    """Return the weights of a name.

    Raises
    ------
    InputError
        The name is not in the registry; the message lists those that are.
    """
    try:
        return registry()[name]
    except KeyError:
        known = f"one of {', '.join(registry())} would do" if registry() else "the package contains none"
        raise InputError(f"weights: {name!r} is neither a file nor a known name; {known}") from None


def default(task: str, dimensions: int = 3) -> Weights | None:
    """Return the weights that a task uses where no weights are named.

    Parameters
    ----------
    task
        "inpaint" or "shape".
    dimensions
        Dimensions of the counts.

    Returns
    -------
    The weights, or None where the package contains none.
    """
    rows = (row for row in registry().values() if row.default)
    return next((row for row in rows if (row.task, row.dimensions) == (task, dimensions)), None)


def require_file(path: Path) -> None:
    """Raise `InputError` unless a file of weights is there."""
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file of weights; `sayre weights list` shows those of the package"
        )


def read(path: Path, sha256: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the configuration of a file of weights.

    Parameters
    ----------
    path
        A safetensors file that `write` wrote.
    sha256
        SHA-256 that the file must have.

    Returns
    -------
    tensors
        float32, by name.
    config
        What the network is, and how it was trained.

    Raises
    ------
    InputError
        The file does not exist, has another hash, or is no file of weights that `write` wrote.
    """
    from safetensors import SafetensorError, safe_open

    require_file(path)
    if sha256 is not None and (actual := sha256_of(path)) != sha256:
        raise InputError(
            f"{path}: the SHA-256 is {actual[:12]}…, but the registry states {sha256[:12]}…; reinstall sayre"
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(
            f"{path}: is not a safetensors file ({error}); one that `sayre train` wrote would do"
        ) from None
    if "sayre" not in header:
        raise InputError(f"{path}: holds no Sayre configuration; one that `sayre train` wrote would do")
    with understood(path):
        config = json.loads(header["sayre"])
        shapes = config.pop(_SHAPES, {})
        tensors = {
            name: _inflated(path, tensor, shapes[name]) * stored[name + _SCALE] if name in shapes else tensor
            for name, tensor in stored.items()
            if not name.endswith(_SCALE)
        }
        return {name: tensor.float() for name, tensor in tensors.items()}, config


def _inflated(path: Path, packed: Tensor, shape: list[int]) -> Tensor:
    """Return the whole numbers of a tensor that `write` deflated."""
    import torch

    size, unpacker = math.prod(shape), zlib.decompressobj()
    memory.require(5 * size, f"{path}: a tensor")
    try:
        numbers = unpacker.decompress(packed.numpy().tobytes(), max(size, 1))
    except zlib.error as error:
        raise InputError(f"{path}: is damaged ({error}); the file as it was written would do") from None
    if len(numbers) != size:
        raise InputError(f"{path}: is damaged (a tensor is too short); the file as it was written would do")
    return torch.frombuffer(bytearray(numbers), dtype=torch.int8).reshape(shape).float()


def write(
    path: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any], *, levels: int | None = None
) -> str:
    """Write a file of weights, in half precision or as small whole numbers.

    Parameters
    ----------
    path
        File to write; one that exists is replaced.
    tensors
        Tensors by name.
    config
        What the network is, and how it was trained.
    levels
        Largest whole number, 127 at most: tensors of two or more dimensions are rounded to so many levels on
        either side of zero, with a scale for each row, and deflated. None for half precision.

    Returns
    -------
    SHA-256 of the file.

    Raises
    ------
    InputError
        `levels` is not between 1 and 127.
    """
    import torch
    from safetensors.torch import save

    if levels is not None and not 1 <= levels <= 127:
        raise InputError(f"levels: {levels}, and whole numbers of eight bits have 1 to 127")
    stored, shapes = {}, {}
    for name, tensor in tensors.items():
        if levels is not None and tensor.ndim > 1:
            rows = tensor.detach().float()
            scale = rows.abs().amax(tuple(range(1, rows.ndim)), keepdim=True).clamp(min=1e-12) / levels
            numbers = (rows / scale).round().to(torch.int8).cpu().numpy().tobytes()
            stored[name] = torch.frombuffer(bytearray(zlib.compress(numbers, 9)), dtype=torch.uint8)
            stored[name + _SCALE], shapes[name] = scale, list(rows.shape)
        else:
            stored[name] = tensor.detach().half().contiguous()
    # one entry alone: several are written in any order
    header = json.dumps({**config, _SHAPES: shapes} if shapes else config, sort_keys=True)
    with replacing(path, force=True) as file:
        file.write(save(stored, metadata={"sayre": header}))
    return sha256_of(path)
