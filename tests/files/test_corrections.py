"""White fields, dark fields and bad pixels beside the counts."""

import warnings

import h5py
import numpy as np
import pytest
import tifffile

from sayre.data import FilledPattern, Manifest
from sayre.errors import InputError, SayreWarning
from sayre.files import load, load_filled, save

FRAMES, ROWS, COLUMNS = 6, 30, 40
DETECTOR = "entry/instrument/detector"


@pytest.fixture
def truth():
    """Expectation without the detector, the gains of its pixels (median 1), and what it counts."""
    rng = np.random.default_rng(5)
    expectation = rng.exponential(300.0, (FRAMES, ROWS, COLUMNS)) + 20
    gains = np.exp(0.2 * rng.standard_normal((ROWS, COLUMNS)))
    gains /= np.median(gains)
    return expectation, gains, rng.poisson(expectation * gains)


def told(path, **options):
    with pytest.warns(SayreWarning) as caught:
        pattern = load(path, **options)
    return pattern, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("name", ["whitefield", "flatfield", "flat", "White_Field"])
def test_gains_are_taken_out(name, truth, tmp_path):
    expectation, gains, counts = truth
    np.savez(tmp_path / "a.npz", data=counts, **{name: 1e5 * gains})
    pattern, said = told(tmp_path / "a.npz")
    np.testing.assert_allclose(pattern.intensity, counts / gains, rtol=1e-6)
    assert not pattern.mask.any()
    low, high = f"{gains.min():.2g}", f"{gains.max():.2g}"
    assert said == [f"a.npz: counts divided by {name} (relative response {low} to {high})"]
    assert pattern.meta.divided_by == name
    assert "divided by" in repr(pattern)
    noise = (pattern.intensity - expectation) ** 2 / (expectation / gains)  # as docs/formats.md states it
    assert noise.mean() == pytest.approx(1, abs=5 * np.sqrt(2 / noise.size))
    wrong = (counts - expectation) ** 2 / expectation
    assert wrong.mean() > 5


def test_a_white_field_of_every_voxel(truth, tmp_path):
    _, gains, counts = truth
    white = gains * np.array([1.0, 2.0, 1.0, 0.5, 1.0, 1.0])[:, None, None]
    np.savez(tmp_path / "a.npz", data=counts, whitefield=1e4 * white)
    pattern, _ = told(tmp_path / "a.npz")
    np.testing.assert_allclose(pattern.intensity, counts * np.median(white) / white, rtol=1e-6)


def test_pixels_without_a_response_are_masked(truth, tmp_path):
    _, gains, counts = truth
    white = 1e4 * gains
    white[0, :3] = 0, np.nan, -5
    white[1, :2] = 1e4 / 5.1, 1e4 * 5.1
    white[2, :2] = 1e4 / 4.9, 1e4 * 4.9
    np.savez(tmp_path / "a.npz", data=counts, whitefield=white)
    pattern, (said,) = told(tmp_path / "a.npz")
    dead = np.zeros((ROWS, COLUMNS), bool)
    dead[0, :3], dead[1, :2] = True, True
    np.testing.assert_array_equal(pattern.mask, np.broadcast_to(dead, counts.shape))
    assert not pattern.intensity[pattern.mask].any()
    assert "(relative response 0.2 to 4.9, 4 dead and 1 too bright pixels masked)" in said


def test_an_even_white_field_changes_nothing(truth, tmp_path):
    counts = truth[2]
    np.savez(tmp_path / "a.npz", data=counts, flat=np.ones((ROWS, COLUMNS)))
    np.testing.assert_array_equal(load(tmp_path / "a.npz").intensity, counts)
    live = np.ones((ROWS, COLUMNS), np.uint8)
    live[3, 4] = 0
    np.savez(tmp_path / "a.npz", data=counts, flat=live)
    pattern, said = told(tmp_path / "a.npz")
    assert said == ["a.npz: 1 dead pixels of flat masked"]
    assert pattern.meta.divided_by is None
    np.testing.assert_array_equal(pattern.mask[0], live == 0)


