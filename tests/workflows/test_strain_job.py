"""`sayre strain`: the same particle by the files of several programs, and what is refused."""

import json
import re
import warnings
from dataclasses import replace

import h5py
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.special import erf

from sayre.crystal.conversion import to_crystal
from sayre.crystal.orthogonalise import voxel_basis
from sayre.crystal.scan import Scan
from sayre.crystal.unwrap import vortices
from sayre.data import Manifest
from sayre.errors import InputError, SayreWarning
from sayre.files import load_crystal, save
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.job import config_of
from sayre.workflows.phase import PhaseJob
from sayre.workflows.strain.job import StrainJob
from sayre.workflows.strain.objects import averaged, load_stored
from sayre.workflows.strain.settings import AnalysisSettings

SHAPE = (40, 44, 42)
GOLD = 4.08


@pytest.fixture(scope="module")
def scan():
    from sayre.crystal.geometry import Geometry

    geometry = Geometry.at(
        "34idc",
        energy=9000.0,
        distance=0.5,
        pixel_size=(55e-6, 55e-6),
        angles=(32.174, 12.6346),
        rocking_axis="y+",
        rocking_step=0.4,
        binning=(1, 36, 44),
    )
    return Scan(geometry=geometry)


@pytest.fixture(scope="module")
def obj(scan):
    """A block with a uniform strain of 0.2 % in one half of it, blurred at its surface."""
    inside = np.zeros(SHAPE, bool)
    inside[12:29, 13:30, 12:31] = True
    amplitude = ndimage.gaussian_filter(inside.astype(float), 0.8)
    basis = voxel_basis(scan.geometry.steps(), SHAPE)
    g = scan.geometry.g()
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), -1)
    along = 10 * index @ basis @ (g / np.linalg.norm(g))
    u = np.where(along > 0, 2e-3 * along, 0)
    return (5 * amplitude * np.exp(-1j * np.linalg.norm(g) * u)).astype(np.complex64)


def run(path, tmp_path, scan, name="out.npz", picture=None, **settings):
    job = StrainJob(
        objects=[str(p) for p in (path if isinstance(path, list) else [path])],
        output=tmp_path / name,
        analysis=AnalysisSettings(**settings),
        scan=scan,
        picture=picture,
        force=True,
    )
    return job.run()


def test_the_files_of_all_programs_give_the_same_strain(tmp_path, scan, obj):
    np.savez(tmp_path / "a.npz", object=obj, support=np.abs(obj) > 1)
    np.save(tmp_path / "b.npy", obj)
    crop = (slice(8, 34), slice(8, 36), slice(6, 38))
    with h5py.File(tmp_path / "c.cxi", "w") as file:  # PyNX, cropped
        file["entry_1/image_1/data"] = obj[crop]
        file["entry_1/image_1/mask"] = (np.abs(obj[crop]) > 1).astype(np.int8)
        file["entry_1/image_1/process_1/configuration/iobs_shape"] = np.array(SHAPE)
    (tmp_path / "cohere").mkdir()
    np.save(tmp_path / "cohere" / "image.npy", obj.conj().T)
    np.save(tmp_path / "cohere" / "support.npy", np.abs(obj.T) > 1)
    reference = run(tmp_path / "a.npz", tmp_path, scan).analysis
    assert reference.statistics["all"].std == pytest.approx(1e-3, rel=0.2)
    assert reference.lines == ()
    assert reference.crystal.spacing[reference.crystal.support].mean() == pytest.approx(
        2 * np.pi / reference.crystal.g, rel=1e-4
    )
    for name in ("b.npy", "c.cxi", "cohere/image.npy"):
        if "cohere" in name:
            with pytest.warns(SayreWarning, match="an object of cohere"):
                found = run(tmp_path / name, tmp_path, scan).analysis
        else:
            found = run(tmp_path / name, tmp_path, scan).analysis
        assert found.crystal.voxel_size == pytest.approx(reference.crystal.voxel_size)
        inside = reference.crystal.support & found.crystal.support
        assert inside.sum() == reference.crystal.support.sum()
        np.testing.assert_allclose(found.crystal.strain[inside], reference.crystal.strain[inside], atol=2e-6)


def test_a_cropped_object_of_unknown_counts_is_refused(tmp_path, scan, obj):
    np.save(tmp_path / "b.npy", obj[11:30, 12:31, 11:32])
    with pytest.raises(
        InputError, match=r"as after cropping, and the file does not state the shape .*`shape="
    ):
        run(tmp_path / "b.npy", tmp_path, scan)
    assert not (tmp_path / "out.npz").exists()
    found = run(tmp_path / "b.npy", tmp_path, scan, shape=SHAPE).analysis.crystal
    assert found.voxel_size == pytest.approx(
        (np.linalg.norm(voxel_basis(scan.geometry.steps(), SHAPE), axis=1).min(),) * 3
    )
    with pytest.raises(InputError, match="is no part of counts of"):
        run(tmp_path / "b.npy", tmp_path, scan, shape=(18, 20, 20))


