"""Types shared by every part of Sayre, and the metrics they are judged by."""

from sayre.data.crystal import Crystal
from sayre.data.manifest import Manifest
from sayre.data.particle import Particle
from sayre.data.pattern import FilledPattern, Grid, Meta, Pattern, SimulatedPattern

__all__ = ["Crystal", "FilledPattern", "Grid", "Manifest", "Meta", "Particle", "Pattern", "SimulatedPattern"]
