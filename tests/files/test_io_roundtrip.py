"""What is written comes back, through every format."""

import os
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from io_samples import META, make

from sayre.data import FilledPattern, Manifest, Meta, Pattern
from sayre.data.manifest import sha256_of
from sayre.errors import InputError, SayreWarning
from sayre.files import load, load_filled, save

ENDINGS = (".npz", ".cxi", ".h5", ".hdf5", ".nxs", ".tif", ".TIFF")
RELAXED = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def same(loaded: Pattern, original: Pattern) -> None:
    np.testing.assert_array_equal(loaded.intensity, original.intensity, strict=True)
    np.testing.assert_array_equal(loaded.mask, original.mask, strict=True)
    assert loaded.grid == original.grid


@pytest.mark.parametrize("ending", ENDINGS)
@given(data=st.data())
@RELAXED
def test_pattern_round_trip(ending, data, tmp_path, manifest):
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6))
    # Even counts: several voxels at 2^n − 1, far above all others, are read as marks of dead pixels.
    counts = data.draw(hnp.arrays(np.float32, shape, elements=st.integers(0, 2**23).map(lambda n: 2.0 * n)))
    mask = data.draw(hnp.arrays(bool, shape))
    mask.flat[0] = False
    pattern = Pattern.from_counts(counts, mask)
    path = tmp_path / f"a{ending}"
    save(path, pattern, manifest, force=True)
    loaded = load(path)
    same(loaded, pattern)
    assert loaded.meta.source == path.name
    assert loaded.meta.sha256 == sha256_of(path)


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (ending, kind)
        for ending in ENDINGS
        for kind in ("pattern", "filled", "simulated")
        if kind != "simulated" or not ending.lower().startswith(".tif")  # which holds no amplitudes
    ],
)
def test_facts_round_trip(kind, ending, tmp_path, manifest):
    what, path = make(kind), tmp_path / f"a{ending}"
    save(path, what, manifest)
    loaded = load(path)
    same(loaded, what if kind == "pattern" else what.pattern)
    for name in ("distance", "pixel_size", "hkl", "detector"):
        assert getattr(loaded.meta, name) == getattr(META, name)
    assert loaded.meta.energy == pytest.approx(META.energy, rel=1e-12)


@pytest.mark.parametrize("ending", ENDINGS)
def test_where_a_part_was_taken_and_how_it_was_binned_come_back(ending, tmp_path):
    """A crop of what was read has its place in the first file, as one of what was written has."""
    meta = Meta(origin=(7, 0, 30), binning=(1, 2, 3))
    pattern = make("filled", meta=meta)
    save(tmp_path / f"a{ending}", pattern)
    loaded = load(tmp_path / f"a{ending}")
    assert (loaded.meta.origin, loaded.meta.binning) == (meta.origin, meta.binning)
    assert loaded.crop((slice(1, 4), slice(2, 5), slice(3, 6))).meta.origin == (8, 4, 39)


@pytest.mark.parametrize("ending", ENDINGS)
def test_counts_below_zero_come_back_with_their_noise(ending, tmp_path):
    counts = np.random.default_rng(0).normal(0, 3, (4, 6, 6)).astype(np.float32)
    mask = counts > 4
    pattern = Pattern.from_counts(counts, mask, readout=3.0)
    filled = FilledPattern(
        pattern=pattern,
        intensity=np.where(mask, np.float32(-0.5), pattern.intensity),
        sigma=np.where(mask, np.float32(0.2), np.float32(0)),
        method="wiener",
    )
    save(tmp_path / f"a{ending}", filled)
    loaded = load(tmp_path / f"a{ending}")
    same(loaded, pattern)
    assert loaded.readout == 3
    if not ending.lower().startswith(".tif") and ending != ".cxi":
        again = load_filled(tmp_path / f"a{ending}")
        assert isinstance(again, FilledPattern)
        assert np.array_equal(again.intensity, filled.intensity)


