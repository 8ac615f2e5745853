from __future__ import annotations

import numpy as np
import pytest
import torch

from sayre.networks.patch import PatchNet
from sayre.networks.slab import SlabNet
from sayre.training.filling.losses import mean_and_spread_loss, published_loss


def test_patch_network_has_the_published_number_of_parameters():
    """Thesis section 4.5 says 2,770,000; the published code counts 2,771,309."""
    assert sum(p.numel() for p in PatchNet().parameters()) == 2_771_309


def test_patch_network_sees_only_measured_voxels_and_undoes_its_scaling():
    torch.manual_seed(0)
    network = PatchNet().eval()
    filled = torch.rand(1, 32, 32, 32) * 5 + 1
    mask = torch.zeros_like(filled)
    mask[:, 13:19] = 1
    with torch.inference_mode():
        mean, _ = network(filled, mask, mask)
        other = torch.where(mask > 0, torch.tensor(77.0), filled)
        torch.testing.assert_close(network(other, mask, mask)[0], mean)
        doubled, _ = network(2 * filled + 3, mask, mask)
    torch.testing.assert_close(doubled, 2 * mean + 3, rtol=1e-4, atol=1e-4)


def test_slab_network_starts_as_the_first_fill_and_its_error():
    network = SlabNet(16, (1, 1, 1))
    filled, mask = torch.rand(2, 32, 12, 16) * 4, torch.zeros(2, 32, 12, 16)
    mask[:, 12:18] = 1
    sigma = 0.3 * mask
    mirror, linear = torch.rand_like(filled), torch.rand_like(filled)
    mean, log_variance = network(filled, sigma, mask, mirror, torch.zeros_like(mask), linear)
    torch.testing.assert_close(mean, filled)
    torch.testing.assert_close((log_variance / 2).exp()[mask > 0], sigma[mask > 0] + 0.01)
    assert mean.shape == log_variance.shape


def test_slab_network_does_not_depend_on_brightness_alone():
    """Adding a constant to log counts moves the level channel only."""
    torch.manual_seed(0)
    network = SlabNet(16, (1, 1, 1))
    torch.nn.init.normal_(network.head.weight, std=0.1)
    torch.nn.init.zeros_(network.stem.weight[:, 64:65])
    filled, mask = torch.rand(1, 32, 12, 12) * 4, torch.zeros(1, 32, 12, 12)
    mask[:, 10:22] = 1
    mirror, mirror_mask = torch.rand_like(filled), (torch.rand_like(filled) > 0.5).float()
    sigma, linear = torch.rand_like(filled) * mask, torch.rand_like(filled)
    low, _ = network(filled, sigma, mask, mirror, mirror_mask, linear)
    high, _ = network(filled + 2, sigma, mask, mirror + 2, mirror_mask, linear + 2)
    torch.testing.assert_close(high, low + 2, rtol=1e-4, atol=1e-4)


def test_loss_gradients_against_finite_differences():
    torch.manual_seed(0)
    shape = (2, 3, 4, 4)
    target, linear = torch.rand(shape, dtype=torch.float64), torch.rand(shape, dtype=torch.float64)
    wanted = (torch.rand(shape) > 0.4).double()
    noise = torch.rand(shape, dtype=torch.float64) * 0.1
    mean = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    spread = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda m: mean_and_spread_loss(m, spread.detach(), target, wanted, noise, linear)[0], (mean,)
    )
    assert torch.autograd.gradcheck(
        lambda s: mean_and_spread_loss(mean.detach(), s, target, wanted, noise, linear)[1], (spread,)
    )


def test_likelihood_is_least_at_the_true_spread_and_leaves_the_mean_alone():
    torch.manual_seed(0)
    residual = 0.3 * torch.randn(1, 40, 40, 40)
    mean = torch.zeros_like(residual, requires_grad=True)
    ones = torch.ones_like(residual)

    def likelihood(sigma):
        log_variance = torch.full_like(residual, 2 * np.log(sigma))
        return mean_and_spread_loss(mean, log_variance, residual, ones, 0 * ones, residual)[1]

    assert likelihood(0.3) < min(likelihood(0.27), likelihood(0.33))
    spread = torch.zeros_like(residual, requires_grad=True)
    mean_and_spread_loss(mean, spread, residual, ones, 0 * ones, residual)[1].backward()
    assert mean.grad is None or not mean.grad.any()
    assert spread.grad.any()


def test_published_loss_against_its_definition():
    """SSIM written out for one slice: 11×11 Gaussian, σ 1.5, range 1 (Wang et al. 2004)."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    truth, predicted = rng.random((2, 32, 32, 32))
    gap = np.zeros((32, 32, 32))
    gap[13:19] = 1
    merged = np.where(gap > 0, predicted, truth)

    def ssim(x, y):
        def smooth(a):
            return gaussian_filter(a, 1.5, truncate=5 / 1.5, mode="mirror")

        mx, my = smooth(x), smooth(y)
        vx, vy, cov = smooth(x * x) - mx**2, smooth(y * y) - my**2, smooth(x * y) - mx * my
        c1, c2 = 0.01**2, 0.03**2
        full = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
        return full[5:-5, 5:-5].mean()

    expected = np.abs(predicted - truth)[13:19].mean()
    expected += sum(1 - ssim(merged[i], truth[i]) for i in range(32))
    expected += sum(np.abs(np.diff(merged, axis=a) - np.diff(truth, axis=a)).mean() for a in range(3))
    as_tensor = [torch.from_numpy(a)[None].float() for a in (predicted, truth, gap)]
    assert float(published_loss(*as_tensor)) == pytest.approx(expected, rel=2e-3)
