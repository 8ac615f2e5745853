"""OME-TIFF whose frames are in several files: those of a file that is missing were not measured."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import sayre
from sayre.errors import InputError, SayreWarning

COUNTS = np.random.default_rng(0).poisson(20, (6, 10, 12)).astype(np.uint16)
OWN = [f"urn:uuid:{part:08d}-0000-0000-0000-000000000000" for part in (1, 2)]


def described(part):
    """OME-XML of six frames, three in each of two files."""
    places = "".join(
        f'<TiffData FirstZ="{z}" IFD="{z % 3}" PlaneCount="1"><UUID FileName="part{z // 3}.ome.tif">'
        f"{OWN[z // 3]}</UUID></TiffData>"
        for z in range(6)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{OWN[part]}">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="12" '
        'SizeY="10" SizeZ="6" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        f"{places}</Pixels></Image></OME>"
    )


@pytest.fixture
def parts(tmp_path):
    for part in (0, 1):
        tifffile.imwrite(
            tmp_path / f"part{part}.ome.tif",
            COUNTS[3 * part : 3 * part + 3],
            description=described(part),
            metadata=None,
            photometric="minisblack",
        )
    return tmp_path


def test_all_parts_are_one_stack(parts):
    pattern = sayre.load(parts / "part0.ome.tif")
    assert np.array_equal(pattern.intensity, COUNTS)
    assert not pattern.mask.any()


def test_frames_of_a_missing_part_are_masked(parts):
    (parts / "part1.ome.tif").unlink()
    with pytest.warns(
        SayreWarning, match="3 of 6 frames are in other files, which are missing: not measured"
    ):
        pattern = sayre.load(parts / "part0.ome.tif")
    assert pattern.mask.all(axis=(1, 2)).tolist() == [False] * 3 + [True] * 3
    assert np.array_equal(pattern.intensity[:3], COUNTS[:3])
    with pytest.warns(SayreWarning, match="2 of 3 frames"):
        part = sayre.load(parts / "part0.ome.tif", roi="2:5,:,2:9")
    assert np.array_equal(part.mask, pattern.mask[2:5, :, 2:9])
    assert np.array_equal(part.intensity, pattern.intensity[2:5, :, 2:9])
    with pytest.raises(InputError, match="its frames are in other files, which are missing; put them beside"):
        sayre.load(parts / "part0.ome.tif", roi="3:6,:,:")
