"""The networks of Table 4.1: exactly the parameters that the thesis states, and where it reads otherwise."""

from __future__ import annotations

import pytest
import torch

from sayre.networks.planar import NETWORKS, PARAMETERS, MSDNet, PlanarUNet, parameters_of


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_the_published_number_of_parameters(name):
    with torch.device("meta"):
        assert parameters_of(NETWORKS[name](1.0)) == PARAMETERS[name]


def test_the_listed_kernels_have_more_than_the_stated_parameters():
    """Those after the decoder with kernel 5, and the last one of the MSD-Net with 3, as printed."""

    def more(network, before, after, kinds):
        return sum((after**2 - before**2) * kind.in_channels * kind.out_channels for kind in kinds(network))

    with torch.device("meta"):
        plain, modified, msd = PlanarUNet(), PlanarUNet(modified=True), MSDNet()
    assert more(plain, 3, 5, lambda net: [*net.head, net.last]) == 24_288
    assert more(modified, 3, 5, lambda net: net.head) == 43_008
    assert more(msd, 1, 3, lambda net: [net.last]) == 2_184


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_keep_the_shape_and_end_in_a_sigmoid(name):
    torch.manual_seed(0)
    network = NETWORKS[name](0.125)
    with torch.no_grad():
        out = network(torch.rand(2, 64, 32))
    assert out.shape == (2, 64, 32)
    assert out.dtype == torch.float32
    assert (out > 0).all()
    assert (out < 1).all()


def reach(network, side):
    """How far from its pixel an output still depends on the input."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, 0.01, 0.1)
    pattern = torch.rand(1, side, side, requires_grad=True)
    network(pattern)[0, side // 2, side // 2].log().backward()
    rows = pattern.grad[0].abs().sum(1).nonzero()
    return int((rows - side // 2).abs().max())


def test_the_dilated_network_sees_as_far_as_its_rates_add_up():
    """Six layers with rates 1 to 6, all of kernel 3 with a reach of their rate: 21 pixels."""
    assert reach(MSDNet(3 / 16), 64) == 21
