"""Data sets of simulated patterns, which are written in shards and read without torch."""

from sayre.simulation.dataset.config import DatasetConfig
from sayre.simulation.dataset.make import build
from sayre.simulation.dataset.shards import Record, dataset_source, read

__all__ = ["DatasetConfig", "Record", "build", "dataset_source", "read"]
