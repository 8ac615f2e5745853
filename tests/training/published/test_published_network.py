import warnings

import numpy as np
import pytest
import torch

from sayre.networks.published import PublishedNet
from sayre.retrieval.learned.phase_predictor import back_transformed


def weights_and_biases(dimensions):
    """Parameters of the published layer list, one row a layer: kernel, channels in, channels out."""
    layers = [(5, 1, 8)] * 4 + [(5, 33, 16)] * 4  # 1 + 32 = 33 and 33 + 64 = 97 channels leave the blocks
    layers += [(4, 97, 128), (3, 128, 256), (3, 256, 512), (3, 512, 1024), (2, 1024, 2048)]
    layers += [(3, c, c // 2) for c in (33, 97, 128, 256, 512, 1024)]
    layers += [(3, 2048, 1024), (3, 1024 + 512, 512), (3, 512 + 256, 256), (4, 256 + 128, 128)]
    layers += [(5, 128 + 64, 64), (5, 64 + 48, 32), (5, 32 + 16, 16), (5, 16, 1)]
    return sum(kernel**dimensions * before * after + after for kernel, before, after in layers)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_parameters_are_those_of_the_layer_list(dimensions):
    with torch.device("meta"):
        network = PublishedNet(dimensions)
    assert sum(p.numel() for p in network.parameters()) == weights_and_biases(dimensions)


def test_there_are_as_many_parameters_as_published():
    assert weights_and_biases(3) == pytest.approx(144e6, rel=0.01)


def test_the_phase_has_the_shape_of_the_counts():
    with torch.device("meta"):
        assert PublishedNet(3)(torch.zeros(2, 64, 64, 64)).shape == (2, 64, 64, 64)
        assert PublishedNet(2, 0.25)(torch.zeros(3, 128, 64)).shape == (3, 128, 64)


def test_a_narrow_network_is_as_much_smaller_as_its_width():
    with torch.device("meta"):
        full, quarter = (sum(p.numel() for p in PublishedNet(3, width).parameters()) for width in (1, 0.25))
    assert quarter == pytest.approx(full / 16, rel=0.01)


def test_every_parameter_is_used_and_samples_do_not_mix():
    torch.manual_seed(0)
    network = PublishedNet(2, 0.125)
    seen = torch.rand(2, 128, 128, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        phase = network(seen)
    phase[0].sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in network.parameters())
    assert seen.grad[0].abs().sum() > 0
    assert not seen.grad[1].any()


def test_layers_reach_as_far_as_their_kernels_and_rates():
    """One bright voxel: the first block's branches answer at ±2 rate of it and nowhere else."""
    torch.manual_seed(0)
    network = PublishedNet(2, 0.125)
    dot = torch.zeros(1, 1, 64, 64)
    dot[..., 32, 32] = 1
    for branch, rate in zip(network.dilated[0].branches, (8, 5, 3, 1), strict=True):
        answer = (branch(dot) - branch(torch.zeros_like(dot)))[0, 0]
        rows = torch.nonzero(answer.abs().sum(1))[:, 0] - 32
        assert rows.tolist() == [rate * k for k in (-2, -1, 0, 1, 2)]


def test_transposed_convolutions_and_even_kernels_lie_as_in_keras():
    """Keras pads an even kernel more behind than before, and cuts the end of what stride 2 makes too long."""
    network = PublishedNet(2, 0.125)
    for grow, behind in (
        (network.decoder[0], (0, 3)),
        (network.decoder[3], (-1, 3)),
        (network.decoder[4], (-1, 4)),
    ):
        dot = torch.zeros(1, grow.grow.in_channels, 8, 8)
        dot[..., 4, 4] = 1
        answer = (grow(dot) - grow(torch.zeros_like(dot)))[0].abs().sum((0, 2))
        assert answer.shape == (16,)
        assert (torch.nonzero(answer)[:, 0] - 8).tolist() == list(range(*behind))
    conv = network.bottleneck
    dot = torch.zeros(1, conv[1].in_channels, 4, 4)
    dot[..., 2, 2] = 1
    answer = (conv(dot) - conv(torch.zeros_like(dot)))[0].abs().sum((0, 2))
    assert torch.nonzero(answer)[:, 0].tolist() == [1, 2]


def test_the_right_phase_gives_back_the_object():
    rng = np.random.default_rng(0)
    made = np.zeros((16, 18), np.complex64)
    made[5:10, 6:11] = rng.normal(size=(5, 5)) + 1j * rng.normal(size=(5, 5))
    amplitude = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(made)))
    counts, phase = (np.abs(amplitude) ** 2).astype(np.float32), np.angle(amplitude).astype(np.float32)
    assert np.allclose(back_transformed(counts, phase), made, atol=1e-5)
