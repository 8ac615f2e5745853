"""`sayre merge`: scans of one peak, taken with the detector moved or repeated, into one."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from sayre.data.option import Option, check_settings
from sayre.scans.merging.settings import MergeSettings
from sayre.workflows.jobs.access import reads_within
from sayre.workflows.jobs.again import is_left, require_own
from sayre.workflows.jobs.input_file import InputFile, Reading
from sayre.workflows.jobs.job import config_of, spare_the_inputs
from sayre.workflows.jobs.options import Force
from sayre.workflows.jobs.progress import Bar, notebook_bar

if TYPE_CHECKING:
    from sayre.data import Manifest, Pattern
    from sayre.scans.merging.merged import Merged


@dataclass(frozen=True, kw_only=True)
class MergeJob:
    """Merge scans of one peak: with the detector moved, so that no gap is left, or repeated.

    Every scan is registered to the first to a fraction of a voxel, on what both measured, and scaled. Scans
    that do not correlate with it are left out. Counts are summed and brought to the exposure of all together.
    """

    sources: Annotated[
        tuple[str, ...],
        Option(help="Counts of each scan, as `sayre run` takes them.", metavar="SCANS…", argument=True),
    ]
    output: Annotated[
        Path,
        Option(
            help="File to write; its ending chooses the format: .npz .cxi .h5 .tif",
            flags=("-o", "--output"),
            metavar="OUTPUT",
        ),
    ]
    reading: Reading = field(default_factory=Reading)
    merging: MergeSettings = field(default_factory=MergeSettings)
    errors: Annotated[
        Path | None,
        Option(
            help="File (.npz) for the standard error of every voxel, `sigma`, and the part of the exposure "
            "that it was measured for, `exposure`.",
            metavar="FILE",
        ),
    ] = None
    force: Force = False

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def resuming(self) -> str:
        return "nothing was written"

    @property
    def inputs(self) -> list[InputFile]:
        """What is read, and how."""
        how = {item.name: getattr(self.reading, item.name) for item in fields(self.reading)}
        return [InputFile(source=source, **how) for source in self.sources]

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> MergeOutcome:
        """Read, merge and write.

        Raises
        ------
        InputError
            What cannot be read or written, or scans that do not belong together; nothing is written then.
        """
        from sayre.data import Pattern
        from sayre.files import output_path_check
        from sayre.files.lock import file_held
        from sayre.files.writing import also_written

        started = time.perf_counter()
        beside = [*also_written(self.output), *([self.errors] if self.errors else [])]
        with file_held(self.output):
            left = not self.force and is_left(self.output, beside=beside)
            output_path_check(self.output, force=self.force or left, kind=Pattern)
            read = [name for one in self.inputs for name in one.files]
            for place in (self.output, *beside):
                spare_the_inputs(place, *read)
            self._check_errors(left)
            return self._run(bar, started, left)

    def _check_errors(self, left: bool) -> None:
        from sayre.errors import InputError
        from sayre.files.atomic import check_place
        from sayre.files.writing import also_written

        if self.errors is None:
            return
        others = {os.path.realpath(path) for path in (self.output, *also_written(self.output))}
        if self.errors.suffix.lower() != ".npz" or os.path.realpath(self.errors) in others:
            raise InputError(f"{self.errors}: errors are written to an .npz of its own; name another file")
        check_place(self.errors, force=self.force or left)

    def _run(self, bar: Bar, started: float, left: bool) -> MergeOutcome:
        from sayre.data import Manifest
        from sayre.files import save
        from sayre.files.atomic import replacing
        from sayre.files.patterns.npz import write_entries
        from sayre.scans.merging.merge import merge

        with bar(f"merging {len(self.sources)} scans") as advance:
            patterns = []
            for number, one in enumerate(self.inputs, start=1):
                patterns.append(one.load_measured())
                advance(number / (2 * len(self.sources)))
            merged = merge(patterns, self.merging)
        manifest = Manifest.collect(
            "sayre merge",
            started=started,
            config=config_of(self),
            inputs=self._hashes(patterns),
            corrections=merged.pattern.meta.corrections,
        )
        if left:
            require_own(self.output, manifest)
            if self.errors is not None and self.errors.exists():
                require_own(self.errors, manifest)
        save(self.output, merged.pattern, manifest, force=self.force or left)
        if self.errors is not None:
            arrays = {"sigma": merged.sigma, "exposure": merged.exposure, "manifest": manifest.to_json()}
            with replacing(self.errors, force=self.force or left) as file:
                write_entries(file, arrays)
        return MergeOutcome(output=self.output, merged=merged, manifest=manifest)

    def _hashes(self, patterns: list[Pattern]) -> dict[str, str]:
        """Names of all files that were read, with their SHA-256."""
        found: dict[str, str] = {}
        for one, pattern in zip(self.inputs, patterns, strict=True):
            for name, digest in one.hashes(pattern).items():
                found[name if found.get(name, digest) == digest else f"{one.source} ({name})"] = digest
        return found


@dataclass(frozen=True, kw_only=True)
class MergeOutcome:
    """The merged scans, and where they were written."""

    output: Path
    merged: Merged
    manifest: Manifest

    @property
    def numbers(self) -> dict[str, Any]:
        merged = self.merged
        return {
            "output": str(self.output),
            "reference": merged.scans[merged.reference].name,
            "scans": [scan.numbers for scan in merged.scans],
            "correlations": merged.correlations.tolist(),
            "masked": int(merged.pattern.mask.sum()),
            "counts": float(merged.pattern.intensity.sum(dtype=np.float64)),
            "seconds": self.manifest.seconds,
        }

    @property
    def sentence(self) -> str:
        merged = self.merged
        used = [scan for scan in merged.scans if scan.used]
        numbers = self.numbers
        share = float((merged.exposure[~merged.pattern.mask] < 1).mean())
        return "\n".join(
            [
                f"{self.output}: {len(used)} of {len(merged.scans)} scans, {numbers['counts']:.4g} counts; "
                f"{numbers['masked']} voxels were measured by none, {share:.1%} of the others not by all",
                *(f"  {line}" for line in self._scans()),
                "  correlation of the counts, photon noise taken out:",
                *(f"    {line}" for line in merged.table.splitlines()),
            ]
        )

    def _scans(self) -> Iterator[str]:
        reference = self.merged.reference
        for number, scan in enumerate(self.merged.scans):
            if number == reference:
                yield f"{scan.name}: the counts are on its grid"
                continue
            if not all(map(math.isfinite, scan.shift)):
                yield f"{scan.name}: left out, its place is not found"
                continue
            shift = ", ".join(f"{s:.3f} ± {e:.3f}" for s, e in zip(scan.shift, scan.shift_error, strict=True))
            how = "left out" if not scan.used else "resampled" if scan.resampled else "moved by whole voxels"
            yield (
                f"{scan.name}: peak {shift} voxels further, {how}; scale {scan.scale:.5g} ± "
                f"{scan.scale_error:.2g}; chi square {scan.misfit:.3g} a voxel, {scan.beyond:.1%} over noise"
            )
