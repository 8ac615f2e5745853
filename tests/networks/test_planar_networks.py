"""The networks of Table 4.1: exactly the parameters that the thesis states, and where it reads otherwise."""

from __future__ import annotations

import pytest
import torch

from sayre.networks.dense import dense
from sayre.networks.layers import leaky
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


def joined_by_convolution(network, images):
    x = images[:, None]
    for layer in network.layers:
        x = torch.cat([x, leaky(layer(x))], 1)
    return torch.sigmoid(network.last(x).float()[:, 0])


def test_matrix_products_are_the_dilated_convolutions_and_their_gradients():
    torch.manual_seed(1)
    network, images = MSDNet(0.5), torch.rand(2, 20, 14)
    found = []
    for forward in (network, lambda x: joined_by_convolution(network, x)):
        network.zero_grad()
        out = forward(images)
        ((out - 0.3) ** 2).sum().backward()
        found.append((out.detach(), [parameter.grad.clone() for parameter in network.parameters()]))
    (out, gradients), (right, exact) = found
    torch.testing.assert_close(out, right)
    for got, wanted in zip(gradients, exact, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-5 * float(wanted.abs().max()) + 1e-7)


def reach(network, side):
    """How far from its pixel an output still depends on the input."""
    torch.manual_seed(0)
    for parameter in network.double().parameters():
        torch.nn.init.uniform_(parameter, 0.01, 0.1)
    patterns, away = torch.zeros(side // 2, side, side, dtype=torch.float64), torch.arange(side // 2)
    patterns[away, side // 2 + away, side // 2] = 1
    with torch.no_grad():
        layers = [(layer.weight, layer.bias) for layer in network.layers]
        seen = dense(patterns, [layer.dilation[0] for layer in network.layers], layers)
    return int((seen[-1, :, side // 2, side // 2] != seen[-1, -1, side // 2, side // 2]).nonzero().max())


def test_the_dilated_network_sees_as_far_as_its_rates_add_up():
    """Six layers with rates 1 to 6, all of kernel 3 with a reach of their rate: 21 pixels."""
    assert reach(MSDNet(3 / 16), 64) == 21
