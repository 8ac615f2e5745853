"""MAX IV NanoMAX, SOLEIL CRISTAL and SIXS."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scan_samples import FRAMES, bragg, counts, geometry_of, quietly, turned

from sayre.crystal.geometry_file import stated_in
from sayre.errors import InputError
from sayre.scans import opened

GAMMA, DELTA, THETA = 11.0, 33.0, 17.0


def nanomax(path, *, motor="gontheta", step=0.01, detectors=("merlin",), snapshots="snapshots/pre_scan"):
    angles = {"gontheta": THETA, "gonphi": 4.0, "energy": 9000.0}[motor] + step * np.arange(FRAMES)
    with h5py.File(path, "w") as file:
        file["entry/description"] = [f"ascan {motor} {angles[0]:g} {angles[-1]:g} {FRAMES - 1} 1".encode()]
        for name, value in {
            "gontheta": THETA,
            "gonphi": 4,
            "gamma": GAMMA,
            "delta": DELTA,
            "energy": 9000,
        }.items():
            file[f"entry/{snapshots}/{name}"] = [float(value)]
        file[f"entry/measurement/{motor}"] = angles
        file["entry/measurement/alba2/1"] = (2.0 + np.arange(FRAMES))[:, None]
        for detector in detectors:
            file[f"entry/measurement/{detector}/frames"] = counts()
    return path


@pytest.mark.parametrize("snapshots", ["snapshots/pre_scan", "snapshot"])
def test_nanomax(tmp_path, snapshots):
    path = nanomax(tmp_path / "000123.h5", snapshots=snapshots)
    pattern, _ = quietly(f"{path}::123")
    assert np.array_equal(pattern.intensity, counts())
    stated = stated_in(pattern.meta.geometry, "file")
    assert stated.missing == ("distance",)
    assert stated.values["energy"] == 9000
    assert stated.values["angles"] == (GAMMA, DELTA)
    assert stated.values["pixel_size"] == (55e-6, 55e-6)
    assert stated.values["rocking_axis"] == "x-"
    assert stated.values["rocking_step"] == pytest.approx(0.01)
    whole = stated.over(stated_in("distance = 0.65", "user")).complete("both")
    q = bragg(9000, ("y-", GAMMA), ("x-", DELTA))
    assert np.linalg.norm(whole.g()) == pytest.approx(q, rel=1e-6)
    divided, _ = quietly(path, normalise="monitor")
    monitor = 2.0 + np.arange(FRAMES)
    assert np.allclose(divided.intensity, counts() * (monitor.mean() / monitor)[:, None, None], rtol=1e-6)


def test_nanomax_rocks_another_circle_two_detectors_and_the_energy(tmp_path):
    pattern, _ = quietly(nanomax(tmp_path / "1.h5", motor="gonphi", step=-0.02))
    values = stated_in(pattern.meta.geometry, "file").values
    assert np.allclose(values["rocking_axis"], turned(("x-", THETA)) @ [0, -1, 0])
    assert values["rocking_step"] == pytest.approx(-0.02)
    with pytest.raises(InputError, match=r"2 detectors \(eiger500k, merlin\)"):
        quietly(nanomax(tmp_path / "2.h5", detectors=("merlin", "eiger500k")))
    with pytest.raises(InputError, match="the energy was scanned"):
        quietly(nanomax(tmp_path / "3.h5", motor="energy", step=1.0))


def cristal(path, scans=(12,), *, name="omega", detectors=("data_06",), scale=1.0):
    with h5py.File(path, "w") as file:
        for scan in scans:
            group = file.create_group(f"exp_{scan:04d}")
            group["CRISTAL/Diffractometer/I06-C-C07-EX-DIF-DELTA/position"] = [DELTA]
            group["CRISTAL/Diffractometer/i06-c-c07-ex-dif-gamma/position"] = [GAMMA]
            group["CRISTAL/i06-c-c07-ex-mg_omega/position"] = [scale * THETA]
            group["CRISTAL/i06-c-c07-ex-mg_phi/position"] = [1.5]
            group["CRISTAL/Monochromator/energy"] = [8.5]
            group["scan_config/name"] = f"ascan_mg_{name}_0012"
            group["scan_data/actuator_1_1"] = scale * (THETA + 0.01 * np.arange(FRAMES))
            group["scan_data/data_01"] = np.ones(FRAMES)
            for detector in detectors:
                group[f"scan_data/{detector}"] = counts()
    return path


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_cristal(tmp_path, scale):
    pattern, _ = quietly(f"{cristal(tmp_path / 'a.nxs', scale=scale)}::12")
    stated = stated_in(pattern.meta.geometry, "file")
    assert set(stated.missing) == {"distance", "pixel_size"}
    assert stated.values["energy"] == 8500
    assert (stated.values["rocking_axis"], stated.values["angles"]) == ("x-", (GAMMA, DELTA))
    assert stated.values["rocking_step"] == pytest.approx(0.01)
    more = stated_in("distance = 1.2\npixel_size = 55e-6", "user")
    q = bragg(8500, ("y+", GAMMA), ("x-", DELTA))
    assert np.linalg.norm(stated.over(more).complete("both").g()) == pytest.approx(q, rel=1e-6)


def test_cristal_in_phi_and_its_scans_and_detectors(tmp_path):
    path = cristal(tmp_path / "a.nxs", scans=(12, 13), name="phi", detectors=("data_06", "data_10"))
    with pytest.raises(InputError, match=r"2 scans \(12 ascan_mg_phi_0012, 13 .*name one as a\.nxs::12"):
        quietly(path)
    with pytest.raises(InputError, match=r"2 detectors \(data_06, data_10\); name one as .*::13/data_06"):
        quietly(f"{path}::13")
    pattern, _ = quietly(f"{path}::13/data_10")
    assert pattern.meta.scan.dataset == "/exp_0013/scan_data/data_10"
    axis = stated_in(pattern.meta.geometry, "file").values["rocking_axis"]
    assert np.allclose(axis, turned(("x-", THETA)) @ [0, 1, 0])


@pytest.mark.parametrize("name", ["energy", "slit"])
def test_cristal_scans_of_what_turns_nothing(tmp_path, name):
    with pytest.raises(InputError, match="the energy was scanned" if name == "energy" else "turns no circle"):
        quietly(cristal(tmp_path / "a.nxs", name=name))


def sixs(path, group="i14-c-cx1-ex-med-v-dif-group.1/", key="position", alias=""):
    with h5py.File(path, "w") as file:
        for name, value in {"mu": 12.0, "omega": 1.0, "gamma": GAMMA, "delta": DELTA}.items():
            file[f"com/SIXS/{group}i14-c-cx1-ex-{name}/{key}"] = [value]
        file["com/SIXS/i14-c-c02-op-mono/energy"] = [8.51]
        file["com/scan_data/actuator_1_1"] = 12 + 0.005 * np.arange(FRAMES)
        if alias:
            file["com/scan_data/actuator_1_1"].attrs["long_name"] = alias
        file["com/scan_data/data_02"] = np.zeros((FRAMES, 516, 516), np.uint16)
        file["com/scan_data/data_02"][:, :12, :14] = counts()
    return path


@pytest.mark.parametrize(
    ("group", "key"), [("i14-c-cx1-ex-med-v-dif-group.1/", "position"), ("", "position_pre")]
)
def test_sixs_leaves_its_axes_to_the_user(tmp_path, group, key):
    path = sixs(tmp_path / "align_00045.nxs", group, key)
    pattern, told = quietly(f"{path}::45")
    assert np.array_equal(pattern.intensity[:, :12, :14], counts())
    assert pattern.mask[:, 256].all()
    stated = stated_in(pattern.meta.geometry, "file")
    assert set(stated.missing) == {"distance", "rocking_axis", "beamline", "angles"}
    assert (stated.values["energy"], stated.values["pixel_size"]) == (8510, (55e-6, 55e-6))
    assert stated.values["rocking_step"] == pytest.approx(0.005)
    assert f"gamma {GAMMA:g} °, delta {DELTA:g} °" in told
    user = f'detector = [["y+", {GAMMA}], ["x-", {DELTA}]]\nrocking_axis = "y+"\ndistance = 1.1'
    whole = stated.over(stated_in(user, "user")).complete("both")
    assert np.linalg.norm(whole.g()) == pytest.approx(bragg(8510, ("y+", GAMMA), ("x-", DELTA)), rel=1e-6)


def test_sixs_actuators_that_are_named(tmp_path):
    assert opened(sixs(tmp_path / "a_1.nxs", alias="i14/mu")).moved[0].turns
    with pytest.raises(InputError, match="turns no circle of the sample"):
        quietly(sixs(tmp_path / "a_2.nxs", alias="i14/slit"))


def test_geometry_of_a_file_is_whole_for_none_of_them(tmp_path):
    pattern, _ = quietly(nanomax(tmp_path / "1.h5"))
    with pytest.raises(InputError, match="file: distance: is missing"):
        geometry_of(pattern)
