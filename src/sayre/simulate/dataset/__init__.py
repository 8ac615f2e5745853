"""Data sets of simulated patterns: made in shards, read without torch."""

from sayre.simulate.dataset.config import DatasetConfig
from sayre.simulate.dataset.make import build
from sayre.simulate.dataset.shards import Record, dataset_source, read

__all__ = ["DatasetConfig", "Record", "build", "dataset_source", "read"]
