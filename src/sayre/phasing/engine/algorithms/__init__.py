"""One file an algorithm; each is a frozen dataclass with `start` and `step`."""

from sayre.phasing.engine.algorithms.ad import AD
from sayre.phasing.engine.algorithms.cf import CF
from sayre.phasing.engine.algorithms.dm import DM
from sayre.phasing.engine.algorithms.er import ER
from sayre.phasing.engine.algorithms.gps import GPS
from sayre.phasing.engine.algorithms.hio import HIO
from sayre.phasing.engine.algorithms.ml import ML
from sayre.phasing.engine.algorithms.raar import RAAR
from sayre.phasing.engine.algorithms.state import Algorithm, State

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
