"""Parameters of `AD` in a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import torch

from sayre.errors import InputError

WORDS: dict[str, tuple[str, ...]] = {
    "support": ("free", "convex", "level"),
    "amplitude": ("free", "uniform"),
    "phase": ("grid", "displacement"),
    "loss": ("mae", "lsq", "poisson"),
}
NOT_OPTIMISERS = ("Optimizer", "SparseAdam")
PRIORS = ("phase_tv", "phase_smooth", "amplitude_tv", "amplitude_smooth")


@dataclass(frozen=True)
class ModelSettings:
    """Parameters of `AD`: the model of the object, the loss, the priors and the optimiser.

    Attributes
    ----------
    support
        `free`: the given support is kept, and the amplitude is free inside it; `convex`: a polyhedron of
        `planes` half-spaces; `level`: the region where a smooth function is positive. The last two start from
        the given support.
    amplitude
        `free` in each voxel, or `uniform` in the object.
    phase
        `grid`: free in each voxel; `displacement`: a cubic spline with a knot every `spacing` voxels.
    loss
        `mae` or `lsq` of amplitudes, or `poisson`.
    optimiser
        Name of a class of `torch.optim`.
    lr
        Learning rate: one step of Adam changes amplitudes by this fraction of their mean, phases by this many
        rad, and planes by this many voxels.
    half
        Steps in which the learning rate halves; 0 keeps it constant.
    planes
        Number of half-spaces of a convex support.
    edge
        Width in voxels of the sigmoid at the edge of a convex or level-set support; fitted for a convex one.
    spacing
        Distance of the knots of the displacement in voxels; a level set has twice as many knots on each axis.
    psf
        First standard deviation in voxels of a Gaussian point-spread function, which is then fitted; 0 is a
        coherent beam.
    background
        First constant background in counts, which is then fitted; 0 is none.
    phase_tv, phase_smooth, amplitude_tv, amplitude_smooth
        Weights of the priors of `sayre.retrieval.autodiff.priors`.
    """

    support: str = "free"
    amplitude: str = "free"
    phase: str = "grid"
    loss: str = "lsq"
    optimiser: str = "Adam"
    lr: float = 0.05
    half: float = 0.0
    planes: int = 24
    edge: float = 0.5
    spacing: float = 4.0
    psf: float = 0.0
    background: float = 0.0
    phase_tv: float = 0.0
    phase_smooth: float = 0.0
    amplitude_tv: float = 0.0
    amplitude_smooth: float = 0.0

    def __post_init__(self) -> None:
        """Check every parameter.

        Raises
        ------
        InputError
            A parameter out of its range, or a combination that cannot be used.
        """
        for name, known in WORDS.items():
            if getattr(self, name) not in known:
                raise InputError(
                    f"recipe: AD({name}={getattr(self, name)}): must be one of {', '.join(known)}"
                )
        kind = getattr(torch.optim, self.optimiser, None)
        if (
            not isinstance(kind, type)
            or not issubclass(kind, torch.optim.Optimizer)
            or self.optimiser in NOT_OPTIMISERS
        ):
            raise InputError(
                f"recipe: AD(optimiser={self.optimiser}): must be a class of torch.optim, as Adam or LBFGS is"
            )
        for name in ("lr", "edge"):
            if not 0 < getattr(self, name) < inf:
                raise InputError(f"recipe: AD({name}={getattr(self, name)}): must be above 0")
        for name in ("half", "psf", "background", *PRIORS):
            if not 0 <= getattr(self, name) < inf:
                raise InputError(f"recipe: AD({name}={getattr(self, name)}): must be 0 or more")
        if not 1 <= self.spacing < inf:
            raise InputError(f"recipe: AD(spacing={self.spacing}): must be 1 voxel or more")
        if not 4 <= self.planes <= 1000:
            raise InputError(f"recipe: AD(planes={self.planes}): must be from 4 to 1000")
        if self.amplitude == "uniform" and (self.amplitude_tv or self.amplitude_smooth):
            raise InputError(
                "recipe: AD(amplitude=uniform): amplitude_tv and amplitude_smooth do not apply to a uniform "
                "amplitude; use amplitude=free, or leave them out"
            )