def test_bad_pixels_are_masked(truth, tmp_path):
    counts = truth[2]
    bad, hot = np.zeros((2, ROWS, COLUMNS), np.int16)
    bad[3, 4], hot[5, 6:8] = 1, 7
    np.savez(tmp_path / "a.npz", data=counts, bad_pixels=bad, HotPixels=hot, mask=np.eye(ROWS, COLUMNS))
    pattern, said = told(tmp_path / "a.npz")
    assert said == ["a.npz: 1 bad_pixels masked; 2 HotPixels masked"]
    assert pattern.meta.corrections == "1 bad_pixels masked; 2 HotPixels masked"
    expected = (bad != 0) | (hot != 0) | (np.eye(ROWS, COLUMNS) != 0)
    np.testing.assert_array_equal(pattern.mask, np.broadcast_to(expected, counts.shape))


def test_bad_pixels_that_cannot_be(truth, tmp_path):
    counts = truth[2]
    np.savez(tmp_path / "a.npz", data=counts, bad_pixels=1 - np.eye(ROWS, COLUMNS))
    with pytest.raises(InputError, match=r"bad_pixels marks 98% of the pixels; non-zero means bad"):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", data=counts, bad_pixels=np.array([[3, 4], [5, 6]]))
    pattern, said = told(tmp_path / "a.npz")
    assert said == ["a.npz: bad_pixels (2, 2) does not fit frames (30, 40); not used"]
    assert not pattern.mask.any()


@pytest.mark.parametrize("scale", [1, 0.1], ids=["counts", "average of ten"])
def test_hot_pixels_of_a_photon_counting_detector(scale, truth, tmp_path):
    """Stray photons, 0.05 a pixel, are not taken for hot pixels; nothing is subtracted."""
    dark = np.random.default_rng(0).poisson(0.05, (ROWS, COLUMNS)).astype(float)
    dark[1, 2], dark[3, 4], dark[5, 6] = 2, 5, 100
    np.savez(tmp_path / "a.npz", data=truth[2], darkfield=(scale * dark).astype(np.float32))
    pattern, said = told(tmp_path / "a.npz")
    assert said == ["a.npz: 2 hot pixels of darkfield masked"]
    assert np.argwhere(pattern.mask[0]).tolist() == [[3, 4], [5, 6]]
    np.testing.assert_array_equal(pattern.intensity[~pattern.mask], truth[2][~pattern.mask])


def test_the_dark_of_an_integrating_detector_is_not_subtracted(truth, tmp_path):
    dark = np.random.default_rng(0).normal(100, 15, (ROWS, COLUMNS)).astype(np.float32)
    dark[3, 4], dark[5, 6], dark[7, 8] = 300, np.nan, 220
    np.savez(tmp_path / "a.npz", data=truth[2], dark=dark)
    pattern, said = told(tmp_path / "a.npz")
    assert said[0] == "a.npz: 2 hot pixels of dark masked"
    level = f"{np.nanmedian(dark):.3g}"
    assert f"most pixels of dark hold counts (median {level}), as those of an integrating" in said[1]
    assert "they were not subtracted" in said[1]
    assert np.argwhere(pattern.mask[0]).tolist() == [[3, 4], [5, 6]]
    np.testing.assert_array_equal(pattern.intensity[~pattern.mask], truth[2][~pattern.mask])


def test_a_dark_field_of_something_else_is_not_used(truth, tmp_path):
    dark = np.zeros((ROWS, COLUMNS))
    dark[:6] = 50
    np.savez(tmp_path / "a.npz", data=truth[2], darkfield=dark)
    pattern, said = told(tmp_path / "a.npz")
    assert said == ["a.npz: darkfield is not used: it would make 20 % of the pixels hot"]
    assert not pattern.mask.any()


def test_none_leaves_counts_as_they_are(truth, tmp_path):
    dark = np.zeros((ROWS, COLUMNS))
    dark[3, 4] = 50
    np.savez(tmp_path / "a.npz", data=truth[2], whitefield=1e5 * truth[1], darkfield=dark)
    for none in ("none", None):
        pattern = load(tmp_path / "a.npz", flat=none, dark=none)
        np.testing.assert_array_equal(pattern.intensity, truth[2])
        assert not pattern.mask.any()


