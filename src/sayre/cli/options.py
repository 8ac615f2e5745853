"""Options that several subcommands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Mask = Annotated[str | None, typer.Option(help="File of the mask, non-zero = not measured.")]
DetectorName = Annotated[
    str | None, typer.Option(help="Mask the gaps of this detector: maxipix, merlin, eiger-4m …")
]
Method = Annotated[str, typer.Option(help="auto unet wiener linear cubic nearest biharmonic")]
Device = Annotated[str, typer.Option(help="auto cpu cuda")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]

Crop = Annotated[int | None, typer.Option(help="Voxels a side around the peak.")]
Recipe = Annotated[
    str,
    typer.Option(help="default quick precise fixed, text such as '(HIO*20 + SW)**10, ER*50', or a file."),
]
Runs = Annotated[int, typer.Option(min=1, help="Starts.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]

GeometryFile = Annotated[
    Path | None,
    typer.Option("--geometry", help="TOML of the scan, for the laboratory frame; see docs/physics.md."),
]
Hkl = Annotated[tuple[int, int, int] | None, typer.Option(help="Reflection.")]
LatticeConstant = Annotated[float | None, typer.Option(help="Å, of a cubic crystal.")]
Along = Annotated[int | None, typer.Option(help="Array axis along G, without a geometry.")]
VoxelSize = Annotated[float | None, typer.Option(help="nm, in the laboratory frame.")]
