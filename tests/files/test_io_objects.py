"""Crystals in files."""

import base64
import json
import xml.etree.ElementTree as ET
import zlib

import h5py
import numpy as np
import pytest

from sayre import files
from sayre.data import Crystal, Manifest
from sayre.errors import InputError, SayreWarning
from sayre.files import load, load_crystal, output_path_check, save

SHAPE = (5, 6, 7)


def make(*, known=True, axes=None, shape=SHAPE, **changes):
    rng = np.random.default_rng(0)
    support = rng.random(shape) < 0.6
    obj = support * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
    facts = {}
    if known:
        facts = {
            "voxel_size": (1.5, 2.0, 2.5)[: len(shape)],
            "axes": np.eye(3)[::-1].copy() if axes is None else axes,
            "hkl": (1, 1, -1),
            "g": 2.78,
            "displacement": np.where(support, rng.normal(size=shape), np.nan).astype(np.float32),
            "strain": np.where(support, 1e-3 * rng.normal(size=shape), np.nan).astype(np.float32),
            "metrics": {
                "likelihood": 0.5,
                "free_likelihood": 0.75,
                "runs": 3,
                "name": "a",
                "list": [1.0, 2.0],
            },
        }
    return Crystal(object=obj.astype(np.complex64), support=support, **(facts | changes))


def same(a, b):
    for name in ("object", "support", "displacement", "strain", "axes"):
        one, two = getattr(a, name), getattr(b, name)
        assert (one is None) == (two is None), name
        if one is not None:
            np.testing.assert_array_equal(one, two)
            assert one.dtype == two.dtype
    assert (a.voxel_size is None) == (b.voxel_size is None)
    assert b.voxel_size is None or a.voxel_size == pytest.approx(b.voxel_size, rel=1e-12)
    assert (a.hkl, a.g, dict(a.metrics)) == (b.hkl, b.g, dict(b.metrics))