def test_numbers_of_another_count_of_axes_are_not_taken(tmp_path):
    np.savez(tmp_path / "a.npz", intensity=np.ones((4, 5, 6)), origin=[1, 2], binning=[0, 1, 1])
    loaded = load(tmp_path / "a.npz")
    assert (loaded.meta.origin, loaded.meta.binning) == (None, None)


def test_npz_of_a_filled_pattern(tmp_path, manifest):
    what = make("filled", meta=Meta())
    save(tmp_path / "a.npz", what, manifest)
    with np.load(tmp_path / "a.npz") as file:
        assert {"intensity", "sigma", "mask", "manifest"} <= set(file.files)
        np.testing.assert_array_equal(file["intensity"], what.intensity, strict=True)
        np.testing.assert_array_equal(file["sigma"], what.sigma, strict=True)
        np.testing.assert_array_equal(file["mask"], what.pattern.mask, strict=True)
        assert Manifest.from_json(str(file["manifest"])) == manifest


def test_npz_of_a_simulated_pattern(tmp_path, manifest):
    what = make("simulated")
    save(tmp_path / "a.npz", what, manifest)
    with np.load(tmp_path / "a.npz") as file:
        np.testing.assert_array_equal(file["amplitude"], what.amplitude, strict=True)
        np.testing.assert_array_equal(file["expectation"], what.expectation, strict=True)
        np.testing.assert_array_equal(file["oversampling"], [3.0, 3.0, 3.0])


def test_h5_is_nexus(tmp_path, manifest):
    what = make("filled")
    save(tmp_path / "a.h5", what, manifest)
    with h5py.File(tmp_path / "a.h5") as file:
        entry = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        np.testing.assert_array_equal(data[data.attrs["signal"]][()], what.intensity, strict=True)
        assert data.name == "/entry/data"
        assert data["data"] == data["intensity"]  # the name of the counts that other programs look for
        assert list(data.attrs["axes"]) == ["frame", "row", "column"]
        np.testing.assert_array_equal(data["sigma"][()], what.sigma)
        assert Manifest.from_json(entry["sayre_1/manifest"][()].decode()) == manifest
        energy = entry["instrument/beam/incident_energy"]
        assert (energy[()], energy.attrs["units"]) == (9000.0, "eV")


def test_npy_holds_the_filled_counts(tmp_path, manifest):
    what = make("filled", masked=False)
    save(tmp_path / "a.npy", what, manifest)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), what.intensity, strict=True)
    np.testing.assert_array_equal(load(tmp_path / "a.npy").intensity, what.intensity)


def test_tiff_opens_as_the_counts_elsewhere(tmp_path, manifest):
    what = make("filled")
    save(tmp_path / "a.tif", what, manifest)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), what.intensity, strict=True)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a_sigma.tif"), what.sigma)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a_mask.tif") != 0, what.pattern.mask)
    image = pytest.importorskip("PIL.Image")
    with image.open(tmp_path / "a.tif") as pages:  # which walks all pages, as ImageJ does
        assert pages.n_frames == len(what.intensity)
        pages.seek(3)
        np.testing.assert_array_equal(np.asarray(pages), what.intensity[3])
    fabio = pytest.importorskip("fabio")
    with fabio.open(str(tmp_path / "a.tif")) as stack:
        assert stack.nframes == len(what.intensity)
        np.testing.assert_array_equal(stack.get_frame(2).data, what.intensity[2])


def test_filled_counts_in_a_tiff_whose_mask_is_lost_are_refused(tmp_path):
    save(tmp_path / "a.tif", make("filled"))
    (tmp_path / "a_mask.tif").unlink()
    with pytest.raises(InputError, match=r"its mask a_mask\.tif is missing, without which filled counts"):
        load(tmp_path / "a.tif")


