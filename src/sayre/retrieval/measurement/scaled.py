"""Object and nuisances as one vector in which every component bends the likelihood about alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sayre.retrieval.measurement.forward import Forward, Parameters


class Scaled:
    """Packs parameters into a real vector, each times the square root of its share of Fisher's information.

    A quasi-Newton method, which begins from a Hessian of one, then needs a few dozen evaluations.

    Parameters
    ----------
    forward
        Model of the measurement.
    first
        Parameters at which the information is computed.
    """

    def __init__(self, forward: Forward, first: Parameters) -> None:
        self.shapes = [None if part is None else part.shape for part in first]
        expected = forward.expected(first)
        seen = expected * forward.used
        others = tuple(range(1, expected.ndim))
        frames, gains = forward.scatter
        scales: Sequence[Tensor | float | None] = (
            2 * forward.voxels**0.5,  # d²L/d|A|² is 4 for counts above a few, and F*F is the number of voxels
            None if first.factor is None else _of_factor(forward, first, expected),
            None if first.frames is None else (seen.sum(others) + frames**-2).sqrt(),
            None if first.background is None else _of_background(first.background, forward, expected),
            None if first.gains is None else (seen.sum(0) + gains**-2).sqrt(),
        )
        self.scales = list(scales)

    def pack(self, parameters: Parameters) -> Tensor:
        """Return the vector of parameters."""
        return self._joined(parameters, divide=False)

    def pack_gradient(self, gradient: Parameters) -> Tensor:
        """Return the vector of a gradient."""
        return self._joined(gradient, divide=True)

    def unpack(self, vector: Tensor) -> Parameters:
        """Return the parameters of a vector."""
        parts: list[Tensor | None] = []
        start = 0
        for number, (shape, scale) in enumerate(zip(self.shapes, self.scales, strict=True)):
            if shape is None or scale is None:
                parts.append(None)
                continue
            size = shape.numel() * (2 if number == 0 else 1)
            part = vector[start : start + size]
            part = torch.view_as_complex(part.reshape(*shape, 2)) if number == 0 else part.reshape(shape)
            parts.append(part / scale)
            start += size
        return Parameters(*parts)  # type: ignore[arg-type]

    def _joined(self, parameters: Parameters, *, divide: bool) -> Tensor:
        flat = []
        for part, scale in zip(parameters, self.scales, strict=True):
            if part is not None and scale is not None:
                real = torch.view_as_real(part) if part.is_complex() else part
                flat.append((real / scale if divide else real * scale).flatten())
        return torch.cat(flat)


def _of_factor(forward: Forward, first: Parameters, expected: Tensor) -> float:
    """Compute the root of the information on the width of the point-spread function, by a difference."""
    assert first.factor is not None
    step = 0.05
    wider = first._replace(factor=first.factor + step * torch.eye(len(first.factor)).to(first.factor))
    change = (forward.expected(wider) - expected) / step
    information = (change.square() / (expected + 1) * forward.used).sum(dtype=torch.float64)
    return float(np.sqrt(max(float(information) / len(first.factor), 1.0)))


def _of_background(background: Tensor, forward: Forward, expected: Tensor) -> float:
    """Compute the root of the information on the root of the background, taken to be 0.01 or more."""
    counts = background.square().clamp(min=0.01)
    information = (4 * counts / (expected + counts) * forward.used).sum(dtype=torch.float64)
    return float(np.sqrt(max(float(information), 1.0)))
