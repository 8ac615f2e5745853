"""`sayre simulate`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from sayre.cli.dataset import dataset
from sayre.cli.grouped import grouped
from sayre.cli.options import Quiet, Seed, spare_the_input
from sayre.cli.peak_options import CrystalOptions, DetectorOptions, RelaxationOptions, ScatteringOptions

if TYPE_CHECKING:
    from sayre.data import Particle, Pattern

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
@grouped
def peak(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(metavar="OUT", help=".npz, .cxi or .h5")],
    crystal: CrystalOptions,
    relaxation: RelaxationOptions,
    scattering: ScatteringOptions,
    detector: DetectorOptions,
    seed: Seed = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
    quiet: Quiet = False,
) -> None:
    """Simulate the Bragg peak of a nanocrystal: cut or read it, put defects in, relax it, scatter, count.

    `sayre simulate dataset` makes data sets of them.
    """
    import numpy as np

    from sayre import files
    from sayre.data import Manifest, SimulatedPattern
    from sayre.data.manifest import sha256_of
    from sayre.files import atoms
    from sayre.simulation.peak import simulate_particle

    started = time.perf_counter()
    files.output_path_check(output, force=force, kind=SimulatedPattern)
    if crystal.save_particle is not None:
        atoms.particle_path_check(crystal.save_particle, force=force)
    for written in (output, crystal.save_particle):
        if written is not None:
            spare_the_input(written, crystal.particle, relaxation.potential, detector.flat)
    scattering.check_memory()
    readout = detector.readout((scattering.shape_px, scattering.shape_px), seed)
    generator = np.random.default_rng(seed)
    particle = relaxation.apply(crystal.build(generator), crystal.substrate, quiet)
    simulated = simulate_particle(
        particle,
        hkl=scattering.hkl,
        forbidden=scattering.forbidden,
        form_factors=scattering.form_factors,
        shape_px=scattering.shape_px,
        oversampling=scattering.oversampling,
        phase_range=scattering.phase_range,
        rotate=scattering.rotate == "random",
        spread=scattering.spread(),
        readout=readout,
        generator=generator,
    )
    config = {name: _plain(value) for name, value in context.params.items() if name not in _NOT_CONFIG}
    read = (crystal.particle, relaxation.potential, detector.flat)
    inputs = {str(path): sha256_of(path) for path in read if path is not None}
    manifest = Manifest.collect("sayre simulate", started=started, config=config, seed=seed, inputs=inputs)
    if crystal.save_particle is not None:
        atoms.save_particle(crystal.save_particle, particle, force=force)
    files.save(output, simulated, manifest, force=force)
    if not quiet:
        typer.echo(f"{output}: {sentence(particle, simulated.pattern)}")


def sentence(particle: Particle, pattern: Pattern) -> str:
    """What was simulated, in one line."""
    import numpy as np

    size = " × ".join(f"{extent / 10:.3g}" for extent in np.ptp(particle.positions, axis=0))
    counts, masked = pattern.intensity, 100 * float(pattern.mask.mean())
    said = (
        f"{particle.species} particle of {len(particle)} atoms, {size} nm; {counts.sum(dtype=float):.4g} "
        f"photons, {counts.max():.4g} in the brightest voxel"
    )
    return f"{said}, {masked:.2g} % masked" if masked else said


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