@pytest.mark.parametrize("kind", ["npy", "npz", "npz named", "tif", "h5", "h5 inside", "array"])
def test_fields_from_elsewhere(kind, truth, tmp_path):
    _, gains, counts = truth
    np.save(tmp_path / "a.npy", counts)
    white, dark = 1e5 * gains, np.zeros((ROWS, COLUMNS))
    dark[3, 4] = 50
    given = {}
    for name, field, array in (("flat", "whitefield", white), ("dark", "darkfield", dark)):
        path = tmp_path / f"{name}.{kind.split()[0]}"
        if kind == "npy":
            np.save(path, array)
        elif kind == "npz":
            np.savez(path, image=array)
        elif kind == "npz named":
            np.savez(path, other=counts, **{field: array})
        elif kind == "tif":
            tifffile.imwrite(path, array.astype(np.float32))
        elif kind.startswith("h5"):
            with h5py.File(path, "w") as file:
                file[f"x/{'image' if 'inside' in kind else field}"] = array
                file["x/other"] = array + 1
        given[name] = array if kind == "array" else f"{path}::/x/image" if "inside" in kind else path
    pattern, said = told(tmp_path / "a.npy", **given)
    hot = dark > 0
    np.testing.assert_array_equal(pattern.mask, np.broadcast_to(hot, counts.shape))
    expected = np.where(hot, 0, counts / gains)
    np.testing.assert_allclose(pattern.intensity, expected, rtol=1e-6)
    names = ("the array given as flat", "the array given as dark")
    if kind != "array":
        names = tuple(
            str(path).rsplit("/work", 1)[-1].split(str(tmp_path) + "/")[-1] for path in given.values()
        )
    assert f"divided by {names[0]} (" in said[0]
    assert f"1 hot pixels of {names[1]} masked" in said[0]


@pytest.mark.parametrize("kind", ["flat", "dark"])
def test_a_field_of_another_region_is_refused(kind, truth, tmp_path):
    np.save(tmp_path / "a.npy", truth[2])
    np.save(tmp_path / "w.npy", np.ones((64, 64)))
    named = {"flat": "whitefield", "dark": "darkfield"}[kind]
    np.savez(tmp_path / "b.npz", data=truth[2], **{named: np.ones((64, 64))})
    message = rf"has shape \(64, 64\), the frames \(30, 40\); .* `{kind}='none'`"
    with pytest.raises(InputError, match=rf"a\.npy: w\.npy {message}"):
        load(tmp_path / "a.npy", **{kind: tmp_path / "w.npy"})
    with pytest.raises(InputError, match=rf"b\.npz: {named} {message}"):
        load(tmp_path / "b.npz")
    np.testing.assert_array_equal(load(tmp_path / "b.npz", **{kind: "none"}).intensity, truth[2])


def test_fields_that_cannot_be_used(truth, tmp_path):
    _, gains, counts = truth
    np.savez(tmp_path / "a.npz", data=counts, whitefield=np.zeros((ROWS, COLUMNS)))
    huge = np.full((ROWS, COLUMNS), 1.7e308)  # two of them have no sum
    message = r"a\.npz: whitefield has no positive value, or none like the others; `flat='none'`"
    with pytest.raises(InputError, match=message):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", data=counts, whitefield=huge)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", data=counts, whitefield=gains, flat=gains)
    with pytest.raises(InputError, match=r"holds whitefield and flat; name one by `flat='.*::whitefield'`"):
        load(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"none\.npy: no such file"):
        load(tmp_path / "a.npz", flat=tmp_path / "none.npy")
    with pytest.raises(InputError, match="is a folder; a dark field is one file"):
        load(tmp_path / "a.npz", flat="none", dark=tmp_path)
    np.savez(tmp_path / "w.npz", a=gains, b=gains)
    with pytest.raises(InputError, match=r"one of them must be named whitefield or flatfield or flat"):
        load(tmp_path / "a.npz", flat=tmp_path / "w.npz")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a/flat"], file["b/flat"] = gains, gains
    with pytest.raises(InputError, match="2 datasets could be the flat field"):
        load(tmp_path / "a.npz", flat=tmp_path / "w.h5")
    mask = np.ones((ROWS, COLUMNS))
    mask[0, 0] = 0
    white = np.array(gains)
    white[0, 0] = 0
    np.savez(tmp_path / "a.npz", data=counts, mask=mask, whitefield=1e5 * white)
    with pytest.raises(InputError, match=r"every voxel is masked by counts divided by whitefield"):
        load(tmp_path / "a.npz")


