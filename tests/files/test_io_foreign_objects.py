"""Objects of other programs, as their documentation and source lay them out."""

import h5py
import numpy as np
import pytest

from sayre.errors import InputError, SayreWarning
from sayre.files import load_crystal
from sayre.files.crystals.reading import read_object

SHAPE = (5, 6, 7)


@pytest.fixture
def obj():
    rng = np.random.default_rng(0)
    return (rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)).astype(np.complex64)


def test_pynx_states_the_shape_of_the_counts_it_cropped_the_object_from(tmp_path, obj):
    for name, process in (("a.cxi", "process_1"), ("mode.h5", "process_2")):  # modes: as pynx-cdi-analysis
        with h5py.File(tmp_path / name, "w") as file:
            file["entry_1/image_1/data"] = obj
            file["entry_1/image_1/mask"] = np.ones(SHAPE, np.int8)
            file["entry_1/image_1/process_1/command"] = "pynx"
            file[f"entry_1/image_1/{process}/configuration/iobs_shape"] = np.array([20, 24, 28])
            file[f"entry_1/image_1/{process}/configuration/rebin"] = "1,2,2"
        crystal = load_crystal(tmp_path / name)
        assert crystal.counts_shape == (20, 24, 28)
        assert read_object(tmp_path / name)["rebinned"] == "1,2,2"


def test_modes_of_cdiutils_keep_what_pynx_stated(tmp_path, obj):
    """`S*_pynx_reconstruction_mode.cxi` has the modes first, and a copy of PyNX's process."""
    with h5py.File(tmp_path / "S1_pynx_reconstruction_mode.cxi", "w") as file:
        file["entry_1/image_1/data"] = np.stack([obj, 0.1 * obj])
        file["entry_1/process_1/configuration/iobs_shape"] = np.array([20, 24, 28])
    with pytest.warns(SayreWarning, match="no support|first of 2 modes"):
        crystal = load_crystal(tmp_path / "S1_pynx_reconstruction_mode.cxi")
    np.testing.assert_array_equal(crystal.object, obj)
    assert crystal.counts_shape == (20, 24, 28)


def test_objects_of_cohere_are_conjugated_and_turned(tmp_path, obj):
    np.save(tmp_path / "image.npy", obj.conj().T.astype(np.complex128))
    with pytest.raises(InputError, match=r"no support.npy is beside it; state `convention='cohere'`"):
        load_crystal(tmp_path / "image.npy")
    support = np.abs(obj) > 1
    np.save(tmp_path / "support.npy", support.T.astype(float))
    with pytest.warns(SayreWarning, match="so an object of cohere: conjugated, axes put in reverse"):
        crystal = load_crystal(tmp_path / "image.npy")
    np.testing.assert_array_equal(crystal.object, obj)
    np.testing.assert_array_equal(crystal.support, support)
    as_they_are = load_crystal(tmp_path / "image.npy", convention="sayre")
    np.testing.assert_array_equal(as_they_are.object, obj.conj().T)
    np.testing.assert_array_equal(as_they_are.support, support.T)


def test_a_plain_npy_is_taken_as_it_is_or_as_stated(tmp_path, obj):
    np.save(tmp_path / "a.npy", obj)
    for convention, expected in (("auto", obj), ("conjugate", obj.conj()), ("cohere", obj.conj().T)):
        np.testing.assert_array_equal(read_object(tmp_path / "a.npy", convention)["object"], expected)
    with pytest.raises(InputError, match=r"^convention: found 'fft'; one of auto, sayre"):
        read_object(tmp_path / "a.npy", "fft")
    np.save(tmp_path / "counts.npy", np.ones(SHAPE))
    with pytest.raises(InputError, match="must be complex"):
        load_crystal(tmp_path / "counts.npy")


@pytest.mark.parametrize("convention", ["cxi", "xu"])
def test_properties_of_cdiutils_are_an_object_in_its_frame(tmp_path, obj, convention):
    """Its phase is that of exp(+i G·u), G in components along the array axes."""
    properties = {
        "amplitude": np.abs(obj),
        "phase": -np.angle(obj),
        "support": (np.abs(obj) > 1).astype(float),
        "g_vector": np.array([-1.0, 2.0, 0.5]),
        "voxel_size": np.array([4.0, 4.0, 5.0]),
        "hkl": np.array([1, 1, 1]),
    }
    if convention == "cxi":
        path = tmp_path / "S1_structural_properties.npz"
        np.savez(path, displacement=np.zeros(SHAPE), **properties)
    else:
        path = tmp_path / "S1_postprocessed_data.cxi"
        with h5py.File(path, "w") as file:
            for number, (name, value) in enumerate(properties.items(), 1):
                file[f"entry_1/image_{number}/data"] = value
                file[f"entry_1/{name}"] = h5py.SoftLink(f"/entry_1/image_{number}")
            file["entry_1/parameters_1/convention"] = "xu"
            file["entry_1/process_1/command"] = "cdiutils.BcdiPipeline.postprocess()"
    found = read_object(path)
    crystal = load_crystal(path)
    np.testing.assert_allclose(crystal.object, obj, atol=1e-6)
    assert crystal.voxel_size == (4, 4, 5)
    assert crystal.hkl == (1, 1, 1)
    assert crystal.g == pytest.approx(np.sqrt(5.25))
    # Laboratory: x to the left, y up, z along the beam; xrayutilities: beam, left, up.
    expected = [0.5, 2.0, -1.0] if convention == "cxi" else [2.0, 0.5, -1.0]
    np.testing.assert_allclose(found["g_vector"], expected)


def test_postprocessed_data_of_cdiutils_state_the_spacing_and_no_direction(tmp_path, obj):
    """Its pipeline writes arrays alone as images, and G is none of them."""
    path = tmp_path / "S1_postprocessed_data.cxi"
    spacing = np.full(SHAPE, np.nan)
    spacing[1:3] = 2.25
    with h5py.File(path, "w") as file:
        images = {
            "amplitude": np.abs(obj),
            "phase": -np.angle(obj),
            "support": np.ones(SHAPE),
            "dspacing": spacing,
        }
        for number, (name, value) in enumerate(images.items(), 1):
            file[f"entry_1/image_{number}/data"] = value
            file[f"entry_1/{name}"] = h5py.SoftLink(f"/entry_1/image_{number}")
        file["entry_1/result_1/voxel_size"] = [4.0, 4.0, 5.0]
        file["entry_1/process_1/command"] = "cdiutils.BcdiPipeline.postprocess()"
    found = read_object(path)
    np.testing.assert_allclose(found["object"], obj, atol=1e-6)
    assert found["g"] == pytest.approx(2 * np.pi / 2.25)
    assert found["in_sample"]
    assert "g_vector" not in found


def test_counts_smaller_than_the_object_are_refused(tmp_path, obj):
    np.savez(tmp_path / "a.npz", object=obj, support=np.ones(SHAPE, bool), counts_shape=[4, 6, 7])
    with pytest.raises(InputError, match=r"cannot be a part of counts of \(4, 6, 7\)"):
        load_crystal(tmp_path / "a.npz")
