"""HDF5 and NeXus files as detectors and beamlines write them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import h5py
import hdf5plugin
import numpy as np
import pytest

from sayre.errors import InputError, SayreWarning
from sayre.files import load
from sayre.files.patterns.hdf5 import image

COUNTS = np.arange(60).reshape(3, 4, 5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def write(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            file[name.replace("__", "/")] = value


def test_the_only_3d_dataset(path):
    write(path, a__counts=COUNTS, a__flat=np.ones((4, 5)), angle=np.arange(3.0), title="x")
    np.testing.assert_array_equal(load(path).intensity, COUNTS.astype(np.float32))


def test_the_only_2d_dataset(path):
    write(path, a__counts=COUNTS[1], angle=np.arange(3.0))
    np.testing.assert_array_equal(load(path).intensity, COUNTS[1].astype(np.float32))


def test_dataset_by_path(path):
    write(path, a__one=COUNTS, a__two=COUNTS + 1)
    for inside in ("a/two", "/a/two"):
        np.testing.assert_array_equal(load(f"{path}::{inside}").intensity, (COUNTS + 1).astype(np.float32))


def test_several_candidates(path):
    write(path, **{f"g__d{n}": COUNTS for n in range(8)})
    with pytest.raises(
        InputError, match=r"8 datasets could be the counts: /g/d0 3×4×5, .*/g/d5 .*, …; name one"
    ) as error:
        load(path)
    assert "/g/d6" not in str(error.value)


def test_nexus_default_decides(path):
    write(path, scan__raw=COUNTS, scan__image__data=COUNTS + 1)
    with h5py.File(path, "a") as file:
        file.attrs["default"] = "scan"
        file["scan"].attrs["default"] = np.bytes_("image")
        file["scan/image"].attrs["signal"] = "data"
    np.testing.assert_array_equal(load(path).intensity, (COUNTS + 1).astype(np.float32))
    np.testing.assert_array_equal(load(f"{path}::/scan/image").intensity, (COUNTS + 1).astype(np.float32))


def test_links_are_not_counted_twice(path):
    write(path, detector__data=COUNTS)
    with h5py.File(path, "a") as file:
        file["alias"] = h5py.SoftLink("/detector")
        file["detector/up"] = h5py.SoftLink("/")
    np.testing.assert_array_equal(load(path).intensity, COUNTS.astype(np.float32))


@pytest.mark.parametrize("filters", [hdf5plugin.Bitshuffle(cname="lz4"), hdf5plugin.LZ4(), hdf5plugin.Zstd()])
def test_detector_compression(filters, path):
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data/data", data=COUNTS.astype(np.uint32), chunks=(1, 4, 5), **filters)
    np.testing.assert_array_equal(load(path).intensity, COUNTS.astype(np.float32))


def test_missing_filter_is_named(path):
    with h5py.File(path, "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((4, 5))
        plist.set_filter(32999, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((4, 5))
        dataset = h5py.h5d.create(file.id, b"d", h5py.h5t.NATIVE_INT32, space, plist)
        dataset.write_direct_chunk((0, 0), b"abc", 0)
    with pytest.raises(InputError, match=r"::/d: needs HDF5 filter 32999 .* not installed"):
        load(path)


def master(folder, frames=2, mask=None):
    for number in range(1, frames + 1):
        write(folder / f"x_data_{number:06d}.h5", entry__data__data=(COUNTS + number).astype(np.uint32))
    with h5py.File(folder / "x_master.h5", "w") as file:
        for number in range(1, frames + 1):
            link = h5py.ExternalLink(f"x_data_{number:06d}.h5", "/entry/data/data")
            file[f"entry/data/data_{number:06d}"] = link
        detector = file.create_group("entry/instrument/detector")
        detector["detectorSpecific/pixel_mask"] = np.eye(4, 5, dtype=np.uint32) if mask is None else mask
        detector["detectorSpecific/photon_energy"] = 8.5
        detector["detectorSpecific/photon_energy"].attrs["units"] = "keV"
        detector["detector_distance"], detector["description"] = 1500.0, "EIGER"
        detector["detector_distance"].attrs["units"] = "mm"
        detector["x_pixel_size"] = detector["y_pixel_size"] = 75e-6
    return folder / "x_master.h5"


@pytest.mark.parametrize("frames", [1, 2])
def test_eiger_master(frames, tmp_path):
    pattern = load(master(tmp_path, frames))
    expected = np.concatenate([COUNTS + number for number in range(1, frames + 1)])
    bad = np.broadcast_to(np.eye(4, 5, dtype=bool), expected.shape)
    np.testing.assert_array_equal(pattern.mask, bad)
    np.testing.assert_array_equal(pattern.intensity, np.where(bad, 0, expected).astype(np.float32))
    meta = pattern.meta
    assert (meta.energy, meta.distance, meta.pixel_size, meta.detector) == (
        8500.0,
        1.5,
        (75e-6, 75e-6),
        "EIGER",
    )


@pytest.mark.parametrize("frames", [1, 2])
def test_eiger_master_without_its_data(frames, tmp_path):
    path = master(tmp_path, frames)
    (tmp_path / f"x_data_{frames:06d}.h5").unlink()
    with pytest.raises(InputError, match=rf"/entry/data/data_{frames:06d} is a link whose target is missing"):
        load(path)
    with pytest.raises(InputError, match="a link whose target is missing"):
        load(f"{path}::/entry/data/data_{frames:06d}")


def test_blocks_of_one_scan_are_joined_in_the_order_of_their_numbers(tmp_path):
    path = tmp_path / "a.h5"
    blocks = {f"entry__data__data_{number}": COUNTS + number for number in range(1, 12)}
    write(path, **blocks)
    expected = np.concatenate([COUNTS + number for number in range(1, 12)])
    np.testing.assert_array_equal(load(path).intensity, expected)


@pytest.mark.parametrize(
    "places",
    [
        ("scan/scan_data/data_06", "scan/scan_data/data_10"),
        ("scan_0011/scan_data/data_01", "scan_0012/scan_data/data_02"),
        ("entry/data/data_2", "entry/data/data_3"),
    ],
    ids=["two detectors", "two scans", "none is the first"],
)
def test_what_are_no_blocks_of_one_scan_is_not_joined(places, tmp_path):
    path = tmp_path / "a.h5"
    write(path, **{place.replace("/", "__"): COUNTS + number for number, place in enumerate(places)})
    with pytest.raises(InputError, match="2 datasets could be the counts") as error:
        load(path)
    assert all(f"/{place}" in str(error.value) for place in places)


def test_virtual_dataset_without_its_source(tmp_path, path):
    write(tmp_path / "frames.h5", data=COUNTS)
    layout = h5py.VirtualLayout(shape=COUNTS.shape, dtype=COUNTS.dtype)
    layout[:] = h5py.VirtualSource("frames.h5", "data", shape=COUNTS.shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data", layout)
    np.testing.assert_array_equal(load(path).intensity, COUNTS.astype(np.float32))
    (tmp_path / "frames.h5").unlink()
    with pytest.raises(InputError, match=r"frames\.h5, which is missing"):
        load(path)


@pytest.mark.parametrize(
    ("value", "unit", "energy"),
    [(9, "keV", 9000), (8000, None, 8000), (1.6e-15, None, 9986.4)],
)
def test_energy_in_its_unit(value, unit, energy, path):
    write(path, entry__data=COUNTS, entry__instrument__beam__incident_energy=float(value))
    if unit:
        units_of(path, "entry/instrument/beam/incident_energy", unit)
    assert load(path).meta.energy == pytest.approx(energy, rel=1e-4)


def units_of(path, place, unit):
    with h5py.File(path, "a") as file:
        file[place].attrs["units"] = unit


def test_energy_is_not_guessed(path):
    write(path, entry__data=COUNTS, entry__instrument__beam__incident_energy=9.0)
    told = r"energy 9 eV is not plausible .*; 9 keV are 9000 eV; taken as unknown"
    with pytest.warns(SayreWarning, match=told):
        assert load(path).meta.energy is None


def test_a_plausible_energy_is_taken_before_one_that_is_not(path):
    """The energy of a storage ring, say, is of no use here."""
    places = {"entry__source_1__energy": 6.03, "entry__instrument__monochromator__energy": 8500.0}
    write(path, entry__data=COUNTS, **places)
    assert load(path).meta.energy == 8500.0


def test_implausible_lengths_are_told_and_unknown(path):
    place = "entry__instrument__detector__"
    lengths = {"distance": 1500.0, "x_pixel_size": 0.055, "y_pixel_size": 55e-6}
    write(path, entry__data=COUNTS, **{place + name: value for name, value in lengths.items()})
    with pytest.warns(SayreWarning) as caught:
        meta = load(path).meta
    assert (meta.distance, meta.pixel_size) == (None, None)
    told = [str(warning.message) for warning in caught]
    assert any("distance 1500 m is not plausible" in text and "1500 mm are 1.5 m" in text for text in told)
    assert any("pixel size 0.055 m" in text and "0.055 mm are 5.5e-05 m" in text for text in told)
    units_of(path, "entry/instrument/detector/distance", "mm")
    units_of(path, "entry/instrument/detector/x_pixel_size", "mm")
    meta = load(path).meta
    assert (meta.distance, meta.pixel_size) == (1.5, (55e-6, 55e-6))


def test_energy_from_wavelength(path):
    write(path, entry__data=COUNTS, entry__instrument__beam__incident_wavelength=1.0)
    with h5py.File(path, "a") as file:
        file["entry/instrument/beam/incident_wavelength"].attrs["units"] = "angstrom"
    assert load(path).meta.energy == pytest.approx(12398.42, rel=1e-6)


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("/scan/detector/dat", "no dataset /scan/detector/dat; there is /scan/detector/data"),
        ("/scan", "a group of detector, name; name a dataset"),
        ("/scan/name", "real numbers, found object"),
        ("/scan/detector/complex", "real numbers, found complex"),
        ("/scan/detector/line", r"2D or 3D array, found shape \(7,\)"),
        ("/scan/detector/four", r"2D or 3D array, found shape \(2, 2, 2, 2\)"),
        ("/scan/detector/empty", r"found shape \(0, 3\)"),
        ("/scan/detector/null", "found shape None"),
    ],
)
def test_unusable_datasets(inside, message, path):
    write(
        path,
        scan__name="x",
        scan__detector__data=COUNTS,
        scan__detector__complex=COUNTS * 1j,
        scan__detector__line=np.ones(7),
        scan__detector__four=np.ones((2, 2, 2, 2)),
        scan__detector__empty=np.ones((0, 3)),
        scan__detector__null=h5py.Empty("f4"),
    )
    with pytest.raises(InputError, match=message):
        load(f"{path}::{inside}")


def test_no_counts_at_all(path):
    write(path, angle=np.arange(3.0))
    with pytest.raises(InputError, match=r"no 2D or 3D numbers, found /angle \(3,\)"):
        load(path)


def test_one_frame_in_front(path):
    write(path, data=COUNTS[np.newaxis])
    np.testing.assert_array_equal(load(path).intensity, COUNTS.astype(np.float32))


def test_mask_that_does_not_fit_is_said(path):
    write(path, entry__data=COUNTS, entry__mask=np.ones((9, 9)))
    with pytest.warns(
        SayreWarning, match=r"mask /entry/mask \(9, 9\) does not fit counts \(3, 4, 5\); not used"
    ):
        assert not load(path).mask.any()


def test_names_inside_a_linked_file_do_not_matter(tmp_path, path):
    write(tmp_path / "b.h5", other__mask=COUNTS)
    with h5py.File(path, "w") as file:
        file["entry/data"] = h5py.ExternalLink("b.h5", "/other/mask")
        file["entry/mask"] = np.eye(4, 5)
    assert load(path).mask.sum() == 3 * 4


def test_threads_make_files_in_memory_at_the_same_time(tmp_path):
    both = Barrier(2)

    def made(number):
        def build(file):
            both.wait(timeout=10)
            file["counts"] = np.full((2, 3, 4), number)

        return image(build)

    with ThreadPoolExecutor(2) as pool:
        for number, content in enumerate(pool.map(made, range(2))):
            (tmp_path / "a.h5").write_bytes(content)
            np.testing.assert_array_equal(load(tmp_path / "a.h5").intensity, number)
