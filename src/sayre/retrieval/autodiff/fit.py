"""The fit of a model of the object to the counts, step by step."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sayre.retrieval.autodiff.box import Box
from sayre.retrieval.autodiff.contents import content_model
from sayre.retrieval.autodiff.misfit import Detector
from sayre.retrieval.autodiff.priors import PRIORS
from sayre.retrieval.autodiff.settings import ModelSettings
from sayre.retrieval.autodiff.supports import MARGIN, support_model
from sayre.retrieval.engine.coherence import PartialCoherence
from sayre.retrieval.engine.modulus import Modulus

INSIDE = 0.1
"""Value of a soft support above which a voxel belongs to the bool support."""


class Model(NamedTuple):
    """One evaluation of the model, `(batch, *box)`: the object is support times content times scale."""

    support: Tensor
    content: Tensor
    object: Tensor


class Fit:
    """Models of the objects of a batch of starts, and the optimiser of their parameters.

    Every start has parameters of its own, so that starts do not influence each other.

    Parameters
    ----------
    x, support
        Complex and bool `(batch, *shape)`, origin at index 0: the models start from them, except for a factor
        that scales each object to the counts. `x` is set to 0.
    modulus
        Bounds of the amplitudes.
    settings
        Kind of model, loss, priors and optimiser.
    """

    def __init__(self, x: Tensor, support: Tensor, modulus: Modulus, settings: ModelSettings) -> None:
        self.settings, self.modulus, dtype = settings, modulus, x.real.dtype
        self.box = Box.around(support, 0.0 if settings.support == "free" else MARGIN)
        self.detector = Detector(modulus, self.box, settings.loss, dtype)
        inside, first = self.box.take(support), self.box.take(x)
        scale = _mean_amplitude(first, inside)
        first = first / scale
        self.scale = scale * self.detector.best_scale(x * support)
        self.support = support_model(inside, self.box, settings, dtype)
        self.content = content_model(first * inside, inside, self.box, settings)
        self.extras = nn.ParameterDict()
        for name in ("psf", "background"):
            if getattr(settings, name):
                level = torch.full((len(x),), getattr(settings, name), dtype=dtype, device=x.device)
                self.extras[name] = nn.Parameter(level.log())
        if settings.psf:
            modulus.coherence = PartialCoherence(len(x), modulus.shape, x.device, settings.psf)
        x.zero_()
        self.parameters = [p for m in (self.support, self.content, self.extras) for p in m.parameters()]
        make = getattr(torch.optim, settings.optimiser)
        self.optimiser: torch.optim.Optimizer = make(self.parameters, lr=settings.lr)
        self.steps = 0

    def step(self, x: Tensor) -> Tensor:
        """Do one step of the optimiser, and return the objective of each start before it, `(batch,)`.

        `x`, complex `(batch, *shape)` and 0 outside the box, then holds the objects before the step.
        """
        if self.settings.half:
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * 0.5 ** (self.steps / self.settings.half)
        objectives: list[Tensor] = []

        def closure() -> Tensor:
            self.optimiser.zero_grad()
            objective = self.objective(x)
            total = objective.sum()
            total.backward()  # type: ignore[no-untyped-call]
            objectives.append(objective.detach())
            return total.detach()

        with torch.enable_grad():
            self.optimiser.step(closure)  # type: ignore[arg-type]
        self.steps += 1
        return objectives[0]

    def objective(self, x: Tensor) -> Tensor:
        """Compute loss plus weighted priors of each start, `(batch,)` float64; writes the objects to `x`."""
        model = self.model()
        width, background = self.width, self.background
        if width is not None and self.modulus.coherence is not None:
            self.modulus.coherence.transfer = self.detector.gaussian(width.detach())
        total = self.detector.misfit(model.object, x, width, background)
        for name, prior in PRIORS.items():
            weight = getattr(self.settings, name)
            if weight:
                total = total + weight * prior(model.content, model.support)
        return total

    def model(self) -> Model:
        """Evaluate the model at the present parameters."""
        support, content = self.support(), self.content()
        return Model(support, content, content * (support * self.scale))

    @property
    def width(self) -> Tensor | None:
        """Standard deviation in voxels of each start's point-spread function; None if it is not fitted."""
        return self.extras["psf"].exp() if "psf" in self.extras else None

    @property
    def background(self) -> Tensor | None:
        """Background of each start in counts; None if it is not fitted."""
        return self.extras["background"].exp() if "background" in self.extras else None

    def write(self, x: Tensor, support: Tensor) -> None:
        """Write the present objects and supports into arrays.

        Parameters
        ----------
        x
            Complex `(batch, *shape)`, 0 outside the box.
        support
            bool of the same shape, overwritten where the support is modelled.
        """
        with torch.no_grad():
            model = self.model()
            self.box.put(x, model.object)
            if self.settings.support != "free":
                support.zero_()
                self.box.put(support, model.support > INSIDE)


def _mean_amplitude(first: Tensor, inside: Tensor) -> Tensor:
    """Compute the root-mean-square amplitude in the support, `(batch, 1, …)`; 1 for an object that is 0."""
    dims = tuple(range(1, first.ndim))
    power = (first.abs().square() * inside).sum(dims, keepdim=True)
    mean = (power / inside.sum(dims, keepdim=True).clamp(min=1)).sqrt()
    return torch.where(mean > 0, mean, torch.ones_like(mean))
