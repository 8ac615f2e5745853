"""Refinement of an object by maximum likelihood under the full model of the measurement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from torch import Tensor

from sayre.numerics.lbfgs import minimise
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import FitQuality
from sayre.retrieval.measurement.forward import Forward, Parameters, factors, undamped
from sayre.retrieval.measurement.nuisances import Kind, Nuisances
from sayre.retrieval.measurement.scaled import Scaled

Objects = NDArray[np.complex64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Refined:
    """An object that fits the counts, and what the measurement did to them; arrays centred.

    Attributes
    ----------
    object
        complex64, of the shape of the bounds.
    nuisances
        Effects of the measurement.
    expected
        float32, expected counts of every voxel.
    fit
        Fit to the counts.
    dilation
        Voxels by which the support was dilated.
    """

    object: Objects = field(repr=False)
    nuisances: Nuisances
    dilation: int
    expected: NDArray[np.float32] = field(repr=False)
    fit: FitQuality

    @property
    def merit(self) -> float:
        """The free log-likelihood, or the log-likelihood where no voxel was free; less is better."""
        free = float(self.fit.free_likelihood[0])
        return free if np.isfinite(free) else float(self.fit.likelihood[0])


def refine(
    obj: Objects,
    support: Mask,
    bounds: Bounds,
    kinds: Iterable[Kind],
    *,
    evaluations: int,
    dilation: int,
    known: Nuisances | None = None,
    device: str | torch.device = "cpu",
    report: Callable[[float], None] | None = None,
) -> Refined:
    """Bring an object and the effects of the measurement to the counts.

    Minimises half the Poisson deviance of the voxels used, twice the squared excess of amplitudes over their
    bounds in voxels that were not measured, log-normal priors of flux and response, and a weak exponential
    prior of intensities that nothing is known of (`sayre.retrieval.measurement.envelope`).

    Parameters
    ----------
    obj
        complex64, centred, of the shape of the bounds.
    support
        bool, same shape, which holds the object once it is dilated.
    bounds
        Counts, and bounds of what was not measured.
    kinds
        Effects to fit.
    evaluations
        Number of times that the likelihood is computed.
    dilation
        Voxels by which the support is dilated.
    known
        Effects to begin from.
    device
        `cpu` or `cuda`.
    report
        Function that is called with the fraction done.
    """
    where = torch.device(device)
    loose = binary_dilation(support, iterations=dilation) if dilation else support
    forward = Forward(bounds, loose, where)
    first = _first(obj, forward, frozenset(kinds), known or Nuisances())
    scaled = Scaled(forward, first)
    best = scaled.unpack(_minimise(forward, scaled, first, evaluations, report))
    return _result(forward, best, dilation)


def _first(obj: Objects, forward: Forward, kinds: frozenset[Kind], known: Nuisances) -> Parameters:
    """Return the parameters to begin from."""
    device, dtype, axes = forward.device, forward.dtype, len(forward.shape)
    whole = torch.from_numpy(np.fft.ifftshift(obj)).to(device)

    def logarithm(values: NDArray[np.float32] | None, size: tuple[int, ...]) -> Tensor:
        if values is None:
            return torch.zeros(size, dtype=dtype, device=device)
        return undamped(torch.from_numpy(np.fft.ifftshift(np.log(values))).to(device, dtype))

    factor = frames = background = gains = None
    if "spread" in kinds:
        spread = np.eye(axes) * 0.3**2 if known.spread is None else known.spread + 1e-6 * np.eye(axes)
        factor = torch.from_numpy(np.linalg.cholesky(spread)).to(device, dtype)
    if "frames" in kinds:
        frames = logarithm(known.frames, forward.shape[:1])
    if "background" in kinds:
        counts = max(known.background or 0.0, 0.01)
        background = torch.tensor(np.sqrt(counts), dtype=dtype, device=device)
    if "gains" in kinds:
        gains = logarithm(known.gains, forward.shape[1:])
    return Parameters(whole.flatten()[forward.inside], factor, frames, background, gains)


def _minimise(
    forward: Forward,
    scaled: Scaled,
    first: Parameters,
    evaluations: int,
    report: Callable[[float], None] | None,
) -> Tensor:
    done = 0

    def evaluate(vector: Tensor) -> tuple[float, Tensor]:
        nonlocal done
        found = forward.misfit(scaled.unpack(vector))
        done += 1
        if report:
            report(done / evaluations)
        return found.value, scaled.pack_gradient(found.gradient)

    return minimise(evaluate, scaled.pack(first), evaluations)


def _result(forward: Forward, p: Parameters, dilation: int) -> Refined:
    """Return object and effects as arrays."""
    expected, obj = forward.expected(p), forward.whole(p.object)
    frames = None if p.frames is None else factors(p.frames)
    gains = None if p.gains is None else factors(p.gains)

    def centred(array: Tensor) -> NDArray[np.float32]:
        return np.fft.fftshift(array.cpu().numpy())

    factor = None if p.factor is None else p.factor.tril().cpu().numpy().astype(np.float64)
    background = None if p.background is None else float(p.background.square())
    residual, likelihood, free = (
        torch.tensor([value], dtype=torch.float64) for value in forward.likelihoods(expected)
    )
    return Refined(
        object=np.fft.fftshift(obj.cpu().numpy()).astype(np.complex64),
        nuisances=Nuisances(
            spread=None if factor is None else factor @ factor.T,
            frames=None if frames is None else centred(frames),
            background=background,
            gains=None if gains is None else centred(gains),
        ),
        dilation=dilation,
        expected=centred(expected),
        fit=FitQuality(residual, likelihood, free),
    )
