"""What the page shows of a file, fills and compares: against the arrays, and against the commands."""

from __future__ import annotations

import base64
import threading
import time
import tracemalloc

import h5py
import numpy as np
import pytest

import sayre
from sayre.cli import main
from sayre.errors import InputError
from sayre.viewer import filling
from sayre.viewer.answers import picture, surface
from sayre.viewer.folder import Folder
from sayre.viewer.regions.shapes import shape_of
from sayre.viewer.regions.strokes import stroke
from sayre.viewer.session import Session
from sayre.viewer.slices import opening
from sayre.viewer.slices.opened import LargeCounts, Shown
from sayre.viewer.slices.plane import thinned
from sayre.workflows.jobs.input_file import InputFile

SIZE = (12, 20, 24)
RECTANGLE = {"type": "rect", "x0": 9, "y0": 2, "x1": 11, "y1": 17}


def peak():
    """Fringes of a box above a background."""
    z, y, x = (np.arange(n) - n // 2 for n in SIZE)
    amplitude = np.sinc(z / 4)[:, None, None] * np.sinc(y / 5)[None, :, None] * np.sinc(x / 4)
    return np.random.default_rng(7).poisson(4e4 * amplitude**2 + 3).astype(np.float32)


def session_of(path, **options):
    source = InputFile(source=str(path), within=path.parent, **options)
    return Session(source, Folder.of(path.parent))


@pytest.fixture
def scan(tmp_path):
    mask = np.zeros(SIZE, bool)
    mask[:, :, 15:17] = True
    np.savez(tmp_path / "scan.npz", data=np.where(mask, 0, peak()), mask=mask)
    return tmp_path / "scan.npz"


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_those_of_the_array(scan, axis):
    session, expected = session_of(scan), sayre.load(scan)
    for index in (0, SIZE[axis] // 2, SIZE[axis] - 1):
        values = session.plane("counts", axis, index).values
        known = np.take(~expected.mask, index, axis=axis)
        np.testing.assert_array_equal(np.isfinite(values), known)
        np.testing.assert_array_equal(values[known], np.take(expected.intensity, index, axis=axis)[known])


def test_a_filled_region_is_what_the_command_fills(scan, tmp_path, monkeypatch):
    """With a mask drawn on top: the page writes it, and the option that it prints selects the region."""
    session = session_of(scan)
    region, drawn = [[2, 11], [3, 18], [5, 23]], [stroke(0, None, [shape_of(RECTANGLE)], SIZE)]
    done = session.fill(region, "wiener", drawn)
    session.save("drawn.npy", drawn, unite=False, force=False)
    command = ["inpaint", str(scan), "-o", str(tmp_path / "filled.npz"), "--roi", "2:11,3:18,5:23"]
    assert main([*command, "--mask", str(tmp_path / "drawn.npy"), "--method", "wiener", "--quiet"]) == 0
    expected = sayre.load_filled(tmp_path / "filled.npz")
    assert expected.pattern.mask.sum() > 9 * 15 * 2
    np.testing.assert_array_equal(done.filled.pattern.mask, expected.pattern.mask)
    np.testing.assert_array_equal(done.filled.intensity, expected.intensity)
    np.testing.assert_array_equal(done.filled.sigma, expected.sigma)
    assert session.quantities == ("counts", "filled", "sigma")
    around = session.plane("counts", 1, 10).values
    around[2:11, 5:23] = expected.intensity[:, 10 - 3]
    np.testing.assert_array_equal(session.plane("filled", 1, 10).values, around)
    assert session.plane("sigma", 1, 10).corner == (2, 5)
    assert "outside" in session.plane("filled", 1, 2).remark


def test_a_page_that_is_closed_ends_its_filling(scan, monkeypatch):
    """A process that ends while a network computes in another thread would abort."""
    session, begun = session_of(scan), threading.Event()

    def endless(pattern, *, method, progress):
        for _ in range(6000):
            progress(0.5)
            begun.set()
            time.sleep(0.01)

    monkeypatch.setattr(filling, "inpaint", endless)
    ended = []

    def fill():
        with pytest.raises(InputError, match="the page is closed"):
            session.fill(None, "linear", [])
        ended.append(True)

    thread = threading.Thread(target=fill)
    thread.start()
    assert begun.wait(60)
    session.close()
    thread.join(60)
    assert ended == [True]


def test_a_saved_mask_has_that_of_the_file(scan, tmp_path):
    drawn = [stroke(1, 4, [shape_of(RECTANGLE)], SIZE)]
    session_of(scan).save("mask.npz", drawn, unite=True, force=False)
    expected = sayre.load(scan).mask.copy()
    expected[2:12, 4, 9:12] = True
    np.testing.assert_array_equal(np.load(tmp_path / "mask.npz")["mask"], expected)


def test_no_file_is_overwritten_and_no_input_ever(scan, tmp_path):
    session, drawn = session_of(scan), [stroke(1, 4, [shape_of(RECTANGLE)], SIZE)]
    before = scan.read_bytes()
    (tmp_path / "mask.npy").write_bytes(b"mine")
    with pytest.raises(InputError, match="tick overwrite"):
        session.save("mask.npy", drawn, unite=True, force=False)
    with pytest.raises(InputError, match="is an input"):
        session.save("scan.npz", drawn, unite=True, force=True)
    assert (tmp_path / "mask.npy").read_bytes() == b"mine"
    assert scan.read_bytes() == before


def test_a_mask_is_not_written_outside_the_folder(scan, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "out").symlink_to(tmp_path)
    (inside / "dangling.npy").symlink_to(tmp_path / "made.npy")
    session = Session(InputFile(source=str(scan)), Folder.of(inside))
    for name in ("../mask.npy", "out/mask.npy", "dangling.npy", str(tmp_path / "mask.npy")):
        with pytest.raises(InputError, match=r"only folder|relative to it"):
            session.save(name, [stroke(1, 4, [shape_of(RECTANGLE)], SIZE)], unite=False, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "scan.npz"]


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A file of 48 MB as counts, which is to be read slice by slice; the last frame was not measured."""
    monkeypatch.setattr(opening, "LARGE", 2**20)
    counts = np.random.default_rng(1).poisson(2, (96, 256, 256)).astype(np.uint16)
    mask = np.zeros(counts.shape, np.uint8)
    mask[-1], mask[:, 100:104] = 1, 1
    with h5py.File(tmp_path / "large.h5", "w") as file:
        group = file.create_group("entry/instrument/detector")
        group.create_dataset("data", data=counts, chunks=(1, 256, 256))
        group.create_dataset("mask", data=mask, chunks=(1, 256, 256))
    return tmp_path / "large.h5", counts, mask != 0


def test_a_large_file_is_read_by_slices(large):
    path, counts, mask = large
    tracemalloc.start()
    session = session_of(path)
    assert isinstance(session.shown, LargeCounts)
    planes = [(axis, 7, session.plane("counts", axis, 7).values) for axis in range(3)]
    top = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for axis, index, values in planes:
        expected = np.where(np.take(mask, index, axis=axis), np.nan, np.take(counts, index, axis=axis))
        np.testing.assert_array_equal(values, expected)
    assert top < counts.size, "less than a byte for each voxel"


def test_a_slice_of_which_nothing_was_measured_is_shown_as_such(large):
    plane = session_of(large[0]).plane("counts", 0, 95)
    assert np.isnan(plane.values).all()
    assert "every voxel is masked" in plane.remark


def test_the_mask_of_a_large_file(large, tmp_path):
    path, _, mask = large
    drawn = [stroke(0, None, [shape_of(RECTANGLE)], mask.shape)]
    session_of(path).save("mask.npy", drawn, unite=True, force=False)
    mask[:, 2:18, 9:12] = True
    np.testing.assert_array_equal(np.load(tmp_path / "mask.npy"), mask)


def test_an_object_is_shown_as_one(tmp_path):
    z, y, x = (np.arange(16) - 8 for _ in range(3))
    support = (abs(z)[:, None, None] < 5) & (abs(y)[None, :, None] < 4) & (abs(x) < 6)
    strain = np.where(support, 1e-3 * z[:, None, None], np.nan).astype(np.float32)
    phase = np.exp(0.2j * x) * np.ones(support.shape)
    crystal = sayre.Crystal(object=(support * phase).astype(np.complex64), support=support, strain=strain)
    sayre.save(tmp_path / "object.npz", crystal)
    session = session_of(tmp_path / "object.npz")
    assert isinstance(session.shown, Shown)
    assert session.quantities == ("amplitude", "phase", "strain")
    np.testing.assert_allclose(session.plane("strain", 0, 10).values[support[10]], 0.2, rtol=1e-6)
    np.testing.assert_allclose(session.plane("phase", 2, 10).values[support[:, :, 10]], 0.4, rtol=1e-6)
    with pytest.raises(InputError, match="only counts are filled"):
        session.fill(None, "linear", [])
    with pytest.raises(InputError, match="only counts have a mask"):
        session.save("mask.npy", [], unite=False, force=False)


def test_the_surface_lies_on_the_crystal(tmp_path):
    """A ball of radius 6 whose strain rises along z."""
    z, y, x = (grid - 12 for grid in np.indices((24, 24, 24)))
    support = z**2 + y**2 + x**2 < 6.5**2
    strain = np.where(support, 1e-3 * z, np.nan).astype(np.float32)
    crystal = sayre.Crystal(object=support.astype(np.complex64), support=support, strain=strain)
    sayre.save(tmp_path / "object.npz", crystal)
    mesh = surface(session_of(tmp_path / "object.npz"), "strain")["data"][0]
    points = {name: unpacked(mesh[name]) for name in ("x", "y", "z", "intensity")}
    radius = np.sqrt(sum((points[name] - points[name].mean()) ** 2 for name in "xyz"))
    assert 5.5 < radius.min() <= radius.max() < 7.1
    height = points["z"] - points["z"].mean()  # the first axis of the array
    assert np.corrcoef(height, points["intensity"])[0, 1] > 0.99
    assert mesh["cmin"] == -mesh["cmax"]
    shown = surface(session_of(tmp_path / "object.npz"), "phase")["data"][0]
    assert "phase" in shown["hovertemplate"]


def unpacked(array):
    return np.frombuffer(base64.b64decode(array["bdata"]), np.dtype(array["dtype"]))


def test_counts_have_no_surface(scan):
    with pytest.raises(InputError, match="only objects of three dimensions"):
        surface(session_of(scan), "strain")


def test_a_simulated_pattern_is_counts_though_its_amplitude_is_complex(tmp_path):
    np.savez(tmp_path / "simulated.npz", intensity=peak(), amplitude=np.sqrt(peak()).astype(np.complex64))
    assert session_of(tmp_path / "simulated.npz").quantities == ("counts",)
    named = InputFile(source=f"{tmp_path / 'simulated.npz'}::amplitude", within=tmp_path)
    with pytest.warns(sayre.SayreWarning, match="no support"):
        assert isinstance(Session(named, Folder.of(tmp_path)).shown, Shown)


def test_files_of_other_kinds_are_not_compared(scan, tmp_path):
    ones = np.ones((4, 4, 4), np.complex64)
    sayre.save(tmp_path / "object.npz", sayre.Crystal(object=ones, support=np.ones(ones.shape, bool)))
    with pytest.raises(InputError, match="counts and objects"):
        session_of(scan).beside("object.npz", "counts", 0, 0)


def test_a_file_that_leads_out_of_the_folder_is_not_read(scan, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    np.save(inside / "scan.npy", peak())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["data"] = peak()
    with h5py.File(inside / "link.h5", "w") as file:
        file["entry/data"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/data")
    session = session_of(inside / "scan.npy")
    asked = {"axis": 0, "index": 6, "quantity": "counts", "strokes": [], "region": None, "shapes": []}
    found = picture(session, **asked, logarithmic=True, other="link.h5")
    assert len(found.chart["data"]) == 1
    assert "the only folder that may be read" in found.compared


def test_two_files_on_one_scale(scan, tmp_path):
    other = np.random.default_rng(2).poisson(2 * peak()).astype(np.float32)
    np.save(tmp_path / "twice.npy", other)
    session = session_of(scan)
    asked = {"axis": 0, "index": 6, "quantity": "counts", "strokes": [], "region": None, "shapes": []}
    found = picture(session, **asked, logarithmic=True, other="twice.npy")
    first, second = found.chart["data"]
    assert (first["coloraxis"], second["coloraxis"]) == ("coloraxis", "coloraxis")
    assert found.chart["layout"]["coloraxis"]["cmax"] == pytest.approx(np.log10(1 + other.max()))
    known = ~sayre.load(scan).mask[6]
    logs = np.log1p(peak()[6][known]), np.log1p(other[6][known])
    assert f"{np.corrcoef(*logs)[0, 1]:.4f}" in found.compared


def test_planar_counts(tmp_path):
    np.save(tmp_path / "plane.npy", peak()[6])
    session = session_of(tmp_path / "plane.npy")
    np.testing.assert_array_equal(session.plane("counts", 0, 0).values, peak()[6])
    drawn = [stroke(0, None, [shape_of(RECTANGLE)], (1, 20, 24))]
    session.save("mask.npy", drawn, unite=True, force=False)
    assert np.load(tmp_path / "mask.npy").shape == (20, 24)
    done = session.fill([[0, 1], [1, 19], [2, 22]], "linear", drawn)
    assert done.filled.shape == (18, 20)
    assert session.plane("sigma", 0, 0).corner == (1, 2)


def test_many_pixels_are_shown_as_the_brightest_of_blocks():
    values = np.zeros((7, 10), np.float32)
    values[6, 9], values[0:3, 0:3] = 5, np.nan
    shown, step = thinned(values, most=4)
    assert step == 3
    expected = np.zeros((3, 4), np.float32)
    expected[0, 0], expected[2, 3] = np.nan, 5
    np.testing.assert_array_equal(shown, expected)


def test_a_slice_that_there_is_not(scan):
    with pytest.raises(InputError, match="has no slice 12 of axis 0"):
        session_of(scan).plane("counts", 0, 12)


def test_more_than_a_user_waits_for_is_refused(large, monkeypatch):
    monkeypatch.setattr(filling, "MOST", 2**20)
    with pytest.raises(InputError, match=r"2097152 voxels are too many to wait for.*sayre inpaint"):
        session_of(large[0]).fill([[0, 32], [0, 256], [0, 256]], "linear", [])
