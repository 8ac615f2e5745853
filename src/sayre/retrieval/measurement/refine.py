"""Refinement of an object by maximum likelihood under the full model of the measurement."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from torch import Tensor

from sayre.numerics.lbfgs import minimise
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import FitQuality
from sayre.retrieval.measurement.factors import factors, rough, undamped
from sayre.retrieval.measurement.forward import Forward, Parameters
from sayre.retrieval.measurement.nuisances import Kind, Nuisances
from sayre.retrieval.measurement.scaled import Scaled
from sayre.retrieval.measurement.unseen import BackgroundSearch, darkest

Objects = NDArray[np.complex64]
Mask = NDArray[np.bool_]

ROUNDS, FEWEST = 4, 10
"""Backgrounds with which an object is refined until the free voxels are predicted best, and least evaluations
of the likelihood with each."""
SHARE, NARROWER, NONE = 0.3, 0.7, 1e-6
"""Share of a Lorentzian to begin with, the factor of the covariance with which both then blur as much as the
Gaussian alone did, and a share that is as good as none."""
COUNTS = 0.01
"""Least counts of background to begin with."""


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
    moved
        float32, what errors of the rocking angle add to the blurred intensity; None where there are none.
    dilation
        Voxels by which the support was dilated.
    threshold
        Threshold of shrink-wrap in the iterations before; None for the given one.
    """

    object: Objects = field(repr=False)
    nuisances: Nuisances
    dilation: int
    expected: NDArray[np.float32] = field(repr=False)
    fit: FitQuality
    moved: NDArray[np.float32] | None = field(default=None, repr=False)
    threshold: float | None = None

    @property
    def merit(self) -> float:
        """The free log-likelihood, or the log-likelihood where no voxel was free; less is better."""
        return self.fit.merit


