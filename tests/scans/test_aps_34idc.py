"""34-ID-C: a file of spec and folders of TIFF frames."""

from __future__ import annotations

import tarfile
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from scan_samples import COLUMNS, FRAMES, ROWS, bragg, counts, geometry_of, quietly, turned

import docs_pages
from sayre.crystal.geometry_file import load_geometry
from sayre.errors import InputError
from sayre.scans import load, opened
from sayre.scans.layouts.spec import read_spec

DELTA, GAMMA, CHI, THETA = 30.0, 10.0, 80.0, 12.0


def spec_text(scans, *, energy=9, distance=500, detector="34idcTIM2:"):
    head = (
        "#F /net/34idc-data/Sample-1.spec\n#E 1580609738\n#D Sat Feb 01 20:15:38 2020\n\n"
        "#O0 Delta  Theta  Chi  Phi  Mu  Gamma  z-sample\n#O1 camdist  Energy\n"
        "#o0 del th chi phi mu gam z\n#o1 cam en\n\n"
    )
    for number, command, motor, positions, sums in scans:
        head += (
            f"#S {number}  {command}\n#D Tue Feb 04 12:28:23 2020\n#T 0.25  (Seconds)\n"
            f"#P0 {DELTA} {THETA} {CHI} 0 0 {GAMMA} 1.5\n#P1 {distance} {energy}\n"
            f"#UIMDET {detector}\n#UIMR5  3 {COLUMNS} 2 {ROWS} 1\n"
            f"#N 4\n#L {motor}  pm detector  ImageTot  Monitor\n"
        )
        rows = [
            f"{at:.8g} 3 {total:.0f} {100 + i}"
            for i, (at, total) in enumerate(zip(positions, sums, strict=True))
        ]
        head += "\n".join(rows) + "\n\n"
    return head


@pytest.fixture
def scan(tmp_path):
    """Writes scan 7, a rocking of Theta, and scan 8, of the energy; returns the spec file and the folder."""

    def write(*, command="ascan  th -0.1 0.06  8 0.25", motor="Theta", step=0.02, first=0, drop=(), **known):
        stack = counts()
        sums = stack.sum(axis=(1, 2))
        positions = -0.1 + step * np.arange(FRAMES)
        energies = 9 + 0.001 * np.arange(FRAMES)
        text = spec_text(
            [
                (7, command, motor, positions, sums),
                (8, "ascan  en 9 9.008  8 1", "Energy", energies, sums),
                (9, "ascan  labx 0 1  1 1", "Lab_X", [0, 1], [0, 0]),
            ],
            **known,
        )
        (tmp_path / "any.spec").write_text(text)
        for number in (7, 8):
            folder = tmp_path / "AD34idcTIM2_x" / f"Sample-1_S{number:04d}"
            folder.mkdir(parents=True, exist_ok=True)
            for index, frame in enumerate(stack):
                if index not in drop:
                    tifffile.imwrite(folder / f"Sample-1_S{number:04d}_{index + first:05d}.tif", frame)
        return tmp_path / "any.spec", tmp_path / "AD34idcTIM2_x" / "Sample-1_S0007", stack

    return write


def test_counts_and_geometry(scan):
    path, folder, stack = scan()
    pattern, told = quietly(f"{path}::7")
    assert np.array_equal(pattern.intensity, stack)
    assert not pattern.mask.any()
    assert told == ""
    geometry = geometry_of(pattern)
    assert geometry.detector == (("y+", DELTA), ("x-", GAMMA))
    assert (geometry.energy, geometry.distance, geometry.pixel_size) == (9000, 0.5, (55e-6, 55e-6))
    assert (geometry.rocking_axis, geometry.rocking_step) == ("y+", 0.02)
    assert geometry.sample == (("y+", pytest.approx(-0.02)), ("z-", CHI), ("y+", 0.0))
    expected = bragg(9000, ("y+", DELTA), ("x-", GAMMA))
    assert np.linalg.norm(geometry.g()) == pytest.approx(expected, rel=1e-6)
    assert pattern.meta.scan.scan == "7"
    assert set(pattern.meta.scan.files) >= {"any.spec", f"{folder.name}_00000.tif"}


