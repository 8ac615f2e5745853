"""Types shared by every part of Sayre."""

from sayre.data.crystal import Crystal
from sayre.data.filled import AnyPattern, FilledPattern, SimulatedPattern
from sayre.data.grid import Grid, Meta
from sayre.data.manifest import Manifest
from sayre.data.particle import Particle
from sayre.data.pattern import Pattern

__all__ = [
    "AnyPattern",
    "Crystal",
    "FilledPattern",
    "Grid",
    "Manifest",
    "Meta",
    "Particle",
    "Pattern",
    "SimulatedPattern",
]
