"""Detector geometry and masks."""

from sayre.detectors.geometry import DETECTORS, Detector, detector, frame_mask

__all__ = ["DETECTORS", "Detector", "detector", "frame_mask"]
