"""From a pattern to a crystal with units: phase retrieval, then what is known of the scan."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sayre.crystal.compare import compare
from sayre.crystal.conversion import known_frame, to_crystal
from sayre.crystal.geometry import Geometry
from sayre.crystal.resolution import ShellCurve, fsc, mean, prtf
from sayre.data import Crystal, FilledPattern, Pattern
from sayre.data.plausible import require_plausible
from sayre.errors import InputError
from sayre.retrieval.binning import Binning, binned
from sayre.retrieval.engine.bounds import Gaps, check_options
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.runs import Progress, Run
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.kept import KeptRuns
from sayre.retrieval.phased import Phased, phase
from sayre.retrieval.starts import Init


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What decides the result of phase retrieval beside the counts; see `sayre.retrieval.phased.phase`.

    `binning` are frames, rows and columns summed before (`sayre.retrieval.binning.binned`).

    Raises
    ------
    InputError
        A setting out of range; `recipe` may be the name of a file and is left to `recipe_text`.
    """

    recipe: str | None = None
    runs: int = 20
    enough: float | None = None
    seed: int = 0
    keep: float = 0.5
    gaps: Gaps = "bounded"
    sigmas: float = 2.0
    confidence: float = 0.0
    shrink_wrap: ShrinkWrap = field(default_factory=ShrinkWrap)
    binning: Binning = (1, 1, 1)

    def __post_init__(self) -> None:
        for name, least in (("runs", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or value is True or value < least:
                raise InputError(f"{name}: must be a whole number of {least} or more, found {value!r}")
        for name in ("keep", "enough"):
            value = getattr(self, name)
            if (name, value) != ("enough", None) and not (
                isinstance(value, float | int | np.number) and 0 < value <= 1
            ):
                raise InputError(f"{name}: must be a number above 0 and at most 1, found {value!r}")
        check_options(gaps=self.gaps, sigmas=self.sigmas, confidence=self.confidence)

    @property
    def options(self) -> dict[str, Any]:
        """Keywords of `phase`."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "binning"}

    @property
    def of_a_run(self) -> dict[str, Any]:
        """As plain values, without `keep`: runs that were done with other ones are not the same."""
        return {name: value for name, value in asdict(self).items() if name != "keep"}


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What is known of the measurement beside the counts; see `sayre.crystal.conversion.to_crystal`."""

    geometry: Geometry | None = None
    hkl: tuple[int, int, int] | None = None
    lattice_constant: float | None = None
    along: int | None = None
    voxel_size: float | None = None

    def of(self, pattern: Pattern | FilledPattern) -> Scan:
        """With the reflection that the pattern's file names, where none was given.

        Raises
        ------
        InputError
            What does not go with the pattern, as `sayre.crystal.conversion.known_frame` says it.
        """
        measured = pattern.measured
        scan = replace(self, hkl=self.hkl or measured.meta.hkl)
        known_frame(measured.shape, grid=measured.grid, **scan.frame)
        if scan.geometry is not None:
            compare(scan.geometry, measured.meta, measured.grid)
        if scan.voxel_size is not None:
            require_plausible("scan", "voxel size", scan.voxel_size)
        return scan

    def binned(self, binning: Binning) -> Scan:
        """That of voxels summed."""
        if self.geometry is None:
            return self
        before = self.geometry.binning
        total = (before[0] * binning[0], before[1] * binning[1], before[2] * binning[2])
        return replace(self, geometry=replace(self.geometry, binning=total))

    @property
    def frame(self) -> dict[str, Any]:
        """Keywords of `known_frame`."""
        names = ("geometry", "hkl", "lattice_constant", "along")
        return {name: getattr(self, name) for name in names}


class Reconstruction(NamedTuple):
    """What phase retrieval found, the crystal that it is, and the pattern and scan it is of: as binned."""

    phased: Phased
    crystal: Crystal
    pattern: Pattern | FilledPattern
    scan: Scan


def reconstruct(
    pattern: Pattern | FilledPattern,
    settings: Settings,
    scan: Scan,
    *,
    init: Init = "random",
    weights: str | Path | None = None,
    device: str = "auto",
    kept: KeptRuns | None = None,
    report: Callable[[Progress], None] | None = None,
    on_run: Callable[[Run], None] | None = None,
) -> Reconstruction:
    """Phase a pattern and bring what was found to the crystal's frame.

    Parameters
    ----------
    init, weights, device, report
        As `sayre.retrieval.phased.phase` takes them.
    kept
        Where runs are written as they finish, and found again by the next call; the caller removes it.
    on_run
        Told of every run: those kept before at once, the others as they finish.

    Raises
    ------
    InputError
        As `phase`, `KeptRuns.read` and `to_crystal`.
    """

    pattern, scan = binned(pattern, settings.binning), scan.of(pattern).binned(settings.binning)

    def finished(run: Run) -> None:
        if kept:
            kept.write(run)
        if on_run:
            on_run(run)

    known = kept.read() if kept else ()
    if on_run:
        for run in known:
            on_run(run)

    found = phase(
        pattern,
        **settings.options,
        init=init,
        weights=weights,
        device=device,
        finished=known,
        snapshots=kept.snapshots if kept else None,
        report=report,
        on_run=finished,
    )
    crystal = to_crystal(
        found.object,
        found.support,
        grid=pattern.measured.grid,
        voxel_size=scan.voxel_size,
        **scan.frame,
        metrics=found.metrics,
    )
    return Reconstruction(found, crystal, pattern, scan)


def resolution_curves(
    found: Phased, pattern: Pattern | FilledPattern, geometry: Geometry | None = None
) -> dict[str, ShellCurve]:
    """PRTF of the believed runs, and FSC of the means of two halves of them where there are two.

    The halves share the counts and their noise, so that this FSC tells of the phasing alone.

    Parameters
    ----------
    pattern
        What was phased, as `reconstruct` gives it back.
    geometry
        Gives the resolution in nm, as a grid in 1/Å does.
    """
    shape = found.object.shape
    box = tuple(slice(first, first + n) for first, n in zip(found.origin, shape, strict=True))
    cut = pattern.crop(box).measured
    basis = known_frame(shape, geometry=geometry, grid=cut.grid).basis
    curves = {"PRTF": prtf(found.averaged, cut, voxel_basis=basis)}
    if len(found.averaged) > 1:
        halves = [mean(found.averaged[first::2]) for first in (0, 1)]
        share = float(found.support.mean())
        curves["FSC"] = fsc(*halves, support_fraction=share, voxel_basis=basis)
    return curves


def recipe_text(recipe: str) -> str:
    """A recipe, read from a file if it is the name of one, and checked.

    Raises
    ------
    InputError
        A file that is no text, or what `sayre.retrieval.engine.recipe.parse` refuses.
    """
    if os.path.isfile(recipe):
        try:
            recipe = Path(recipe).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"recipe: {recipe} cannot be read ({error}); a text file would do") from None
    parse(recipe)
    return recipe
