"""NeXus files with NXtransformations, Diamond I16 among them: places of pixels and turns by hand."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile
from scan_samples import FRAMES, PEAK, counts, geometry_of, quietly, turned
from scipy.spatial.transform import Rotation

from sayre.errors import InputError
from sayre.files.safety.within import only_within
from sayre.scans import opened

GAMMA, DELTA, TILT = 8.0, 41.0, 8.8
FAST, SLOW = np.array([0.6, 0.8, 0.0]), np.array([0.8, -0.6, 0.0])
ORIGIN = np.array([12.0, -7.0, 620.0])
"""mm."""
OFFSET = np.array([3.0, -2.0, 5.0])
"""mm, added where delta has turned."""
KAPPA = np.array([-0.8, 0.6, 0.0])
PIXEL = 0.055
"""mm."""


def transformation(file, place, value, vector, parent, *, kind="rotation", unit="deg", offset=None):
    file[place] = value
    attrs = {
        "vector": np.asarray(vector, float),
        "depends_on": parent,
        "transformation_type": kind,
        "units": unit,
    }
    file[place].attrs.update(attrs)
    if offset is not None:
        file[place].attrs["offset"] = np.asarray(offset, float)
        file[place].attrs["offset_units"] = "mm"


def write(
    path, *, entry="entry1", angles=None, energy=9.0, kappa=None, images=(), detectors=("merlin",), **known
):
    """A detector on an arm, and a sample on eta over mu (or over kappa, theta); paths as I16 writes them."""
    angles = 20 + 0.01 * np.arange(FRAMES) if angles is None else angles
    with h5py.File(path, "w") as file:
        arm, stage = f"{entry}/instrument/transformations", f"{entry}/sample/transformations"
        transformation(file, f"{arm}/gamma", np.full(FRAMES, GAMMA), [0, 1, 0], ".")
        delta = known.get("delta", np.full(FRAMES, DELTA))
        transformation(file, f"{arm}/delta", delta, [-1, 0, 0], f"{arm}/gamma", offset=OFFSET)
        transformation(file, f"{arm}/offsetdelta", TILT, [1, 0, 0], f"{arm}/delta")
        for detector in detectors:
            group = f"{entry}/instrument/{detector}"
            file.create_group(group).attrs["NX_class"] = "NXdetector"
            place = f"{group}/transformations/origin_offset"
            transformation(file, place, 1.0, ORIGIN, f"/{arm}/offsetdelta", kind="translation", unit="mm")
            file[f"{group}/depends_on"] = f"/{place}"
            module = f"{group}/module/module_offset"
            transformation(file, module, 0.0, [0, 0, 0], f"/{place}", kind="translation", unit="mm")
            for key, vector in (("fast_pixel_direction", FAST), ("slow_pixel_direction", SLOW)):
                pixel = f"{group}/module/{key}"
                transformation(file, pixel, PIXEL, vector, f"/{module}", kind="translation", unit="mm")
            if images:
                file[f"{group}/image_data"] = [name.encode() for name in images]
            else:
                file[f"{group}/data"] = counts()
        transformation(file, f"{stage}/mu", 3.0, [0, 1, 0], ".")
        if kappa is None:
            transformation(file, f"{stage}/eta", angles, [-1, 0, 0], f"{stage}/mu")
        else:
            transformation(file, f"{stage}/theta", kappa[0], [-1, 0, 0], "mu")
            transformation(file, f"{stage}/kappa", kappa[1], KAPPA, f"{stage}/theta")
            transformation(file, f"{stage}/eta", kappa[2], [-1, 0, 0], f"{stage}/kappa")
        file[f"{entry}/sample/depends_on"] = f"/{stage}/eta"
        file[f"{entry}/sample/beam/incident_energy"] = energy
        file[f"{entry}/sample/ub_matrix"] = np.ones((1, 3, 3))
        file[f"{entry}/scan_command"] = "scan eta 20 20.08 0.01 merlin 1"
        file[f"{entry}/measurement/ic1monitor"] = 5.0 + np.arange(FRAMES)
    return path


def place_of(row, column):
    """Where a pixel is, m, from the vectors of the file and rotations in their order."""
    flat = (ORIGIN + PIXEL * (row * SLOW + column * FAST)) * 1e-3
    return turned(("y+", GAMMA)) @ (turned(("x-", DELTA), ("x+", TILT)) @ flat + 1e-3 * OFFSET)


def q_of(row, column, energy=9000.0):
    place = place_of(row, column)
    wave = 2 * np.pi / (12398.419843 / energy)
    return wave * (place / np.linalg.norm(place) - [0, 0, 1])


def test_pixels_and_turns(tmp_path):
    pattern, told = quietly(f"{write(tmp_path / 'a.nxs')}::1")
    assert np.array_equal(pattern.intensity, counts())
    assert told == ""
    geometry = geometry_of(pattern)
    row, column = PEAK[1:]
    assert geometry.energy == 9000
    assert geometry.pixel_size == pytest.approx((55e-6, 55e-6))
    assert np.allclose(geometry.g(), q_of(row, column), atol=2e-6 * np.linalg.norm(q_of(row, column)))
    axis = turned(("y+", 3.0)) @ [-1, 0, 0]
    assert np.allclose(geometry.rocking_axis, axis)
    assert geometry.rocking_step == pytest.approx(0.01)
    assert np.allclose(geometry.sample_axes().T, turned(("y+", 3.0), ("x-", 20.04)), atol=1e-6)
    steps = [
        -np.radians(0.01) * np.cross(axis, q_of(row, column)),
        (q_of(row + 0.5, column) - q_of(row - 0.5, column)),
        (q_of(row, column + 0.5) - q_of(row, column - 0.5)),
    ]
    assert np.allclose(geometry.steps(), steps, atol=1e-4 * np.linalg.norm(steps[1]))


def test_a_scan_backwards_turns_backwards(tmp_path):
    path = write(tmp_path / "a.nxs", angles=20 - 0.01 * np.arange(FRAMES))
    geometry = geometry_of(quietly(path)[0])
    assert geometry.rocking_step == pytest.approx(-0.01)
    assert np.allclose(geometry.rocking_axis, turned(("y+", 3.0)) @ [-1, 0, 0])


def test_three_circles_that_turn_the_sample_about_one_axis(tmp_path):
    """Only the outer circle moves the sample; the two inner ones do not move, and turn with it."""
    steps = 0.02 * np.arange(FRAMES)
    path = write(tmp_path / "a.nxs", kappa=(10 + steps, np.full(FRAMES, 30.0), np.full(FRAMES, -4.0)))
    geometry = geometry_of(quietly(path)[0])
    assert geometry.rocking_step == pytest.approx(0.02)
    assert np.allclose(geometry.rocking_axis, turned(("y+", 3.0)) @ [-1, 0, 0])
    both = geometry_of(quietly(write(tmp_path / "b.nxs", kappa=(10 + steps, 30.0, -4 + 3 * steps)))[0])
    outer = turned(("y+", 3.0))
    inner = outer @ turned(("x-", 10.0)) @ Rotation.from_rotvec(np.radians(30) * KAPPA).as_matrix()
    turn = outer @ [-1, 0, 0] + 3 * inner @ [-1, 0, 0]
    assert np.allclose(both.rocking_axis, turn / np.linalg.norm(turn), atol=2e-3)
    assert both.rocking_step == pytest.approx(0.02 * np.linalg.norm(turn), rel=1e-3)
    with pytest.raises(InputError, match="eta, theta moved such that the sample turned about no one axis"):
        quietly(write(tmp_path / "c.nxs", kappa=(10 + steps, 90.0, -4 + 30 * steps**2)))


def test_frames_in_files_of_their_own(tmp_path):
    names = [f"1-files/{number:05d}.tif" for number in range(FRAMES)]
    path = write(tmp_path / "a.nxs", images=names)
    with pytest.raises(InputError, match="none of its 9 frames is there"):
        quietly(path)
    (tmp_path / "1-files").mkdir()
    for number, name in enumerate(names):
        if number != 2:
            tifffile.imwrite(tmp_path / name, counts()[number])
    pattern, told = quietly(path)
    assert list(np.flatnonzero(pattern.mask.all(axis=(1, 2)))) == [2]
    assert np.array_equal(np.delete(pattern.intensity, 2, 0), np.delete(counts(), 2, 0))
    assert "1 of 9 frames do not exist, masked" in told


def test_frames_outside_the_folder_are_said_and_refused_where_one_folder_is_named(tmp_path):
    (tmp_path / "in").mkdir()
    names = [str(tmp_path / f"{number:05d}.tif") for number in range(FRAMES)]
    for number, name in enumerate(names):
        tifffile.imwrite(name, counts()[number])
    path = write(tmp_path / "in/a.nxs", images=names)
    pattern, told = quietly(path)
    assert np.array_equal(pattern.intensity, counts())
    assert f"image_data leads to {tmp_path}, outside its folder" in told
    with only_within(tmp_path / "in"), pytest.raises(InputError, match="image_data leads to"):
        quietly(path)


def test_a_detector_file_that_is_missing_leaves_no_matrix(tmp_path):
    path = write(tmp_path / "a.nxs")
    with h5py.File(path, "a") as file:
        del file["entry1/instrument/merlin/data"]
        file["entry1/instrument/merlin/data"] = h5py.ExternalLink("merlin-1.hdf", "/data")
    with pytest.raises(InputError, match=r"the frames are in merlin-1\.hdf, which is missing"):
        quietly(path)


def test_what_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match=r"2 detectors \(merlin, pilatus\)"):
        quietly(write(tmp_path / "a.nxs", detectors=("merlin", "pilatus")))
    with pytest.raises(InputError, match="the energy was scanned"):
        quietly(write(tmp_path / "b.nxs", energy=9 + 0.01 * np.arange(FRAMES)))
    with pytest.raises(InputError, match="the detector moved while the sample was rocked"):
        quietly(write(tmp_path / "c.nxs", delta=DELTA + 0.02 * np.arange(FRAMES)))
    with pytest.raises(InputError, match="no motor moved"):
        quietly(write(tmp_path / "d.nxs", angles=np.full(FRAMES, 20.0)))
    path = write(tmp_path / "e.nxs")
    with h5py.File(path, "a") as file:
        file["entry1/sample/transformations/mu"].attrs["depends_on"] = "/entry1/sample/transformations/eta"
    with pytest.raises(InputError, match="leads in a circle"):
        quietly(path)


def test_energies_and_units(tmp_path):
    path = write(tmp_path / "a.nxs", energy=np.nan)
    with h5py.File(path, "a") as file:
        file["entry1/sample/beam/incident_wavelength"] = 0.13776
        file["entry1/sample/beam/incident_wavelength"].attrs["units"] = "nm"
    assert opened(path).geometry.values["energy"] == pytest.approx(8999.96, abs=0.1)
