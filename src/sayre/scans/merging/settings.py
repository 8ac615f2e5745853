"""Settings of merging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from sayre.data.option import Option, check_settings


@dataclass(frozen=True, kw_only=True)
class MergeSettings:
    """Which scans are merged, and when counts are resampled.

    Attributes
    ----------
    correlation
        Least correlation of the counts of a scan with those of the reference, photon noise taken out.
    whole
        Part of a voxel by which a shift may differ from whole voxels for counts to be moved by whole voxels.
    """

    correlation: Annotated[
        float,
        Option(
            help="Least correlation of counts with those of the reference, photon noise taken out; scans "
            "below it are left out.",
            least=0,
            below=1,
        ),
    ] = 0.95
    whole: Annotated[
        float,
        Option(
            help="Counts are moved by whole voxels where the shift is whole but for this part of a voxel or "
            "its error, and resampled elsewhere; 0.5 never resamples.",
            least=0,
            most=0.5,
            metavar="VOXELS",
        ),
    ] = 0.02

    def __post_init__(self) -> None:
        check_settings(self)
