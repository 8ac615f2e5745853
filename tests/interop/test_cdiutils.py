"""Geometry, strain and files against cdiutils itself, on an ID01 scan."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import sayre
from sayre.crystal.conversion import to_crystal
from sayre.crystal.geometry import Geometry
from sayre.crystal.orthogonalise import voxel_basis
from sayre.data import FilledPattern, Meta, Pattern
from sayre.files import save
from sayre.workflows.strain.job import StrainJob
from sayre.workflows.strain.settings import AnalysisSettings

cdiutils = pytest.importorskip("cdiutils")
pytestmark = pytest.mark.filterwarnings("ignore")

SHAPE = (40, 48, 44)
ETA, PHI, NU, DELTA = 17.0, 12.0, 8.0, 33.0
"""Degrees: sample circles x-, y-; detector circles y-, x-."""
STEP, PIXEL, DISTANCE, ENERGY = 0.02, 220e-6, 0.9, 9000.0
ISOSURFACE, SIZE = 0.5, 6.0
"""Of the largest amplitude; of the cubes, nm."""
TO_LAB = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
"""(beam, left, up) of xrayutilities to (left, up, beam)."""


@pytest.fixture(scope="module")
def converter():
    """cdiutils' map of the detector, with the peak in the middle voxel."""
    from cdiutils.converter import SpaceConverter

    calibration = {
        "cch1": SHAPE[1] // 2,
        "cch2": SHAPE[2] // 2,
        "distance": DISTANCE,
        "pwidth1": PIXEL,
        "pwidth2": PIXEL,
    }
    made = SpaceConverter(
        geometry=cdiutils.geometry.Geometry(),
        det_calib_params=calibration,
        energy=ENERGY,
        roi=[0, SHAPE[1], 0, SHAPE[2]],
    )
    made.init_q_space(
        sample_outofplane_angle=ETA + STEP * (np.arange(SHAPE[0]) - SHAPE[0] // 2),
        sample_inplane_angle=PHI,
        detector_outofplane_angle=DELTA,
        detector_inplane_angle=NU,
    )
    return made


@pytest.fixture(scope="module")
def geometry():
    return Geometry(
        energy=ENERGY,
        distance=DISTANCE,
        pixel_size=(PIXEL, PIXEL),
        detector=(("y-", NU), ("x-", DELTA)),
        rocking_axis="x-",
        rocking_step=STEP,
        sample=(("x-", ETA), ("y-", PHI)),
    )


@pytest.fixture(scope="module")
def obj(geometry):
    """A rounded block with an asymmetric displacement, on the voxels of the detector."""
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), -1)
    inside = (np.abs(index / np.array([9.0, 11, 10])) ** 4).sum(-1) < 1
    amplitude = ndimage.gaussian_filter(inside.astype(float), 1.0)
    g = geometry.g()
    places = 10 * index @ voxel_basis(geometry.steps(), SHAPE)
    s, x = places @ g / np.linalg.norm(g), places[..., 0]
    length = np.abs(s[inside]).max()
    u = 0.4 * (s / length) ** 2 + 0.3 * s * x / length**2 + 0.15 * (x / length) ** 3
    return (amplitude * np.exp(-1j * np.linalg.norm(g) * u)).astype(np.complex64)


