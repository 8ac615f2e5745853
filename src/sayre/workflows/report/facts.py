"""What is told of a run in tables, on the page and in Markdown alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.analysis.statistics import StrainStatistics, parts
from sayre.crystal.conversion import Frame
from sayre.crystal.ramp import remove_ramp
from sayre.crystal.strain import strain as strain_of
from sayre.data import Crystal, FilledPattern
from sayre.figures.surface import body
from sayre.numerics.gaps import describe_gaps
from sayre.retrieval.phased import Phased
from sayre.workflows.outcome import RunOutcome

Row = tuple[str, str]
AXES = ("rocking", "row", "column")
EFFECTS = {
    "spread": "a Gaussian point spread",
    "tails": "its Lorentzian tails",
    "frames": "the flux of the frames",
    "background": "a background",
    "background_frames": "its changes from frame to frame",
    "background_waves": "its changes over the detector",
    "gains": "the response of the pixels",
    "angles": "errors of the rocking angle",
}
"""Effects of beam and detector, in words."""


def counts_rows(outcome: RunOutcome) -> list[Row]:
    """What was measured."""
    pattern = outcome.pattern.measured
    rows = [
        (f"voxels ({', '.join(AXES[-len(pattern.shape) :])})", sizes(pattern.shape)),
        ("photons measured", f"{float(pattern.intensity.sum(dtype=float)):.4g}"),
        ("brightest voxel", f"{float(pattern.intensity.max()):.4g}"),
        ("not measured", f"{100 * float(pattern.mask.mean()):.2g} % of the voxels"),
    ]
    if pattern.meta.corrections is not None:
        rows.append(("corrected", pattern.meta.corrections))
    return rows


def filling_rows(filled: FilledPattern) -> list[Row]:
    """What was filled."""
    share = 100 * filled_share(filled)
    added = float(filled.intensity[filled.mask].sum(dtype=float))
    return [
        ("gaps", describe_gaps(filled.gaps, 4)),
        ("filled by", filled.method),
        ("photons filled in", f"{added:.4g}, {share:.2g} % of all"),
    ]


def filled_share(filled: FilledPattern) -> float:
    """Photons that were filled in, over all."""
    added = float(filled.intensity[filled.mask].sum(dtype=float))
    return added / max(added + float(filled.pattern.intensity.sum(dtype=float)), 1.0)


def phased_rows(outcome: RunOutcome) -> list[Row]:
    """Which part was phased, and how finely it is sampled."""
    found, rows = outcome.result.phased, []
    binning = outcome.manifest.config.get("binning", (1,))
    if max(binning) > 1:
        rows.append(("binned", f"{sizes(binning)} to a voxel"))
    rows.append(
        ("phased", f"{sizes(found.object.shape)}, from voxel {sizes(found.origin, ', ')} of the file")
    )
    return rows + sampling_rows(found)


def sampling_rows(found: Phased) -> list[Row]:
    """Oversampling ratios, by the counts alone and by the object: array length over its length."""
    names = AXES[-found.object.ndim :]
    inner = body(np.abs(found.object), found.support)
    lengths = [
        np.count_nonzero(inner.any(axis=tuple(i for i in range(inner.ndim) if i != axis)))
        for axis in range(inner.ndim)
    ]
    of_object = [n / max(length, 1) for n, length in zip(inner.shape, lengths, strict=True)]
    return [
        ("oversampling ratio, from the counts", _ratios(names, found.oversampling)),
        ("oversampling ratio, of the object found", _ratios(names, of_object)),
    ]


def _ratios(names: Sequence[str], ratios: Sequence[float]) -> str:
    return ", ".join(
        f"{name} {'unknown' if np.isnan(ratio) else f'{ratio:.2f}'}"
        for name, ratio in zip(names, ratios, strict=True)
    )


SAMPLING = (
    "The counts give the ratio by where their autocorrelation ends, the longest distance in the "
    "object along an "
    "axis, and cannot tell it where gaps or noise hide that end. That of the object is the length of "
    "the array over "
    "that of its body, which a faint halo does not count to; it is the larger one. Phases are "
    "determined from 2 on."
)


def crystal_rows(crystal: Crystal) -> list[Row]:
    """Size and reflection."""
    inner, size = body(crystal.amplitude, crystal.support), crystal.voxel_size
    names = crystal_axes(crystal)
    extents = np.ptp(np.argwhere(inner), axis=0) + 1
    rows = [
        (
            f"voxels within the surface, of those of the support ({frame(crystal)})",
            f"{inner.sum()} of {crystal.support.sum()}",
        )
    ]
    if size is None:
        rows.append((f"extent along {', '.join(names)}", f"{sizes(extents)} voxels"))
    else:
        rows += [
            ("voxel", f"{' × '.join(f'{s:.3g}' for s in size)} nm"),
            (
                f"extent along {', '.join(names)}",
                f"{' × '.join(f'{s:.3g}' for s in extents * np.array(size))} nm",
            ),
            (
                "volume" if len(size) == 3 else "area",
                f"{volume(crystal):.4g} nm{'³' if len(size) == 3 else '²'}",
            ),
        ]
    if crystal.hkl is not None:
        rows.append(("reflection", " ".join(map(str, crystal.hkl))))
    if crystal.g is not None:
        spacing = 2 * np.pi / crystal.g
        rows.append(("modulus of G, spacing of the planes", f"{crystal.g:.4f} 1/Å, {spacing:.4f} Å"))
    return rows


def volume(crystal: Crystal) -> float:
    """Volume, or in 2D area, within the surface, nm³ or nm²; voxels where their size is not known."""
    voxels = int(body(crystal.amplitude, crystal.support).sum())
    if crystal.voxel_size is None:
        return float(voxels)
    size = np.array(crystal.voxel_size)
    axes = np.eye(len(size)) if crystal.axes is None else crystal.axes
    return abs(float(np.linalg.det(axes))) * float(size.prod()) * voxels


def across(crystal: Crystal) -> float | None:
    """Diameter of a sphere, or in 2D a disc, that holds as much, nm; None where it is not known."""
    held = 0.0 if crystal.voxel_size is None else volume(crystal)
    if not held:
        return None
    return float(np.cbrt(6 * held / np.pi) if crystal.object.ndim == 3 else 2 * np.sqrt(held / np.pi))


def strain_rms(crystal: Crystal) -> float | None:
    """Root mean square of the strain within the surface; None where it is not known."""
    strain = inside(crystal.strain, body(crystal.amplitude, crystal.support))
    return None if strain is None else float(np.sqrt(np.mean(strain**2)))


def strain_scatter(objects: Sequence[NDArray[np.complex64]], frame: Frame) -> float | None:
    """Scatter of the strain from start to start: rms, over voxels, of the standard deviation between starts.

    It is that of one start, on the voxels as phased, within the surface of their mean amplitude. None for
    fewer than two starts, and where the strain is not known.

    Parameters
    ----------
    objects
        The averaged starts, aligned.
    frame
        Their voxels and the scattering vector.
    """
    if len(objects) < 2 or frame.basis is None or frame.g is None:
        return None
    amplitude = np.mean([np.abs(obj) for obj in objects], axis=0)
    inner = body(amplitude, amplitude > 0)
    flat = [remove_ramp(np.where(inner, obj, 0).astype(np.complex64), inner)[0] for obj in objects]
    found = [strain_of(np.angle(obj), inner, frame.g, frame.basis)[inner] for obj in flat]
    scatter = np.std(found, axis=0, ddof=1, dtype=np.float64)
    known = scatter[np.isfinite(scatter)]
    return float(np.sqrt(np.mean(known**2))) if known.size else None


def strain_rows(crystal: Crystal) -> list[Row]:
    """Displacement and strain within the surface, as far as they are known."""
    inner, rows = body(crystal.amplitude, crystal.support), []
    displacement = inside(crystal.displacement, inner)
    strain = inside(crystal.strain, inner)
    if displacement is not None:
        rows.append(("displacement, 1 to 99 % of the voxels", _spread(displacement, "Å")))
    rms = strain_rms(crystal)
    if strain is not None and rms is not None:
        rows += [
            ("strain, 1 to 99 % of the voxels", _spread(100 * strain, "%")),
            ("strain, root mean square", f"{100 * rms:.3g} %"),
        ]
    for name in ("vortex_lines", "cut_voxels"):
        if crystal.metrics.get(name):
            rows.append((name.replace("_", " "), str(crystal.metrics[name])))
    return rows


def strain_parts(crystal: Crystal) -> dict[str, StrainStatistics]:
    """Statistics of the strain within the surface: all, bulk and surface; empty where it is not known."""
    if crystal.strain is None:
        return {}
    return parts(crystal.strain, body(crystal.amplitude, crystal.support))


def inside(values: NDArray[np.floating] | None, inner: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Known values of a field within the surface; None where there are none.

    Parameters
    ----------
    values
        The field, NaN where unknown, or None.
    inner
        Voxels within the surface.
    """
    if values is None:
        return None
    known = np.asarray(values[inner & np.isfinite(values)], np.float64)
    return known if known.size else None


def crystal_axes(crystal: Crystal) -> tuple[str, ...]:
    """Names of the axes of its array."""
    from sayre.figures.quantities import axis_names

    return axis_names(crystal)


def frame(crystal: Crystal) -> str:
    """Whose voxels the crystal is on: those that were phased, or cubes of the laboratory or the sample."""
    if crystal.axes is None or not crystal.orthogonal:
        return "as phased"
    of_laboratory = np.allclose(crystal.axes, np.eye(3)[::-1], atol=1e-6)
    return "cubes of the laboratory" if of_laboratory else "cubes of the sample frame"


def sizes(shape: Any, between: str = " × ") -> str:
    """Whole numbers.

    Parameters
    ----------
    shape
        Numbers.
    between
        Text between two of them.
    """
    return between.join(str(int(n)) for n in shape)


def _spread(values: Any, unit: str) -> str:
    low, high = np.percentile(values, (1, 99))
    return f"{low:.3g} to {high:.3g} {unit}"