@pytest.mark.parametrize("ending", [".npz", ".cxi"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("shape", [SHAPE, (6, 7)])
def test_round_trip(ending, known, shape, tmp_path, manifest):
    crystal, path = make(known=known, shape=shape), tmp_path / f"a{ending}"
    if known and len(shape) == 2:
        crystal = make(shape=shape, axes=np.eye(2))
    save(path, crystal, manifest)
    same(load_crystal(path), crystal)
    same(files.load_crystal(str(path)), crystal)


def test_npz_names_are_the_contract(tmp_path, manifest):
    save(tmp_path / "a.npz", make(), manifest)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert set(file) == {
            *("object", "support", "voxel_size", "displacement", "strain", "metrics", "manifest"),
            *("axes", "hkl", "g"),
        }
        assert file["object"].dtype == np.complex64
        assert file["support"].dtype == np.bool_
        np.testing.assert_array_equal(file["voxel_size"], [1.5, 2.0, 2.5])
        assert json.loads(file["metrics"].item())["runs"] == 3
        assert Manifest.from_json(file["manifest"].item()) == manifest


def test_tensors_and_overwriting(tmp_path, manifest):
    path = tmp_path / "a.npz"
    save(path, make().to("cpu"), manifest)
    same(load_crystal(path), make())
    with pytest.raises(InputError, match="exists; `force=True`"):
        save(path, make(), manifest)
    before = path.read_bytes()
    save(path, make(), manifest, force=True)
    assert path.read_bytes() == before


def test_cxi_is_laid_out_as_pynx_does(tmp_path):
    crystal = make(
        metrics={"likelihood": 0.5, "cycle_history": {"cycle": [1, 2], "llk": [0.9, 0.5]}, "x": {"y": 1}}
    )
    config = {"runs": 20, "recipe": "HIO*20", "free": 0.05, "wrap": {"sigma": [2, 1]}, "init": None}
    save(tmp_path / "a_Run0001.cxi", crystal, Manifest(command="sayre phase", config=config))
    with h5py.File(tmp_path / "a_Run0001.cxi") as file:
        assert file["cxi_version"][()] == 150
        for entry in ("entry_1", "entry_last"):
            image = file[f"{entry}/image_1"]
            np.testing.assert_array_equal(image["data"], crystal.object)
            np.testing.assert_array_equal(image["support"][()] != 0, crystal.support)
            np.testing.assert_array_equal(file[f"{entry}/data_1/data"], crystal.object)
        assert image.get("support", getlink=True).path == "/entry_1/image_1/mask"
        assert image["data_space"].asstr()[()] == "real"
        assert image["data_type"].asstr()[()] == "electron density"
        np.testing.assert_allclose(image["image_size"], 1e-9 * np.array([1.5, 2.0, 2.5]) * SHAPE)
        process = image["process_1"]
        assert process["command"].asstr()[()] == "sayre phase"
        results, settings = process["results"], process["configuration"]
        assert results["llk_poisson"][()] == 0.5
        assert results["nb_point_support"][()] == crystal.support.sum()
        np.testing.assert_array_equal(results["cycle_history"]["llk"], [0.9, 0.5])
        assert json.loads(results["x"].asstr()[()]) == {"y": 1}
        assert (settings["runs"][()], settings["free"][()]) == (20, 0.05)
        assert settings["recipe"].asstr()[()] == "HIO*20"
        assert "init" not in settings
        units = {}
        file.visititems(
            lambda name, item: (
                units.update({name: item.attrs.get("units")})
                if isinstance(item, h5py.Dataset) and item.dtype.kind != "O" and name != "cxi_version"
                else None
            )
        )
        assert all(units.values()), units
        assert units["entry_1/sayre_1/displacement"] == "angstrom"
        assert units["entry_1/sayre_1/voxel_size"] == "nm"


def test_the_default_chain_of_nexus_ends_at_the_object(tmp_path):
    """What a viewer follows from the root: `default` to `default`, then `signal`."""
    crystal = make()
    save(tmp_path / "a.cxi", crystal, Manifest(command="sayre phase"))
    with h5py.File(tmp_path / "a.cxi") as file:
        node = file
        while "default" in node.attrs:
            node = node[node.attrs["default"]]
        assert node.attrs["NX_class"] == "NXdata"
        np.testing.assert_array_equal(node[node.attrs["signal"]], crystal.object)


def test_silx_finds_the_object(tmp_path):
    nxdata = pytest.importorskip("silx.io.nxdata")
    crystal = make()
    save(tmp_path / "a.cxi", crystal, Manifest(command="sayre phase"))
    with h5py.File(tmp_path / "a.cxi") as file:
        found = nxdata.get_default(file)
        assert found.is_valid
        np.testing.assert_array_equal(found.signal, crystal.object)
        for name in ("amplitude", "phase", "support", "displacement", "strain", "d_spacing"):
            field = nxdata.NXdata(file[f"entry_1/{name}"])
            assert field.is_valid, field.issues
            assert field.axes_dataset_names == ["z", "y", "x"]
            np.testing.assert_allclose(field.axes[2], 2.5 * (np.arange(7) - 3))
        np.testing.assert_array_equal(file["entry_1/strain/data"], crystal.strain)
        np.testing.assert_array_equal(file["entry_1/support/data"][()] != 0, crystal.support)
        spacing = 2 * np.pi / 2.78 * (1 + crystal.strain)
        np.testing.assert_allclose(file["entry_1/d_spacing/data"], spacing, rtol=1e-6)


@pytest.mark.interop
def test_cdiutils_ranks_runs_by_what_is_written(tmp_path):
    """Its analyser takes likelihoods, object and support from `*Run*.cxi`; the rest are its own reader's."""
    phaser = pytest.importorskip("cdiutils.process.phaser")
    pytest.importorskip("silx.io.h5py_utils")
    cxi = pytest.importorskip("cdiutils.io.cxi")
    for number, likelihood in ((1, 0.7), (2, 0.4)):
        crystal = make(metrics={"likelihood": likelihood, "free_likelihood": 1.0 / number})
        save(tmp_path / f"S1_Run000{number}.cxi", crystal, Manifest(command="sayre phase"))
    analyser = phaser.PhasingResultAnalyser(result_dir_path=str(tmp_path))
    analyser.analyse_phasing_results(sorting_criterion="llk", plot=False)
    assert list(analyser.sorted_phasing_results) == ["S1_Run0002.cxi", "S1_Run0001.cxi"]
    obj = cxi.load_cxi(str(tmp_path / "S1_Run0002.cxi"), "entry_1/data_1/data")
    np.testing.assert_array_equal(obj, crystal.object)


def test_files_of_others(tmp_path):
    """PyNX: no Sayre group, several modes; an npz with any one complex array."""
    obj = (np.arange(24.0) + 1j).reshape(2, 3, 4)
    with h5py.File(tmp_path / "p.cxi", "w") as file:
        file["entry_1/image_1/data"] = obj
        file["entry_1/image_1/support"] = np.ones((2, 3, 4), np.int8)
        file["entry_1/image_1/image_size"] = np.array([2e-7, 3e-7, 4e-7])
    crystal = load_crystal(tmp_path / "p.cxi")
    np.testing.assert_array_equal(crystal.object, obj.astype(np.complex64))
    assert crystal.voxel_size == pytest.approx((100, 100, 100))
    assert crystal.support.all()

    with h5py.File(tmp_path / "m.cxi", "w") as file:
        file["entry_1/image_1/data"] = np.stack([obj, 2 * obj])
        file["entry_1/image_1/mask"] = np.ones((2, 3, 4), np.int8)
    with pytest.warns(SayreWarning, match="first of 2 modes"):
        np.testing.assert_array_equal(load_crystal(tmp_path / "m.cxi").object, obj)
    named = load_crystal(f"{tmp_path / 'p.cxi'}::/entry_1/image_1/data")
    np.testing.assert_array_equal(named.object, obj)

    np.savez(tmp_path / "o.npz", obj=obj, fft_size=[4, 6, 8])
    with pytest.warns(SayreWarning, match="no support; taken where the amplitude exceeds 25%"):
        found = load_crystal(tmp_path / "o.npz")
    np.testing.assert_array_equal(found.support, np.abs(obj) > np.abs(obj).max() / 4)
    assert found.voxel_size is None
    with h5py.File(tmp_path / "s.cxi", "w") as file:
        file["entry_1/image_1/data"], file["entry_1/image_1/is_fft_shifted"] = obj, 1
    with pytest.warns(SayreWarning, match="no support"):
        np.testing.assert_array_equal(load_crystal(tmp_path / "s.cxi").object, np.fft.fftshift(obj))


@pytest.mark.measured
def test_measured_object(data_dir):
    paths = sorted(data_dir.glob("E_*.npz"))
    if not paths:
        pytest.skip("SAYRE_DATA_DIR has no file E_*.npz")
    with pytest.warns(SayreWarning, match="no support"):
        crystal = load_crystal(paths[0])
    assert crystal.shape == (86, 118, 122)
    assert 0.3 < crystal.support.mean() < 0.4


def decoded(element):
    """Array of a VTK DataArray: base64 of UInt64 block sizes, then of zlib blocks."""
    text = element.text.strip()
    count = int(np.frombuffer(base64.b64decode(text[:12])[:8], "<u8")[0])
    head = 4 * -(-8 * (3 + count) // 3)
    sizes = np.frombuffer(base64.b64decode(text[:head]), "<u8")[3:]
    data, blocks = base64.b64decode(text[head:]), []
    for size in sizes:
        blocks.append(zlib.decompress(data[: int(size)]))
        data = data[int(size) :]
    dtype = {"Float32": "<f4", "UInt8": "u1"}[element.get("type")]
    return np.frombuffer(b"".join(blocks), dtype)


@pytest.mark.parametrize("shape", [SHAPE, (70, 80, 90)])
def test_vti(shape, tmp_path, manifest):
    crystal = make(shape=shape)
    save(tmp_path / "a.vti", crystal, manifest)
    root = ET.parse(tmp_path / "a.vti").getroot()
    assert root.get("type") == "ImageData"
    image = root.find("ImageData")
    assert image.get("WholeExtent") == f"0 {shape[2] - 1} 0 {shape[1] - 1} 0 {shape[0] - 1}"
    assert [float(x) for x in image.get("Spacing").split()] == [2.5, 2.0, 1.5]
    origin = [float(x) for x in image.get("Origin").split()]
    assert origin == [-(shape[2] // 2) * 2.5, -(shape[1] // 2) * 2.0, -(shape[0] // 2) * 1.5]
    np.testing.assert_array_equal([float(x) for x in image.get("Direction").split()], np.eye(3).ravel())
    arrays = {a.get("Name"): a for a in image.find("Piece/PointData")}
    expected = {
        "amplitude": np.abs(crystal.object),
        "phase": np.where(crystal.support, np.angle(crystal.object), 0),
        "displacement": np.nan_to_num(crystal.displacement),
        "strain": np.nan_to_num(crystal.strain),
        "support": crystal.support,
    }
    assert list(arrays) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(decoded(arrays[name]).reshape(shape), array, err_msg=name)
    assert arrays["displacement"].get("ComponentName0") == "angstrom"
    texts = {t.get("Name"): bytes(map(int, t.text.split()[:-1])).decode() for t in image.find("FieldData")}
    assert json.loads(texts["units"])["length"] == "nm"
    assert Manifest.from_json(texts["manifest"]) == manifest


def test_vti_turned_and_oblique(tmp_path, manifest):
    """VTK's x, y, z are the last, middle, first array axes: columns of Direction."""
    axes = np.array([[0, 1.0, 0], [0, 0, 1], [1, 0, 0]])
    save(tmp_path / "a.vti", make(axes=axes), manifest)
    direction = ET.parse(tmp_path / "a.vti").getroot().find("ImageData").get("Direction")
    matrix = np.array([float(x) for x in direction.split()]).reshape(3, 3)
    np.testing.assert_array_equal(matrix[:, 0], axes[2])
    np.testing.assert_array_equal(matrix[:, 2], axes[0])
    skew = np.array([[0.6, 0.8, 0], [0, 1, 0], [0, 0, 1]])
    with pytest.warns(SayreWarning, match="oblique axes"):
        save(tmp_path / "b.vti", make(axes=skew), manifest)
    with pytest.raises(InputError, match="3D crystals"):
        save(tmp_path / "c.vti", make(known=False, shape=(3, 4)), manifest)
    assert not (tmp_path / "c.vti").exists()


def refused(path, message):
    with pytest.raises(InputError, match=message) as error:
        load_crystal(path)
    assert "\n" not in str(error.value)


def test_refusals(tmp_path, manifest):
    refused(tmp_path / "a.npz", "no such file")
    refused(tmp_path, "not from no ending")
    refused("a.tif", "not from .tif")
    np.savez(tmp_path / "a.npz", data=np.ones((3, 3)))
    refused(tmp_path / "a.npz", "holds data 3×3; the object must be complex")
    np.savez(tmp_path / "a.npz", obj=np.ones((3, 3)))
    refused(tmp_path / "a.npz", "complex and 2D or 3D, found float64")
    np.savez(tmp_path / "a.npz", obj=np.ones((3, 3)) * 1j, support=np.ones(4))
    refused(tmp_path / "a.npz", "a support of float64")
    np.savez(tmp_path / "a.npz", obj=np.ones((3, 3)) * np.nan, support=np.ones((3, 3)), metrics="{")
    refused(tmp_path / "a.npz", "complex|JSON|NaN")
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["x"] = 1
    refused(tmp_path / "a.cxi", "no object at entry_1/image_1/data")
    save(tmp_path / "b.cxi", make(), manifest)
    whole = (tmp_path / "b.cxi").read_bytes()
    (tmp_path / "b.cxi").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "b.cxi", "not an HDF5 file, or cut short")
    for name in ("a.tif", "a"):
        with pytest.raises(InputError, match=r"\.npz, \.cxi, \.vti would do"):
            output_path_check(tmp_path / name, kind=Crystal)
    assert output_path_check(tmp_path / "new.vti", kind=Crystal) == tmp_path / "new.vti"


def test_a_crystal_is_not_counts(tmp_path, manifest):
    for ending in (".npz", ".cxi"):
        save(tmp_path / f"a{ending}", make(), manifest)
        with pytest.raises(InputError):
            load(tmp_path / f"a{ending}")


def test_unknown_metrics_are_json(tmp_path, manifest):
    """NaN is no JSON: a strict parser reads the metrics of every format, and finds null."""

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    crystal = make(metrics={"agreement": np.nan, "weights": [1.0, np.inf], "ratio": np.float32(2.5)})
    expected = {"agreement": None, "weights": [1.0, None], "ratio": 2.5}
    for ending in (".npz", ".cxi", ".vti"):
        save(tmp_path / f"a{ending}", crystal, manifest)
    with np.load(tmp_path / "a.npz") as file:
        texts = [file["metrics"].item()]
    with h5py.File(tmp_path / "a.cxi") as file:
        texts.append(file["entry_1/sayre_1/metrics"].asstr()[()])
    fields = ET.parse(tmp_path / "a.vti").getroot().find("ImageData/FieldData")
    codes = next(item.text for item in fields if item.get("Name") == "metrics")
    texts.append(bytes(map(int, codes.split()[:-1])).decode())
    for text in texts:
        assert json.loads(text, parse_constant=refuse) == expected
    for ending in (".npz", ".cxi"):
        assert load_crystal(tmp_path / f"a{ending}").metrics == expected


def test_an_object_of_an_npz_is_named(tmp_path):
    """Support and frame are of every object in the file, displacement and metrics of the usual one."""
    first, second = np.ones((6, 6, 6), np.complex64), np.full((6, 6, 6), 2j, np.complex64)
    path, support = tmp_path / "several.npz", np.ones((6, 6, 6), bool)
    np.savez(path, a=first, b=second, support=support)
    with pytest.raises(InputError, match=r"or choose one as several.npz::a"):
        load_crystal(path)
    np.testing.assert_array_equal(load_crystal(f"{path}::b").object, second)
    with pytest.raises(InputError, match="no array c; it holds a 6×6×6, b 6×6×6"):
        load_crystal(f"{path}::c")
    strain = np.zeros((6, 6, 6), np.float32)
    np.savez(path, object=first, other=second, support=support, strain=strain, voxel_size=[5.0, 5, 5])
    assert load_crystal(path).strain is not None
    named = load_crystal(f"{path}::other")
    assert named.strain is None
    assert named.voxel_size == (5, 5, 5)
