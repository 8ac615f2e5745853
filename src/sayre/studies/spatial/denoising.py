"""The denoising effect of section 4.6: measured voxels predicted from their neighbours, as in Noise2Void."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern, SimulatedPattern
from sayre.errors import InputError
from sayre.figures.studies.denoising import denoising_figure
from sayre.filling.fill import inpaint
from sayre.numerics.fourier import to_object
from sayre.numerics.progress import Advance, Part
from sayre.retrieval.choice.align import align
from sayre.retrieval.phasing import phase
from sayre.studies.spatial.gap import object_scores
from sayre.studies.spatial.patterns import MAX_COUNTS, crystal
from sayre.studies.study import StudyResult, StudySettings, Table

Counts = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE, OVERSAMPLING, RANGE, ATOMS = 32, 4.5, 1.5, 20_000
PEAKS, QUICK_PEAKS = (1e4, 1e6), (1e4,)
"""Expected counts in the brightest voxel."""
CLASSES = (0.0, 0.5, 2.0, 5.0, 20.0, 100.0, np.inf)
"""Bounds of the classes of expected counts."""
ERRORS = ("peak", "low", "high", "voxels", "estimate", "log_error", "root_error", "ratio")
PHASED = ("peak", "counts", "correlation", "phase_error", "agreement")


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Compare counts and their predictions from neighbours with the expectation, and phase both.

    Parameters
    ----------
    settings
        The quick form has one peak, hides more voxels at a time and phases from fewer starts.
    advance
        Called with the fraction done.
    """
    peaks = QUICK_PEAKS if settings.quick else PEAKS
    generator = np.random.default_rng(settings.seed)
    made = crystal(SIDE, generator, oversampling=OVERSAMPLING, phase_range=RANGE, atoms=ATOMS)
    errors: list[tuple[Any, ...]] = []
    phased: list[tuple[Any, ...]] = []
    for number, peak in enumerate(peaks):
        part = Part(advance, number / len(peaks), (number + 1) / len(peaks))
        expected = made.expectation * np.float32(peak / MAX_COUNTS)
        counts = generator.poisson(expected).astype(np.float32)
        pattern = replace(made.pattern, intensity=counts)
        found = _predicted(pattern, settings, Part(part, 0.0, 0.6))
        inner = (slice(1, -1),) * 3
        errors += _by_class(peak, {name: x[inner] for name, x in found.items()}, expected[inner])
        ways = {"expectation": expected, **found}
        if settings.quick:
            ways = {name: ways[name] for name in ("expectation", "counts", "unet and count")}
        phased += _phased(peak, pattern, ways, made, settings, Part(part, 0.6, 1.0))
    tables = {"": Table(ERRORS, errors), "phasing": Table(PHASED, phased)}
    return StudyResult(
        tables=tables,
        figures={"": denoising_figure(tables[""].records, CLASSES)},
        summary=_summary(tables),
    )


def lattices(shape: tuple[int, ...], *, few: bool) -> Iterator[Mask]:
    """Yield sets of voxels that are hidden together: all but the outermost, and no neighbours of each other.

    Parameters
    ----------
    shape
        Of the pattern.
    few
        Whether two sets hide every other voxel, in place of eight that hide one of eight.
    """
    inner = np.zeros(shape, bool)
    inner[(slice(1, -1),) * len(shape)] = True
    places = np.indices(shape)
    if few:
        for parity in range(2):
            yield inner & (places.sum(0) % 2 == parity)
        return
    for corner in product(range(2), repeat=len(shape)):
        yield inner & np.all([p % 2 == c for p, c in zip(places, corner, strict=True)], axis=0)


