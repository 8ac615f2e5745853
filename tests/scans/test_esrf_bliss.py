"""ESRF ID01 and ID27: HDF5 files of BLISS."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scan_samples import COLUMNS, FRAMES, PEAK, ROWS, bragg, counts, geometry_of, quietly, turned

from sayre.errors import InputError
from sayre.scans import opened

NU, DELTA, MU, ETA = 20.0, 33.0, 0.5, 16.0
BEAM = (30.5, -7.0)
"""Row and column of the direct beam at zero angles."""
DISTANCE, PIXEL = 0.9, 55e-6


def write(
    path, scans=("2.1",), detectors=("mpx1x4",), *, moved="eta", stack=None, step=0.01, title=None, **known
):
    stack = counts() if stack is None else stack
    angles = {"eta": ETA, "phi": 3.0, "mu": MU, "nu": NU, "delta": DELTA, "chi": 0.0, "mononrj": 9.0} | known
    scanned = angles[moved] + step * np.arange(FRAMES)
    with h5py.File(path, "w") as file:
        for scan in scans:
            stop = scanned[-1]
            file[f"{scan}/title"] = f"ascan {moved} {scanned[0]:g} {stop:g} {FRAMES - 1} 0.5"
            for name, value in angles.items():
                file[f"{scan}/instrument/positioners/{name}"] = scanned if name == moved else value
            for detector in detectors:
                group = file.create_group(f"{scan}/instrument/{detector}")
                group["data"] = stack
                group["beam_center_y"], group["beam_center_x"] = BEAM
                group["y_pixel_size"], group["x_pixel_size"], group["distance"] = PIXEL, PIXEL, DISTANCE
                file[f"{scan}/measurement/{detector}"] = h5py.SoftLink(f"/{scan}/instrument/{detector}/data")
            file[f"{scan}/measurement/{moved}"] = scanned
            file[f"{scan}/measurement/imon"] = 50.0 + np.arange(FRAMES)
            file[f"{scan}/measurement/matrix"] = np.ones((1, 3, 3))
        file["1.1/measurement/diode"] = np.ones(5)
        file["1.1/title"] = "dscan pix 0 1 4 0.1"
    return path


def q_of_the_peak():
    """Q of the pixel of the peak from Bragg's law: 2θ is the angle between the beam and that pixel."""
    arm = turned(("y-", NU), ("x-", DELTA))
    row, column = PEAK[1] - BEAM[0], PEAK[2] - BEAM[1]
    place = arm @ (np.array([column * PIXEL, -row * PIXEL, DISTANCE]))
    two_theta = np.arccos(place[2] / np.linalg.norm(place))
    return 4 * np.pi / (12398.419843 / 9000) * np.sin(two_theta / 2)


def test_counts_and_geometry(tmp_path):
    pattern, told = quietly(f"{write(tmp_path / 'a.h5')}::2")
    assert np.array_equal(pattern.intensity, counts())
    assert "are a part of the detector, whose gaps are not masked" in told
    geometry = geometry_of(pattern)
    assert geometry.detector == (("y-", NU), ("x-", DELTA))
    assert (geometry.row, geometry.column) == ("y-", "x+")
    assert (geometry.energy, geometry.distance, geometry.pixel_size) == (9000, DISTANCE, (PIXEL, PIXEL))
    assert geometry.rocking_step == pytest.approx(0.01)
    assert np.allclose(geometry.rocking_axis, turned(("y-", MU)) @ [-1, 0, 0])
    middle = pytest.approx(ETA + 0.04)
    assert geometry.sample == (("y-", MU), ("x-", middle), ("y-", 3.0))
    assert geometry.peak == (PEAK[1] - BEAM[0], PEAK[2] - BEAM[1])
    assert np.linalg.norm(geometry.g()) == pytest.approx(q_of_the_peak(), rel=1e-7)
    assert np.linalg.norm(geometry.g()) != pytest.approx(bragg(9000, ("y-", NU), ("x-", DELTA)), rel=1e-4)
    assert (pattern.meta.scan.scan, pattern.meta.scan.dataset) == ("2.1", "/2.1/measurement/mpx1x4")


def test_a_scan_of_phi_turns_with_eta(tmp_path):
    path = write(tmp_path / "a.h5", moved="phi", step=-0.02)
    geometry = geometry_of(quietly(f"{path}::2")[0])
    assert np.allclose(geometry.rocking_axis, turned(("y-", MU), ("x-", ETA)) @ [0, -1, 0])
    assert geometry.rocking_step == pytest.approx(-0.02)


def test_names_of_scans_with_samples_and_the_only_scan_with_frames(tmp_path):
    path = write(tmp_path / "a.h5", scans=("Pt_7_12.1",))
    for name in ("::12", "::12.1", "::Pt_7_12", "::Pt_7_12.1", "::12/mpx1x4", ""):
        assert np.array_equal(quietly(f"{path}{name}")[0].intensity, counts())
    path = write(tmp_path / "b.h5", scans=("10.1", "9.1"))
    with pytest.raises(InputError, match=r"2 scans \(9\.1 ascan eta .*, 10\.1 .*\); name one as b.h5::9"):
        quietly(path)


