"""What `sayre run` made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sayre.crystal.resolution import ShellCurve
from sayre.data import AnyPattern, FilledPattern, Manifest
from sayre.workflows.phase import result_sentence
from sayre.workflows.reconstruction import Reconstruction


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What a run made; `files` are those it wrote, `warnings` and `notes` the texts of those on the way."""

    folder: Path
    pattern: AnyPattern
    result: Reconstruction
    curves: dict[str, ShellCurve]
    manifest: Manifest
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, Any]:
        from sayre.workflows.report.facts import strain_rms

        filled = isinstance(self.pattern, FilledPattern)
        return {
            "folder": str(self.folder),
            "filled_voxels": int(self.pattern.measured.mask.sum()) if filled else 0,
            "filled_by": self.pattern.method if isinstance(self.pattern, FilledPattern) else None,
            **self.result.phased.metrics,
            "resolution": {
                name: curve.resolution if np.isfinite(curve.resolution) else None
                for name, curve in self.curves.items()
            },
            "resolution_unit": next((curve.unit for curve in self.curves.values()), None),
            "strain_rms": strain_rms(self.result.crystal),
            "seconds": self.manifest.seconds,
        }

    @property
    def sentence(self) -> str:
        first = result_sentence(self.folder, self.result.phased, self.manifest.seconds or 0.0)
        return f"{first}\n{self.folder}/: {', '.join(self.files)}"
