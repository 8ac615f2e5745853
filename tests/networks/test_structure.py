"""Blocks of a small network, counted by hand."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from sayre.networks.structure import blocks_of


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        dilated, halved = nn.Conv2d(1, 4, 3, padding=2, dilation=2), nn.Conv2d(4, 8, 2, stride=2)
        self.encoder = nn.ModuleList([dilated, halved])
        self.pair = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 6, 1))
        self.grow = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.head = nn.Conv2d(8, 2, 1, bias=False)

    def forward(self, x):
        first = F.relu(self.encoder[0](x))
        deep = self.pair(self.encoder[1](first))
        return self.head(torch.cat([first, self.grow(deep)], 1)).chunk(2, 1)[0]


def test_blocks_are_those_of_the_model():
    blocks = {block.name: block for block in blocks_of(Small(), [torch.zeros(1, 1, 16, 16)])}
    assert list(blocks) == ["encoder.0", "encoder.1", "pair", "grow", "head"]
    assert [block.sources for block in blocks.values()] == [
        [],
        ["encoder.0"],
        ["encoder.1"],
        ["pair"],
        ["encoder.0", "grow"],
    ]
    assert [block.shape_in for block in blocks.values()] == [
        (1, 16, 16),
        (4, 16, 16),
        (8, 8, 8),
        (6, 8, 8),
        (8, 16, 16),
    ]
    assert [block.shape_out[0] for block in blocks.values()] == [4, 8, 6, 4, 2]
    assert [block.parameters for block in blocks.values()] == [40, 136, 584 + 54, 100, 16]
    assert [block.multiplications for block in blocks.values()] == [
        36 * 256,
        128 * 64,
        (576 + 48) * 64,
        96 * 64,
        16 * 256,
    ]
    assert blocks["pair"].layers == [("convolution", 3, 1), ("convolution", 1, 1)]
    assert blocks["encoder.0"].layers == [("convolution", 3, 2)]
    assert blocks["grow"].layers == [("transposed", 2, 1)]
