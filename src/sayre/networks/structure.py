"""The blocks of a network and how they are joined, read from the network itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp


@dataclass(kw_only=True)
class Block:
    """One part of a network that has parameters: a layer, or layers that belong together.

    Attributes
    ----------
    name
        Of the module within the network.
    sources
        Blocks whose output it takes, the nearest last.
    shape_in, shape_out
        Channels and size of what it takes and makes.
    layers
        Of convolutions: kind, kernel along an axis, and rate of dilation; each different one once, in order.
    parameters
        Numbers that are trained.
    multiplications
        For one input.
    """

    name: str
    sources: list[str] = field(default_factory=list)
    shape_in: tuple[int, ...] = ()
    shape_out: tuple[int, ...] = ()
    layers: list[tuple[str, int, int]] = field(default_factory=list)
    parameters: int = 0
    multiplications: int = 0


class _Tracer(fx.Tracer):
    """Follows tensors through a method of a module, and stops at layers that have parameters of their own."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.traced_func_name = method

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return any(True for _ in module.parameters(recurse=False))


def blocks_of(network: nn.Module, inputs: Sequence[Tensor], method: str = "forward") -> list[Block]:
    """Return the blocks of a network in the order in which they are computed.

    Parameters
    ----------
    network
        Any whose steps do not depend on the values that it is given.
    inputs
        An example, of one sample.
    method
        What is called with it.
    """
    graph = _Tracer(method).trace(network)
    with torch.inference_mode():
        ShapeProp(fx.GraphModule(network, graph)).propagate(*inputs)
    owners: dict[fx.Node, str] = {}
    blocks: dict[str, Block] = {}
    for node in graph.nodes:
        name = _owner(network, node)
        if name is None:
            continue
        owners[node] = name
        block = blocks.setdefault(name, Block(name=name))
        for outside in _outside(node, name, owners):
            block.shape_in = block.shape_in or _shape(outside)
            for source in _origins(outside, owners):
                if source not in block.sources:
                    block.sources.append(source)
        block.shape_out = _shape(node)
        if node.op == "call_module":
            _add_layer(block, network.get_submodule(str(node.target)), _shape(node))
    places = {name: place for place, name in enumerate(blocks)}
    for block in blocks.values():
        block.sources.sort(key=places.__getitem__)
    return list(blocks.values())


def _owner(network: nn.Module, node: fx.Node) -> str | None:
    """Return the name of the block that a step belongs to; None of a step of the network itself."""
    stack = node.meta.get("nn_module_stack", {})
    path = str(node.target) if node.op == "call_module" else next((str(key) for key in reversed(stack)), "")
    if not path:
        return None
    name, module = "", network
    for part in path.split("."):
        module = module.get_submodule(part)
        name = f"{name}.{part}" if name else part
        if not isinstance(module, nn.ModuleList):
            return name
    return None


def _outside(node: fx.Node, name: str, owners: dict[fx.Node, str]) -> Iterator[fx.Node]:
    """Yield the steps outside its block that a step takes something from."""
    for other in node.all_input_nodes:
        if owners.get(other) != name and _shape(other):
            yield other


def _origins(node: fx.Node, owners: dict[fx.Node, str]) -> Iterator[str]:
    """Yield the blocks that a step of the network itself goes back to."""
    if node in owners:
        yield owners[node]
        return
    for other in node.all_input_nodes:
        yield from _origins(other, owners)


def _shape(node: fx.Node) -> tuple[int, ...]:
    """Return channels and size, without the batch; nothing where a step makes no tensor."""
    made: Any = node.meta.get("tensor_meta")
    return tuple(made.shape[1:]) if hasattr(made, "shape") else ()


def _add_layer(block: Block, layer: nn.Module, shape: tuple[int, ...]) -> None:
    """Count a layer, and note its kind, kernel and rate."""
    block.parameters += sum(parameter.numel() for parameter in layer.parameters())
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 3:
        return
    grows = isinstance(layer, nn.ConvTranspose2d | nn.ConvTranspose3d)
    strides = math.prod(layer.stride) if grows else 1  # type: ignore[arg-type]
    block.multiplications += weight.numel() * math.prod(shape[1:]) // int(strides)
    rate = getattr(layer, "dilation", (1,))
    told = ("transposed" if grows else "convolution", int(weight.shape[-1]), int(rate[0]))
    if told not in block.layers:
        block.layers.append(told)