def test_counts_that_may_be_divided_already_are_left(truth, tmp_path):
    _, gains, counts = truth
    np.savez(tmp_path / "a.npz", data=counts / gains, whitefield=1e5 * gains)
    pattern, said = told(tmp_path / "a.npz")
    np.testing.assert_allclose(pattern.intensity, counts / gains, rtol=1e-6)
    path = tmp_path / "a.npz"
    assert said[1] == (
        "a.npz: the counts are not integers and may have been divided by whitefield before: not divided; "
        f"`flat='{path}::whitefield'` divides"
    )
    pattern, _ = told(path, flat=path)
    np.testing.assert_allclose(pattern.intensity, counts / gains**2, rtol=1e-6)


def test_a_white_field_of_few_counts_is_left(truth, tmp_path):
    _, gains, counts = truth
    white = np.random.default_rng(0).poisson(25 * gains)
    np.savez(tmp_path / "a.npz", data=counts, whitefield=white)
    pattern, said = told(tmp_path / "a.npz")
    np.testing.assert_array_equal(pattern.intensity, counts)
    assert "counts a pixel of whitefield have 20 % noise: not divided" in said[0]
    pattern, _ = told(tmp_path / "a.npz", flat=tmp_path / "a.npz")
    assert pattern.meta.divided_by == "a.npz"


def test_arrays_that_are_not_used_are_named(truth, tmp_path):
    np.savez(tmp_path / "a.npz", data=truth[2], theta=np.arange(6), monitor=np.ones(6), energy=9000.0)
    _, said = told(tmp_path / "a.npz")
    assert said == ["a.npz: other arrays not used: theta, monitor"]


@pytest.mark.parametrize("ending", [".npz", ".h5", ".cxi", ".tif"])
def test_written_counts_are_corrected_once(ending, truth, tmp_path):
    """What was done stays known, no warning comes again, and a second white field is refused."""
    _, gains, counts = truth
    bad = np.eye(ROWS, COLUMNS)
    np.savez(tmp_path / "a.npz", data=counts, whitefield=1e5 * gains, bad=bad)
    pattern, _ = told(tmp_path / "a.npz")
    filled = FilledPattern(
        pattern=pattern,
        intensity=np.where(pattern.mask, np.float32(2.5), pattern.intensity),
        sigma=np.where(pattern.mask, np.float32(0.3), np.float32(0)),
        method="linear",
    )
    path = tmp_path / f"b{ending}"
    for what in (pattern, filled):
        save(path, what, Manifest(command="x"), force=True)
        again = load_filled(path)
        assert isinstance(again, type(pattern if ending in (".cxi", ".tif") else what))
        np.testing.assert_array_equal(again.measured.intensity, pattern.intensity)
        np.testing.assert_array_equal(again.mask, pattern.mask)
        for name in ("corrections", "divided_by"):
            assert getattr(again.meta, name) == getattr(pattern.meta, name)
        with pytest.raises(InputError, match="counts were divided by whitefield before; leave out `flat=`"):
            load(path, flat=gains)


def test_divided_counts_with_their_white_field_are_not_divided_again(truth, tmp_path):
    _, gains, counts = truth
    known = {"divided_by": "w.npy", "corrections": "counts divided by w.npy"}
    np.savez(tmp_path / "a.npz", data=counts / gains, whitefield=1e5 * gains, **known)
    pattern = load(tmp_path / "a.npz")
    np.testing.assert_allclose(pattern.intensity, counts / gains, rtol=1e-6)
    assert pattern.meta.corrections == "counts divided by w.npy"


def test_filled_counts_that_are_divided_now_are_to_be_filled_again(truth, tmp_path):
    counts, mask = truth[2].astype(np.float32), np.eye(ROWS, COLUMNS, dtype=bool)
    mask = np.broadcast_to(mask, counts.shape)
    sigma = np.where(mask, np.float32(0.3), np.float32(0))
    np.savez(tmp_path / "a.npz", intensity=counts, mask=mask, sigma=sigma, method="wiener")
    assert isinstance(load_filled(tmp_path / "a.npz"), FilledPattern)
    with pytest.warns(SayreWarning, match="counts divided by"):
        assert not isinstance(load_filled(tmp_path / "a.npz", flat=1e5 * truth[1]), FilledPattern)


