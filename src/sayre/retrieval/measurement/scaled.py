"""Object and nuisances as one vector in which every component bends the likelihood about alike."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import torch
from torch import Tensor

from sayre.retrieval.measurement.forward import STEP, UNEVEN, Forward, Parameters


class Scaled:
    """Packs parameters into a real vector, each times the square root of its share of Fisher's information.

    A quasi-Newton method, which begins from a Hessian of one, then needs a few dozen evaluations.

    Parameters
    ----------
    forward
        Model of the measurement.
    first
        Parameters at which the information is computed.
    held
        Names of parameters that stay as they are in `first`.
    """

    def __init__(self, forward: Forward, first: Parameters, held: Collection[str] = ()) -> None:
        self.first = first
        expected = forward.expected(first)
        seen = expected * forward.used
        others = tuple(range(1, expected.ndim))
        frames, gains = forward.scatter
        scales: dict[str, Callable[[], Tensor | float]] = {
            # d²L/d|A|² is 4 for counts above a few, and F*F is the number of voxels
            "object": lambda: 2 * forward.voxels**0.5,
            "factor": lambda: _of_factor(forward, first, expected),
            "tails": lambda: _of_tails(forward, first, expected),
            "frames": lambda: (seen.sum(others) + frames**-2).sqrt(),
            "background": lambda: _of_background(first, forward, expected),
            "background_frames": lambda: (_of_dark(first, forward, expected).sum(others) + UNEVEN**-2).sqrt(),
            "background_waves": lambda: _of_waves(first, forward, expected),
            "gains": lambda: (seen.sum(0) + gains**-2).sqrt(),
            "angles": lambda: _of_angles(forward, expected),
        }
        self.scales = [
            None if part is None or name in held else scales[name]()
            for name, part in zip(Parameters._fields, first, strict=True)
        ]

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
        for known, scale in zip(self.first, self.scales, strict=True):
            if known is None or scale is None:
                parts.append(known)
                continue
            size = known.numel() * (2 if known.is_complex() else 1)
            part = vector[start : start + size]
            whole = part.reshape(*known.shape, 2) if known.is_complex() else part.reshape(known.shape)
            parts.append((torch.view_as_complex(whole) if known.is_complex() else whole) / scale)
            start += size
        return Parameters(*parts)  # type: ignore[arg-type]

    def significance(self, gradient: Parameters, name: str) -> float:
        """Return by how many standard deviations of chance a parameter wants to change; a number, to grow.

        Parameters
        ----------
        gradient
            At the parameters at which the information was computed.
        name
            Name of the parameter.

        Notes
        -----
        Rao's score test, with the diagonal of the information: the squares of the scaled derivatives have a
        mean of one and a variance of two.
        """
        place = Parameters._fields.index(name)
        part, scale = gradient[place], self.scales[place]
        assert part is not None
        assert scale is not None
        scores = (part / scale).double().flatten()
        if len(scores) == 1:
            return -float(scores)
        return (float(scores.square().sum()) - len(scores)) / float(np.sqrt(2 * len(scores)))

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


def _of_tails(forward: Forward, first: Parameters, expected: Tensor) -> float:
    """Compute the root of the information on the angle of the share of a Lorentzian, by a difference."""
    assert first.tails is not None
    share, step = float(first.tails.sin().square()), 0.05
    other = share + step if share < 0.5 else share - step
    angle = torch.full_like(first.tails, float(np.arcsin(np.sqrt(other))))
    change = (
        (forward.expected(first._replace(tails=angle)) - expected) / step * float((2 * first.tails).sin())
    )
    information = (change.square() / (expected + 1) * forward.used).sum(dtype=torch.float64)
    return float(np.sqrt(max(float(information), 1e-6)))


def _of_background(first: Parameters, forward: Forward, expected: Tensor) -> float:
    """Compute the root of the information on the root of the background, taken to be 0.01 or more."""
    assert first.background is not None
    counts = first.background.square().clamp(min=0.01)
    information = (4 * counts / (expected + counts) * forward.used).sum(dtype=torch.float64)
    return float(np.sqrt(max(float(information), 1.0)))


def _of_dark(first: Parameters, forward: Forward, expected: Tensor) -> Tensor:
    """Compute the information of each voxel on the logarithm of the background."""
    dark = forward.background(first)
    return dark.square() / (expected + dark) * forward.used


def _of_waves(first: Parameters, forward: Forward, expected: Tensor) -> Tensor:
    """Compute the root of the information on the cosines of the background."""
    plane = _of_dark(first, forward, expected).reshape(-1, *forward.shape[-2:]).sum(0)
    rows, columns = (cosines.square() for cosines in forward.smooth.cosines)
    return (rows @ plane @ columns.T + UNEVEN**-2).sqrt()


def _of_angles(forward: Forward, expected: Tensor) -> Tensor:
    """Compute the root of the information on the angle of each frame, by differences of its neighbours."""
    change = (expected.roll(1, 0) - expected.roll(-1, 0)) / 2
    information = change.square() / (expected + 1) * forward.used
    return (information.sum(tuple(range(1, expected.ndim))) + STEP**-2).sqrt()
