"""Training of the shape network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field
from torch import Tensor

from sayre.networks.shape import ShapeNet
from sayre.retrieval.learned.shape_features import features
from sayre.training.crystals import CrystalModule, CrystalTraining, Floats
from sayre.training.shape.losses import cover_loss, nearer

LEVELS = (0.0, -2.0, -4.0)
"""Logits at which the validation compares the predicted shape with the true one."""


class CoverageSample(NamedTuple):
    """Photon counts of a crystal and its shape, both centred and of one shape.

    Attributes
    ----------
    counts
        Photon counts, float32.
    coverage
        Share of each voxel inside the crystal, float32.
    """

    counts: Floats
    coverage: Floats


CoverageSource = Callable[[np.random.Generator], CoverageSample]
"""A function that draws a crystal with its shape."""


class ShapeTraining(CrystalTraining):
    """How a shape network is trained.

    Attributes
    ----------
    side
        Lags along each axis.
    width, blocks
        Size of the network, see `sayre.networks.shape.ShapeNet`.
    cover
        Weight of the voxels of the crystal over that of the others.
    """

    kind: ClassVar[str] = "shape"

    width: int = Field(48, ge=8)
    blocks: tuple[int, ...] = (1, 2, 2)
    cover: float = Field(4.0, gt=0)

    def pair(self, drawn: CoverageSample) -> tuple[Floats, Floats]:
        """Return input and right output of the network for a crystal."""
        return training_pair(drawn, self.side)

    def module(self, validation: Sequence[tuple[Tensor, Tensor]]) -> ShapeModule:
        """Make the network with its loss."""
        return ShapeModule(self, ShapeNet(**self.options), validation)

    @property
    def options(self) -> dict[str, Any]:
        """Options of the network's constructor."""
        return {"dimensions": self.dimensions, "width": self.width, "blocks": self.blocks}


class ShapeModule(CrystalModule):
    """A shape network with its loss and scores."""

    config: ShapeTraining

    def loss(self, predicted: Tensor, truth: Tensor, inputs: Tensor) -> Tensor:
        """Compute the loss of a batch, see `cover_loss`.

        Parameters
        ----------
        predicted, truth, inputs
            As in `CrystalModule.loss`.
        """
        return cover_loss(predicted, truth, self.config.cover)

    def scores(self, predicted: Tensor, truth: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Compute the loss, and the covered share of the crystal and the volume over its own at each level.

        Parameters
        ----------
        predicted, truth, inputs
            As in `CrystalModule.loss`.
        """
        scores = {"validation": cover_loss(predicted, truth, self.config.cover)}
        inside = nearer(predicted, truth, self.config.cover) > 0.5
        for level in LEVELS:
            above = predicted > level
            scores[f"covered_{level:g}"] = (above & inside).sum() / inside.sum().clamp(min=1)
            scores[f"volume_{level:g}"] = above.sum() / inside.sum().clamp(min=1)
        return scores


def training_pair(drawn: CoverageSample, side: int) -> tuple[Floats, Floats]:
    """Compute the input and the right output of the shape network for a crystal.

    Parameters
    ----------
    drawn
        The crystal.
    side
        Lags along each axis.

    Returns
    -------
    features
        float32 `(3, side, …)`, see `sayre.retrieval.learned.shape_features.features`.
    coverage
        Coverage of the middle voxels, float32 `(side / 2, …)`.
    """
    middle = tuple(slice(n // 2 - side // 4, n // 2 + side // 4) for n in drawn.coverage.shape)
    return features(drawn.counts, side), np.ascontiguousarray(drawn.coverage[middle])
