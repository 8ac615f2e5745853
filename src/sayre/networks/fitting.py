"""Networks made of the options and the tensors of a file, where the two fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from sayre.errors import InputError

N = TypeVar("N", bound=nn.Module)

LARGEST = 4096
"""Number that an option of a network may be."""


def network_of(
    path: Path,
    kind: str,
    make: Callable[..., N],
    options: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
) -> N:
    """Make a network of its options and give it its weights.

    Parameters
    ----------
    path, kind
        File of the weights, and what it calls the network, for the message.
    make
        Class of the network.
    options
        Of the network, as the file states them.
    tensors
        As `sayre.networks.registry.read` returns them.

    Raises
    ------
    InputError
        Names or shapes of the tensors are not those of the network, which is then not made.
    """
    too_large = [name for name, number in _numbers(options) if number > LARGEST]
    misfit = f"{too_large[0]} is above {LARGEST}" if too_large else ""
    if not misfit:
        with torch.device("meta"):  # shapes alone: they cost neither memory nor time
            network = make(**options)
        wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        stored = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        odd = sorted(name for name in wanted.keys() | stored.keys() if wanted.get(name) != stored.get(name))
        if odd:
            misfit = f"{odd[0]} is {stored.get(odd[0], 'missing')}, not {wanted.get(odd[0], 'known')}"
    if misfit:
        raise InputError(
            f"{path}: does not fit the network {kind!r} as it is now ({misfit}); weights that this version "
            "trained would do"
        )
    network.load_state_dict(tensors, assign=True)
    return network.eval()


def _numbers(options: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Numbers of options, by the name of the option."""
    if isinstance(options, Mapping):
        for key, value in options.items():
            yield from _numbers(value, str(key))
    elif isinstance(options, list | tuple):
        for value in options:
            yield from _numbers(value, name)
    elif isinstance(options, int | float):
        yield name, options
