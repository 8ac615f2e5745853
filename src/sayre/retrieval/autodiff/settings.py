"""What a recipe may say of `AD`."""

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
    """Parameters of `AD`, all with defaults.

    Attributes
    ----------
    support
        `free`: the amplitude alone decides, inside the support given; `convex`: a polyhedron of `planes`
        half-spaces; `level`: where a smooth function is positive. The last two start from the support given.
    amplitude
        `free` in each voxel, or `uniform`.
    phase
        `grid`: free in each voxel; `displacement`: a cubic spline with a knot every `spacing` voxels.
    loss
        `mae` or `lsq` of amplitudes, or `poisson`.
    optimiser
        The name of a class of `torch.optim`.
    lr
        Its rate: in a step of Adam amplitudes change by this part of their mean, phases by this many rad,
        planes by this many voxels.
    half
        Steps after which the rate has halved; 0 keeps it.
    planes
        Half-spaces of a convex support.
    edge
        Width in voxels of the sigmoid that ends a convex or level-set support; of a convex one it is fitted.
    spacing
        Voxels from knot to knot of the displacement; a level set has twice as many knots on each axis.
    psf
        First standard deviation in voxels of a Gaussian point-spread function, fitted from there on; 0 takes
        the counts as coherent.
    background
        First constant background in counts, fitted from there on; 0 is none.
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
        for name, known in WORDS.items():
            if getattr(self, name) not in known:
                raise InputError(f"recipe: AD({name}={getattr(self, name)}): one of {', '.join(known)}")
        kind = getattr(torch.optim, self.optimiser, None)
        if (
            not isinstance(kind, type)
            or not issubclass(kind, torch.optim.Optimizer)
            or self.optimiser in NOT_OPTIMISERS
        ):
            raise InputError(
                f"recipe: AD(optimiser={self.optimiser}): a class of torch.optim, such as Adam or LBFGS"
            )
        for name in ("lr", "edge"):
            if not 0 < getattr(self, name) < inf:
                raise InputError(f"recipe: AD({name}={getattr(self, name)}): above 0")
        for name in ("half", "psf", "background", *PRIORS):
            if not 0 <= getattr(self, name) < inf:
                raise InputError(f"recipe: AD({name}={getattr(self, name)}): 0 or more")
        if not 1 <= self.spacing < inf:
            raise InputError(f"recipe: AD(spacing={self.spacing}): 1 voxel or more")
        if not 4 <= self.planes <= 1000:
            raise InputError(f"recipe: AD(planes={self.planes}): from 4 to 1000")
        if self.amplitude == "uniform" and (self.amplitude_tv or self.amplitude_smooth):
            raise InputError(
                "recipe: AD: a uniform amplitude has no priors; amplitude=free, or leave them out"
            )
