"""`sayre simulate`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from sayre.errors import InputError


def simulate(
    output: Annotated[Path, typer.Argument(metavar="OUT", help=".npz, .cxi or .h5")],
    shape: Annotated[
        str, typer.Option(help="wulff winterbottom cube octahedron tetrahedron random")
    ] = "wulff",
    element: Annotated[str, typer.Option(help="Ag Al Au Cu Ni Pd Pt")] = "Au",
    atoms: Annotated[int, typer.Option(help="About how many.")] = 134_000,
    hkl: Annotated[tuple[int, int, int], typer.Option(help="Reflection.")] = (1, 1, 1),
    shape_px: Annotated[int, typer.Option(help="Voxels a side.")] = 128,
    oversampling: Annotated[float, typer.Option(help="Oversampling ratio.")] = 3.0,
    max_counts: Annotated[float, typer.Option(help="Expected counts in the brightest voxel.")] = 1e6,
    phase_range: Annotated[float, typer.Option(help="Range of a smooth random phase G·u, rad.")] = 0.0,
    background: Annotated[float, typer.Option(help="Counts a voxel.")] = 0.0,
    rotate: Annotated[str, typer.Option(help="none or random")] = "none",
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
) -> None:
    """Simulate the Bragg peak of a faceted nanocrystal."""
    import numpy as np

    from sayre import io
    from sayre.data import Manifest
    from sayre.simulate.simulate import simulate as make

    started = time.perf_counter()
    io.output_path_check(output, force=force)
    if rotate not in ("none", "random"):
        raise InputError(f"--rotate: {rotate!r} is not known; none or random")
    config = {
        "shape": shape,
        "element": element,
        "atoms": atoms,
        "hkl": hkl,
        "shape_px": shape_px,
        "oversampling": oversampling,
        "max_counts": max_counts,
        "phase_range": phase_range,
        "background": background,
        "rotate": rotate == "random",
    }
    simulated = make(**config, generator=np.random.default_rng(seed))  # type: ignore[arg-type]
    manifest = Manifest.collect("sayre simulate", started=started, config=config, seed=seed)
    io.save(output, simulated, manifest, force=force)
    photons = simulated.pattern.intensity.sum(dtype=float)
    typer.echo(f"{output}: {simulated.pattern.meta.source}, {photons:.4g} photons")