def test_a_tiff_of_an_earlier_version_is_read(tmp_path):
    """Three series in one file: counts, error, mask."""
    what = make("filled")
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        about = {"holds": ["intensity", "sigma", "mask"]}
        for name, array in {"intensity": what.intensity, "sigma": what.sigma}.items():
            tif.write(array, photometric="minisblack", software=False, metadata={"series": name, **about})
            about = {}
        mask = what.pattern.mask.astype(np.uint8)
        tif.write(mask, photometric="minisblack", software=False, metadata={"series": "mask"})
    np.testing.assert_array_equal(load(tmp_path / "a.tif").mask, what.pattern.mask)


def test_nothing_beside_a_tiff_is_overwritten_without_force(tmp_path):
    (tmp_path / "a_mask.tif").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"a_mask\.tif: exists"):
        save(tmp_path / "a.tif", make("filled"))
    assert not (tmp_path / "a.tif").exists()
    assert not (tmp_path / "a_sigma.tif").exists()


def test_torch_patterns_are_written_too(tmp_path, manifest):
    what = make("filled")
    save(tmp_path / "a.npz", what.to("cpu"), manifest)
    same(load(tmp_path / "a.npz"), what.pattern)


@pytest.mark.parametrize("ending", [".npz", ".npy", ".cxi", ".h5", ".tif"])
def test_same_input_same_bytes(ending, tmp_path, manifest):
    first, second = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    save(first, make("filled"), manifest)
    time.sleep(2.1 if ending in (".npz", ".h5", ".cxi") else 0)  # zip dates have 2 s steps, HDF5 times 1 s
    save(second, make("filled"), manifest)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float64, ">u2", "<f2"])
@pytest.mark.parametrize("ending", [".npz", ".npy", ".h5", ".tif"])
def test_any_real_dtype(ending, dtype, tmp_path):
    counts = np.arange(24).reshape(2, 3, 4).astype(dtype)
    path = write_plain(tmp_path / f"a{ending}", counts)
    np.testing.assert_array_equal(load(path).intensity, np.arange(24, dtype=np.float32).reshape(2, 3, 4))


@pytest.mark.parametrize("ending", [".npz", ".npy", ".h5", ".tif"])
def test_unusable_values_are_masked_and_said(ending, tmp_path):
    counts = np.ones((2, 3, 4), np.float64)
    counts[0, 0, :3] = np.nan, -2, np.inf
    with pytest.warns(SayreWarning, match="3 NaN, infinite or negative"):
        pattern = load(write_plain(tmp_path / f"a{ending}", counts))
    assert np.flatnonzero(pattern.mask).tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.uint64])
@pytest.mark.parametrize("ending", [".npz", ".h5", ".tif"])
def test_overflown_voxels_are_masked_and_said(ending, dtype, tmp_path):
    counts = np.ones((2, 3, 4), dtype)
    counts[1, 2, 3] = np.iinfo(dtype).max
    with pytest.warns(SayreWarning, match="1 voxels at"):
        pattern = load(write_plain(tmp_path / f"a{ending}", counts))
    assert np.argwhere(pattern.mask).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("name", ["intensity", "data", "I", "whatever"])
def test_npz_names(name, tmp_path):
    counts = np.arange(24).reshape(2, 3, 4)
    np.savez(tmp_path / "a.npz", **{name: counts}, sigma=np.ones((2, 3, 4)), darkfield=np.zeros((3, 4)))
    np.testing.assert_array_equal(load(tmp_path / "a.npz").intensity, counts.astype(np.float32))


def test_two_dimensional_mask_holds_for_every_frame(tmp_path):
    mask = np.zeros((3, 4), bool)
    mask[1] = True
    np.savez(tmp_path / "a.npz", data=np.ones((2, 3, 4)), mask=mask)
    np.testing.assert_array_equal(load(tmp_path / "a.npz").mask, np.stack([mask, mask]))