def middle_of(q):
    return np.array([component[tuple(n // 2 for n in SHAPE)] for component in q])


def of_cdiutils(converter, geometry, obj):
    """What cdiutils' pipeline makes of an object after phasing, in its CXI convention."""
    from cdiutils.geometry import Geometry as Theirs
    from cdiutils.process.postprocessor import PostProcessor

    cubes = converter.orthogonalise_to_direct_lab(obj, direct_lab_voxel_size=SIZE)
    return PostProcessor.get_structural_properties(
        Theirs.swap_convention(cubes),
        isosurface=ISOSURFACE,
        g_vector=(geometry.sample_axes() @ geometry.g())[::-1],
        hkl=[1, 1, 1],
        voxel_size=[SIZE] * 3,
    )


def agreement(converter, geometry, obj):
    """What the two programs make of one geometry and one object, in numbers."""
    turn = geometry.sample_axes()
    g = TO_LAB @ middle_of(converter._q_space_transitions)
    matrix = (TO_LAB @ converter.get_transformation_matrix()).T
    ours = geometry.steps() @ turn.T
    found = of_cdiutils(converter, geometry, obj)
    support = np.abs(obj) > ISOSURFACE * np.abs(obj).max()
    scan = sayre.Scan(geometry=geometry, voxel_size=SIZE, frame="sample")
    crystal = to_crystal(obj, support, scan=scan)
    theirs = {name: placed(found[name], found["support"], crystal) for name in ("het_strain", "displacement")}
    inside = ndimage.binary_erosion(
        crystal.support & (placed(found["support"], found["support"], crystal) > 0)
    )
    bulk = ndimage.binary_erosion(inside)
    strain = crystal.strain[bulk], theirs["het_strain"][bulk] / 100
    places = np.argwhere(bulk)
    shift = flat(crystal.displacement[bulk], places), flat(theirs["displacement"][bulk], places)
    return {
        "g": float(np.abs(g - turn @ geometry.g()).max() / np.linalg.norm(g)),
        "steps": float(np.abs(matrix - ours).max() / np.abs(ours).max()),
        "strain correlation": float(np.corrcoef(*strain)[0, 1]),
        "strain slope": float(np.polyfit(strain[0], strain[1], 1)[0]),
        "displacement correlation": float(np.corrcoef(*shift)[0, 1]),
        "displacement slope": float(np.polyfit(shift[0], shift[1], 1)[0]),
        "voxels": int(bulk.sum()),
    }


def placed(array, support, crystal):
    """An array of cdiutils in the array of the crystal, the middles of the supports on each other."""
    middle, other = (
        np.rint(ndimage.center_of_mass(np.nan_to_num(s) > 0)).astype(int) for s in (support, crystal.support)
    )
    result = np.zeros(crystal.shape)
    corner = other - middle
    for place in np.argwhere(np.nan_to_num(support) > 0):
        target = place + corner
        if (target >= 0).all() and (target < crystal.shape).all():
            result[tuple(target)] = array[tuple(place)]
    return result


def flat(values, places):
    """Values without their mean slope, which each program chooses by a rule of its own."""
    linear = np.column_stack([places, np.ones(len(places))])
    return values - linear @ np.linalg.lstsq(linear, values, rcond=None)[0]


def test_one_scan_has_one_g_one_matrix_one_strain(converter, geometry, obj):
    found = agreement(converter, geometry, obj)
    assert found["g"] < 1e-10
    assert found["steps"] < 5e-4  # a fit over the whole detector there, a derivative at the peak here
    assert found["voxels"] > 1000
    assert found["strain correlation"] > 0.99
    assert found["strain slope"] == pytest.approx(1, abs=0.03)
    assert found["displacement correlation"] > 0.999
    assert found["displacement slope"] == pytest.approx(1, abs=0.01)


def test_its_reader_opens_the_fields_of_a_crystal(tmp_path, geometry, obj):
    crystal = to_crystal(obj, np.abs(obj) > 0.5, scan=sayre.Scan(geometry=geometry))
    save(tmp_path / "a.cxi", crystal)
    for name in ("strain", "displacement", "amplitude", "support", "d_spacing"):
        field = cdiutils.io.load_cxi(str(tmp_path / "a.cxi"), name)
        assert field.shape == crystal.shape, name
    np.testing.assert_array_equal(cdiutils.io.load_cxi(str(tmp_path / "a.cxi"), "strain"), crystal.strain)


def test_what_it_writes_is_read(tmp_path, geometry, obj):
    """Its modes with a copy of PyNX's process, and its properties."""
    from cdiutils.io.cxi import CXIFile

    path = str(tmp_path / "S1_pynx_reconstruction_mode.cxi")
    with CXIFile(path, "w") as cxi:  # as its pipeline writes it
        cxi.stamp()
        cxi.set_entry()
        place = cxi.create_cxi_group("process", comment="PyNX phasing.")
        cxi.get_node(place)["configuration/iobs_shape"] = np.array(SHAPE)
        cxi.create_cxi_image(
            data=np.stack([obj[8:32, 10:38, 9:35], 0 * obj[8:32, 10:38, 9:35]]), process_1="process_1"
        )
    scan = sayre.Scan(geometry=geometry)
    job = StrainJob(objects=[path], output=tmp_path / "s.npz", scan=scan)
    crystal = job.run().analysis.crystal
    assert crystal.voxel_size == to_crystal(obj, np.abs(obj) > 0.5, scan=scan).voxel_size


def test_its_properties_are_an_object(tmp_path, converter, geometry, obj):
    """`S*_structural_properties.npz`: the strain that Sayre takes of them is that beside them."""
    found = of_cdiutils(converter, geometry, obj)
    path = tmp_path / "S1_structural_properties.npz"
    np.savez_compressed(path, **found)
    job = StrainJob(
        objects=[str(path)], output=tmp_path / "s.npz", analysis=AnalysisSettings(keep_support=True)
    )
    crystal = job.run().analysis.crystal
    assert crystal.voxel_size == (SIZE,) * 3
    assert crystal.g == pytest.approx(np.linalg.norm(geometry.g()))
    theirs = placed(found["het_strain"], found["support"], crystal) / 100
    bulk = ndimage.binary_erosion(crystal.support, iterations=2)
    assert np.corrcoef(crystal.strain[bulk], theirs[bulk])[0, 1] > 0.999
    assert np.polyfit(crystal.strain[bulk], theirs[bulk], 1)[0] == pytest.approx(1, abs=0.01)


def test_filled_counts_go_through_its_loader(tmp_path):
    """What `load_cxi` of the preprocessed data, and PyNX's input, would be made of."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(50, (8, 20, 20)).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    mask[:, 9:12] = True
    meta = Meta(energy=ENERGY, distance=DISTANCE, pixel_size=(PIXEL, PIXEL))
    pattern = Pattern.from_counts(counts, mask, meta=meta)
    filled = FilledPattern(
        pattern=pattern, intensity=counts, sigma=np.where(mask, 0.1, 0).astype(np.float32), method="linear"
    )
    save(tmp_path / "filled.cxi", filled)
    read = cdiutils.io.load_cxi(str(tmp_path / "filled.cxi"), "entry_1/data_1/data")
    np.testing.assert_array_equal(read, counts)