def test_two_detectors_are_not_one(tmp_path):
    path = write(tmp_path / "a.h5", detectors=("mpx1x4", "eiger2M"))
    with pytest.raises(InputError, match=r"2 detectors \(eiger2M, mpx1x4\); name one as .*2\.1/eiger2M"):
        quietly(f"{path}::2")
    assert quietly(f"{path}::2/mpx1x4")[0].meta.scan.dataset == "/2.1/measurement/mpx1x4"
    with pytest.raises(InputError, match="no detector lambda; there is eiger2M, mpx1x4"):
        quietly(f"{path}::2/lambda")


def test_whole_frames_lose_the_gaps_and_the_mask_of_the_file(tmp_path):
    stack = np.zeros((FRAMES, 516, 516), np.uint16)
    stack[:, :ROWS, :COLUMNS] = counts()
    path = write(tmp_path / "a.h5", stack=stack)
    with h5py.File(path, "a") as file:
        mask = np.zeros((516, 516), np.uint8)
        mask[400, 20] = 1
        file["2.1/instrument/mpx1x4/pixel_mask"] = mask
    pattern, told = quietly(f"{path}::2")
    assert "gaps of the detector (maxipix) masked" in told
    expected = mask != 0
    expected[255:261] = expected[:, 255:261] = True
    assert np.array_equal(pattern.mask[3], expected)


def test_an_aborted_scan_is_as_long_as_it_was_meant(tmp_path):
    path = write(tmp_path / "a.h5", stack=counts()[:6])
    pattern, told = quietly(f"{path}::2")
    assert list(np.flatnonzero(pattern.mask.all(axis=(1, 2)))) == [6, 7, 8]
    assert "3 of 9 frames do not exist, masked" in told


def test_frames_whose_file_is_missing_are_refused_and_a_matrix_is_no_frame(tmp_path):
    path = write(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        del file["2.1/measurement/mpx1x4"]
        file["2.1/measurement/mpx1x4"] = h5py.ExternalLink("scan0002/mpx_0000.h5", "/entry/data")
    with pytest.raises(InputError, match=r"frames of mpx1x4 are in scan0002/mpx_0000\.h5, which is missing"):
        quietly(f"{path}::2")


def test_scans_of_the_energy_and_of_a_stage(tmp_path):
    path = write(tmp_path / "a.h5", moved="mononrj", step=0.001)
    with pytest.raises(InputError, match=r"the energy was scanned \(mononrj\)"):
        quietly(f"{path}::2")
    with pytest.raises(InputError, match="holds no frames of a detector"):
        quietly(f"{path}::1")


def test_more_frames_than_angles(tmp_path):
    path = write(tmp_path / "a.h5", stack=counts(FRAMES + 2))
    with pytest.raises(InputError, match="11 frames, but 9 angles; which belongs to which is not known"):
        quietly(f"{path}::2")


def test_lengths_of_other_units(tmp_path):
    path = write(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["2.1/instrument/mpx1x4/distance"][()] = 900.0
    refused = opened(f"{path}::2").geometry.refused
    assert set(refused) == {"distance"}
    assert "900 without a unit: 900 m is not plausible" in refused["distance"]
    assert "900 mm would be 0.9 m or 900 cm would be 9 m" in refused["distance"]
    with h5py.File(path, "a") as file:
        group = file["2.1/instrument/mpx1x4"]
        group["distance"].attrs["units"] = "mm"
        group["y_pixel_size"][()] = group["x_pixel_size"][()] = 55.0
    stated = opened(f"{path}::2").geometry
    assert stated.values["distance"] == pytest.approx(0.9)
    assert "55 without a unit: 55 m is not plausible" in stated.refused["pixel_size"]
    assert "55 µm would be 5.5e-05 m" in stated.refused["pixel_size"]


def test_counters_for_the_asking(tmp_path):
    path = write(tmp_path / "a.h5")
    pattern, told = quietly(f"{path}::2", normalise="monitor")
    monitor = 50 + np.arange(FRAMES)
    assert np.allclose(pattern.intensity, counts() * (monitor.mean() / monitor)[:, None, None], rtol=1e-6)
    assert "counts divided by imon" in told


def test_id27_has_no_arm(tmp_path):
    path = tmp_path / "a.h5"
    angles = 5 + 0.02 * np.arange(FRAMES)
    with h5py.File(path, "w") as file:
        file["3.1/title"] = "fscan nath 5 0.02 9 0.1"
        file["3.1/instrument/positioners/nath"] = angles
        file["3.1/instrument/calibration/wavelength"] = 0.3738
        file["3.1/measurement/eiger"] = counts()
        group = file.create_group("3.1/instrument/eiger")
        group["beam_center_y"], group["beam_center_x"] = -2000.0, 8.0
        group["y_pixel_size"] = group["x_pixel_size"] = 75e-6
        group["distance"] = 0.6
    pattern, told = quietly(f"{path}::3")
    geometry = geometry_of(pattern)
    two_theta = np.arctan((PEAK[1] + 2000) * 75e-6 / 0.6)
    assert geometry.energy == pytest.approx(12398.419843 / 0.3738, rel=1e-6)
    assert np.linalg.norm(geometry.g()) == pytest.approx(4 * np.pi / 0.3738 * np.sin(two_theta / 2), rel=1e-6)
    assert geometry.rocking_axis == "y-"
    assert "which way its circle nath turns (cdiutils y-, bcdi y+)" in told
