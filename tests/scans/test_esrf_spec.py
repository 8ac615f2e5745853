"""ESRF ID01 before BLISS: spec and EDF frames."""

from __future__ import annotations

import gzip
import sys

import numpy as np
import pytest
from scan_samples import FRAMES, PEAK, counts, geometry_of, quietly, turned

from sayre.errors import InputError
from sayre.files.safety.within import only_within
from sayre.numerics import memory

fabio = pytest.importorskip("fabio")
FIRST = 120


@pytest.fixture
def scan(tmp_path):
    def write(
        *,
        drop=(),
        names="mu eta phi nu del nrj",
        images=True,
        extra="",
        where="images/sample",
        ending=".edf.gz",
    ):
        stack = counts()
        folder = tmp_path / "images/sample"
        folder.mkdir(parents=True, exist_ok=True)
        for index, frame in enumerate(stack):
            if index not in drop:
                file = folder / f"data_mpx4_{FIRST + index:05d}{ending}"
                fabio.edfimage.EdfImage(data=frame.astype(np.int32)).write(str(file))
        line = "#C imageFile dir[/data/visitor/sample] prefix[data_mpx4_] nextNr[120] suffix[.edf.gz]\n"
        text = (
            "#F /data/id01/inhouse/sample.spec\n#E 1\n#D now\n\n"
            "#O0 mu  eta  phi  nu  del  nrj\n\n"
            "#UDETCALIB cen_pix_x=11.5,cen_pix_y=-281.25,det_distance_CC=1.43,det_distance_COM=1.19\n"
            "#S 4 ascan eta 12 12.16 8 1\n#D now\n"
            "#P0 0 12 3 20 33 8\n"
            f"{line if images else ''}#UMONO mono_angle=14.4,mononrj=8.0000keV\n"
            f"#N 3\n#L Eta  exp1  mpx4inr{extra}\n"
        )
        for index in range(FRAMES):
            text += f"{12 + 0.02 * index:.6g} {200 + index} {FIRST + index}{' 7' if extra else ''}\n"
        (tmp_path / "sample.spec").write_text(text)
        return tmp_path / "sample.spec", folder, stack

    return write


def test_counts_and_geometry(scan):
    path, folder, stack = scan()
    pattern, _ = quietly(f"{path}::4")
    assert np.array_equal(pattern.intensity, stack)
    geometry = geometry_of(pattern)
    assert geometry.detector == (("y-", 20.0), ("x-", 33.0))
    assert (geometry.energy, geometry.distance, geometry.pixel_size) == (8000, 1.19, (55e-6, 55e-6))
    assert (geometry.rocking_axis, geometry.rocking_step) == ("x-", 0.02)
    row, column = PEAK[1] + 281.25, PEAK[2] - 11.5
    assert geometry.peak == (row, column)
    place = turned(("y-", 20.0), ("x-", 33.0)) @ [column * 55e-6, -row * 55e-6, 1.19]
    two_theta = np.arccos(place[2] / np.linalg.norm(place))
    q = 4 * np.pi / (12398.419843 / 8000) * np.sin(two_theta / 2)
    assert np.linalg.norm(geometry.g()) == pytest.approx(q, rel=1e-7)
    assert pattern.meta.scan.dataset == str(folder)


def test_missing_frames_and_a_folder_elsewhere(scan, tmp_path):
    path, folder, stack = scan(drop=(2,), images=False, ending=".edf")
    with pytest.raises(InputError, match="no folder of its frames is beside it; name it by `frames=`"):
        quietly(f"{path}::4")
    pattern, told = quietly(f"{path}::4", frames=folder)
    assert list(np.flatnonzero(pattern.mask.all(axis=(1, 2)))) == [2]
    assert np.array_equal(np.delete(pattern.intensity, 2, 0), np.delete(stack, 2, 0))
    assert "1 of 9 frames do not exist, masked" in told
    (folder / "data_mpx4_00007.edf").write_bytes((folder / "data_mpx4_00120.edf").read_bytes())
    for file in folder.glob("*_0012*.edf"):
        file.unlink()
    with pytest.raises(InputError, match="none of the frames 120 to 128 is in"):
        quietly(f"{path}::4", frames=folder)


def test_two_detectors_are_not_one(scan):
    path, _, _ = scan(extra="  ei2minr")
    with pytest.raises(InputError, match=r"2 columns count frames \(mpx4inr, ei2minr\); .*::4/mpx4inr"):
        quietly(f"{path}::4")
    assert np.array_equal(quietly(f"{path}::4/mpx4inr")[0].intensity, counts())


def test_without_the_extra(scan, monkeypatch):
    path, _, _ = scan()
    monkeypatch.setitem(sys.modules, "fabio", None)
    with pytest.raises(InputError, match=r'EDF frames: needs fabio .*pip install "sayre\[beamline\]"$'):
        quietly(f"{path}::4")


def test_a_damaged_frame_is_named(scan):
    path, folder, _ = scan()
    (folder / "data_mpx4_00123.edf.gz").write_bytes(b"no frame at all")
    with pytest.raises(InputError, match=r"data_mpx4_00123\.edf\.gz: cannot be read"):
        quietly(f"{path}::4")


def test_a_recorded_folder_elsewhere_is_said_and_refused_where_one_folder_is_named(scan, tmp_path):
    path, folder, stack = scan(where="elsewhere/sample")
    path.write_text(path.read_text().replace("/data/visitor/sample", str(folder)))
    apart = tmp_path / "apart"
    apart.mkdir()
    path = path.rename(apart / path.name)
    pattern, told = quietly(f"{path}::4")
    assert np.array_equal(pattern.intensity, stack)
    assert f"imageFile in its header leads to {folder}, outside its folder" in told
    with only_within(apart), pytest.raises(InputError, match="imageFile in its header leads to"):
        quietly(f"{path}::4")


@pytest.mark.parametrize("ending", [".edf", ".edf.gz"])
def test_a_frame_whose_end_is_missing_is_refused(scan, ending):
    """fabio puts zeros there and says so on stderr alone."""
    path, folder, stack = scan(ending=ending)
    assert np.array_equal(quietly(f"{path}::4")[0].intensity, stack)
    cut = folder / f"data_mpx4_{FIRST + 3:05d}{ending}"
    opened = gzip.open if ending.endswith("gz") else open
    with opened(cut, "rb") as file:
        whole = file.read()
    with opened(cut, "wb") as file:
        file.write(whole[:-100])
    with pytest.raises(InputError, match=r"data_mpx4_00123\.edf.*bytes of a frame of 672 are there"):
        quietly(f"{path}::4")
    cut.write_bytes(cut.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"data_mpx4_00123\.edf"):
        quietly(f"{path}::4")


def test_frames_that_are_stated_beyond_the_memory_are_refused_before_they_are_read(scan, monkeypatch):
    path, folder, _ = scan(ending=".edf")
    for file in folder.iterdir():
        head = file.read_bytes().replace(b"Dim_1 = 14 ;", b"Dim_1 = 4000000 ;", 1).replace(b"     }", b"}", 1)
        file.write_bytes(head)
    monkeypatch.setattr(memory, "available", lambda: 2**30)
    with pytest.raises(InputError, match=r"9 frames of its shape needs 3\.2 GiB of memory"):
        quietly(f"{path}::4")
