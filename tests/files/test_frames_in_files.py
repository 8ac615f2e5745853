"""TIFF frames as beamlines leave them: numbers, strangers, lost frames, pages, compression."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from sayre.errors import InputError, SayreWarning
from sayre.files import load

COUNTS = np.random.default_rng(0).integers(1, 3000, (12, 9, 10)).astype("u2")


def write(folder, names, frames=COUNTS):
    folder.mkdir(exist_ok=True)
    for name, frame in zip(names, frames, strict=True):
        tifffile.imwrite(folder / name, frame, photometric="minisblack")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        lambda k: f"im_{k}.tif",
        lambda k: f"S54_{k:04d}.tiff",
        lambda k: f"54_{k}_0.1s.tif",
        lambda k: f"a{k:03d}_{20200101120000 + 7 * k * k}.tif",
        lambda k: f"b{5 * k}.tif",
    ],
)
def test_frames_are_in_the_order_of_their_number(tmp_path, name):
    """Padded or not, beside numbers that are the same in all names, time stamps, in steps of five."""
    folder = write(tmp_path / "a", [name(k) for k in range(12)])
    (folder / "._im_3.tif").write_bytes(b"\0\5\26\7" * 50)
    pattern = load(folder)
    assert np.array_equal(pattern.intensity, COUNTS)
    assert not pattern.mask.any()


def test_lost_frames_are_masked_and_strangers_left_out(tmp_path):
    kept = [k for k in range(12) if k not in (4, 7)]
    folder = write(tmp_path / "a", [f"s54_{k:03d}.tif" for k in kept], COUNTS[kept])
    tifffile.imwrite(folder / "whitefield.tif", COUNTS[0])
    with pytest.warns(SayreWarning) as said:
        pattern = load(folder)
    assert np.array_equal(np.flatnonzero(pattern.mask.all(axis=(1, 2))), [4, 7])
    assert pattern.mask.sum() == 2 * 90
    assert np.array_equal(pattern.intensity[kept], COUNTS[kept])
    texts = [str(one.message) for one in said]
    assert "a: left out, no frames of the scan: whitefield.tif" in texts
    assert "a: 2 of 12 frames are missing in the numbering, masked" in texts


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([f"s{54 + k // 6}_{k % 6}.tif" for k in range(12)], "6 frames s54_… and 6 s55_…; name those of"),
        (
            [f"{'ab'[k // 6]}_{k % 6}.tif" for k in range(12)],
            "6 frames a_… and 6 b_…",
        ),
    ],
)
def test_two_scans_are_not_one(tmp_path, names, message):
    with pytest.raises(InputError, match=message):
        load(write(tmp_path / "a", names))


def test_a_pattern_names_one_scan_of_a_folder(tmp_path):
    write(tmp_path / "a", [f"s{54 + k // 6}_{k % 6}.tif" for k in range(12)])
    assert np.array_equal(load(tmp_path / "a" / "s55_*.tif").intensity, COUNTS[6:])


def test_files_of_several_frames_are_joined(tmp_path):
    folder = write(tmp_path / "a", [f"part_{k}.tif" for k in range(4)], COUNTS.reshape(4, 3, 9, 10))
    assert np.array_equal(load(folder).intensity, COUNTS)
    (folder / "part_1.tif").unlink()
    with pytest.warns(SayreWarning, match="3 of 12 frames are missing in the numbering"):
        pattern = load(folder)
    assert np.array_equal(np.flatnonzero(pattern.mask.any(axis=(1, 2))), [3, 4, 5])


def test_frames_of_unlike_types_are_of_the_wider(tmp_path):
    frames = [frame.astype("u1") if k % 2 else frame for k, frame in enumerate(np.minimum(COUNTS, 200))]
    folder = write(tmp_path / "a", [f"{k}.tif" for k in range(12)], frames)
    assert np.array_equal(load(folder).intensity, np.minimum(COUNTS, 200))


def test_pages_written_one_by_one_are_a_stack(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for frame in COUNTS:
            file.write(frame, contiguous=False)
    assert np.array_equal(load(tmp_path / "a.tif").intensity, COUNTS)
    with tifffile.TiffWriter(tmp_path / "a.tif", append=True) as file:
        file.write(COUNTS[0, :4, :4], contiguous=False)
    with pytest.raises(InputError, match="pages of different shape or type"):
        load(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_deflate"])
@pytest.mark.parametrize("dtype", ["u2", "i4", "f4"])
def test_compressed_pages_are_read_without_another_package(tmp_path, compression, dtype):
    images = [Image.fromarray(frame.astype(dtype)) for frame in COUNTS]
    path = tmp_path / "a.tif"
    images[0].save(path, save_all=True, append_images=images[1:], compression=compression)
    assert np.array_equal(load(path).intensity, COUNTS)


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"imagej": True}, {"compression": "zlib"}])
def test_a_region_of_a_stack(tmp_path, options):
    tifffile.imwrite(tmp_path / "a.tif", COUNTS, **options)
    region = (slice(2, 9), slice(3, 8), slice(0, 4))
    pattern = load(tmp_path / "a.tif", roi=region)
    assert np.array_equal(pattern.intensity, COUNTS[region])
    assert pattern.meta.origin == (2, 3, 0)
    folder = write(tmp_path / "b", [f"{k}.tif" for k in range(12)])
    assert np.array_equal(load(folder, roi=region).intensity, COUNTS[region])
