"""Detector geometry and masks."""

from sayre.detectors.geometry import DETECTORS, Detector, detector

__all__ = ["DETECTORS", "Detector", "detector"]
