"""Networks that fill gaps, and what they are fed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def build(name: str, **options: Any) -> nn.Module:
    """Network of a name ("slab" or "patch") with its constructor's options."""
    from sayre.networks.patch import PatchNet
    from sayre.networks.slab import SlabNet

    known: dict[str, type[nn.Module]] = {"slab": SlabNet, "patch": PatchNet}
    return known[name](**options)
