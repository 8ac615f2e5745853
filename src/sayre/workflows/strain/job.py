"""`sayre strain`: any complex object to displacement, strain and frames."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from sayre.crystal.scan import Scan
from sayre.data.option import Option, check_settings
from sayre.errors import InputError
from sayre.workflows.jobs.access import Within, reads_within
from sayre.workflows.jobs.again import is_left, require_own
from sayre.workflows.jobs.job import config_of, spare_the_inputs
from sayre.workflows.jobs.options import Force
from sayre.workflows.jobs.progress import Bar, notebook_bar
from sayre.workflows.strain.settings import AnalysisSettings

if TYPE_CHECKING:
    from sayre.data import Manifest
    from sayre.workflows.strain.analysis import Analysis

FACETS = 8
"""As many facets are told of; all are in the metrics."""


@dataclass(frozen=True, kw_only=True)
class StrainJob:
    """Take displacement, strain and dislocations of an object that any program reconstructed.

    Objects of Sayre, PyNX, cdiutils and cohere are known by their files. Several objects of the same counts
    are aligned and averaged. On the voxels of the detector --geometry is needed, and for a file of Sayre it
    is known.
    """

    objects: Annotated[
        list[str],
        Option(
            help="Object: .npz, .cxi, .h5 or .npy, or file::/path/to/object; several are averaged.",
            metavar="OBJECT...",
            argument=True,
        ),
    ]
    output: Annotated[
        Path, Option(help="File to write: .npz, .cxi or .vti", flags=("-o", "--output"), metavar="OUTPUT")
    ]
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    scan: Scan = field(default_factory=Scan)
    picture: Annotated[Path | None, Option(help="Picture of the analysis (.png).", metavar="FILE")] = None
    within: Within = None
    force: Force = False

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def resuming(self) -> str:
        return "nothing was written"

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> StrainOutcome:
        """Read, analyse and write.

        Raises
        ------
        InputError
            What cannot be read, analysed or written; nothing is written then.
        """
        from sayre.data import Manifest
        from sayre.data.manifest import hashes
        from sayre.figures.filling import figure_path_check, save_figure
        from sayre.files import save_crystal
        from sayre.files.crystals.objects import crystal_path_check
        from sayre.workflows.strain.analysis import analyse
        from sayre.workflows.strain.frames import known_scan
        from sayre.workflows.strain.objects import averaged, load_stored

        started = time.perf_counter()
        if not self.objects:
            raise InputError("sayre strain: no object was named")
        left = not self.force and is_left(self.output, beside=(self.picture,))
        force = self.force or left
        crystal_path_check(self.output, force=force)
        spare_the_inputs(self.output, *self.objects)
        if self.picture is not None:
            figure_path_check(self.picture, force=force)
        manifest = Manifest.collect("sayre strain", config=config_of(self), inputs=hashes(*self.objects))
        if left:
            require_own(self.output, manifest)
        with bar(f"reading {Path(self.objects[0]).name}"):
            read = [load_stored(path, self.analysis.convention) for path in self.objects]
            stored = averaged(read, self.analysis.least_correlation)
        if self.output.suffix.lower() == ".vti" and stored.object.ndim != 3:
            raise InputError(f"{self.output}: .vti is for 3D crystals, this object is 2D; .npz or .cxi")
        with bar(f"analysing {stored.name}"):
            analysis = analyse(stored, self.analysis, known_scan(stored, self.scan))
        manifest = manifest.done(started)
        save_crystal(self.output, analysis.crystal, manifest, force=force)
        if self.picture is not None:
            save_figure(analysis.figure(stored.name), self.picture)
        return StrainOutcome(output=self.output, analysis=analysis, count=len(read), manifest=manifest)


@dataclass(frozen=True, kw_only=True)
class StrainOutcome:
    """The analysis, and where it was written; `count` objects were read."""

    output: Path
    analysis: Analysis
    count: int
    manifest: Manifest

    @property
    def numbers(self) -> dict[str, Any]:
        crystal = self.analysis.crystal
        return {
            "output": str(self.output),
            "voxels": int(crystal.support.sum()),
            "voxel_size": crystal.voxel_size,
            "g": crystal.g,
            **crystal.metrics["analysis"],
            "seconds": self.manifest.seconds,
        }

    @property
    def sentence(self) -> str:
        crystal, surface = self.analysis.crystal, self.analysis.surface
        size = "" if crystal.voxel_size is None else f" of {crystal.voxel_size[0]:.3g} nm"
        mean = "" if self.count == 1 else f", mean of {self.count} objects"
        level = (
            "the support of the file"
            if surface is None
            else f"isosurface at {surface.threshold:.3f} of the largest amplitude"
            + (f", half of the bulk's {surface.bulk:.3f}" if surface.chosen else "")
        )
        lines = [f"{self.output}: {int(crystal.support.sum())} voxels{size}{mean}, {level}"]
        if self.analysis.edges:
            unit = "voxels" if crystal.voxel_size is None else "nm"
            widths = ", ".join(
                f"{edge.text(crystal.voxel_size)} along {edge.name}" for edge in self.analysis.edges
            )
            lines.append(f"  resolution by direction, width of the surface: {widths} ({unit})")
        for name, part in self.analysis.statistics.items():
            middle, rms, low, high = (100 * value for value in (part.mean, part.rms, part.low, part.high))
            lines.append(
                f"  strain, {name + ':':<9} mean {middle:+.4f} %, rms {rms:.4f} %, {low:+.4f} to "
                f"{high:+.4f} % in nine voxels of ten ({part.voxels} voxels)"
            )
        for facet in self.analysis.facets[:FACETS]:
            lines.append(
                f"  facet {', '.join(f'{n:+.2f}' for n in facet.normal)}: {facet.share:.0%} of the surface, "
                f"strain {100 * facet.strain.mean:+.4f} ± {100 * facet.strain.std:.4f} %"
            )
        if len(self.analysis.facets) > FACETS:
            lines.append(f"  and {len(self.analysis.facets) - FACETS} smaller facets")
        for line in self.analysis.lines:
            lines.append(
                f"  dislocation: b along G is {line.winding} × the spacing of the planes; {line.length:.3g} "
                f"nm long, along {', '.join(f'{n:+.2f}' for n in line.direction)}"
            )
        return "\n".join(lines)
