"""CXI: PyNX's layout by path, its marks, and cdiutils files."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from io_samples import META, make
from scipy.constants import c, e, h

from sayre.errors import InputError, SayreWarning
from sayre.files import load, save
from sayre.files.patterns.cxi import decode, encode

DETECTOR = "entry_1/instrument_1/detector_1"


@pytest.mark.parametrize(
    ("place", "value", "unit"),
    [
        (f"{DETECTOR}/distance", 0.5, "m"),
        (f"{DETECTOR}/x_pixel_size", 75e-6, "m"),
        (f"{DETECTOR}/y_pixel_size", 55e-6, "m"),
        ("entry_1/instrument_1/beam_1/incident_energy", 9000 * e, "J"),
        ("entry_1/instrument_1/beam_1/incident_wavelength", h * c / (9000 * e), "m"),
        ("entry_1/instrument_1/source_1/energy", 9000 * e, "J"),
    ],
)
def test_pynx_geometry(place, value, unit, tmp_path, manifest):
    save(tmp_path / "a.cxi", make("pattern"), manifest)
    with h5py.File(tmp_path / "a.cxi") as file:
        assert file[place][()] == pytest.approx(value, rel=1e-12)
        assert file[place].attrs["units"] == unit


@pytest.mark.parametrize("shape", [(5, 6, 7), (8, 9)])
def test_pynx_layout(shape, tmp_path, manifest):
    what = make("pattern", shape)
    save(tmp_path / "a.cxi", what, manifest)
    with h5py.File(tmp_path / "a.cxi") as file:
        assert file["cxi_version"][()] == 140
        link = file.get("entry_1/data_1/data", getlink=True)
        assert isinstance(link, h5py.SoftLink)
        assert link.path == f"/{DETECTOR}/data"
        assert file["entry_1/data_1"].attrs["NX_class"] == "NXdata"
        assert file["entry_1/data_1"].attrs["signal"] == "data"
        data, mask = file[f"{DETECTOR}/data"], file[f"{DETECTOR}/mask"]
        assert (data.dtype, data.compression, data.shuffle) == (np.float32, "gzip", True)
        np.testing.assert_array_equal(data[()], what.intensity)
        np.testing.assert_array_equal(mask[()], what.mask.astype(np.int8), strict=True)
        assert "entry_1/data_1/process_1/configuration" not in file  # PyNX would take it for its parameters


def test_no_mask_where_nothing_is_masked(tmp_path, manifest):
    save(tmp_path / "a.cxi", make("pattern", masked=False), manifest)
    with h5py.File(tmp_path / "a.cxi") as file:
        assert "mask" not in file[DETECTOR]


def test_every_dataset_of_numbers_has_units(tmp_path, manifest):
    missing = []
    for kind in ("filled", "simulated"):
        save(tmp_path / f"{kind}.cxi", make(kind), manifest)
        with h5py.File(tmp_path / f"{kind}.cxi") as file:
            file.visititems(
                lambda name, item: (
                    missing.append(name)
                    if isinstance(item, h5py.Dataset)
                    and item.dtype.kind in "ifc"
                    and "units" not in item.attrs
                    else None
                )
            )
    assert set(missing) == {"cxi_version"}


def test_filled_as_data(tmp_path, manifest):
    what = make("filled")
    save(tmp_path / "a.cxi", what, manifest)
    with h5py.File(tmp_path / "a.cxi") as file:
        np.testing.assert_array_equal(file[f"{DETECTOR}/data"][()], what.intensity, strict=True)
        assert "mask" not in file[DETECTOR]
        np.testing.assert_array_equal(file["entry_1/sayre_1/mask"][()], what.pattern.mask)
        np.testing.assert_array_equal(file["entry_1/sayre_1/sigma"][()], what.sigma, strict=True)
    np.testing.assert_array_equal(load(tmp_path / "a.cxi").mask, what.pattern.mask)


def test_filled_as_estimates(tmp_path, manifest):
    what = make("filled")
    mask = what.pattern.mask
    with pytest.warns(SayreWarning, match="filled voxels are negative, as PyNX marks estimates"):
        save(tmp_path / "a.cxi", what, manifest, cxi_fill="interpolated")
    with h5py.File(tmp_path / "a.cxi") as file:
        assert "mask" not in file[DETECTOR]
        data = file[f"{DETECTOR}/data"][()]
    np.testing.assert_array_equal(data[~mask], what.intensity[~mask])
    np.testing.assert_allclose(data[mask], -(what.intensity[mask].astype(np.float64) + 1) * 1e19, rtol=2e-7)
    assert (data[mask].astype(np.float64) <= -1e19).all()  # in any precision a masked voxel to PyNX
    assert (data[mask] > -1e38).all()
    loaded = load(tmp_path / "a.cxi")
    np.testing.assert_array_equal(loaded.mask, mask)
    np.testing.assert_array_equal(loaded.intensity, what.pattern.intensity)


@given(hnp.arrays(np.float32, 20, elements=st.integers(0, 2**23).map(float)), hnp.arrays(np.int8, 20))
def test_marks_decode(counts, kinds):
    kinds = np.abs(kinds.astype(int)) % 4
    kinds[0] = 1
    marked = np.choose(
        kinds, [counts, np.full(20, -1.05e38), -(counts.astype(float) + 1) * 1e19, -(counts + 1)]
    )
    array = marked.astype(np.float32)
    mask = decode(array)
    np.testing.assert_array_equal(mask, (kinds == 1) | (kinds == 2))
    np.testing.assert_array_equal(array, np.where(mask, 0, counts))


def test_marks_in_a_file(tmp_path):
    counts = np.array([[3, -1.05e38, -8e19], [-6, -1, 0]], np.float32)
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file[f"{DETECTOR}/data"] = counts
    pattern = load(tmp_path / "a.cxi")
    np.testing.assert_array_equal(pattern.intensity, [[3, 0, 0], [5, 0, 0]])
    np.testing.assert_array_equal(pattern.mask, [[False, True, True], [False, False, False]])
    np.save(tmp_path / "b.npy", np.ones((2, 3)))
    np.testing.assert_array_equal(load(tmp_path / "b.npy", mask=tmp_path / "a.cxi").mask, pattern.mask)


def test_free_voxels_alone_need_pynx_as_writer(tmp_path):
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file[f"{DETECTOR}/data"] = np.array([[3, -6], [-1, 2]], np.float32)
    with pytest.warns(SayreWarning, match="2 NaN, infinite or negative"):
        assert load(tmp_path / "a.cxi").mask.sum() == 2
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        file.attrs["creator"] = "PyNX"
    np.testing.assert_array_equal(load(tmp_path / "a.cxi").intensity, [[3, 5], [0, 2]])


def test_gap_marks_of_integer_detectors_are_not_free_voxels(tmp_path):
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file.attrs["creator"] = "PyNX"
        file[f"{DETECTOR}/data"] = np.array([[3, -2], [-1, 2]], np.int32)
    with pytest.warns(SayreWarning, match="2 NaN"):
        np.testing.assert_array_equal(load(tmp_path / "a.cxi").mask, [[False, True], [True, False]])


def test_estimates_need_a_filled_pattern_and_a_cxi(tmp_path, manifest):
    for what, name in ((make("pattern"), "a.cxi"), (make("filled"), "a.npz")):
        with pytest.raises(InputError, match="interpolated is for filled patterns"):
            save(tmp_path / name, what, manifest, cxi_fill="interpolated")
    with pytest.raises(InputError, match="data or interpolated"):
        save(tmp_path / "a.cxi", make("filled"), manifest, cxi_fill="dat")


def test_encode_keeps_measured_voxels():
    what = make("filled")
    np.testing.assert_array_equal(
        encode(what)[~what.pattern.mask], what.pattern.intensity[~what.pattern.mask]
    )


@pytest.mark.parametrize("units_beside", [True, False])
def test_cdiutils_file(units_beside, tmp_path):
    counts, mask = np.arange(60.0).reshape(3, 4, 5), np.zeros((4, 5))
    mask[1] = 1
    with h5py.File(tmp_path / "S1_preprocessed_data.cxi", "w") as file:
        file["cxi_version"] = 150
        entry = file.create_group("entry_1")
        entry["detector_1/description"] = "Maxipix"
        entry["detector_1/mask"] = mask
        entry["detector_1/calibration/distance"] = 1.2
        entry["detector_1/calibration/pwidth1"] = 55e-6
        entry["detector_1/calibration/pwidth2"] = np.nan
        entry["detector_1/distance"] = h5py.SoftLink("/entry_1/detector_1/calibration/distance")
        entry["detector_1/y_pixel_size"] = h5py.SoftLink("/entry_1/detector_1/calibration/pwidth1")
        entry["detector_1/x_pixel_size"] = h5py.SoftLink("/entry_1/detector_1/calibration/pwidth2")
        entry["source_1/energy"] = 9000
        if units_beside:
            entry["source_1/units"] = "eV"
        entry["parameters_1/hkl"] = [1, 1, 1]
        entry["image_1/data"], entry["image_1/mask"] = counts, mask
        entry["image_2/data"] = np.ones((6, 6, 6))
        entry["cropped_detector_data"] = h5py.SoftLink("/entry_1/image_1")
    pattern = load(tmp_path / "S1_preprocessed_data.cxi")
    np.testing.assert_array_equal(pattern.mask, np.broadcast_to(mask > 0, counts.shape))
    np.testing.assert_array_equal(pattern.intensity, np.where(mask > 0, 0, counts).astype(np.float32))
    meta = pattern.meta
    assert (meta.energy, meta.distance, meta.pixel_size) == (9000.0, 1.2, (55e-6, 55e-6))
    assert (meta.hkl, meta.detector) == ((1, 1, 1), "Maxipix")


def test_corner_origin_is_centred(tmp_path):
    counts = np.zeros((4, 5), np.float32)
    counts[0, 0] = 9
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/image_1/data"], file["entry_1/image_1/is_fft_shifted"] = counts, 1
    assert np.argwhere(load(tmp_path / "a.cxi").intensity).tolist() == [[2, 2]]


def test_an_object_is_not_counts(tmp_path):
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/image_1/data"] = np.ones((3, 4, 5), np.complex64)
    with pytest.raises(InputError, match="real numbers, found complex64"):
        load(tmp_path / "a.cxi")


def test_cxi_under_an_hdf5_ending(tmp_path, manifest):
    what = make("filled")
    with pytest.warns(SayreWarning, match="filled voxels are negative, as PyNX marks estimates"):
        save(tmp_path / "a.cxi", what, manifest, cxi_fill="interpolated")
    (tmp_path / "a.cxi").rename(tmp_path / "a.h5")
    assert load(tmp_path / "a.h5").meta.hkl == META.hkl
    np.testing.assert_array_equal(load(tmp_path / "a.h5").intensity, what.pattern.intensity)
