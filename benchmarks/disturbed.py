"""Simulated crystals measured with a blur, unsteady flux, uneven pixels and a background: docs/phasing.md.

    python benchmarks/disturbed.py [--crystals 0 1 2] [--size 48] [--runs 8] [--refine none auto]

prints, of each crystal, the complex correlation of the result with the truth, without and with the model of
the measurement, and how well the effects are recovered: width of the blur and background over the true ones,
the scatter of the errors of flux and response over the scatter put in (less their long waves, which an object
of another width explains as well), the correlation of the responses of pixels that counted more than
10,000 with the true ones, and that of the errors of the angle, which `--angle-error 0.1` puts in.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

import sayre
from sayre.data import Grid, Pattern
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.measurement.factors import rough
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.simulation.peak import simulate

COUNTED = 1e4
"""Counts over all frames of pixels whose response is compared."""


class Measured(NamedTuple):
    """A disturbed pattern, the crystal behind it, and the effects put in; arrays centred."""

    pattern: Pattern
    object: NDArray[np.complex64]
    effects: Nuisances


def measured(seed: int, size: int, angle_error: float) -> Measured:
    """Simulate the measurement of a polyhedron.

    Parameters
    ----------
    seed
        Draws crystal, effects and counts.
    size
        Voxels of each axis.
    angle_error
        Standard deviation of the errors of the rocking angle, in steps of the scan.
    """
    generator = np.random.default_rng([2024, seed])
    made = simulate(
        "random",
        atoms=40_000,
        shape_px=size,
        oversampling=float(generator.uniform(2.6, 3.6)),
        max_counts=float(10 ** generator.uniform(5.5, 7)),
        phase_range=float(generator.uniform(0, 2)),
        generator=generator,
    )
    obj = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(made.amplitude)))
    angles = angle_error * generator.standard_normal(size)
    intensity = np.abs(_at_angles(obj, angles)) ** 2
    turn, _ = np.linalg.qr(generator.standard_normal((3, 3)))
    spread = turn @ np.diag(generator.uniform(0.25, 0.7, 3) ** 2) @ turn.T
    frames = np.exp(generator.uniform(0.1, 0.2) * generator.standard_normal(size)).astype(np.float32)
    gains = np.exp(generator.uniform(0.05, 0.2) * generator.standard_normal((size, size))).astype(np.float32)
    background = float(10 ** generator.uniform(-2, 0.5))
    expected = gains * (frames[:, None, None] * _blurred(intensity, spread) + background)
    counts = generator.poisson(expected).astype(np.float32)
    pattern = Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * 3))
    effects = Nuisances(
        spread=spread, frames=frames, background=background, gains=gains, angles=angles.astype(np.float32)
    )
    return Measured(pattern, obj.astype(np.complex64), effects)


def _at_angles(obj: NDArray[np.complexfloating], errors: NDArray[np.floating]) -> NDArray[np.complex128]:
    """Compute the amplitude of frames that are so many steps away from their place."""
    size = len(errors)
    places = np.arange(size) - size // 2
    waves = np.exp(-2j * np.pi / size * np.outer(places + errors, places))
    frames = np.einsum("qz,zyx->qyx", waves, obj)
    planes = np.fft.fft2(np.fft.ifftshift(frames, (1, 2)), axes=(1, 2))
    return np.asarray(np.fft.fftshift(planes, (1, 2)), np.complex128)


def _blurred(intensity: NDArray[np.floating], spread: NDArray[np.floating]) -> NDArray[np.floating]:
    """Convolve with a Gaussian of a covariance in voxels²."""
    q = np.stack(np.meshgrid(*[np.fft.fftfreq(n) for n in intensity.shape], indexing="ij"))
    damping = np.exp(-2 * np.pi**2 * np.einsum("i...,ij,j...->...", q, spread, q))
    return np.maximum(np.fft.ifftn(np.fft.fftn(intensity) * damping).real, 0)


def _ratio(
    found: NDArray[np.floating] | None, true: NDArray[np.floating], weight: NDArray[np.bool_]
) -> float:
    """Return the scatter of the errors of logarithms over that of what was put in, of short waves."""
    if found is None:
        return 1.0
    short = [rough(torch.from_numpy(np.log(x).astype(np.float64))).numpy() for x in (found, true)]
    return float((short[0] - short[1])[weight].std() / short[1][weight].std())


def recovered(truth: Measured, found: Nuisances | None) -> str:
    """Return how well the effects are recovered, as the columns of the table."""
    if found is None:
        return "none"
    true = truth.effects
    assert true.spread is not None
    assert true.frames is not None
    assert true.gains is not None
    assert true.background is not None
    counts = truth.pattern.intensity
    bright = counts.sum(0) > COUNTED
    widths = np.nan if found.spread is None else np.sqrt(np.trace(found.spread) / np.trace(true.spread))
    background = np.nan if found.background is None else found.background / true.background
    frames = _ratio(found.frames, true.frames, counts.sum((1, 2)) > COUNTED)
    gains = _ratio(found.gains, true.gains, bright)
    alike = np.nan
    if found.gains is not None and bright.sum() > 2:
        alike = np.corrcoef(np.log(found.gains[bright]), np.log(true.gains[bright]))[0, 1]
    told = f"{widths:7.2f} {background:11.2f} {frames:7.2f} {gains:7.2f} {alike:12.2f}"
    return f"{told} {_of_angles(found.angles, true.angles):7.2f}  {', '.join(found.kinds)}"


def _of_angles(found: NDArray[np.floating] | None, true: NDArray[np.floating] | None) -> float:
    """Return the correlation of errors of the angle with those put in, of short waves."""
    if found is None or true is None or not true.any():
        return float("nan")
    short = [rough(torch.from_numpy(x.astype(np.float64))).numpy() for x in (found, true)]
    return float(np.corrcoef(*short)[0, 1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--crystals", type=int, nargs="+", default=list(range(6)))
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--angle-error", type=float, default=0.0)
    parser.add_argument("--refine", nargs="+", default=["none", "auto"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "crystal refine  truth    fit   free agree    s  widths  background  frames   gains  correlation"
        "  angles  effects"
    )
    for seed in options.crystals:
        truth = measured(seed, options.size, options.angle_error)
        for refine in options.refine:
            began = time.perf_counter()
            found = sayre.phase(truth.pattern, runs=options.runs, seed=0, refine=refine)
            seconds = time.perf_counter() - began
            alike = correlation(align(found.object, truth.object), truth.object)
            print(
                f"{seed:7} {refine:>6} {alike:6.3f} {found.likelihood:6.3f} {found.free_likelihood:6.3f} "
                f"{found.agreement:5.2f} {seconds:4.0f} {recovered(truth, found.nuisances)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
