"""How well the network knows the shape of a crystal, before any iteration."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.fft

from sayre.numerics.device import find_device
from sayre.retrieval.learned.predictor import load_predictor
from sayre.retrieval.learned.shape_predictor import ShapePredictor
from sayre.retrieval.prepare import bright_ratios
from sayre.retrieval.starts import LEVELS
from sayre.studies.phasing.drawn import Case


class ShapeScore(NamedTuple):
    """A predicted shape beside the true one.

    Attributes
    ----------
    covered
        Share of the crystal that it covers, where it covers most: moved, and inverted or not.
    volume
        Its volume over that of the crystal.
    """

    covered: float
    volume: float


def judge_shape(case: Case, device: str) -> ShapeScore:
    """Compare the shape that the network predicts, at the level of the first start, with the crystal.

    Parameters
    ----------
    case
        The crystal.
    device
        `auto`, `cpu` or `cuda`.
    """
    counts = case.crystal.counts
    predictor = load_predictor(None, counts.ndim)
    assert isinstance(predictor, ShapePredictor)
    shape = predictor(counts, bright_ratios(counts), find_device(device)) > LEVELS[0]
    truth = case.crystal.crystal.coverage
    moved = scipy.fft.rfftn(shape.astype(np.float32))
    best = max(
        float(scipy.fft.irfftn(moved * np.conj(scipy.fft.rfftn(crystal)), shape.shape).max())
        for crystal in (truth, np.flip(truth))
    )
    volume = float(truth.sum())
    return ShapeScore(best / volume, float(shape.sum()) / volume)
