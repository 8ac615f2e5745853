"""Files that cannot be used are refused in one line, and outputs are whole or absent."""

import logging
import os
import resource
import subprocess
import sys
import textwrap
import warnings

import h5py
import numpy as np
import pytest
import tifffile
from io_samples import make

import sayre
from sayre.data import FilledPattern, Pattern, SimulatedPattern
from sayre.errors import InputError
from sayre.files import load, output_path_check, save
from sayre.files.atomic import replacing


def refused(path, message, **options):
    with pytest.raises(InputError, match=message) as error:
        load(path, **options)
    assert "\n" not in str(error.value)
    assert str(path).partition("::")[0] in str(error.value)


@pytest.mark.parametrize("ending", [".npz", ".npy", ".cxi", ".h5", ".tif"])
def test_damaged_files(ending, tmp_path):
    path = tmp_path / f"a{ending}"
    refused(path, "no such file")
    path.write_bytes(b"")
    refused(path, "empty file")
    unknown = tmp_path / "empty.spec"
    unknown.touch()
    refused(unknown, "empty file; copy")
    path.write_bytes(b"no such format, only text" * 9)
    refused(path, "not a|damaged")


@pytest.mark.parametrize("ending", [".npz", ".npy", ".cxi", ".h5", ".tif"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_truncated_files(ending, share, tmp_path, manifest):
    path = tmp_path / f"a{ending}"
    save(path, make("filled", (8, 32, 32), masked=False), manifest)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(path, "cut short|damaged")


def test_tiff_cut_between_pages(tmp_path):
    path, page = tmp_path / "a.tif", np.ones((8, 8), np.uint8)
    ends = []
    for pages in (2, 3):
        with tifffile.TiffWriter(path) as tif:
            for _ in range(pages):
                tif.write(page, metadata=None)
        ends.append(path.stat().st_size)
    path.write_bytes(path.read_bytes()[: ends[0]])
    refused(path, "cut short, its last pages are missing")


def test_damaged_inside_of_an_npz(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, data=np.random.default_rng(0).poisson(9, (9, 32, 32)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 50] = bytes(50)
    path.write_bytes(content)
    refused(path, "data: cannot be read, damaged")


def test_damaged_chunk_of_an_hdf5_file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("d", data=np.random.default_rng(0).poisson(9, (32, 32)), compression="gzip")
        place = file["d"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[place.byte_offset + 20 : place.byte_offset + 60] = bytes(40)
    path.write_bytes(content)
    refused(path, "::/d: cannot be read")


def test_folders_and_endings(tmp_path):
    refused(tmp_path, "no .tif or .tiff frames")
    (tmp_path / "a.npz").mkdir()
    refused(tmp_path / "a.npz", "no .tif or .tiff frames")
    refused(tmp_path / "none_*.tif", "no .tif or .tiff frames")
    for name in ("a.dat", "a"):
        (tmp_path / name).write_text("x")
        refused(tmp_path / name, r"\.npz, \.npy, \.cxi, \.h5, \.hdf5, \.nxs, \.tif, \.tiff, \.mat would do")
    np.savez(tmp_path / "b.npz", data=np.ones((2, 2)))
    np.save(tmp_path / "b.npy", np.ones((2, 2)))
    refused(f"{tmp_path / 'b.npy'}::/data", r"only .npz, .*.cxi have paths inside")
    refused(f"{tmp_path / 'b.npz'}::dato", r"no array dato; it holds data 2×2; did you mean data\?")


def test_nothing_is_unpickled(tmp_path):
    trap = np.array([{"a": 1}], object)
    np.savez(tmp_path / "a.npz", data=trap)
    refused(tmp_path / "a.npz", "pickled objects, which are never loaded")
    np.save(tmp_path / "a.npy", trap)
    refused(tmp_path / "a.npy", "pickled objects, which are never loaded")


@pytest.mark.parametrize(
    ("ending", "shape"),
    [(".npy", (7,)), (".npz", (7,)), *((ending, (2, 3, 4, 5)) for ending in (".npy", ".npz", ".tif"))],
)
def test_wrong_dimensions(ending, shape, tmp_path):
    path, array = tmp_path / f"a{ending}", np.ones(shape, np.float32)
    if ending == ".npy":
        np.save(path, array)
    elif ending == ".npz":
        np.savez(path, data=array)
    else:
        tifffile.imwrite(path, array, photometric="minisblack")
    refused(path, r"counts must be a 2D or 3D array, found shape \(")


def test_unsuitable_arrays(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, obj=np.ones((3, 4, 5), np.complex64))
    refused(path, "real numbers, found complex64")
    np.savez(path, data=np.ones((0, 4)))
    refused(path, r"found shape \(0, 4\)")
    np.savez(path, a=np.ones((3, 4)), b=np.ones((3, 4)), c=1)
    refused(path, "holds a 3×4, b 3×4, c scalar; name the counts intensity, data or I")
    np.savez(path, data=np.ones((3, 4)), mask=np.ones((3, 4)))
    with pytest.raises(InputError, match=r"a\.npz: every voxel is masked"):
        load(path)
    np.savez(path)
    refused(path, "holds no arrays")
    tifffile.imwrite(tmp_path / "a.tif", np.ones((5, 6, 3), np.uint8), photometric="rgb")
    refused(tmp_path / "a.tif", "colour image")


def test_unlike_frames(tmp_path):
    for number, shape in enumerate([(3, 4), (3, 5)]):
        tifffile.imwrite(tmp_path / f"f{number}.tif", np.ones(shape))
    with pytest.raises(InputError, match=r"f1\.tif: frame of shape \(3, 5\)"):
        load(tmp_path)


def test_masks_that_do_not_fit(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 4, 5)))
    np.save(tmp_path / "m.npy", np.ones((4, 4)))
    np.savez(tmp_path / "m.npz", a=np.ones((4, 5)), b=np.ones((4, 5)))
    for mask, message in [
        ("m.npy", r"m\.npy: the mask has shape \(4, 4\), the counts \(3, 4, 5\)"),
        ("m.npz", "must be named mask, or be alone, or be chosen as m.npz::a"),
        ("m.npz::c", r"m.npz: no array c; it holds a 4×5, b 4×5"),
        ("none.npz", "no such file"),
    ]:
        with pytest.raises(InputError, match=message):
            load(tmp_path / "a.npy", mask=tmp_path / mask)


def test_outputs_are_checked_before_work(tmp_path):
    (tmp_path / "old.npz").write_text("old")
    (tmp_path / "dir.npz").mkdir()
    for name, message in [
        ("a.txt", "unknown ending .txt"),
        ("a", "no ending"),
        ("none/a.npz", "none does not exist"),
        ("old.npz/a.npz", "old.npz is not a folder"),
        ("dir.npz", "is a folder"),
    ]:
        with pytest.raises(InputError, match=message):
            output_path_check(tmp_path / name)
    with pytest.raises(InputError) as error:
        output_path_check(tmp_path / "old.npz")
    assert str(error.value) == f"{tmp_path / 'old.npz'}: exists; `force=True` overwrites"
    assert output_path_check(str(tmp_path / "old.npz"), force=True) == tmp_path / "old.npz"
    assert output_path_check("a.npz").name == "a.npz"
    for name, kind in [("a.npy", Pattern), ("a.npy", SimulatedPattern), ("a.tif", SimulatedPattern)]:
        with pytest.raises(InputError, match=r"or \.cxi"):
            output_path_check(tmp_path / name, kind=kind)
        assert output_path_check(tmp_path / name, kind=FilledPattern)


def test_read_only_folder(tmp_path, manifest, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="cannot be written to"):
        save(tmp_path / "a.npz", make("filled"), manifest)


def test_system_refuses_to_write(tmp_path, manifest, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match=r"a\.npz: cannot be written \(Permission denied\)"):
        save(tmp_path / "a.npz", make("filled"), manifest)
    assert not list(tmp_path.iterdir())


def test_existing_output(tmp_path, manifest):
    save(tmp_path / "a.npz", make("filled"), manifest)
    before = (tmp_path / "a.npz").read_bytes()
    with pytest.raises(InputError, match="exists; `force=True` overwrites"):
        save(tmp_path / "a.npz", make("filled", seed=1), manifest)
    assert (tmp_path / "a.npz").read_bytes() == before
    save(tmp_path / "a.npz", make("filled", seed=1), manifest, force=True)
    assert (tmp_path / "a.npz").read_bytes() != before


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_interrupted_writing_leaves_the_old_file(stop, tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"old")

    def interrupted():
        with replacing(path, force=True) as file:
            file.write(b"half of the new")
            raise stop

    with pytest.raises(stop):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_output_made_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "a.npz"

    def slow():
        with replacing(path, force=False) as file:
            file.write(b"ours")
            path.write_bytes(b"theirs")

    with pytest.raises(InputError, match="exists"):
        slow()
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(
    not hasattr(resource, "RLIMIT_FSIZE"), reason="this system cannot limit the size of files"
)
def test_full_disk_leaves_the_old_file(tmp_path):
    """A file size limit stands for the full disk; HDF5 itself would crash on it."""
    endings = [".npz", ".npy", ".cxi", ".h5", ".tif"]
    for ending in endings:
        (tmp_path / f"a{ending}").write_bytes(b"old")
    script = f"""
        import resource, sys
        sys.path.insert(0, {str(os.path.dirname(__file__))!r})
        from io_samples import make
        from sayre.data import Manifest
        from sayre.errors import InputError
        from sayre.files import save
        what = make("filled", (16, 64, 64))
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        for ending in {endings}:
            try:
                save({str(tmp_path)!r} + "/a" + ending, what, Manifest(command="x"), force=True)
            except InputError as error:
                print(ending, error)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("cannot be written") == len(endings), result.stdout
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {f"a{e}": b"old" for e in endings}


def test_every_cut_of_a_tiff_is_refused_or_loads_the_same(tmp_path, monkeypatch):
    """Whatever the level of the logger of tifffile, which reports some cuts there and reads on."""
    monkeypatch.setattr(logging.getLogger("tifffile"), "level", logging.CRITICAL + 1)
    counts = np.random.default_rng(0).poisson(5, (3, 8, 8))
    mask = np.zeros(counts.shape, bool)
    mask[:, 3] = True
    path, cut = tmp_path / "a.tif", tmp_path / "cut.tif"
    sayre.save(path, sayre.inpaint(Pattern.from_counts(counts, mask), method="linear"))
    data, whole = path.read_bytes(), sayre.load(path)
    loaded = 0
    for length in range(1, len(data), 3):
        cut.write_bytes(data[:length])
        try:
            found = sayre.load(cut)
        except InputError:
            continue
        loaded += 1
        np.testing.assert_array_equal(found.mask, whole.mask)
        np.testing.assert_array_equal(found.intensity, whole.intensity)
    assert loaded < 10  # cuts of the padding at the end


@pytest.mark.parametrize("place", ["entry/data/mask", "entry/instrument/detector/pixel_mask"])
@pytest.mark.parametrize("link", [h5py.SoftLink("/nowhere"), h5py.ExternalLink("gone.h5", "/mask")])
def test_a_mask_behind_a_broken_link_is_refused(place, link, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data"] = np.ones((4, 8, 8), np.uint32)
        file[place] = link
    with pytest.raises(InputError, match=f"the mask /{place} is a link whose target is missing"):
        sayre.load(tmp_path / "a.h5")


@pytest.mark.parametrize("ending", ["npz", "h5"])
def test_counts_beyond_float32_are_said(ending, tmp_path):
    counts = np.ones((4, 8, 8), np.int64)
    path = tmp_path / f"a.{ending}"
    for most, said in ((2**24 - 1, False), (2**24 + 1, True)):
        counts[2, 3, 3] = most
        if ending == "npz":
            np.savez(path, intensity=counts)
        else:
            with h5py.File(path, "w") as file:
                file["data"] = counts
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sayre.load(path)
        assert any(str(w.message).startswith(f"{path.name}: 1 voxels hold 2^24") for w in caught) == said