@pytest.mark.parametrize("ending", [".npz", ".npy", ".h5", ".cxi", ".tif", "array", "named"])
def test_mask_argument(ending, tmp_path):
    mask = np.zeros((3, 4), np.uint8)
    mask[:, 1] = 7
    np.savez(tmp_path / "counts.npz", data=np.ones((2, 3, 4)), mask=np.eye(3, 4))
    given_mask: object = mask
    if ending == "named":
        write_plain(tmp_path / "m.h5", mask, "some/where")
        given_mask = f"{tmp_path / 'm.h5'}::some/where"
    elif ending != "array":
        given_mask = write_plain(tmp_path / f"m{ending}", mask, "mask")
    loaded = load(tmp_path / "counts.npz", mask=given_mask)
    np.testing.assert_array_equal(loaded.mask, np.broadcast_to((mask > 0) | (np.eye(3, 4) > 0), (2, 3, 4)))


def test_mask_of_a_sayre_file_serves_as_a_mask(tmp_path, manifest):
    what = make("filled")
    np.save(tmp_path / "counts.npy", what.pattern.intensity)
    for ending in (".npz", ".cxi", ".h5", ".tif"):
        save(tmp_path / f"m{ending}", what, manifest)
        loaded = load(tmp_path / "counts.npy", mask=tmp_path / f"m{ending}")
        np.testing.assert_array_equal(loaded.mask, what.pattern.mask)


def test_reversed_mask_is_suspected(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((5, 4)))
    mask = np.ones((5, 4))
    mask[0] = 0
    with pytest.warns(SayreWarning, match="80% of the voxels"):
        load(tmp_path / "a.npy", mask=mask)


def test_folder_and_glob_of_frames(tmp_path):
    frames = np.arange(12 * 12).reshape(12, 3, 4)
    for number, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"scan_{number}.tif", frame.astype(np.uint32))
    (tmp_path / "notes.txt").write_text("x")
    for path in (tmp_path, tmp_path / "scan_*.tif"):
        np.testing.assert_array_equal(load(path).intensity, frames.astype(np.float32))


def test_plain_multipage_tiff(tmp_path):
    frames = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for frame in frames:
            tif.write(frame, metadata=None)
    np.testing.assert_array_equal(load(tmp_path / "a.tif").intensity, frames.astype(np.float32))


@pytest.mark.measured
def test_measured_pattern():
    folder = os.environ.get("SAYRE_DATA_DIR")
    path = Path(folder or "") / "A_aps34idc_S54_au.npz"
    if not folder or not path.exists():
        pytest.skip("SAYRE_DATA_DIR does not name a folder with A_aps34idc_S54_au.npz")
    with pytest.warns(SayreWarning, match="13 hot pixels of darkfield masked; 280 bad_pixels masked"):
        pattern = load(path)
    with np.load(path) as file:
        counts, white, bad = (file[name] for name in ("intensity", "whitefield", "bad_pixels"))
    live = white >= np.median(white[white > 0]) / 5
    assert np.count_nonzero(~live) == 230
    np.testing.assert_array_equal(pattern.mask, np.broadcast_to(bad, counts.shape))  # all are among them
    divided = np.where(bad, 0, counts / np.where(live, white / np.median(white[live]), 1))
    np.testing.assert_allclose(pattern.intensity, divided, rtol=1e-6)
    with pytest.warns(SayreWarning, match=r"npz: 280 bad_pixels masked$"):
        raw = load(path, flat="none", dark="none")
    np.testing.assert_array_equal(raw.intensity, np.where(bad, 0, counts))


def write_plain(path: Path, array: np.ndarray, name: str = "data") -> Path:
    """Write an array as other software would."""
    match path.suffix:
        case ".npz":
            np.savez(path, **{name: array})
        case ".npy":
            np.save(path, array)
        case ".tif":
            tifffile.imwrite(path, array, photometric="minisblack")
        case _:
            with h5py.File(path, "w") as file:
                file[name] = array
    return path