def test_rebinned_counts_of_pynx_need_a_geometry_that_says_so(tmp_path, scan, obj):
    with h5py.File(tmp_path / "c.cxi", "w") as file:
        file["entry_1/image_1/data"] = obj
        file["entry_1/image_1/mask"] = (np.abs(obj) > 1).astype(np.int8)
        file["entry_1/image_1/process_1/configuration/rebin"] = "1,36,44"
    unbinned = replace(scan, geometry=replace(scan.geometry, binning=(1, 1, 1)))
    with pytest.raises(InputError, match=r"rebinned by 1, 36, 44 .* write binning = \[1, 36, 44\] into it"):
        run(tmp_path / "c.cxi", tmp_path, unbinned)
    run(tmp_path / "c.cxi", tmp_path, scan)


def test_a_crystal_of_sayre_brings_its_geometry(tmp_path, scan, obj):
    support = np.abs(obj) > 2.5
    crystal = to_crystal(obj, support, scan=scan)
    job = PhaseJob(input=InputFile(source="counts.npz"), output=tmp_path / "p.npz", scan=scan)
    for name in ("p.npz", "p.cxi"):
        save(tmp_path / name, crystal, Manifest.collect("sayre phase", config=config_of(job)))
        found = run(tmp_path / name, tmp_path, Scan(), keep_support=True).analysis.crystal
        assert found.voxel_size == crystal.voxel_size
        assert found.g == pytest.approx(crystal.g)
        inner = ndimage.binary_erosion(crystal.support, iterations=3)
        inside = inner & ~ndimage.binary_dilation(np.abs(np.gradient(crystal.strain, axis=0)) > 5e-5)
        assert inside.sum() > 100
        np.testing.assert_allclose(found.strain[inside], crystal.strain[inside], atol=1e-4)


def test_a_crystal_on_cubes_goes_to_other_cubes_and_to_the_sample(tmp_path, scan, obj):
    circles = (("y+", 25.0), ("z-", 80.0), ("x+", -10.0))
    located = replace(scan, geometry=replace(scan.geometry, sample=circles))
    crystal = to_crystal(obj, np.abs(obj) > 2.5, scan=scan)
    save(tmp_path / "p.npz", crystal)
    volume = crystal.support.sum() * crystal.voxel_size[0] ** 3
    other = replace(located, voxel_size=0.8 * crystal.voxel_size[0])
    for settings in (other, replace(other, frame="sample")):
        found = run(tmp_path / "p.npz", tmp_path, settings, keep_support=True).analysis.crystal
        assert found.voxel_size == (settings.voxel_size,) * 3
        assert found.support.sum() * settings.voxel_size**3 == pytest.approx(volume, rel=0.03)
        assert np.nanstd(found.strain) == pytest.approx(np.nanstd(crystal.strain), rel=0.15)
    np.testing.assert_allclose(found.axes, located.geometry.sample_axes()[::-1], atol=1e-12)
    with pytest.raises(InputError, match="sample needs the circles of the sample"):
        run(tmp_path / "p.npz", tmp_path, replace(scan, frame="sample"))
    with pytest.raises(InputError, match="cubes of another size need a geometry"):
        run(tmp_path / "p.npz", tmp_path, Scan(voxel_size=10.0))


def test_properties_of_cdiutils_lie_in_the_laboratory_as_the_circles_say(tmp_path, scan, obj):
    circles = (("y+", 25.0), ("x+", -10.0))
    located = replace(scan, geometry=replace(scan.geometry, sample=circles))
    turn = located.geometry.sample_axes()
    in_sample = to_crystal(obj, np.abs(obj) > 2.5, scan=replace(located, frame="sample"))
    np.savez(
        tmp_path / "S1_structural_properties.npz",
        amplitude=in_sample.amplitude,
        phase=-in_sample.phase,
        support=in_sample.support.astype(float),
        g_vector=(turn @ located.geometry.g())[::-1],
        voxel_size=np.array(in_sample.voxel_size),
    )
    found = run(tmp_path / "S1_structural_properties.npz", tmp_path, located, keep_support=True).analysis
    np.testing.assert_allclose(found.crystal.axes, in_sample.axes, atol=1e-9)
    inner = ndimage.binary_erosion(in_sample.support, iterations=3)
    middle = found.crystal.strain[inner]
    assert np.corrcoef(middle, in_sample.strain[inner])[0, 1] > 0.98
    with pytest.warns(SayreWarning, match="the axes of the output are those of the sample"):
        run(tmp_path / "S1_structural_properties.npz", tmp_path, scan)
    with (
        pytest.raises(InputError, match="frame of the sample, where the beam is not known"),
        pytest.warns(SayreWarning),
    ):
        run(tmp_path / "S1_structural_properties.npz", tmp_path, scan, delta=1e-5)


