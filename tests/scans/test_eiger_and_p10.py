"""EIGER masters and PETRA III P10: fio files, blocks of frames, and blocks that do not exist."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scan_samples import COLUMNS, FRAMES, ROWS, bragg, counts, geometry_of, quietly, turned

from sayre.errors import InputError
from sayre.scans import opened

GAMMA, DELTA, MU, OMEGA, CHI = 12.0, 31.0, 0.25, 15.5, 91.0


def master(folder, name="Pt_00012", *, blocks=(4, 4, 1), missing=(), meant=None, stack=None):
    """A master with blocks of so many frames; blocks of `missing` numbers were never written."""
    stack = counts() if stack is None else stack
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_master.h5"
    with h5py.File(path, "w") as file:
        start = 0
        for number, size in enumerate(blocks, 1):
            target = f"{name}_data_{number:06d}.h5"
            file[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(target, "/entry/data/data")
            if number not in missing:
                with h5py.File(folder / target, "w") as block:
                    block["entry/data/data"] = stack[start : start + size]
            start += size
        detector = file.create_group("entry/instrument/detector")
        detector["beam_center_y"], detector["beam_center_x"] = -2000.0, 5.0
        detector["y_pixel_size"] = detector["x_pixel_size"] = 75e-6
        detector["detector_distance"] = 1.8
        mask = np.zeros((ROWS, COLUMNS), np.uint32)
        mask[2, 3] = 1
        detector["detectorSpecific/pixel_mask"] = mask
        detector["detectorSpecific/nimages"] = meant or sum(blocks)
        detector["detectorSpecific/photon_energy"] = 8999.0
        file["entry/instrument/beam/incident_wavelength"] = 1.3776
    return path


def fio(path, *, motor="om", rows=FRAMES, command=None, step=0.02, extra=""):
    angles = {"om": OMEGA, "phi": 2.0}[motor] + step * np.arange(rows)
    command = command or f"ascan {motor} {angles[0]:g} {angles[-1]:g} {rows - 1} 1"
    text = (
        f"!\n! Comments\n!\n%c\n{command}\nuser p10user Acquisition started at Mon Nov 27 21:53:27 2023\n"
        f"!\n! Parameter\n!\n%p\nmu = {MU}\nom = {OMEGA}\nchi = {CHI}\nphi = 2\n"
        f"gam = {GAMMA}\ndel = {DELTA}\nfmbenergy = 9000.0\n_distance = 1830.0\n_ccd = e4m\n{extra}"
        f"!\n! Data\n!\n%d\n Col 1 {motor} DOUBLE\n Col 2 ipetra DOUBLE\n"
    )
    text += "".join(f" {at:.6f} {100 + index}\n" for index, at in enumerate(angles))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "! Acquisition ended at Mon Nov 27 21:55:27 2023\n")
    return path


@pytest.fixture
def p10(tmp_path):
    def write(*, detectors=("e4m",), **known):
        folder = tmp_path / "Pt_00012"
        kept = {key: known.pop(key) for key in ("blocks", "missing", "meant", "stack") if key in known}
        for detector in detectors:
            master(folder / detector, **kept)
        return fio(folder / "Pt_00012.fio", **known)

    return write


def test_counts_and_geometry_of_p10(p10):
    path = p10()
    pattern, told = quietly(path)
    assert pattern.mask[:, 2, 3].all()
    assert np.array_equal(pattern.intensity, np.where(pattern.mask, 0, counts()))
    assert "whose gaps are not masked" in told
    geometry = geometry_of(pattern)
    assert geometry.detector == (("y+", GAMMA), ("x-", DELTA))
    assert (geometry.energy, geometry.distance, geometry.pixel_size) == (9000, 1.83, (75e-6, 75e-6))
    assert (geometry.row, geometry.column, geometry.peak) == ("y-", "x-", (0, 0))
    assert geometry.rocking_step == pytest.approx(0.02)
    assert np.allclose(geometry.rocking_axis, turned(("y+", MU)) @ [-1, 0, 0])
    middle = pytest.approx(OMEGA + 0.08)
    assert geometry.sample == (("y+", MU), ("x-", middle), ("z+", CHI - 90), ("y-", 2.0))
    q = bragg(9000, ("y+", GAMMA), ("x-", DELTA))
    assert np.linalg.norm(geometry.g()) == pytest.approx(q, rel=1e-6)
    assert pattern.meta.scan.scan == "12"
    assert set(pattern.meta.scan.files) == {
        "Pt_00012.fio",
        "Pt_00012_master.h5",
        *(f"Pt_00012_data_{number:06d}.h5" for number in (1, 2, 3)),
    }
    by_master, _ = quietly(path.parent / "e4m" / "Pt_00012_master.h5")
    assert by_master.meta.geometry == pattern.meta.geometry


def test_phi_turns_with_omega_and_chi_from_90(p10):
    pattern, told = quietly(p10(motor="phi"))
    expected = turned(("y+", MU), ("x-", OMEGA), ("z+", CHI - 90)) @ [0, -1, 0]
    assert np.allclose(geometry_of(pattern).rocking_axis, expected)
    assert "the axis of phi is taken as bcdi does" in told


def test_a_block_that_is_lost_in_the_middle_is_masked(p10):
    pattern, told = quietly(p10(missing=(2,)))
    assert list(np.flatnonzero(pattern.mask.all(axis=(1, 2)))) == [4, 5, 6, 7]
    assert np.array_equal(pattern.intensity[8], np.where(pattern.mask[8], 0, counts()[8]))
    assert "1 of 3 files of frames do not exist (Pt_00012_data_000002.h5)" in told
    assert "4 of 9 frames do not exist, masked" in told


def test_an_aborted_scan(p10):
    pattern, told = quietly(p10(rows=8, blocks=(4, 4, 4, 4), missing=(3, 4), meant=16))
    assert np.array_equal(pattern.intensity, np.where(pattern.mask, 0, counts()[:8]))
    assert "2 of 4 files of frames do not exist" in told


def test_several_frames_a_point_are_summed(p10):
    stack = np.repeat(counts(), 2, axis=0)
    pattern, told = quietly(p10(blocks=(2,) * FRAMES, stack=stack))
    assert np.array_equal(pattern.intensity, np.where(pattern.mask, 0, 2 * counts()))
    assert "2 frames of each point were summed" in told


def test_two_detectors_of_p10_are_not_one(p10):
    path = p10(detectors=("e4m", "e500"))
    with pytest.raises(InputError, match=r"2 detectors \(e4m, e500\); name one as .*::12/e4m"):
        quietly(path)
    assert "e500" in quietly(f"{path}::12/e500")[0].meta.scan.dataset


@pytest.mark.parametrize(
    ("command", "message"),
    [("time_series 9 1.0", None), ("ascan fmbenergy 9000 9010 8 1", "the energy was scanned")],
)
def test_what_p10_scanned(p10, command, message):
    path = p10(command=command)
    if message is None:
        assert geometry_of(quietly(path)[0]).rocking_step == pytest.approx(0.02)
        return
    path.write_text(path.read_text().replace("Col 1 om", "Col 1 fmbenergy"))
    with pytest.raises(InputError, match=message):
        quietly(path)


def test_no_master(tmp_path):
    path = fio(tmp_path / "Pt_00012" / "Pt_00012.fio")
    with pytest.raises(InputError, match=r"no master Pt_00012_master\.h5 is in a folder beside it"):
        quietly(path)
    elsewhere = master(tmp_path / "moved")
    assert quietly(path, frames=elsewhere.parent)[0].shape == (FRAMES, ROWS, COLUMNS)


def test_a_master_alone_knows_a_part(tmp_path):
    path = master(tmp_path)
    pattern, told = quietly(path)
    assert np.array_equal(pattern.intensity, np.where(pattern.mask, 0, counts()))
    assert told == ""
    stated = opened(path).geometry
    assert (stated.values["energy"], stated.values["distance"]) == (8999, 1.8)
    assert stated.missing == ("rocking_axis", "rocking_step", "beamline", "angles")
    assert "peak = [2005, 3]" in pattern.meta.geometry


@pytest.mark.parametrize(
    ("known", "lost", "message"),
    [
        ({"missing": (3,)}, [], "1 of 3 files of frames do not exist"),
        ({"missing": (1,)}, [0, 1, 2, 3], "the 5 frames of the others are read"),
        ({"meant": 50}, [], "9 of 50 frames exist; those are read"),
    ],
)
def test_frames_of_a_master_that_do_not_exist(tmp_path, known, lost, message):
    pattern, told = quietly(master(tmp_path, **known))
    assert list(np.flatnonzero(pattern.mask.all(axis=(1, 2)))) == lost
    whole = counts()[: len(pattern.intensity)]
    assert np.array_equal(pattern.intensity, np.where(pattern.mask, 0, whole))
    assert message in told


def test_a_master_whose_frames_are_all_elsewhere(tmp_path):
    with pytest.raises(InputError, match=r"no file of its frames is there \(Pt_00012_data_000001\.h5, …\)"):
        quietly(master(tmp_path, missing=(1, 2, 3)))