def written(path, counts, **datasets):
    with h5py.File(path, "w") as file:
        file[f"{DETECTOR}/data"] = counts
        file["entry/data/data"] = h5py.SoftLink(f"/{DETECTOR}/data")
        for name, value in datasets.items():
            file[f"{DETECTOR}/{name.replace('__', '/')}"] = value


@pytest.mark.parametrize("inside", ["", f"::/{DETECTOR}/data", "::/entry/data/data"])
def test_a_nexus_flatfield_that_was_not_applied_is(inside, truth, tmp_path):
    _, gains, counts = truth
    path = tmp_path / "a.nxs"
    written(
        path, counts, flatfield=1e5 * gains, flatfield_applied=np.int8(0), pixel_mask=np.eye(ROWS, COLUMNS)
    )
    pattern, said = told(f"{path}{inside}")
    masked = np.broadcast_to(np.eye(ROWS, COLUMNS, dtype=bool), counts.shape)
    np.testing.assert_array_equal(pattern.mask, masked)
    np.testing.assert_allclose(pattern.intensity, np.where(masked, 0, counts / gains), rtol=1e-6)
    assert f"a.nxs: counts divided by /{DETECTOR}/flatfield (" in said[0]


@pytest.mark.parametrize(
    "stated",
    [
        {"flatfield_applied": True},
        {"flatfield_applied": "true"},
        {"flatfield_correction_applied": 1},
        {"detectorSpecific__flatfield_correction_applied": 1},
    ],
)
@pytest.mark.parametrize("name", ["flatfield", "detectorSpecific__flatfield", "whitefield"])
def test_a_flat_field_that_was_applied_is_not_again(stated, name, truth, tmp_path):
    _, gains, counts = truth
    written(tmp_path / "a.nxs", counts, **stated, **{name: gains})
    np.testing.assert_array_equal(load(tmp_path / "a.nxs").intensity, counts)


@pytest.mark.parametrize(
    ("datasets", "reason"),
    [
        ({"flatfield": 0}, "it may have been applied; `flat='{path}::/entry/instrument/detector/flatfield'`"),
        ({"detectorSpecific__flatfield": 0}, "it may have been applied, and may hold factors"),
        (
            {"detectorSpecific__flatfield": 0, "detectorSpecific__flatfield_correction_applied": 0},
            "it was not applied, and may hold factors to multiply counts by",
        ),
    ],
)
def test_an_unclear_flat_field_is_mentioned(datasets, reason, truth, tmp_path):
    _, gains, counts = truth
    path = tmp_path / "a.nxs"
    written(path, counts, **{n: gains if n.endswith("flatfield") else v for n, v in datasets.items()})
    pattern, (said,) = told(path)
    np.testing.assert_array_equal(pattern.intensity, counts)
    assert reason.format(path=path) in said
    place = f"{path}::/{DETECTOR}/" + next(iter(datasets)).replace("__", "/")
    with pytest.warns(SayreWarning):
        np.testing.assert_allclose(load(path, flat=place).intensity, counts / gains, rtol=1e-6)


@pytest.mark.parametrize("ending", [".h5", ".cxi"])
@pytest.mark.parametrize("group", ["", "scan/", "entry_1/instrument_1/detector_1/"])
def test_fields_beside_the_counts_of_an_hdf5_file(ending, group, truth, tmp_path):
    _, gains, counts = truth
    bad, dark = np.zeros((2, ROWS, COLUMNS))
    bad[1, 2], dark[3, 4] = 1, 9
    path = tmp_path / f"a{ending}"
    with h5py.File(path, "w") as file:
        arrays = {"data": counts, "whitefield": 1e5 * gains, "bad_pixels": bad, "darkfield": dark}
        for name, array in arrays.items():
            file[group + name] = array
    pattern, _ = told(path)
    masked = np.broadcast_to((bad != 0) | (dark != 0), counts.shape)
    np.testing.assert_array_equal(pattern.mask, masked)
    np.testing.assert_allclose(pattern.intensity, np.where(masked, 0, counts / gains), rtol=1e-6)


