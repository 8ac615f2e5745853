"""Networks that fill gaps and that start phase retrieval, and the registry of their trained weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def build(name: str, **options: Any) -> nn.Module:
    """Make a gap-filling network.

    Parameters
    ----------
    name
        "slab" or "patch".
    options
        Options of the network's constructor.
    """
    from sayre.networks.patch import PatchNet
    from sayre.networks.slab import SlabNet

    known: dict[str, type[nn.Module]] = {"slab": SlabNet, "patch": PatchNet}
    return known[name](**options)
