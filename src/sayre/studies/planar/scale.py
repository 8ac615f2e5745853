"""How large the 2D studies are made: as in the thesis, or quickly."""

from __future__ import annotations

from dataclasses import dataclass

from sayre.simulation.planar import PlanarPopulation
from sayre.studies.study import StudySettings
from sayre.training.planar.train import PlanarTraining

NETWORKS_SHOWN = ("unet", "msd", "modified")
LABELS = {
    "unet": "U-Net",
    "msd": "MSD-Net",
    "modified": "modified U-Net",
    "linear": "linear",
    "wiener": "wiener",
    "expectation": "noise ceiling",
    "band": "band limit",
}


@dataclass(frozen=True)
class Scale:
    """Sizes of a study.

    Attributes
    ----------
    population
        What patterns are drawn from.
    gaps
        Pixels across the gaps, the one shown in the figures first.
    widths
        Factor on the width of each network.
    patterns, epochs, rate
        Of the training.
    seeds
        Of the trainings with the first gap; those of the other gaps have the first seed.
    tests
        Patterns that the networks are judged by.
    swept
        Patterns across which the gap is moved (Fig. 4.6), and oversampling ratios (Fig. 4.7).
    particles
        Objects of Fig. 4.7.
    """

    population: PlanarPopulation
    gaps: tuple[int, ...]
    widths: dict[str, float]
    patterns: int
    epochs: int
    rate: float
    seeds: tuple[int, ...]
    tests: int
    swept: int
    particles: int

    def training(self, network: str, loss: str = "combined", *, gap: int, seed: int) -> PlanarTraining:
        """Return a training of this scale.

        Parameters
        ----------
        network, loss, gap, seed
            Of `PlanarTraining`.
        """
        return PlanarTraining(
            network=network,  # type: ignore[arg-type]
            loss=loss,  # type: ignore[arg-type]
            gap=gap,
            width=self.widths[network],
            patterns=self.patterns,
            epochs=self.epochs,
            rate=self.rate,
            seed=seed,
            population=self.population,
        )


def scale_of(settings: StudySettings) -> Scale:
    """Return the scale of a study: that of the thesis, or one that a processor trains in a minute."""
    return quick_scale(settings.seed) if settings.quick else full_scale(settings.seed)


def full_scale(seed: int) -> Scale:
    """Return the scale of the thesis."""
    return Scale(
        population=PlanarPopulation(),
        gaps=(9, 6, 3, 12),
        widths=dict.fromkeys(NETWORKS_SHOWN, 1.0),
        patterns=12_000,
        epochs=10,
        rate=1e-4,
        seeds=(seed, seed + 1, seed + 2),
        tests=300,
        swept=150,
        particles=2,
    )


def quick_scale(seed: int) -> Scale:
    """Return a scale with narrow networks, small patterns and a short training at a larger rate."""
    return Scale(
        population=PlanarPopulation(side=32),
        gaps=(3,),
        widths={"unet": 0.125, "msd": 0.25, "modified": 0.125},
        patterns=1024,
        epochs=4,
        rate=2e-3,
        seeds=(seed,),
        tests=40,
        swept=6,
        particles=1,
    )


def of_the_table(scale: Scale) -> list[PlanarTraining]:
    """Return the trainings of Table 4.1, the most telling first."""
    first, rest = scale.gaps[0], scale.gaps[1:]
    seed, more = scale.seeds[0], scale.seeds[1:]
    order = [(name, first, seed) for name in NETWORKS_SHOWN]
    order += [(name, gap, seed) for gap in rest for name in ("unet", "modified")]
    order += [("msd", gap, seed) for gap in rest]
    order += [(name, first, other) for other in more for name in NETWORKS_SHOWN]
    return [scale.training(name, gap=gap, seed=seed) for name, gap, seed in order]


def of_the_losses(scale: Scale) -> list[PlanarTraining]:
    """Return the trainings of Figure 4.4: the U-Net with each loss."""
    losses = ("combined", "ssim", "mse", "mae")
    return [scale.training("unet", loss, gap=scale.gaps[0], seed=scale.seeds[0]) for loss in losses]
