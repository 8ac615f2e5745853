"""A region of a raw scan is what a whole one has there, and its geometry is that of the whole frames."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile
from scan_samples import COLUMNS, FRAMES, ROWS, counts, geometry_of, quietly
from test_eiger_and_p10 import fio, master
from test_esrf_bliss import write

from sayre.errors import InputError
from sayre.files.patterns import hdf5

REGION = (slice(3, 8), slice(1, 6), slice(2, 9))


def same_as_the_part(path, region=REGION, **options):
    whole, _ = quietly(path, **options)
    part, told = quietly(path, roi=region, **options)
    assert np.array_equal(part.intensity, whole.intensity[region])
    assert np.array_equal(part.mask, whole.mask[region])
    assert part.meta.origin == tuple(one.start for one in region)
    return whole, part, told


def test_of_bliss(tmp_path):
    whole, part, _ = same_as_the_part(f"{write(tmp_path / 'a.h5')}::2")
    assert geometry_of(part).peak == pytest.approx(geometry_of(whole).peak, abs=3)
    assert geometry_of(part).rocking_step == geometry_of(whole).rocking_step


def test_of_whole_frames_with_gaps(tmp_path):
    stack = np.zeros((FRAMES, 516, 516), np.uint16)
    stack[:, :ROWS, :COLUMNS] = counts()
    path = write(tmp_path / "a.h5", stack=stack)
    region = (slice(2, 7), slice(250, 270), slice(0, 30))
    _, part, told = same_as_the_part(f"{path}::2", region)
    assert np.flatnonzero(part.mask.all(axis=(0, 2))).tolist() == [5, 6, 7, 8, 9, 10]
    assert "gaps of the detector (maxipix) masked" in told


@pytest.mark.parametrize(("blocks", "missing"), [((4, 4, 1), ()), ((4, 4, 1), (2,)), ((1,) * 9, (5,))])
def test_of_eiger_and_p10(tmp_path, blocks, missing):
    folder = tmp_path / "Pt_00012"
    master(folder / "e4m", blocks=blocks, missing=missing)
    same_as_the_part(fio(folder / "Pt_00012.fio"), (slice(2, 8), *REGION[1:]))
    same_as_the_part(master(tmp_path / "alone", blocks=blocks, missing=missing), (slice(2, 8), *REGION[1:]))


def test_of_frames_summed_to_points(tmp_path):
    folder = tmp_path / "Pt_00012"
    master(folder / "e4m", blocks=(2,) * FRAMES, stack=np.repeat(counts(), 2, axis=0))
    same_as_the_part(fio(folder / "Pt_00012.fio"))


def test_no_more_is_read_than_the_region(tmp_path, monkeypatch):
    read = []
    whole = hdf5.read_counts

    def spied(path, dataset, region=None, out=None):
        read.append(region)
        return whole(path, dataset, region, out)

    monkeypatch.setattr(hdf5, "read_counts", spied)
    quietly(master(tmp_path, blocks=(4, 4, 1)), roi="2:5,1:6,2:9")
    assert read == [
        (slice(2, 4), slice(1, 6), slice(2, 9)),
        (slice(0, 1), slice(1, 6), slice(2, 9)),
    ]


def test_regions_that_cannot_be(tmp_path):
    path = f"{write(tmp_path / 'a.h5')}::2"
    for roi, message in [
        ("0:99,:,:", "region 0:99 must lie within 0:9"),
        ("0:3,:", "one range for each of 3 axes"),
        ("3,4,5", "one range for each axis, such as 10:50"),
        ("0:3,:,5:2000", "region 5:2000 must lie within 0:"),
    ]:
        with pytest.raises(InputError, match=message):
            quietly(path, roi=roi)


def test_masks_of_whole_frames_are_cut(tmp_path):
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[4, 5] = True
    tifffile.imwrite(tmp_path / "mask.tif", mask.astype("u1"))
    np.save(tmp_path / "white.npy", np.random.default_rng(0).uniform(900, 1100, mask.shape).round() * 100)
    path = f"{write(tmp_path / 'a.h5')}::2"
    _, part, _ = same_as_the_part(path, mask=tmp_path / "mask.tif")
    assert part.mask[:, 3, 3].all()
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["entry/data/data"] = counts()
    for name in (path, tmp_path / "b.h5"):  # relative to the median of the pixels at hand: a factor
        whole, part = (quietly(name, flat=tmp_path / "white.npy", roi=roi)[0] for roi in (None, REGION))
        ratio = part.intensity[part.intensity > 0] / whole.intensity[REGION][part.intensity > 0]
        assert np.ptp(ratio) < 1e-5
