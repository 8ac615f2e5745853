"""Preprocessed data of cdiutils: circles and angles in CXI's frame and in that of xrayutilities."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scan_samples import COLUMNS, FRAMES, PEAK, ROWS, counts, geometry_of, quietly, turned

NU, DELTA, ETA, PHI = 20.0, 33.0, 16.0, 4.0
ROI, BEAM = (100, 112, 40, 54), (-30.5, 120.0)
PIXEL, DISTANCE = 55e-6, 0.9
TO_XRAYUTILITIES = {"x": "y", "y": "z", "z": "x"}
LAYOUT = {
    "sample_circles": ["x-", "y-"],
    "detector_circles": ["y-", "x-"],
    "detector_axis0_orientation": "y-",
    "detector_axis1_orientation": "x+",
}


def write(path, *, is_cxi=True, moved="sample_outofplane_angle", tilt=0.0):
    angles = {
        "sample_outofplane_angle": ETA,
        "sample_inplane_angle": PHI,
        "detector_outofplane_angle": DELTA,
        "detector_inplane_angle": NU,
    }
    angles[moved] = angles[moved] + 0.01 * np.arange(FRAMES)

    def axis(name):
        return (name if is_cxi else TO_XRAYUTILITIES[name[0]] + name[1]).encode()

    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[1, 2] = 1
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 150
        entry = file.create_group("entry_1")
        for key, value in LAYOUT.items():
            entry[f"geometry_1/{key}"] = [axis(v) for v in value] if isinstance(value, list) else axis(value)
        entry["geometry_1/is_cxi"] = is_cxi
        for key, value in angles.items():
            entry[f"geometry_1/angles/{key}"] = value
        calibration = {"cch1": BEAM[0], "cch2": BEAM[1], "pwidth1": PIXEL, "pwidth2": PIXEL}
        for key, value in {**calibration, "distance": DISTANCE, "tilt": tilt}.items():
            entry[f"detector_1/calibration/{key}"] = value
        entry["detector_1/description"] = "mpx1x4"
        entry["detector_1/mask"] = mask
        entry["result_1/roi"] = np.array(ROI)
        entry["source_1/energy"] = 9000.0
        entry["source_1/units"] = "eV"
        entry["parameters_1/hkl"] = [1, 1, 1]
        entry["image_1/data"] = counts().astype(np.float32)
        entry["image_1/mask"] = mask
        entry["cropped_detector_data"] = h5py.SoftLink("/entry_1/image_1")
    return path


@pytest.mark.parametrize("is_cxi", [True, False])
def test_counts_and_geometry(tmp_path, is_cxi):
    pattern, told = quietly(write(tmp_path / "S12_preprocessed_data.cxi", is_cxi=is_cxi))
    assert pattern.mask[:, 1, 2].all()
    assert np.array_equal(pattern.intensity, np.where(pattern.mask, 0, counts()))
    assert pattern.meta.hkl == (1, 1, 1)
    assert told == ""
    geometry = geometry_of(pattern)
    assert geometry.detector == (("y-", NU), ("x-", DELTA))
    assert (geometry.row, geometry.column) == ("y-", "x+")
    assert (geometry.rocking_axis, geometry.energy, geometry.distance) == ("x-", 9000, DISTANCE)
    assert geometry.sample == (("x-", pytest.approx(ETA + 0.04)), ("y-", PHI))
    row, column = PEAK[1] + ROI[0] - BEAM[0], PEAK[2] + ROI[2] - BEAM[1]
    assert geometry.peak == (row, column)
    place = turned(("y-", NU), ("x-", DELTA)) @ [column * PIXEL, -row * PIXEL, DISTANCE]
    two_theta = np.arccos(place[2] / np.linalg.norm(place))
    q = 4 * np.pi / (12398.419843 / 9000) * np.sin(two_theta / 2)
    assert np.linalg.norm(geometry.g()) == pytest.approx(q, rel=1e-7)


def test_a_scan_of_the_inner_circle_and_a_tilt(tmp_path):
    pattern, told = quietly(write(tmp_path / "a.cxi", moved="sample_inplane_angle", tilt=0.7))
    assert np.allclose(geometry_of(pattern).rocking_axis, turned(("x-", ETA)) @ [0, -1, 0])
    assert "the tilt of the detector is not taken (tilt 0.7)" in told