def test_a_scan_of_an_inner_circle_turns_with_the_outer_ones(scan):
    path, _, _ = scan(command="ascan  phi -0.1 0.06  8 0.25", motor="Phi")
    found = geometry_of(quietly(f"{path}::7")[0]).rocking_axis
    assert np.allclose(found, turned(("y+", THETA), ("z-", CHI)) @ [0, 1, 0], atol=1e-8)


def test_the_step_is_that_of_the_positions_where_the_command_states_another(scan):
    path, _, _ = scan(command="ascan  th -0.1 0.1  8 0.25")
    geometry = geometry_of(quietly(f"{path}::7")[0])
    assert geometry.rocking_step == pytest.approx(0.02)


@pytest.mark.parametrize("first", [0, 1])
def test_missing_frames_are_masked_in_their_place(scan, first):
    path, _, stack = scan(first=first, drop=(0, 3, 8))
    pattern, told = quietly(f"{path}::7")
    lost = pattern.mask.all(axis=(1, 2))
    assert list(np.flatnonzero(lost)) == [0, 3, 8]
    assert np.array_equal(pattern.intensity[~lost], stack[~lost])
    assert "3 of 9 frames do not exist, masked" in told


def test_angles_that_the_scan_left_out(scan):
    path, folder, stack = scan()
    lines = path.read_text().splitlines()
    lines = [line for line in lines if not line.startswith("-0.02 ")]
    path.write_text("\n".join(lines))
    for index in range(4, FRAMES):
        file = folder / f"Sample-1_S0007_{index:05d}.tif"
        file.replace(folder / f"Sample-1_S0007_{index - 1:05d}.tif") if index > 4 else file.unlink()
    pattern, told = quietly(f"{path}::7")
    assert list(np.flatnonzero(pattern.mask.all(axis=(1, 2)))) == [4]
    assert np.array_equal(np.delete(pattern.intensity, 4, 0), np.delete(stack, 4, 0))
    assert "1 angles of Theta were left out by the scan (frame 4), masked" in told


def test_fields_of_the_whole_detector_are_cut_to_the_region(scan, tmp_path):
    path, _, stack = scan()
    white = np.full((20, 30), 1000, np.float32)
    white[2 : 2 + ROWS, 3 : 3 + COLUMNS] = 1000 * (1 + 0.5 * np.arange(ROWS)[:, None] / ROWS)
    white[2, 3] = 0
    dark = np.zeros((20, 30), np.int32)
    dark[4, 6] = 100
    tifffile.imwrite(tmp_path / "whitefield.tif", white)
    tifffile.imwrite(tmp_path / "dark.tif", dark)
    pattern, told = quietly(f"{path}::7")
    assert [tuple(place) for place in np.argwhere(pattern.mask.all(axis=0))] == [(0, 0), (2, 3)]
    assert int(pattern.mask[0].sum()) == 2
    part = white[2 : 2 + ROWS, 3 : 3 + COLUMNS]
    relative = part / np.median(part[part > 0])
    expected = np.where(pattern.mask, 0, stack / np.where(relative > 0, relative, 1))
    assert np.allclose(pattern.intensity, expected, rtol=1e-5)
    assert "counts divided by whitefield" in told
    assert "1 hot pixels of dark masked" in told


def test_a_scan_of_the_energy_is_refused(scan):
    path, _, _ = scan()
    with pytest.raises(InputError, match=r"::8 .*the energy was scanned \(Energy\)"):
        load(f"{path}::8")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "holds 2 scans .7 ascan.* name one as any.spec::7"),
        ("::54", "no scan 54; there are 7 ascan"),
        ("::9", "any.spec::9 .*Lab_X turns no circle of the sample"),
    ],
)
def test_which_scan_is_asked(scan, name, message):
    path, _, _ = scan()
    with pytest.raises(InputError, match=message):
        load(f"{path}{name}")


def test_a_scan_without_frames_is_described_and_cannot_be_read(scan):
    path, folder, _ = scan()
    folder.rename(folder.with_name("gone"))
    raw = opened(f"{path}::7")
    assert raw.geometry.values["energy"] == 9000
    with pytest.raises(InputError, match=r"any\.spec::7: no folder of its frames is beside it"):
        load(f"{path}::7")


def test_frames_of_another_scan_are_refused(scan):
    path, folder, _ = scan()
    for index in range(FRAMES):
        tifffile.imwrite(folder / f"Sample-1_S0007_{index:05d}.tif", counts(seed=1)[index] + 7)
    with pytest.raises(InputError, match="sums of the frames are not those of ImageTot"):
        load(f"{path}::7")


