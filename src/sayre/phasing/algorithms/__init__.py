"""One file an algorithm; each is a frozen dataclass with `start` and `step`."""

from sayre.phasing.algorithms.cf import CF
from sayre.phasing.algorithms.dm import DM
from sayre.phasing.algorithms.er import ER
from sayre.phasing.algorithms.gps import GPS
from sayre.phasing.algorithms.hio import HIO
from sayre.phasing.algorithms.ml import ML
from sayre.phasing.algorithms.raar import RAAR
from sayre.phasing.algorithms.state import Algorithm, State

ALGORITHMS: dict[str, type[Algorithm]] = {
    "ER": ER,
    "HIO": HIO,
    "RAAR": RAAR,
    "CF": CF,
    "DM": DM,
    "GPS": GPS,
    "ML": ML,
}

__all__ = ["ALGORITHMS", "CF", "DM", "ER", "GPS", "HIO", "ML", "RAAR", "Algorithm", "State"]