@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_filled_pattern_comes_back_filled(ending, tmp_path, manifest):
    filled = make("filled")
    save(tmp_path / f"a{ending}", filled, manifest)
    loaded = load_filled(tmp_path / f"a{ending}")
    assert isinstance(loaded, FilledPattern)
    same(loaded.pattern, filled.pattern)
    np.testing.assert_array_equal(loaded.intensity, filled.intensity, strict=True)
    np.testing.assert_array_equal(loaded.sigma, filled.sigma, strict=True)
    more = np.zeros(filled.pattern.shape, bool)
    more[0, 0, 0] = True
    assert isinstance(load_filled(tmp_path / f"a{ending}", mask=more), Pattern)
    save(tmp_path / f"b{ending}", filled.pattern, manifest)
    assert isinstance(load_filled(tmp_path / f"b{ending}"), Pattern)


def test_an_array_of_an_npz_is_named(tmp_path):
    """The mask goes with counts that it fits, `sigma` with those that Sayre filled."""
    rng = np.random.default_rng(0)
    first, second = rng.poisson(30, (2, 4, 5, 6))
    plane, mask = rng.poisson(30, (7, 8)), np.zeros((4, 5, 6), bool)
    mask[1, 2, 3] = True
    path = tmp_path / "several.npz"
    np.savez(path, first=first, second=second, plane=plane, mask=mask, other=mask[0], sigma=1.0 * mask)
    with pytest.raises(InputError, match=r"choose several.npz::first or several.npz::second"):
        load(path)
    for name, counts in (("first", first), ("/second", second)):
        with pytest.warns(SayreWarning, match="other arrays not used"):
            pattern = load_filled(f"{path}::{name}", mask=f"{path}::other")
        np.testing.assert_array_equal(pattern.intensity, np.where(mask, 0, counts))
        np.testing.assert_array_equal(pattern.mask, mask)
        assert isinstance(pattern, Pattern)
        assert pattern.meta.source == "several.npz"
    with pytest.warns(SayreWarning, match="not used: first, second, other, mask"):
        pattern = load(f"{path}::plane", flat="none")
    np.testing.assert_array_equal(pattern.intensity, plane)
    assert not pattern.mask.any()


def test_fields_of_an_npz_are_named(tmp_path):
    counts = np.random.default_rng(0).poisson(1000, (4, 5, 6))
    np.savez(tmp_path / "a.npz", data=counts)
    white, dark = np.full((5, 6), 100), np.zeros((5, 6))
    white[:, :3], dark[0, 0] = 200, 50
    np.savez(tmp_path / "w.npz", one=white, two=dark, three=dark)
    with pytest.raises(InputError, match=r"or be chosen as w.npz::one"):
        load(tmp_path / "a.npz", flat=tmp_path / "w.npz")
    with pytest.warns(SayreWarning, match=r"divided by w.npz::one .*1 hot pixels of w.npz::two masked"):
        pattern = load(
            tmp_path / "a.npz", flat=f"{tmp_path / 'w.npz'}::one", dark=f"{tmp_path / 'w.npz'}::two"
        )
    assert np.argwhere(pattern.mask[0]).tolist() == [[0, 0]]
    assert pattern.intensity[0, 1, 5] / counts[0, 1, 5] == pytest.approx(1.5)  # the median of 100 and 200


@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_a_filling_without_an_error_stays_a_filling(ending, tmp_path, manifest):
    """Interpolation states no error: sigma is NaN where it filled."""
    filled = make("filled")
    sigma = np.where(filled.mask, np.float32(np.nan), np.float32(0))
    save(tmp_path / f"a{ending}", replace(filled, sigma=sigma, method="linear"), manifest)
    again = load_filled(tmp_path / f"a{ending}")
    assert isinstance(again, FilledPattern)
    np.testing.assert_array_equal(again.sigma, sigma)
