"""Sayre: Bragg coherent diffraction imaging, from counts to strain.

Conventions, stated here once and held everywhere:

- Array axes are `(rocking, row, column)` as stacked from frames (C order); 2D arrays `(row, column)`.
- The centre of every public array is index `n // 2` on each axis, in real and in reciprocal space.
- Detector = `fftshift(fftn(ifftshift(object)))`; scattering is `A(q) = Σ f exp(−i q·r)`.
- Intensities are photon counts, float32, non-negative but for noise (`Pattern.readout`). Log scale is
  `log(1 + I)`.
- Masks are True where nothing was measured.
- `q` in 1/Å with 2π; atoms in Å, objects in nm, energy in eV, angles in degrees.
- The oversampling ratio σ is the array length over the object length on that axis.
- Randomness comes from an explicit generator argument.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sayre._version import __version__ as __version__

_PUBLIC = {
    "Crystal": "sayre.data",
    "FilledPattern": "sayre.data",
    "FillingSettings": "sayre.filling.settings",
    "Geometry": "sayre.crystal.geometry",
    "Grid": "sayre.data",
    "InputError": "sayre.errors",
    "Manifest": "sayre.data",
    "MergeSettings": "sayre.scans.merging.settings",
    "Merged": "sayre.scans.merging.merged",
    "Meta": "sayre.data",
    "Particle": "sayre.data",
    "Pattern": "sayre.data",
    "Phased": "sayre.retrieval.phased",
    "Reconstruction": "sayre.workflows.reconstruction",
    "SayreWarning": "sayre.errors",
    "Scan": "sayre.crystal.scan",
    "Settings": "sayre.retrieval.settings",
    "SimulatedPattern": "sayre.data",
    "detector_mask": "sayre.detectors",
    "fine_tune": "sayre.filling.tuning",
    "inpaint": "sayre.filling.fill",
    "load": "sayre.scans",
    "load_crystal": "sayre.files",
    "load_filled": "sayre.scans",
    "load_geometry": "sayre.crystal.geometry_file",
    "merge": "sayre.scans.merging.merge",
    "phase": "sayre.retrieval.phasing",
    "reconstruct": "sayre.workflows.reconstruction",
    "save": "sayre.files",
    "simulate": "sayre.simulation.peak",
    "view": "sayre.viewer.inline.view",
}

if TYPE_CHECKING:
    from sayre.crystal.geometry import Geometry
    from sayre.crystal.geometry_file import load_geometry
    from sayre.crystal.scan import Scan
    from sayre.data import Crystal, FilledPattern, Grid, Manifest, Meta, Particle, Pattern, SimulatedPattern
    from sayre.detectors import detector_mask
    from sayre.errors import InputError, SayreWarning
    from sayre.files import load_crystal, save
    from sayre.filling.fill import inpaint
    from sayre.filling.settings import FillingSettings
    from sayre.filling.tuning import fine_tune
    from sayre.retrieval.phased import Phased
    from sayre.retrieval.phasing import phase
    from sayre.retrieval.settings import Settings
    from sayre.scans import load, load_filled
    from sayre.scans.merging.merge import merge
    from sayre.scans.merging.merged import Merged
    from sayre.scans.merging.settings import MergeSettings
    from sayre.simulation.peak import simulate
    from sayre.viewer.inline.view import view
    from sayre.workflows.reconstruction import Reconstruction, reconstruct

__all__ = [
    "Crystal",
    "FilledPattern",
    "FillingSettings",
    "Geometry",
    "Grid",
    "InputError",
    "Manifest",
    "MergeSettings",
    "Merged",
    "Meta",
    "Particle",
    "Pattern",
    "Phased",
    "Reconstruction",
    "SayreWarning",
    "Scan",
    "Settings",
    "SimulatedPattern",
    "detector_mask",
    "fine_tune",
    "inpaint",
    "load",
    "load_crystal",
    "load_filled",
    "load_geometry",
    "merge",
    "phase",
    "reconstruct",
    "save",
    "simulate",
    "view",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'sayre' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
