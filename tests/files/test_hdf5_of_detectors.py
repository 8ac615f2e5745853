"""HDF5 files as detectors and control systems leave them: what is not counts, not there, or not measured."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from sayre.errors import InputError, SayreWarning
from sayre.files import load

SHAPE = (12, 9, 10)


def counts(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).integers(1, 1000, shape).astype("u4")


def blocks_in(path, names, shape=(4, 9, 10)):
    """One dataset a name, with counts of its own; all of them in order."""
    parts = [counts(k, shape) for k in range(len(names))]
    with h5py.File(path, "w") as file:
        for name, part in zip(names, parts, strict=True):
            file[name] = part
    return np.concatenate(parts)


def virtual(path, pieces, shape=SHAPE):
    layout = h5py.VirtualLayout(shape, "u4")
    for places, source in pieces:
        layout[places] = source
    with h5py.File(path, "w", libver="latest") as file:
        file.create_virtual_dataset("entry/data/data", layout)


@pytest.fixture
def raw(tmp_path):
    """Two files of six frames, `raw_0.h5` and `raw_1.h5`; the counts of both."""
    whole = counts()
    for k in (0, 1):
        with h5py.File(tmp_path / f"raw_{k}.h5", "w") as file:
            file["data"] = whole[6 * k : 6 * k + 6]
    return whole


def source(number, name="data", length=6):
    return h5py.VirtualSource(f"raw_{number}.h5", name, (length, 9, 10))


@pytest.mark.parametrize("digits", [1, 6])
def test_blocks_are_joined_in_the_order_of_their_numbers(tmp_path, digits):
    names = [f"entry/data/data_{k:0{digits}d}" for k in range(1, 13)]
    whole = blocks_in(tmp_path / "a.h5", names, (1, 9, 10))
    assert np.array_equal(load(tmp_path / "a.h5").intensity, whole)


@pytest.mark.parametrize(
    "names",
    [
        ("scan/scan_data/data_01", "scan/scan_data/data_02"),
        ("scan/scan_data/data_06", "scan/scan_data/data_10"),
        ("scan_0011/scan_data/data_01", "scan_0012/scan_data/data_01"),
        ("entry_0000/measurement/data", "entry_0001/measurement/data"),
    ],
)
def test_two_detectors_and_two_scans_are_not_one(tmp_path, names):
    blocks_in(tmp_path / "a.nxs", names)
    with pytest.raises(InputError, match=f"2 datasets could be the counts: /{names[0]} 4×9×10, /{names[1]}"):
        load(tmp_path / "a.nxs")


def test_sensors_beside_blocks_by_such_names_are_not_joined(tmp_path):
    blocks_in(tmp_path / "a.h5", ("a/data_1", "a/data_2"))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["a/data_3"] = np.linspace(0, 1, 4)
    with pytest.raises(InputError, match="2 datasets could be the counts"):
        load(tmp_path / "a.h5")


@pytest.mark.parametrize("shape", [(12, 1, 9, 10), (1, 12, 9, 10), (12, 9, 10, 1), (1, 12, 1, 9, 10)])
def test_axes_of_length_1_are_dropped(tmp_path, shape):
    whole = counts()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data"] = whole.reshape(shape)
    np.savez(tmp_path / "a.npz", data=whole.reshape(shape), mask=np.zeros(shape))
    assert np.array_equal(load(tmp_path / "a.h5").intensity, whole)
    assert np.array_equal(load(tmp_path / "a.npz").intensity, whole)


@pytest.mark.parametrize("shown", [lambda c: c.sum(axis=(1, 2)), lambda c: c.sum(axis=0)])
def test_counts_go_before_a_default_plot_of_their_sums(tmp_path, shown):
    """The default leads to a counter or to the sum of the frames: neither is a choice among detectors."""
    whole = counts()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["default"], file["entry/det/data"] = "entry", whole
        plot = file.create_group("entry/plot")
        file["entry"].attrs["default"], plot.attrs["signal"] = "plot", "shown"
        plot["shown"] = shown(whole)
        assert file["entry/plot/shown"].ndim < 3
    assert np.array_equal(load(tmp_path / "a.h5").intensity, whole)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["entry/other/data"] = counts(1)
    with pytest.raises(InputError, match="2 datasets could be the counts"):
        load(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["entry/det/data"].attrs["signal"] = 1
    assert np.array_equal(load(tmp_path / "a.h5").intensity, whole)


@pytest.mark.parametrize("shape", [(3, 3), (1, 3, 3), (6, 3, 3), (6, 4, 4), (50, 2)])
def test_matrices_and_motors_are_no_counts(tmp_path, shape):
    """A scan whose detector file is missing: what is left is an orientation matrix, a table of motors."""
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        file["entry/sample/ub"] = np.random.default_rng(0).normal(size=shape)
        file["entry/detector/data"] = h5py.ExternalLink("gone.h5", "/entry/data")
    with pytest.raises(InputError, match="/entry/detector/data is a link whose target is missing"):
        load(tmp_path / "a.nxs")


def test_an_image_beside_a_broken_link_is_not_taken_for_the_scan(tmp_path):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        file["entry/sum"] = counts().sum(axis=0)
        file["entry/detector/data"] = h5py.SoftLink("/nowhere")
    with pytest.raises(InputError, match="nothing that is there has three axes"):
        load(tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs", "a") as file:
        file["entry/camera"] = counts()
    with pytest.warns(SayreWarning, match="/entry/camera is read; the target of the link /entry/detector/da"):
        load(tmp_path / "a.nxs")


def test_a_virtual_dataset_of_virtual_datasets_is_read(tmp_path, raw):
    virtual(tmp_path / "inner.h5", [(slice(0, 6), source(0)), (slice(6, 12), source(1))])
    virtual(tmp_path / "outer.h5", [(slice(0, 12), h5py.VirtualSource("inner.h5", "entry/data/data", SHAPE))])
    assert np.array_equal(load(tmp_path / "outer.h5").intensity, raw)
    (tmp_path / "raw_1.h5").unlink()
    with pytest.raises(InputError, match=r"raw_1\.h5, which is missing"):
        load(tmp_path / "outer.h5")


def test_what_is_mapped_to_no_file_is_masked(tmp_path, raw):
    """The last frames of a stopped scan; the gap between two modules; frames of every second file."""
    virtual(tmp_path / "stopped.h5", [(slice(0, 6), source(0)), (slice(6, 9), source(1)[:3])])
    with pytest.warns(SayreWarning, match="3 whole frames among them, of the virtual dataset"):
        found = load(tmp_path / "stopped.h5")
    assert np.array_equal(np.flatnonzero(found.mask.any(axis=(1, 2))), [9, 10, 11])
    assert np.array_equal(found.intensity[:9], raw[:9])
    modules = [(np.s_[:6, :4], source(0)[:, :4]), (np.s_[:6, 6:9], source(0)[:, 6:])]
    virtual(tmp_path / "modules.h5", modules, (6, 9, 10))
    with pytest.warns(SayreWarning, match="120 voxels of the virtual dataset"):
        found = load(tmp_path / "modules.h5")
    assert np.array_equal(np.flatnonzero(found.mask.any(axis=(0, 2))), [4, 5])
    virtual(
        tmp_path / "nested.h5", [(slice(0, 12), h5py.VirtualSource("stopped.h5", "entry/data/data", SHAPE))]
    )
    with pytest.warns(SayreWarning, match="3 whole frames"):
        found = load(tmp_path / "nested.h5")
    assert found.mask[9:].all()
    assert not found.mask[:9].any()
    virtual(tmp_path / "turns.h5", [(slice(0, 12, 2), source(0)), (slice(1, 12, 2), source(1))])
    found = load(tmp_path / "turns.h5")
    assert not found.mask.any()
    assert np.array_equal(found.intensity[1::2], raw[6:])


def test_virtual_datasets_whose_sources_hold_less_are_refused(tmp_path, raw):
    virtual(tmp_path / "renamed.h5", [(slice(0, 6), source(0)), (slice(6, 12), source(1, "frames"))])
    with pytest.raises(InputError, match=r"raw_1\.h5::frames, where no dataset is"):
        load(tmp_path / "renamed.h5")
    with h5py.File(tmp_path / "raw_1.h5", "a") as file:
        del file["data"]
        file["data"] = raw[6:8]
    virtual(tmp_path / "cut.h5", [(slice(0, 6), source(0)), (slice(6, 12), source(1))])
    with pytest.raises(InputError, match=r"540 voxels are mapped to raw_1\.h5::data, which has 2×9×10"):
        load(tmp_path / "cut.h5")
    whole = (tmp_path / "raw_1.h5").read_bytes()
    (tmp_path / "raw_1.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"raw_1\.h5, which cannot be opened; is it copied whole"):
        load(tmp_path / "cut.h5")


def test_masks_of_virtual_datasets_must_be_whole(tmp_path, raw):
    layout = h5py.VirtualLayout((9, 10), "u4")
    layout[:4] = h5py.VirtualSource("raw_0.h5", "data", (6, 9, 10))[0, :4]
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file["entry/data/data"] = raw
        file.create_virtual_dataset("entry/data/mask", layout)
    with pytest.raises(InputError, match="/entry/data/mask: 50 of its 90 values lie in no file"):
        load(tmp_path / "a.h5")


def test_bits_of_masks_by_their_definition(tmp_path):
    """CXI: 16 bits that reject, above them what is told of good pixels. NeXus: bit 31 is a virtual pixel."""
    bad = np.zeros((9, 10), bool)
    bad[3:5] = True
    for name, place, mask, told in (
        ("a.cxi", "entry_1/instrument_1/detector_1", "mask", 0x10000),
        ("b.nxs", "entry/instrument/detector", "pixel_mask", 0x80000000),
    ):
        with h5py.File(tmp_path / name, "w") as file:
            file[f"{place}/data"] = counts()
            file[f"{place}/{mask}"] = np.uint32(told) | bad.astype("u4")
            if name == "a.cxi":
                file["cxi_version"] = 140
        expected = np.broadcast_to(bad, SHAPE)
        assert np.array_equal(load(tmp_path / name).mask, expected)
        np.save(tmp_path / "plain.npy", counts())
        assert np.array_equal(load(tmp_path / "plain.npy", mask=tmp_path / name).mask, expected)
