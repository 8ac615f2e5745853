"""Small problems in double precision."""

import numpy as np
import torch

from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import Modulus


def problem(shape=(10, 9, 8), batch=2, seed=0, gap_upper=np.inf):
    """Make a modulus with measured, free and masked voxels, and objects and supports that do not fit it."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(20.0, shape).astype(float)
    weight = rng.choice([0, 1, 2], shape, p=[0.2, 0.7, 0.1]).astype(np.uint8)
    lower, upper = np.sqrt(counts), np.sqrt(counts)
    lower[weight != 1], upper[weight == 0], upper[weight == 2] = 0, gap_upper, np.inf
    counts[weight == 0] = 0
    bounds = Bounds(lower=lower, upper=upper, counts=counts, weight=weight)
    modulus = Modulus(bounds, batch, torch.device("cpu"))
    grids = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij")
    distance = sum((g / (n / 3.5)) ** 2 for g, n in zip(grids, shape, strict=True))
    support = np.stack([distance < 1 + 0.3 * i for i in range(batch)])
    x = (
        support
        * (1 + 0.3 * rng.standard_normal(support.shape))
        * np.exp(1j * rng.uniform(-3, 3, support.shape))
    )
    axes = tuple(range(1, support.ndim))
    return (
        modulus,
        torch.from_numpy(np.fft.ifftshift(x, axes)),
        torch.from_numpy(np.fft.ifftshift(support, axes)),
    )
