"""`sayre simulate`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer
from typer.core import TyperGroup

from sayre.cli import peak_options as given
from sayre.cli.dataset import dataset
from sayre.cli.options import Quiet
from sayre.cli.progress import progress
from sayre.errors import InputError

if TYPE_CHECKING:
    from sayre.data import Particle
    from sayre.simulate.coherence import PointSpread
    from sayre.simulate.detector import Readout

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
    output: given.Output,
    shape: given.Shape = None,
    element: given.Element = None,
    atoms: given.Atoms = None,
    diameter: given.Diameter = None,
    truncation: given.Truncation = 0.333,
    energy_100: given.Energy100 = 1.15,
    energy_110: given.Energy110 = None,
    substrate: given.Substrate = (1, 1, 1),
    interface_energy: given.InterfaceEnergy = 0.4,
    defect: given.Defects = None,
    particle: given.ParticleFile = None,
    save_particle: given.SaveParticle = None,
    relax: given.Relax = False,
    misfit: given.Misfit = None,
    steps: given.Steps = 400,
    potential: given.Potential = None,
    hkl: given.Hkl = (1, 1, 1),
    forbidden: given.Forbidden = False,
    form_factors: given.FormFactors = False,
    shape_px: given.ShapePx = 128,
    oversampling: given.Oversampling = 3.0,
    phase_range: given.PhaseRange = 0.0,
    rotate: given.Rotate = "none",
    blur: given.Blur = 0.0,
    coherence: given.Coherence = None,
    lorentzian: given.Lorentzian = 0.0,
    rocking: given.Rocking = 0.0,
    max_counts: given.MaxCounts = None,
    total_counts: given.TotalCounts = None,
    background: given.Background = 0.0,
    detector: given.DetectorName = None,
    corner: given.Corner = None,
    flat: given.Flat = None,
    saturation: given.Saturation = None,
    seed: given.Seed = 0,
    force: given.Force = False,
    quiet: Quiet = False,
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
    spread = _spread(blur, coherence, lorentzian, rocking)
    exposure = Exposure(max_counts, total_counts, background, saturation)
    readout = _readout(exposure, (shape_px, shape_px), detector, flat, corner, seed)
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
        phase_range=phase_range,
        rotate=rotate == "random",
        spread=spread,
        readout=readout,
        generator=generator,
    )
    config = {name: _plain(value) for name, value in context.params.items() if name not in _NOT_CONFIG}
    inputs = {str(path): sha256_of(path) for path in (particle, potential, flat) if path is not None}
    manifest = Manifest.collect("sayre simulate", started=started, config=config, seed=seed, inputs=inputs)
    if save_particle is not None:
        files.save_particle(save_particle, crystal, force=force)
    io.save(output, simulated, manifest, force=force)
    if not quiet:
        photons = simulated.pattern.intensity.sum(dtype=float)
        typer.echo(f"{output}: {simulated.pattern.meta.source}, {photons:.4g} photons")


def _spread(
    blur: float, coherence: tuple[float, float, float] | None, lorentzian: float, rocking: float
) -> PointSpread:
    from sayre.simulate.coherence import FWHM, PointSpread

    if coherence is not None and blur:
        raise InputError("--blur, --coherence: are both the width of the point spread; give one")
    if coherence is None and lorentzian:
        raise InputError("--lorentzian: is a share of the point spread; give its widths by --coherence")
    return PointSpread(fwhm=coherence or (FWHM * blur,) * 3, lorentzian=lorentzian, rocking=rocking)


class Exposure(NamedTuple):
    """How much light there is, and how much of it a voxel can hold."""

    max_counts: float | None
    total_counts: float | None
    background: float
    saturation: float | None


def _readout(
    exposure: Exposure,
    frame: tuple[int, int],
    name: str | None,
    flat: Path | None,
    corner: tuple[int, int] | None,
    seed: int,
) -> Readout:
    """A detector with gaps, a flat field, or both at the same place.

    The place has random numbers of its own, so that a detector changes neither crystal nor photons.
    """
    import numpy as np

    from sayre.detectors import detector
    from sayre.simulate.detector import Readout, gap_region, region, white_field

    if corner is not None and name is None and flat is None:
        raise InputError("--corner: there is nothing to place; add --detector or --flat")
    generator = np.random.default_rng((seed, 1))
    mask, response, where = None, None, None
    if name is not None:
        where = gap_region(name, frame, corner=corner, generator=generator)
        mask = detector(name).mask()[where]
    if flat is not None:
        pixels, bad = white_field(flat)
        whole = (bad.shape[0], bad.shape[1])
        if name is not None and detector(name).shape != whole:
            known = detector(name)
            raise InputError(
                f"--flat: {flat} has {whole[0]}×{whole[1]} pixels, {known.name} {known.shape[0]}×"
                f"{known.shape[1]}; a white field of that detector would do"
            )
        where = where or region(f"--flat {flat}", whole, frame, corner, generator)
        response, mask = pixels[where], bad[where] if mask is None else mask | bad[where]
    if exposure.max_counts is None and exposure.total_counts is None:
        exposure = exposure._replace(max_counts=1e6)
    return Readout(
        **exposure._asdict(),
        flat=response,
        mask=mask,
        detector=None if name is None else detector(name).name,
    )


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
