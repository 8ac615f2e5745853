"""Gaps in the words of a user."""

from __future__ import annotations

import numpy as np

from sayre.detectors import masks
from sayre.numerics.gaps import describe_gaps, find_gaps


def test_a_frame_edge_and_dead_pixels_are_called_so():
    mask = np.zeros((6, 60, 64), bool)
    mask[:, :9] = True
    for row in range(15, 60, 10):
        mask[:, row, 20] = True
    assert describe_gaps(find_gaps(mask)[0]) == "first 9 rows masked and 5 clusters of dead pixels"


def test_saturated_voxels_are_no_dead_pixels_and_one_is_singular():
    mask = np.zeros((12, 60, 64), bool)
    mask[5:7, 30, 30] = True
    assert describe_gaps(find_gaps(mask)[0]) == "a cluster of single voxels"
    mask[:, 10, 10] = True
    assert describe_gaps(find_gaps(mask)[0]) == "2 clusters of dead pixels or single voxels"
    gap = np.zeros((12, 60, 64), bool)
    gap[:, 40] = True
    assert describe_gaps(find_gaps(gap)[0]) == "gap of 1 voxel"


def test_gaps_and_crosses_are_named_up_to_a_number():
    shape = (6, 60, 64)
    cross = masks.cross(shape, axes=(1, 2), starts=(20, 30), widths=(6, 4))
    assert describe_gaps(find_gaps(cross)[0]) == "cross of 6 voxels"
    planes = np.zeros(shape, bool)
    for start in (5, 20, 35, 50):
        planes[:, start : start + 4] = True
    found = find_gaps(planes)[0]
    assert describe_gaps(found) == "4 gaps of 4 voxels"
    areas = np.zeros(shape, bool)
    for row in (0, 15, 30):
        areas[:, row : row + 12, 20:40] = True
    said = "masked area 12 voxels across at the border and 2 masked areas 12 voxels across"
    assert describe_gaps(find_gaps(areas)[0]) == said
    different = np.zeros(shape, bool)
    for start, width in ((5, 3), (15, 4), (25, 5), (35, 6)):
        different[:, start : start + width] = True
    found = find_gaps(different)[0]
    assert describe_gaps(found) == "gap of 3 voxels, gap of 4 voxels, gap of 5 voxels and 1 more"
    assert describe_gaps(found, most=4).endswith("gap of 5 voxels and gap of 6 voxels")
    assert describe_gaps([]) == ""


def test_bands_that_move_from_frame_to_frame_are_no_single_area():
    """Frames that were aligned: the gap of the detector moves through them, in one piece."""
    mask = np.zeros((40, 60, 64), bool)
    for frame in range(40):
        mask[frame, frame : frame + 2] = True
    share = 100 * mask[:, :41].mean()
    assert describe_gaps(find_gaps(mask)[0]) == f"areas that touch, {share:.2g} % of 40 × 41 × 64 voxels"


def test_one_dead_pixel():
    mask = np.zeros((20, 20), bool)
    mask[4, 5] = True
    assert describe_gaps(find_gaps(mask)[0]) == "a cluster of dead pixels"
