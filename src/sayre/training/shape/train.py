"""Training of the shape network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field
from torch import Tensor

from sayre.networks.shape import ShapeNet
from sayre.retrieval.learned.shape_features import features
from sayre.training.crystals import CrystalTraining, Floats, Learner
from sayre.training.shape.losses import cover_loss, nearer

LEVELS = (0.0, -2.0, -4.0)


class Drawn(NamedTuple):
    """A noisy pattern and the crystal behind it: counts and coverage, float32 of one shape, centred."""

    counts: Floats
    coverage: Floats


Source = Callable[[np.random.Generator], Drawn]


class ShapeTraining(CrystalTraining):
    """How a shape network is trained; `side` counts lags."""

    kind: ClassVar[str] = "shape"

    width: int = Field(48, ge=8)
    blocks: tuple[int, ...] = (1, 2, 2)
    cover: float = Field(4.0, gt=0, description="weight of a voxel missed")

    def pair(self, drawn: Drawn) -> tuple[Floats, Floats]:
        return sample(drawn, self.side)

    def learner(self, validation: Sequence[tuple[Tensor, Tensor]]) -> Shaping:
        return Shaping(self, ShapeNet(**self.options), validation)

    @property
    def options(self) -> dict[str, Any]:
        return {"dimensions": self.dimensions, "width": self.width, "blocks": self.blocks}


class Shaping(Learner):
    """A shape network, its loss, and how much of the crystal it covers at some levels of its logit."""

    config: ShapeTraining

    def loss(self, found: Tensor, truth: Tensor, seen: Tensor) -> Tensor:
        return cover_loss(found, truth, self.config.cover)

    def scores(self, found: Tensor, truth: Tensor, seen: Tensor) -> dict[str, Tensor]:
        scores = {"validation": cover_loss(found, truth, self.config.cover)}
        inside = nearer(found, truth, self.config.cover) > 0.5
        for level in LEVELS:
            above = found > level
            scores[f"covered_{level:g}"] = (above & inside).sum() / inside.sum().clamp(min=1)
            scores[f"volume_{level:g}"] = above.sum() / inside.sum().clamp(min=1)
        return scores


def sample(drawn: Drawn, side: int) -> tuple[Floats, Floats]:
    """What the network sees, and what it ought to find: coverage of the middle `side / 2` voxels a side."""
    middle = tuple(slice(n // 2 - side // 4, n // 2 + side // 4) for n in drawn.coverage.shape)
    return features(drawn.counts, side), np.ascontiguousarray(drawn.coverage[middle])