def _predicted(pattern: Pattern, settings: StudySettings, advance: Part) -> dict[str, Counts]:
    """Counts, what two methods expect of each voxel that is hidden from them, and that with the count."""
    found = {"counts": pattern.intensity, "wiener": pattern.intensity.copy()}
    found["unet"], sigma = pattern.intensity.copy(), np.zeros(pattern.shape, np.float32)
    hidden = list(lattices(pattern.shape, few=settings.quick))
    for number, mask in enumerate(hidden):
        gapped = pattern.with_mask(mask)
        for method in ("wiener", "unet"):
            filled = inpaint(gapped, method=method, gain=1.0, device=settings.device)
            found[method][mask] = filled.intensity[mask]
        sigma[mask] = filled.sigma[mask]
        advance((number + 1) / len(hidden))
    known = sigma > 0
    found["unet and count"] = pattern.intensity.copy()
    found["unet and count"][known] = with_count(found["unet"][known], sigma[known], pattern.intensity[known])
    return found


def with_count(mean: Counts, sigma: Counts, counts: Counts) -> Counts:
    """Return the mean of a gamma law of known mean and scatter, once a Poisson count of it is known.

    Parameters
    ----------
    mean
        Expected counts.
    sigma
        Their standard error, of `log(1 + counts)`.
    counts
        Photon counts.
    """
    mean = np.maximum(mean, np.float32(1e-3))
    shape = np.square(mean / (sigma * (1 + mean)))
    return np.asarray(mean * (shape + counts) / (shape + mean), np.float32)


def _by_class(peak: float, found: Mapping[str, Counts], expected: Counts) -> list[tuple[Any, ...]]:
    """Mean squared errors in each class, and those of roots over those of the counts."""
    rows = []
    for low, high in pairwise(CLASSES):
        mine = (expected >= low) & (expected < high)
        if not mine.any():
            continue
        roots = {
            name: float(np.mean(np.square(np.sqrt(x[mine]) - np.sqrt(expected[mine]))))
            for name, x in found.items()
        }
        for name, x in found.items():
            logs = float(np.mean(np.square(np.log1p(x[mine]) - np.log1p(expected[mine]))))
            ratio = roots[name] / roots["counts"]
            rows.append((peak, low, high, int(mine.sum()), name, logs, roots[name], ratio))
    return rows


def _phased(
    peak: float,
    pattern: Pattern,
    ways: Mapping[str, Counts],
    made: SimulatedPattern,
    settings: StudySettings,
    advance: Part,
) -> list[tuple[Any, ...]]:
    """Phase each kind of counts from the same starts; NaN where they are refused."""
    truth = np.asarray(to_object(made.amplitude), np.complex64)
    rows = []
    for number, (name, counts) in enumerate(ways.items()):
        row: tuple[float, ...] = (np.nan, np.nan, np.nan)
        with suppress(InputError):
            found = phase(
                replace(pattern, intensity=counts),
                runs=2 if settings.quick else 4,
                keep=0.5,
                seed=settings.seed,
                refine="none",
                device=settings.device,
            )
            close, phase_error, _ = object_scores(align(found.object, truth), truth)
            row = close, phase_error, found.agreement
        rows.append((peak, name, *row))
        advance((number + 1) / len(ways))
    return rows


def _summary(tables: Mapping[str, Table]) -> str:
    lines = []
    for peak in dict.fromkeys(row["peak"] for row in tables[""].records):
        mine = [row for row in tables[""].records if row["peak"] == peak]
        parts = []
        for name in dict.fromkeys(row["estimate"] for row in mine):
            ratios = [row["ratio"] for row in mine if row["estimate"] == name]
            if name != "counts":
                parts.append(f"{name} {min(ratios):.2f} to {max(ratios):.2f}")
        lines.append(
            f"peak of {peak:g} counts: squared error of roots over that of the counts, by class: "
            + ", ".join(parts)
        )
        of_objects = ", ".join(
            f"{row['counts']} {row['correlation']:.4f}"
            for row in tables["phasing"].records
            if row["peak"] == peak
        )
        lines.append(f"correlation of the phased object with the truth: {of_objects}")
    return "\n  ".join(lines)