def test_objects_are_aligned_and_averaged(tmp_path, scan, obj):
    rng = np.random.default_rng(1)
    names = []
    for number in range(3):
        noise = 0.3 * (rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE))
        moved = np.roll(obj + noise, (number, -number, 1), (0, 1, 2)) * np.exp(1j * number) * (1 + number)
        if number == 2:  # the twin
            moved = np.roll(np.flip(moved.conj()), [1 - n % 2 for n in SHAPE], (0, 1, 2))
        np.save(tmp_path / f"{number}.npy", moved.astype(np.complex64))
        names.append(tmp_path / f"{number}.npy")
    np.save(tmp_path / "other.npy", (rng.normal(size=SHAPE) + 1j).astype(np.complex64))
    names.append(tmp_path / "other.npy")
    with pytest.warns(SayreWarning, match=r"left out of the average.* other\.npy \(0\.\d\d\)"):
        mean = averaged([load_stored(str(name)) for name in names], 0.7)
    errors = []
    for candidate in (mean.object, np.load(names[0])):
        candidate = candidate * np.vdot(candidate, obj) / np.vdot(candidate, candidate)
        errors.append(np.linalg.norm(np.roll(candidate, -1, 2) - obj))
        errors[-1] = min(
            errors[-1], np.linalg.norm(candidate - obj), np.linalg.norm(np.roll(candidate, -1, 2) - obj)
        )
    assert errors[0] < 0.65 * errors[1]  # 1/√3
    with pytest.raises(InputError, match=r"no object correlates by 0\.7 with 0\.npy"):
        averaged([load_stored(str(names[0])), load_stored(str(names[3]))], 0.7)


def test_a_dislocation_is_placed_in_the_array_of_the_crystal(tmp_path, scan, obj):
    """Found on the oblique voxels, its points lie where the phase on the cubes turns."""
    y, x = (np.arange(n) - n // 2 + 0.5 for n in SHAPE[1:])
    vortex = np.abs(obj) * np.exp(1j * np.arctan2(y[:, None], x))
    np.save(tmp_path / "v.npy", vortex.astype(np.complex64))
    with pytest.warns(SayreWarning, match="1 phase vortex"):
        analysis = run(tmp_path / "v.npy", tmp_path, scan).analysis
    (line,) = analysis.lines
    places = np.argwhere(vortices(analysis.crystal.phase, analysis.crystal.support))
    away, _ = cKDTree(line.points).query(places)
    assert line.winding == 1
    assert len(places) > 20
    assert np.median(away) < 1.2


def test_output_and_picture(tmp_path, scan, obj):
    np.savez(tmp_path / "a.npz", object=obj)
    outcome = run(
        tmp_path / "a.npz",
        tmp_path,
        scan,
        "s.cxi",
        tmp_path / "s.png",
        apodise="blackman",
        delta=4e-5,
        beta=4e-6,
    )
    assert "half of the bulk's" in outcome.sentence
    assert "strain, surface:" in outcome.sentence
    json.dumps(outcome.numbers)
    again = load_crystal(tmp_path / "s.cxi")
    assert again.metrics["analysis"]["strain"]["bulk"]["voxels"] > 1000
    assert (tmp_path / "s.png").stat().st_size > 20_000


def test_what_cannot_be_done_is_refused(tmp_path, scan, obj):
    np.savez(tmp_path / "a.npz", object=obj)
    with pytest.raises(InputError, match=r"^delta: needs the directions of beam and peak; `geometry="):
        run(tmp_path / "a.npz", tmp_path, Scan(), delta=1e-5)
    with pytest.raises(InputError, match=r"^keep_support: a\.npz holds no support"):
        run(tmp_path / "a.npz", tmp_path, scan, keep_support=True)
    with pytest.raises(InputError, match=r"^isosurface: the support of the file is kept"):
        AnalysisSettings(keep_support=True, isosurface=0.3)
    with pytest.raises(InputError, match=r"is an input; nothing is written over"):
        run(tmp_path / "a.npz", tmp_path, scan, "a.npz")


def test_the_width_of_the_surface_is_told_by_direction(tmp_path):
    """A box blurred by 1.5 voxels along the first axis and hardly along the others: products of erf."""
    amplitude = np.ones((40, 44, 48))
    for axis, (n, sigma) in enumerate(zip(amplitude.shape, (1.5, 0.3, 0.3), strict=True)):
        place = (np.arange(n) - n // 2) / (2**0.5 * sigma)
        half = 9.5 / (2**0.5 * sigma)
        edges = (erf(half + place) + erf(half - place)) / 2
        amplitude *= edges.reshape([-1 if other == axis else 1 for other in range(3)])
    np.savez(tmp_path / "box.npz", object=amplitude.astype(np.complex64))
    analysis = AnalysisSettings(shape=amplitude.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = StrainJob(
            objects=[str(tmp_path / "box.npz")], output=tmp_path / "out.npz", analysis=analysis
        ).run()
    found = re.search(r"surface: ([\d.]+) along axis 0, below 2 along axis 1, below 2", outcome.sentence)
    assert float(found[1]) == pytest.approx(2.3548 * 1.5, rel=0.05)
