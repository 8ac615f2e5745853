"""Algorithms, one in each file: frozen dataclasses whose `step` is one iteration."""

from sayre.retrieval.engine.algorithms.ad import AD
from sayre.retrieval.engine.algorithms.cf import CF
from sayre.retrieval.engine.algorithms.dm import DM
from sayre.retrieval.engine.algorithms.er import ER
from sayre.retrieval.engine.algorithms.gps import GPS
from sayre.retrieval.engine.algorithms.hio import HIO
from sayre.retrieval.engine.algorithms.ml import ML
from sayre.retrieval.engine.algorithms.raar import RAAR
from sayre.retrieval.engine.algorithms.state import Algorithm, State

ALGORITHMS: dict[str, type[Algorithm]] = {
    "ER": ER,
    "HIO": HIO,
    "RAAR": RAAR,
    "CF": CF,
    "DM": DM,
    "GPS": GPS,
    "ML": ML,
    "AD": AD,
}

__all__ = ["AD", "ALGORITHMS", "CF", "DM", "ER", "GPS", "HIO", "ML", "RAAR", "Algorithm", "State"]