def test_frames_elsewhere_and_strangers_among_them(scan, tmp_path):
    path, folder, stack = scan()
    other = tmp_path / "copied"
    folder.rename(other)
    tifffile.imwrite(other / "white.tif", stack[0])
    tifffile.imwrite(other / "._Sample-1_S0007_00000.tif", stack[0])
    pattern, told = quietly(f"{path}::7", frames=other)
    assert np.array_equal(pattern.intensity, stack)
    assert "left out, no frames of the scan: white.tif" in told


def test_lengths_of_no_unit_that_cannot_be_are_not_taken(scan):
    path, _, _ = scan(distance=0.5, detector="other:")
    stated = opened(f"{path}::7").geometry
    assert set(stated.refused) == {"distance"}
    assert "pixel_size" in stated.missing
    assert "is 0.5 without a unit: 0.5 mm is not plausible" in stated.refused["distance"]
    assert "0.5 m would be 0.5 m" in stated.refused["distance"]


def test_counts_are_divided_by_a_counter_on_request_alone(scan):
    path, _, stack = scan()
    pattern, told = quietly(f"{path}::7", normalise="monitor")
    monitor = 100 + np.arange(FRAMES)
    assert np.allclose(pattern.intensity, stack * (monitor.mean() / monitor)[:, None, None], rtol=1e-6)
    assert "counts divided by Monitor relative to its mean (0.962 to 1.04)" in told
    assert pattern.meta.corrections.startswith("counts divided by Monitor")
    with pytest.raises(InputError, match=r"no counter montor; there is pm detector.*Monitor"):
        load(f"{path}::7", normalise="montor")
    with pytest.raises(InputError, match="no counter exposure"):
        load(f"{path}::7", normalise="exposure")


@pytest.fixture(scope="module")
def raw(data_dir, tmp_path_factory):
    """The raw scan behind the measured peak A."""
    packed = data_dir / "s54_raw_34idc.tar.xz"
    if not packed.is_file():
        pytest.skip("SAYRE_DATA_DIR has no file s54_raw_34idc.tar.xz")
    folder = tmp_path_factory.mktemp("raw")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / "example.spec"


@pytest.mark.measured
def test_the_raw_scan_of_the_gold_peak(raw, data_dir):
    """Counts, corrections and geometry are those of the npz and of the TOML that were made by hand."""
    pattern, told = quietly(f"{raw}::54")
    by_hand, _ = quietly(next(data_dir.glob("A_*.npz")))
    known = np.load(next(data_dir.glob("A_*.npz")))
    assert np.array_equal(quietly(f"{raw}::54", flat="none", dark="none")[0].intensity, known["intensity"])
    assert np.array_equal(pattern.mask & ~by_hand.mask, np.zeros(by_hand.shape, bool))
    assert np.array_equal(np.where(by_hand.mask, 0, pattern.intensity), by_hand.intensity)
    assert "counts divided by whitefield (relative response 0.2 to 2.4, 230 dead pixels masked)" in told
    page = docs_pages.blocks(docs_pages.ROOT / "docs/physics.md")
    (raw.parent / "by hand.toml").write_text(next(block.text for block in page if block.language == "toml"))
    found = geometry_of(pattern)
    assert replace(found, sample=(), shape=None) == load_geometry(raw.parent / "by hand.toml")
    assert found.shape == (201, 256, 256)
    assert found.sample == (("y+", 0.220004), ("z-", 90.0), ("y+", -5.0))


@pytest.mark.measured
def test_spec_is_read_as_silx_reads_it(raw):
    silx = pytest.importorskip("silx.io.specfile")
    theirs = silx.SpecFile(str(raw))
    ours = read_spec(raw)
    assert [int(scan.number.partition(".")[0]) for scan in ours] == [scan.number for scan in theirs]
    for mine, other in list(zip(ours, theirs, strict=True))[::40]:
        assert mine.command.split() == other.scan_header_dict["S"].split()[1:]
        assert list(mine.columns) == other.labels
        assert np.array_equal(np.array(list(mine.columns.values())), other.data)
        assert mine.motors["Delta"] == other.motor_position_by_name("Delta")
        assert mine.motors["ctipz"] == other.motor_position_by_name("ctipz")