def refine(
    obj: Objects,
    support: Mask,
    bounds: Bounds,
    kinds: Collection[Kind],
    *,
    evaluations: int,
    dilation: int,
    known: Nuisances | None = None,
    device: str | torch.device = "cpu",
    report: Callable[[float], None] | None = None,
) -> Refined:
    """Bring an object and the effects of the measurement to the counts.

    Minimises half the Poisson deviance of the voxels used, twice the squared excess of amplitudes over their
    bounds in voxels that were not measured, priors of the effects, and a weak exponential prior of
    intensities that nothing is known of (`sayre.retrieval.measurement.envelope`). The background is taken
    from the free voxels, if there are any: from those used it would come out too small, because an object
    makes bright noise brighter, but cannot make dark noise darker.

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
    known = known or Nuisances()
    loose = binary_dilation(support, iterations=dilation) if dilation else support
    forward = Forward(bounds, loose, where)
    now = first_parameters(obj, forward, kinds, known)
    held = {"background"} if now.background is not None and bool(forward.free.any()) else set()
    search = BackgroundSearch(forward, known=known.background is not None)
    rounds = ROUNDS if held and evaluations >= ROUNDS * FEWEST else 1
    for number in range(rounds):
        if number:
            now = search.after(now)
        scaled, begun = Scaled(forward, now, held), number / rounds
        part = None if report is None else _part(report, begun, 1 / rounds)
        now = scaled.unpack(_minimise(forward, scaled, now, evaluations // rounds, part))
    return _result(forward, now, dilation)


def significance(
    found: Refined, support: Mask, bounds: Bounds, kind: Kind, *, device: str | torch.device = "cpu"
) -> float:
    """Compute by how many standard deviations of chance the likelihood wants one more effect.

    Parameters
    ----------
    found
        What was refined without it.
    support, bounds, device
        As `refine` takes them.
    kind
        An effect that is small in the parameters to begin from, or none.
    """
    dilation = found.dilation
    loose = binary_dilation(support, iterations=dilation) if dilation else support
    forward = Forward(bounds, loose, torch.device(device))
    known = replace(found.nuisances, tails=NONE) if kind == "tails" else found.nuisances
    p = first_parameters(found.object, forward, (*found.nuisances.kinds, kind), known)
    return Scaled(forward, p).significance(forward.misfit(p).gradient, kind)


def _part(report: Callable[[float], None], begun: float, share: float) -> Callable[[float], None]:
    def told(fraction: float) -> None:
        report(begun + share * fraction)

    return told


def first_parameters(obj: Objects, forward: Forward, kinds: Collection[Kind], known: Nuisances) -> Parameters:
    """Return the parameters to begin from.

    Parameters
    ----------
    obj
        complex64, centred.
    forward
        The model.
    kinds
        Effects in it.
    known
        What is known of them.
    """
    device, dtype, axes = forward.device, forward.dtype, len(forward.shape)
    frames, pixels = forward.shape[:1], forward.shape[-2:]
    whole = torch.from_numpy(np.fft.ifftshift(obj)).to(device)

    def corner(values: NDArray[np.float32] | None, shape: tuple[int, ...]) -> Tensor:
        if values is None:
            return torch.zeros(shape, dtype=dtype, device=device)
        return torch.from_numpy(np.fft.ifftshift(values)).to(device, dtype)

    def logarithm(values: NDArray[np.float32] | None, shape: tuple[int, ...]) -> Tensor:
        return corner(None if values is None else np.log(values), shape)

    def number(value: float) -> Tensor:
        return torch.tensor(value, dtype=dtype, device=device)

    made: dict[str, Tensor] = {}
    if "spread" in kinds:
        spread = np.eye(axes) * 0.3**2 if known.spread is None else known.spread + 1e-6 * np.eye(axes)
        if "tails" in kinds and known.tails is None:
            spread = spread * NARROWER
        made["factor"] = torch.from_numpy(np.linalg.cholesky(spread)).to(device, dtype)
    if "tails" in kinds:
        share = SHARE if known.tails is None else min(known.tails, 1 - SHARE)
        made["tails"] = number(float(np.arcsin(np.sqrt(share))))
    if "frames" in kinds:
        made["frames"] = undamped(logarithm(known.frames, frames))
    if "background" in kinds:
        counts = darkest(forward) if known.background is None else max(known.background, COUNTS)
        made["background"] = number(float(np.sqrt(counts)))
    if "background_frames" in kinds:
        made["background_frames"] = logarithm(known.background_frames, frames)
    if "background_waves" in kinds:
        waves = logarithm(known.background_waves, pixels)
        made["background_waves"] = forward.smooth.coefficients(waves)
    if "gains" in kinds:
        made["gains"] = undamped(logarithm(known.gains, pixels))
    if "angles" in kinds:
        made["angles"] = undamped(corner(known.angles, frames))
    return Parameters(whole.flatten()[forward.inside], **made)


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

    def centred(array: Tensor) -> NDArray[np.float32]:
        return np.fft.fftshift(array.cpu().numpy())

    effects: dict[str, Any] = {}
    if p.factor is not None:
        factor = p.factor.tril().cpu().numpy().astype(np.float64)
        effects["spread"] = factor @ factor.T
    if p.tails is not None:
        effects["tails"] = float(p.tails.sin().square())
    if p.frames is not None:
        effects["frames"] = centred(factors(p.frames))
    if p.background is not None:
        effects["background"] = float(p.background.square())
    if p.background_frames is not None:
        effects["background_frames"] = centred(forward.background_frames(p.background_frames))
    if p.background_waves is not None:
        effects["background_waves"] = centred(forward.smooth.field(p.background_waves).exp())
    if p.gains is not None:
        effects["gains"] = centred(factors(p.gains))
    moved = None
    if p.angles is not None:
        effects["angles"] = centred(rough(p.angles))
        moved = centred(forward.blurred(p) - forward.blurred(p._replace(angles=None)))
    residual, likelihood, free = (
        torch.tensor([value], dtype=torch.float64) for value in forward.likelihoods(expected)
    )
    return Refined(
        object=np.fft.fftshift(obj.cpu().numpy()).astype(np.complex64),
        nuisances=Nuisances(**effects),
        dilation=dilation,
        expected=centred(expected),
        fit=FitQuality(residual, likelihood, free),
        moved=moved,
    )
