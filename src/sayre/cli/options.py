"""Options that several subcommands share."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sayre.errors import InputError

if TYPE_CHECKING:
    from sayre.workflows.reconstruction import Scan

Mask = Annotated[str | None, typer.Option(help="File of the mask, non-zero = not measured.")]
DetectorName = Annotated[
    str | None, typer.Option(help="Mask the gaps of this detector: maxipix, merlin, eiger-4m …")
]
Method = Annotated[str, typer.Option(help="auto unet wiener linear cubic nearest biharmonic")]
Device = Annotated[str, typer.Option(help="auto cpu cuda")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]

Crop = Annotated[int | None, typer.Option(help="Voxels a side around the peak.")]
Binning = Annotated[
    tuple[int, int, int],
    typer.Option("--bin", min=1, help="Frames, rows and columns to sum to a voxel; 2D: the last two."),
]
Recipe = Annotated[
    str | None,
    typer.Option(
        help="default quick precise strained fixed, text such as '(HIO*20 + SW)**10, ER*50', or a file."
    ),
]
Runs = Annotated[int, typer.Option(min=1, help="Starts.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]

_SCAN = "What is known of the scan"


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """What is known of the measurement beside the counts."""

    geometry: Annotated[
        Path | None,
        typer.Option(help="TOML, for the laboratory frame; see docs/physics.md.", rich_help_panel=_SCAN),
    ] = None
    hkl: Annotated[tuple[int, int, int] | None, typer.Option(help="Reflection.", rich_help_panel=_SCAN)] = (
        None
    )
    lattice_constant: Annotated[
        float | None, typer.Option(help="Å, of a cubic crystal.", rich_help_panel=_SCAN)
    ] = None
    along: Annotated[
        int | None,
        typer.Option(
            help="Array axis along G, without a geometry, where the file says its steps in q.",
            rich_help_panel=_SCAN,
        ),
    ] = None
    voxel_size: Annotated[
        float | None,
        typer.Option(help="nm, of the cubes of the laboratory frame.", rich_help_panel=_SCAN),
    ] = None

    def __post_init__(self) -> None:
        if self.hkl is not None and not any(self.hkl):
            raise InputError("--hkl: 0 0 0 is the direct beam, no reflection")
        for name in ("lattice_constant", "voxel_size"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"--{name.replace('_', '-')}: must be a positive number, found {value}")
        if self.voxel_size is not None and self.geometry is None:
            raise InputError("--voxel-size: is of the laboratory frame; add --geometry")
        if self.along is not None and self.geometry is not None:
            raise InputError("--along: the geometry says where G points; leave one of them out")

    def scan(self) -> Scan:
        from sayre.crystal.geometry_file import load_geometry
        from sayre.workflows.reconstruction import Scan

        return Scan(
            geometry=None if self.geometry is None else load_geometry(self.geometry),
            hkl=self.hkl,
            lattice_constant=self.lattice_constant,
            along=self.along,
            voxel_size=self.voxel_size,
        )


def spare_the_input(output: Path, *read: str | Path | None) -> None:
    """Refuse, `--force` or not, to write over a file that is read.

    Raises
    ------
    InputError
        `output` is one of them.
    """
    for name in read:
        path = Path(str(name).partition("::")[0])
        if name is not None and output.exists() and path.exists() and os.path.samefile(output, path):
            raise InputError(f"{output}: is read; nothing is written over an input, choose another name")
