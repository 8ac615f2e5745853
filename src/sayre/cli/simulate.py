"""`sayre simulate`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from sayre.cli.dataset import dataset
from sayre.cli.progress import progress
from sayre.errors import InputError

if TYPE_CHECKING:
    from sayre.data import Particle

_NOT_CONFIG = ("output", "save_particle", "force", "quiet", "seed")


class _OneByDefault(TyperGroup):
    """`simulate OUT` is `simulate peak OUT`, so that other subcommands can stand beside it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else ["peak", *args])


app = typer.Typer(cls=_OneByDefault, help="Simulate Bragg peaks of nanocrystals; data sets of them.")
app.command("dataset")(dataset)


@app.callback()
def _root() -> None:
    pass


@app.command("peak", hidden=True)
def peak(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(metavar="OUT", help=".npz, .cxi or .h5")],
    shape: Annotated[
        str | None,
        typer.Option(
            help="wulff winterbottom random, cube octahedron tetrahedron and these truncated-; default wulff."
        ),
    ] = None,
    element: Annotated[
        str | None, typer.Option(help="Ag Al Au Cu Ni Pd Pt, Fe W; default Au, or the file's.")
    ] = None,
    atoms: Annotated[int | None, typer.Option(help="About how many; default 134000.")] = None,
    diameter: Annotated[
        float | None, typer.Option(help="Instead of --atoms: that of the sphere of equal volume, nm.")
    ] = None,
    truncation: Annotated[
        float, typer.Option(help="Share of an edge cut off at either end, to 0.5.")
    ] = 0.333,
    energy_100: Annotated[float, typer.Option(help="Surface energy of {100} over {111}.")] = 1.15,
    energy_110: Annotated[float | None, typer.Option(help="Of {110}; none by default.")] = None,
    substrate: Annotated[tuple[int, int, int], typer.Option(help="Plane of the interface.")] = (1, 1, 1),
    interface_energy: Annotated[float, typer.Option(help="Of a Winterbottom shape, over {111}.")] = 0.4,
    defect: Annotated[
        list[str] | None,
        typer.Option(
            help="screw edge mixed twin stacking-fault bubble hole misfit; settings as in "
            "screw:line=1,1,0 or bubble:radius=2; what is left open is drawn. Repeatable."
        ),
    ] = None,
    relax: Annotated[bool, typer.Option("--relax", help="Minimise the energy by LAMMPS.")] = False,
    misfit: Annotated[
        float | None, typer.Option(help="With --relax: hold the lowest layer on the substrate, so strained.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Most iterations of the relaxation.")] = 400,
    potential: Annotated[Path | None, typer.Option(help=".eam, .eam.alloy or .eam.fs of LAMMPS.")] = None,
    particle: Annotated[
        Path | None, typer.Option(help="Atoms from a file instead: .xyz, or .data of LAMMPS.")
    ] = None,
    save_particle: Annotated[Path | None, typer.Option(help="Write the atoms: .xyz or .data.")] = None,
    hkl: Annotated[tuple[int, int, int], typer.Option(help="Reflection.")] = (1, 1, 1),
    forbidden: Annotated[
        bool, typer.Option("--forbidden", help="Take a reflection the lattice forbids.")
    ] = False,
    form_factors: Annotated[
        bool, typer.Option("--form-factors", help="Scatter with atomic form factors.")
    ] = False,
    shape_px: Annotated[int, typer.Option(help="Voxels a side.")] = 128,
    oversampling: Annotated[float, typer.Option(help="Oversampling ratio.")] = 3.0,
    max_counts: Annotated[float, typer.Option(help="Expected counts in the brightest voxel.")] = 1e6,
    phase_range: Annotated[float, typer.Option(help="Range of a smooth random phase G·u, rad.")] = 0.0,
    background: Annotated[float, typer.Option(help="Counts a voxel.")] = 0.0,
    blur: Annotated[float, typer.Option(help="Standard deviation of the point spread, voxels.")] = 0.0,
    rotate: Annotated[str, typer.Option(help="none or random")] = "none",
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")] = False,
) -> None:
    """Simulate the Bragg peak of a nanocrystal: cut or read it, put defects in, relax it, scatter, count.

    `sayre simulate dataset` makes data sets of them.
    """
    import numpy as np

    from sayre import io
    from sayre.data import Manifest, SimulatedPattern
    from sayre.data.manifest import sha256_of
    from sayre.io import atoms as files
    from sayre.simulate.particles import defects, shapes
    from sayre.simulate.simulate import simulate_particle

    started = time.perf_counter()
    io.output_path_check(output, force=force, kind=SimulatedPattern)
    if save_particle is not None:
        files.particle_path_check(save_particle, force=force)
    if rotate not in ("none", "random"):
        raise InputError(f"--rotate: {rotate!r} is not known; none or random")
    if not relax and (misfit is not None or potential is not None):
        raise InputError("--misfit, --potential: are of the relaxation; add --relax, or --defect misfit")
    generator = np.random.default_rng(seed)
    planned = [defects.parse(text) for text in defect or ()]
    if particle is not None:
        if shape or atoms or diameter:
            raise InputError("--particle: the atoms are in the file; drop --shape, --atoms and --diameter")
        crystal = files.load_particle(particle, species=element)
    else:
        crystal = shapes.build(
            shape or "wulff",  # type: ignore[arg-type]
            134_000 if atoms is None and diameter is None else atoms,
            diameter=diameter,
            element=element or "Au",
            generator=generator,
            energies=_energies(energy_100, energy_110),
            substrate=substrate,
            interface_energy=interface_energy,
            truncation=truncation,
        )
    crystal = defects.apply(crystal, planned, generator)
    if relax:
        crystal = _relaxed(crystal, substrate, misfit, steps, potential, quiet)
    simulated = simulate_particle(
        crystal,
        hkl=hkl,
        forbidden=forbidden,
        form_factors=form_factors,
        shape_px=shape_px,
        oversampling=oversampling,
        max_counts=max_counts,
        phase_range=phase_range,
        background=background,
        blur=blur,
        rotate=rotate == "random",
        generator=generator,
    )
    config = {name: _plain(value) for name, value in context.params.items() if name not in _NOT_CONFIG}
    inputs = {str(path): sha256_of(path) for path in (particle, potential) if path is not None}
    manifest = Manifest.collect("sayre simulate", started=started, config=config, seed=seed, inputs=inputs)
    if save_particle is not None:
        files.save_particle(save_particle, crystal, force=force)
    io.save(output, simulated, manifest, force=force)
    if not quiet:
        photons = simulated.pattern.intensity.sum(dtype=float)
        typer.echo(f"{output}: {simulated.pattern.meta.source}, {photons:.4g} photons")


def _energies(of_100: float, of_110: float | None) -> dict[tuple[int, int, int], float]:
    known = {(1, 1, 1): 1.0, (1, 0, 0): of_100}
    return known if of_110 is None else known | {(1, 1, 0): of_110}


def _relaxed(
    crystal: Particle,
    substrate: tuple[int, int, int],
    misfit: float | None,
    steps: int,
    potential: Path | None,
    quiet: bool,
) -> Particle:
    from sayre.simulate.particles.relax import relax

    with progress("relaxing", quiet=quiet) as advance:
        return relax(
            crystal,
            substrate=None if misfit is None else substrate,
            misfit=misfit or 0.0,
            steps=steps,
            potential=potential,
            progress=advance,
        )


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
