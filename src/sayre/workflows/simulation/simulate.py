"""`sayre simulate`: simulates the Bragg peak of one nanocrystal."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from sayre.data.option import Option, check_settings
from sayre.workflows.jobs.access import Within, reads_within
from sayre.workflows.jobs.again import is_left, require_own
from sayre.workflows.jobs.job import config_of, spare_the_inputs
from sayre.workflows.jobs.progress import Bar, notebook_bar
from sayre.workflows.simulation.crystal_settings import CrystalSettings, RelaxationSettings
from sayre.workflows.simulation.peak_settings import DetectorSettings, ScatteringSettings

if TYPE_CHECKING:
    from sayre.data import SimulatedPattern


@dataclass(frozen=True, kw_only=True)
class SimulateJob:
    """Simulate the Bragg peak of a nanocrystal, from the atoms to photon counts.

    The crystal is cut or read from a file, defects are put in, and it is relaxed if that is set. `sayre
    simulate dataset` makes many peaks.
    """

    output: Annotated[
        Path,
        Option(help="Write the peak to this file, .npz, .cxi or .h5.", metavar="OUT", argument=True),
    ]
    crystal: CrystalSettings = field(default_factory=CrystalSettings)
    relaxation: RelaxationSettings = field(default_factory=RelaxationSettings)
    scattering: ScatteringSettings = field(default_factory=ScatteringSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    seed: Annotated[
        int,
        Option(help="Seed of all random numbers; the same seed gives the same peak.", least=0, whole=True),
    ] = 0
    within: Within = None
    force: Annotated[bool, Option(help="Overwrite the output files if they exist.")] = False

    resuming = "nothing was written; the same command begins anew"

    def __post_init__(self) -> None:
        check_settings(self)

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> SimulateOutcome:
        """Simulate the peak and write it.

        Raises
        ------
        InputError
            A setting is impossible, or a file cannot be read or written.
        """
        import numpy as np

        from sayre.data import Manifest, SimulatedPattern
        from sayre.data.manifest import hashes
        from sayre.files import output_path_check, save
        from sayre.files.atoms import particle_path_check, save_particle
        from sayre.simulation.peak import simulate_particle

        started = time.perf_counter()
        crystal, scattering = self.crystal, self.scattering
        read = (crystal.particle, self.relaxation.potential, self.detector.flat)
        config = {name: value for name, value in config_of(self).items() if name != "save_particle"}
        known: dict[str, Any] = {"config": config, "seed": self.seed}
        left = not self.force and is_left(self.output, beside=(crystal.save_particle,))
        force = self.force or left
        output_path_check(self.output, force=force, kind=SimulatedPattern)
        if left:
            require_own(self.output, Manifest.collect("sayre simulate", **known, inputs=hashes(*read)))
        spare_the_inputs(self.output, *read)
        if crystal.save_particle is not None:
            particle_path_check(crystal.save_particle, force=force)
            spare_the_inputs(crystal.save_particle, *read)
        readout = self.detector.readout((scattering.shape_px, scattering.shape_px), self.seed)
        scattering.check_memory()
        generator = np.random.default_rng(self.seed)
        particle = self.relaxation.apply(crystal.build(generator), crystal.substrate, bar)
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
        manifest = Manifest.collect("sayre simulate", started=started, **known, inputs=hashes(*read))
        save(self.output, simulated, manifest, force=force)
        if crystal.save_particle is not None:
            save_particle(crystal.save_particle, particle, force=force)
        return SimulateOutcome(output=self.output, simulated=simulated)


@dataclass(frozen=True, kw_only=True)
class SimulateOutcome:
    """The simulated peak, and the file that it was written to."""

    output: Path
    simulated: SimulatedPattern

    @property
    def numbers(self) -> dict[str, Any]:
        """The file, the crystal, the counts and the sampling."""
        pattern, particle = self.simulated.pattern, self.simulated.particle
        assert particle is not None
        return {
            "output": str(self.output),
            "species": particle.species,
            "atoms": len(particle),
            "photons": float(pattern.intensity.sum(dtype=float)),
            "max_counts": float(pattern.intensity.max()),
            "masked": float(pattern.mask.mean()),
            "oversampling": list(self.simulated.oversampling),
        }

    @property
    def sentence(self) -> str:
        """The file, the crystal and the counts in words."""
        import numpy as np

        numbers, particle = self.numbers, self.simulated.particle
        assert particle is not None
        size = " × ".join(f"{extent / 10:.3g}" for extent in np.ptp(particle.positions, axis=0))
        text = (
            f"{self.output}: {particle.species} particle of {len(particle)} atoms, {size} nm; "
            f"{numbers['photons']:.4g} photons, {numbers['max_counts']:.4g} in the brightest voxel"
        )
        return f"{text}, {100 * numbers['masked']:.2g} % masked" if numbers["masked"] else text