def test_counts_of_two_dimensions_beside_their_fields(truth, tmp_path):
    _, gains, counts = truth
    np.savez(tmp_path / "a.npz", frame=counts[0], flat=1e5 * gains, bad=np.eye(ROWS, COLUMNS))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frame"], file["flat"], file["bad"] = counts[0], 1e5 * gains, np.eye(ROWS, COLUMNS)
    for ending in ("npz", "h5"):
        pattern, _ = told(tmp_path / f"a.{ending}")
        expected = np.where(np.eye(ROWS, COLUMNS), 0, counts[0] / gains)
        np.testing.assert_allclose(pattern.intensity, expected, rtol=1e-6)


@pytest.mark.measured
def test_the_white_fields_of_real_detectors_have_few_pixels_of_no_use(measured, tmp_path):
    for name, white in measured("G").items():
        counts = np.ones((1, *white.shape), np.uint16)
        np.savez(tmp_path / "a.npz", data=counts, whitefield=white)
        pattern, _ = told(tmp_path / "a.npz")
        assert pattern.mask.mean() < 0.01, name


@pytest.mark.measured
def test_a_measured_peak_is_explained_better_after_division(data_dir):
    """Two starts of a short recipe: the residual falls by 30 to 33 % with three seeds."""
    from sayre import phase
    from sayre.retrieval.prepare import around_peak

    path = data_dir / "A_aps34idc_S54_au.npz"
    if not path.exists():
        pytest.skip("SAYRE_DATA_DIR has no file A_aps34idc_S54_au.npz")
    residuals = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)
        for flat in ("auto", "none"):
            part = around_peak(load(path, flat=flat), 48)
            found = phase(part, runs=2, recipe="(HIO*20 + SW)**5, ER*20", refine="none", seed=0)
            residuals.append(found.residual)
    assert residuals[0] < 0.8 * residuals[1]


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
@pytest.mark.parametrize("kind", ["npy", "tif", "npz", "npz inside", "h5", "h5 inside"])
@pytest.mark.parametrize(("given_as", "name"), [("dark", "white_field"), ("flat", "dark")])
def test_a_field_of_the_other_name_is_refused(given_as, name, kind, truth, tmp_path):
    np.save(tmp_path / "a.npy", truth[2])
    ending, _, inside = kind.partition(" ")
    path = tmp_path / (f"{name}.{ending}" if ending in ("npy", "tif") else f"{given_as}.{ending}")
    if ending == "npy":
        np.save(path, truth[1])
    elif ending == "tif":
        tifffile.imwrite(path, truth[1])
    elif ending == "npz":
        np.savez(path, **{name: truth[1]})
    else:
        with h5py.File(path, "w") as file:
            file[f"x/{name}"] = truth[1]
    address = f"{path}::{'x/' if ending == 'h5' else ''}{name}" if inside else path
    right = {"flat": "dark", "dark": "flat"}[given_as]
    with pytest.raises(InputError, match=rf"{name} is the name of a .* field; give it by `{right}=`"):
        load(tmp_path / "a.npy", **{given_as: address})
    load(tmp_path / "a.npy", **{right: address})


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_a_field_whose_values_tell_that_it_is_another(truth, tmp_path):
    """What a user names is refused; what lies beside the counts is left out. A weak white field is used."""
    _, gains, counts = truth
    dark = np.random.default_rng(0).poisson(0.05, gains.shape)
    np.save(tmp_path / "w.npy", dark)
    np.save(tmp_path / "a.npy", counts)
    with pytest.raises(InputError, match=r"of w\.npy hold no counts and the others 1: it is no white field"):
        load(tmp_path / "a.npy", flat=tmp_path / "w.npy")
    np.savez(tmp_path / "a.npz", data=counts, flat=dark)
    np.testing.assert_array_equal(load(tmp_path / "a.npz").intensity, counts)
    weak = np.random.default_rng(0).poisson(3 * gains)
    assert "divided by" in load(tmp_path / "a.npy", flat=weak).meta.corrections
    bright = np.zeros_like(gains)
    bright[::5, ::5] = 9
    with pytest.raises(InputError, match=r"is no dark field: it would make \d+ % of the pixels hot"):
        load(tmp_path / "a.npy", dark=np.where(np.arange(COLUMNS) % 5, 0, 9) + 0 * gains)
    assert load(tmp_path / "a.npy", dark=bright).mask.any()
