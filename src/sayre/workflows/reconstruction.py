"""From a pattern to a crystal with units: phase retrieval, then what is known of the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.compare import compare
from sayre.crystal.conversion import known_frame, to_crystal
from sayre.crystal.geometry import Geometry
from sayre.crystal.resolution import ShellCurve, fsc, mean, prtf, unseen
from sayre.crystal.scan import Scan, with_stated
from sayre.data import AnyPattern, Crystal, FilledPattern, Pattern
from sayre.data.expect import expect
from sayre.data.shown import Lines, Shown
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.run import Run
from sayre.retrieval.kept import KeptRuns
from sayre.retrieval.phased import Phased
from sayre.retrieval.phasing import Watch, phase
from sayre.retrieval.settings import Settings
from sayre.retrieval.starts import Objects


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Reconstruction(Shown):
    """The crystal of a pattern.

    Attributes
    ----------
    phased
        What phase retrieval gave: its `pattern` is the part that was phased, as binned.
    crystal
        With voxels, displacement and strain as far as the scan is known.
    scan
        What was known of the scan, with the reflection that the file of the counts states.
    """

    phased: Phased
    crystal: Crystal
    scan: Scan

    @property
    def title(self) -> str:
        """The first line that it prints."""
        return f"Reconstruction of {self.phased.pattern.name}"

    def _lines(self) -> Lines:
        found = self.phased._lines()
        known = {label for label, _ in found}
        return [*found, *(line for line in self.crystal._lines() if line[0] not in known)]

    def _panels(self) -> Sequence[NDArray[Any]]:
        return self.crystal._panels()


def reconstruct(
    pattern: AnyPattern,
    settings: Settings | None = None,
    scan: Scan | None = None,
    *,
    init: Objects | None = None,
    device: str = "auto",
    watch: Watch | None = None,
    kept: KeptRuns | None = None,
) -> Reconstruction:
    """Phase a pattern and bring the object to the crystal's frame, with displacement and strain.

    Parameters
    ----------
    pattern
        2D or 3D counts, measured or filled.
    settings
        Of phase retrieval.
    scan
        Geometry, reflection, lattice constant, voxel size, as far as they are known.
    init, device, watch
        As `sayre.phase` takes them.
    kept
        Folder where starts are written as they finish and read by the next call; the caller removes it.

    Returns
    -------
    Reconstruction
        Its `crystal` has `displacement` in Å and `strain` where the scan is known well enough.

    Raises
    ------
    InputError
        As `sayre.phase` and `sayre.crystal.conversion.to_crystal`; starts of another command in `kept`.
    """
    expect(pattern, Pattern, FilledPattern, argument="pattern")
    settings, scan = Settings() if settings is None else settings, Scan() if scan is None else scan
    expect(settings, Settings, argument="settings")
    expect(scan, Scan, argument="scan")
    scan, watch = completed(scan, pattern), watch or Watch()
    if scan.geometry is not None:
        compare(scan.geometry, pattern.meta, pattern.grid)
    if kept is not None:
        watch = _keeping(watch, kept)
    phased = phase(pattern, settings, init=init, device=device, watch=watch)
    scan = scan.binned(settings.binning)
    crystal = to_crystal(
        phased.object, phased.support, scan=scan, grid=phased.pattern.grid, metrics=phased.metrics
    )
    return Reconstruction(phased=phased, crystal=crystal, scan=scan)


def completed(scan: Scan, pattern: AnyPattern) -> Scan:
    """Return the scan with reflection and geometry of the pattern's file, as far as they are not given.

    Parameters
    ----------
    scan
        What the user knows of the scan.
    pattern
        Counts, whose file may state the reflection and the geometry.

    Raises
    ------
    InputError
        What does not go with the pattern, as `sayre.crystal.conversion.known_frame` refuses it; a geometry in
        part that the file does not complete.
    """
    scan = replace(scan, hkl=scan.hkl or pattern.meta.hkl)
    scan = with_stated(scan, pattern)
    known_frame(pattern.shape, scan, pattern.grid)
    return scan


def _keeping(watch: Watch, kept: KeptRuns) -> Watch:
    """The same watch, which also writes starts to a folder and knows those that are there."""
    known = kept.read()
    for run in known if watch.on_run else ():
        watch.on_run(run)  # type: ignore[misc]

    def finished(run: Run) -> None:
        kept.write(run)
        if watch.on_run:
            watch.on_run(run)

    return replace(
        watch,
        on_run=finished,
        finished=known,
        snapshots=kept.snapshots,
        without=lambda mask: _keeping(Watch(), kept.without(mask)),
    )


UNSEEN = "unseen counts"
"""Name of the curve that is known of a single start too."""


def resolution_curves(
    phased: Phased, geometry: Geometry | None = None, settings: Settings | None = None
) -> dict[str, ShellCurve]:
    """PRTF of the averaged starts, FSC of the means of two halves, and how unseen counts are predicted.

    The first two tell how far starts agree, and are not known of a single one, whose PRTF is 1 everywhere.
    The halves share the counts and their noise, so that this FSC tells of the phasing alone. The last one is
    left out where no voxels were left free.

    Parameters
    ----------
    phased
        Result of phase retrieval.
    geometry
        Gives the resolution in nm, as a grid in 1/Å does.
    settings
        Of the phase retrieval: which voxels were left free.
    """
    measured = phased.pattern.measured
    basis = known_frame(phased.object.shape, Scan(geometry=geometry), measured.grid).basis
    free = amplitude_bounds(phased.pattern, settings).weight == 2
    counts = np.where(free, measured.intensity, 0)
    curve = unseen(counts, phased.expected, free, voxel_basis=basis)
    found = {UNSEEN: curve} if np.isfinite(curve.value).any() else {}
    if len(phased.averaged) < 2:
        return found
    halves = [mean(phased.averaged[first::2]) for first in (0, 1)]
    share = float(np.mean(phased.support))
    return {
        "PRTF": prtf(phased.averaged, measured, voxel_basis=basis),
        "FSC": fsc(*halves, support_fraction=share, voxel_basis=basis),
        **found,
    }
