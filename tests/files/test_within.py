"""Files that lead out of their folder: said, or refused where one folder is named."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile

import sayre
from sayre.cli import main
from sayre.errors import InputError, SayreWarning
from sayre.files.safety.within import only_within

COUNTS = np.random.default_rng(0).poisson(5, (4, 8, 8)).astype(np.uint32)


@pytest.fixture
def folder(tmp_path):
    """A folder, and outside it a file of counts and one of bytes."""
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "out.h5", "w") as file:
        file["data"] = COUNTS
    (tmp_path / "out.raw").write_bytes(COUNTS.tobytes())
    return tmp_path / "in"


def linked(path, target):
    with h5py.File(path, "w") as file:
        file["entry/data"] = h5py.ExternalLink(target, "/data")


def virtual(path, target):
    layout = h5py.VirtualLayout(COUNTS.shape, COUNTS.dtype)
    layout[:] = h5py.VirtualSource(target, "data", COUNTS.shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("entry/data", layout)


@pytest.mark.parametrize("make", [linked, virtual])
def test_a_link_out_of_the_folder_is_said_and_refused_where_one_folder_is_named(make, folder, monkeypatch):
    path = folder / "a.h5"
    make(path, "../out.h5")
    with pytest.warns(SayreWarning, match=r"a\.h5: the .* leads to .*out\.h5, outside its folder"):
        np.testing.assert_array_equal(sayre.load(path).intensity, COUNTS)
    monkeypatch.setenv("SAYRE_WITHIN", str(folder))
    with pytest.raises(InputError, match=r"out\.h5, outside .*, the only folder that may be read"):
        sayre.load(path)
    (folder.parent / "out.h5").rename(folder / "out.h5")
    make(path, "out.h5")
    np.testing.assert_array_equal(sayre.load(path).intensity, COUNTS)


def test_bytes_of_any_file_are_not_taken_for_counts(folder):
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        raw = [(str(folder.parent / "out.raw"), 0, COUNTS.nbytes)]
        file.create_dataset("data", COUNTS.shape, COUNTS.dtype, external=raw)
    with pytest.raises(
        InputError, match=r"external storage of /data leads to .*out\.raw, outside its folder"
    ):
        sayre.load(path)


def test_pages_of_a_tiff_in_files_outside_its_folder_are_refused(folder):
    frames, options = COUNTS.astype(np.uint16), {"photometric": "minisblack"}
    for name in ("../out.ome.tif", "a.ome.tif"):
        tifffile.imwrite(folder / name, frames, metadata={"axes": "ZYX"}, **options)
    with tifffile.TiffFile(folder / "../out.ome.tif") as file:
        there = file.ome_metadata
    block = there[there.index("<TiffData") : there.index("</Pixels>")]
    uuid = "urn:uuid:00000000-0000-0000-0000-000000000001"
    other = f'<TiffData IFD="0" PlaneCount="4"><UUID FileName="../out.ome.tif">{uuid}</UUID></TiffData>'
    text = there.replace(block, other).encode()
    tifffile.imwrite(folder / "b.ome.tif", frames, description=text, metadata=None, **options)
    with pytest.raises(InputError, match=r"FileName in its metadata leads to .*out\.ome\.tif, outside"):
        sayre.load(folder / "b.ome.tif")


def test_a_command_reads_within_one_folder(folder, capsys):
    path = folder / "a.h5"
    linked(path, "../out.h5")
    for line in (["info", str(path)], ["inpaint", str(path), "-o", str(folder / "b.npz")]):
        assert main([*line, "--within", str(folder)]) == 2
        assert "the only folder that may be read" in capsys.readouterr().err
        assert main([*line, "--within", str(folder / "none")]) == 2
        assert "none: is no folder; --within names the only one" in capsys.readouterr().err
    assert main(["info", str(path), "--within", str(folder.parent)]) == 0


def test_a_process_apart_reads_within_the_same_folder(folder, monkeypatch):
    path = folder / "a.h5"
    linked(path, "../out.h5")
    monkeypatch.setenv("SAYRE_SAFE_READ", "1")
    with only_within(folder), pytest.raises(InputError, match="the only folder that may be read"):
        sayre.load(path)
