import numpy as np
import pytest
import torch
from torch import nn

from sayre.errors import InputError
from sayre.networks import registry as weights
from sayre.networks.shape import ShapeNet
from sayre.retrieval.learned import shape_predictor as predict
from sayre.retrieval.learned.predictor import load_predictor
from sayre.retrieval.learned.shape_predictor import ShapePredictor


class Halved(nn.Module):
    """Return log10 of the modulus of the autocorrelation at twice each position, like a trained network."""

    def forward(self, lags):
        n = lags.shape[-1]
        twice = 2 * (torch.arange(n // 2) - n // 4) + n // 2
        for axis in range(2, lags.ndim):
            lags = lags.index_select(axis, twice)
        return lags[:, 0] * 4 - 2


def ellipse(shape, radii):
    axes = [(np.arange(n) - n // 2) / r for n, r in zip(shape, radii, strict=True)]
    return sum(a**2 for a in np.meshgrid(*axes, indexing="ij")) < 1


@pytest.mark.parametrize(
    ("shape", "radii"),
    [
        ((64, 64), (12, 9)),
        ((160, 128), (30, 24)),
        ((48, 40), (9, 7)),
        ((65, 90), (13, 18)),
        ((128, 48), (24, 9)),
    ],
)
def test_the_shape_is_placed_in_arrays_of_any_size(shape, radii):
    """An ellipse is half its autocorrelation; cropped counts and padded lags must not shift or scale it."""
    inside = ellipse(shape, radii)
    counts = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(inside)))) ** 2
    predictor = ShapePredictor(network=Halved(), side=64, name="", sha256="")
    ratios = tuple(n / (2 * r) for n, r in zip(shape, radii, strict=True))
    logits = predictor(counts.astype(np.float32), ratios, torch.device("cpu"))
    # the share of itself that an ellipse covers when moved by 0.9 of its own length
    moved = np.log10((inside & np.roll(inside, int(1.8 * radii[0]), 0)).sum() / inside.sum())
    found = logits > moved
    wanted = ellipse(shape, [0.9 * r for r in radii])
    assert (found & wanted).sum() / (found | wanted).sum() > 0.85


def test_weights_of_other_networks_are_refused(tmp_path):
    path = tmp_path / "two.safetensors"
    options = {"dimensions": 2, "width": 8, "blocks": (1, 1)}
    weights.write(
        path, ShapeNet(**options).state_dict(), {"network": "shape", "options": options, "side": 32}
    )
    assert load_predictor(path, 2).side == 32
    with pytest.raises(InputError, match=r"kind shape for 2D .* for 3D counts is needed"):
        load_predictor(path, 3)
    weights.write(path, {"a": torch.ones(2)}, {"network": "slab"})
    load_predictor.cache_clear()
    with pytest.raises(InputError, match="a network of kind slab for 3D counts"):
        load_predictor(path, 2)


def test_weights_of_six_bits_hardly_change_the_shape(tmp_path):
    torch.manual_seed(0)
    options = {"dimensions": 2, "width": 16, "blocks": (1, 1)}
    header = {"network": "shape", "options": options, "side": 32}
    network = ShapeNet(**options)
    counts = np.random.default_rng(0).poisson(50, (32, 32)).astype(np.float32)
    found = []
    for levels in (None, 31):
        path = tmp_path / f"{levels}.safetensors"
        weights.write(path, network.state_dict(), header, levels=levels)
        found.append(load_predictor(path, 2)(counts, (3.0, 3.0), torch.device("cpu")))
    inside = found[0] > predict.OUTSIDE / 2
    assert np.abs(found[1] - found[0])[inside].max() < 0.05 * np.ptp(found[0][inside])
    sizes = [(tmp_path / f"{levels}.safetensors").stat().st_size for levels in (None, 31)]
    assert sizes[1] < 0.5 * sizes[0]
