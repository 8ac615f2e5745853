"""Detector geometry and masks."""

from sayre.detectors.geometry import DETECTORS, Detector, detector, detector_mask

__all__ = ["DETECTORS", "Detector", "detector", "detector_mask"]
