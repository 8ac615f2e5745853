"""Folders and globs of TIFF frames: which are read, and which were never measured."""

import numpy as np
import pytest
import tifffile

from sayre import load
from sayre.errors import InputError, SayreWarning

COUNTS = np.random.default_rng(0).poisson(20, (12, 8, 9)).astype(np.uint32)


def folder_of(tmp_path, numbers, name="scan0054_{:05d}.tif"):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in zip(numbers, COUNTS, strict=False):
        tifffile.imwrite(folder / name.format(number), frame)
    return folder


@pytest.mark.parametrize("step", [1, 5])
def test_frames_that_are_missing_in_the_numbering_are_masked(tmp_path, step):
    folder = folder_of(tmp_path, range(7, 7 + 12 * step, step))
    for lost in (3, 4, 9):
        (folder / f"scan0054_{7 + lost * step:05d}.tif").unlink()
    with pytest.warns(SayreWarning, match="3 of 12 frames are missing in the numbering, masked"):
        found = load(folder)
    there = np.delete(np.arange(12), (3, 4, 9))
    np.testing.assert_array_equal(found.intensity[there], COUNTS[there])
    assert not found.mask[there].any()
    assert found.mask[[3, 4, 9]].all()


@pytest.mark.parametrize("pattern", ["", "*.tif"])
def test_other_images_are_left_out(tmp_path, pattern):
    folder = folder_of(tmp_path, range(12))
    for name in ("whitefield.tif", "other_0001.tif"):
        tifffile.imwrite(folder / name, COUNTS[0] + 1000)
    (folder / "._scan0054_00001.tif").write_bytes(b"of another system")
    with pytest.warns(SayreWarning, match="left out, no frames of the scan: other_0001.tif, whitefield.tif"):
        found = load(folder / pattern)
    np.testing.assert_array_equal(found.intensity, COUNTS)


def test_a_white_field_is_left_out_by_its_name(tmp_path):
    folder = folder_of(tmp_path, "acb", "{}.tif")
    tifffile.imwrite(folder / "dark.tif", COUNTS[0])
    with pytest.warns(SayreWarning, match="dark.tif left out: no frames, by their names"):
        found = load(folder)
    np.testing.assert_array_equal(found.intensity, COUNTS[[0, 2, 1]])


def test_frames_of_two_scans_are_refused(tmp_path):
    folder = folder_of(tmp_path, range(12))
    for number in range(6):
        tifffile.imwrite(folder / f"scan0055_{number:05d}.tif", COUNTS[number])
    with pytest.raises(InputError, match="12 frames scan0054_… and 6 scan0055_…; name those of one scan, as"):
        load(folder)
    assert load(folder / "scan0055_*.tif").shape == (6, 8, 9)


def test_uneven_numbers_are_told(tmp_path):
    with pytest.warns(
        SayreWarning, match="numbers of its 6 frames are uneven; taken as if none were missing"
    ):
        found = load(folder_of(tmp_path, (1, 4, 9, 11, 30, 90)))
    np.testing.assert_array_equal(found.intensity, COUNTS[:6])
    assert not found.mask.any()


def test_a_folder_without_frames_names_what_is_there(tmp_path):
    for name in ("example.spec", "whitefield.tif"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"among example.spec, whitefield.tif; .* or the file of a scan"):
        load(tmp_path)
