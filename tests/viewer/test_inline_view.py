"""What `.view()` puts into a page: the values of the arrays, to the rounding that is promised."""

from __future__ import annotations

import base64
import html
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

import sayre
from sayre.data import Crystal, Grid, Meta, Particle
from sayre.errors import InputError
from sayre.viewer.inline import packing
from sayre.viewer.inline import view as pages
from sayre.viewer.inline.packing import block_of
from sayre.viewer.inline.surface import volume_within

SIZE = (6, 9, 12)


def pattern_of(size=SIZE, name="peak.npz"):
    counts = np.random.default_rng(2).poisson(2000 * np.exp(-np.indices(size).sum(0) / 2.0))
    mask = np.zeros(size, bool)
    mask[..., 4:6] = True
    return sayre.Pattern.from_counts(counts.astype(np.float32), mask, meta=Meta(source=name))


def crystal_of():
    place = np.indices((16, 14, 12)) - np.array([8, 7, 6])[:, None, None, None]
    inside = (np.abs(place) < np.array([5, 4, 3])[:, None, None, None]).all(0)
    return Crystal(
        object=np.where(inside, np.exp(0.3j * place[0]), 0).astype(np.complex64),
        support=inside,
        voxel_size=(2.0, 3.0, 4.0),
        strain=np.where(inside, 1e-3 * place[1], np.nan).astype(np.float32),
    )


def given(view):
    """What the page's script is given."""
    found = re.search(r'<script type="application/json" id="given">(.*?)</script>', view.html, re.DOTALL)
    return json.loads(found[1])


def values_of(volume):
    """As the page unpacks them, written down a second time."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(volume["codes"])), np.uint8).reshape(2, -1)
    codes = data[0] + 256 * data[1].astype(int)
    low, high = volume["range"]
    found = low + (codes - 1) * (high - low) / 65534
    if volume["counts"]:
        found = np.sign(found) * np.expm1(np.abs(found))
    return np.where(codes == 0, np.nan, found).reshape(volume["shape"])


def rounding(values):
    """Half a step of `log(1 + n)`."""
    return np.nanmax(np.log1p(np.abs(values))) / 65534


def test_counts_are_those_of_the_pattern():
    pattern = pattern_of()
    (volume,) = given(pattern.view())["panels"][0]["volumes"]
    found = values_of(volume)
    np.testing.assert_array_equal(np.isnan(found), pattern.mask)
    seen = np.where(pattern.mask, np.nan, pattern.intensity)
    np.testing.assert_allclose(np.log1p(found), np.log1p(seen), atol=rounding(seen))
    assert volume["whole"]
    assert tuple(volume["start"]) == np.unravel_index(np.argmax(pattern.intensity), SIZE)


def test_counts_below_zero_stay_below_zero():
    counts = np.random.default_rng(0).normal(0, 3, SIZE).astype(np.float32)
    counts[3, 4, 8] = 500
    pattern = sayre.Pattern.from_counts(counts, np.zeros(SIZE), readout=3.0)
    found = values_of(given(pattern.view())["panels"][0]["volumes"][0])
    np.testing.assert_allclose(found, counts, rtol=4e-4, atol=4e-4)


def test_a_filling_shows_which_voxels_were_filled_and_its_error():
    filled = sayre.inpaint(pattern_of(), method="wiener")
    counts, error = given(filled.view())["panels"][0]["volumes"]
    np.testing.assert_allclose(
        np.log1p(values_of(counts)), np.log1p(filled.intensity), atol=2 * rounding(filled.intensity)
    )
    bits = np.frombuffer(zlib.decompress(base64.b64decode(counts["filled"])), np.uint8)
    np.testing.assert_array_equal(np.unpackbits(bits)[: filled.mask.size].reshape(SIZE), filled.mask)
    found = values_of(error)
    np.testing.assert_array_equal(np.isfinite(found), filled.mask)
    np.testing.assert_allclose(found[filled.mask], filled.sigma[filled.mask], atol=1e-4)


def test_a_plane_is_shown_as_a_plane():
    pattern = pattern_of((9, 12))
    (volume,) = given(pattern.view())["panels"][0]["volumes"]
    assert volume["planar"]
    assert volume["shape"] == [1, 9, 12]
    assert np.nanmax(values_of(volume)) == pytest.approx(pattern.intensity.max(), rel=1e-3)


def test_an_object_is_shown_in_nm_where_it_is():
    """Strain was made 0.1 % a voxel from the middle of the rows, which are 3 nm high."""
    amplitude, phase, strain = given(crystal_of().view())["panels"][0]["volumes"]
    assert [volume["label"] for volume in (amplitude, phase, strain)] == [
        "amplitude",
        "phase (rad)",
        "strain (%)",
    ]
    row = strain["axes"][1]
    assert (row["unit"], row["step"]) == ("nm", 3.0)
    found = values_of(strain)
    coordinates = row["first"] + row["step"] * np.arange(found.shape[1])
    known = np.isfinite(found)
    expected = np.broadcast_to(0.1 * coordinates[:, None] / 3, found.shape)
    np.testing.assert_allclose(found[known], expected[known], atol=1e-4)
    assert known.sum() == crystal_of().support.sum()


def surface_of(volume):
    kinds = {"corners": "<f4", "triangles": "<i4", "values": "<f4", "axes": "<f4"}
    found = {
        name: np.frombuffer(zlib.decompress(base64.b64decode(volume["surface"][name])), kind)
        for name, kind in kinds.items()
    }
    return {name: array if name == "values" else array.reshape(-1, 3) for name, array in found.items()}


def test_a_surface_is_that_of_the_box_and_coloured_by_the_strain_below():
    """The box has 9 × 7 × 5 voxels of 2 × 3 × 4 nm; half the amplitude is reached half a voxel outside."""
    strain = given(crystal_of().view())["panels"][0]["volumes"][2]
    surface = surface_of(strain)
    lengths = np.ptp(surface["corners"], axis=0)
    np.testing.assert_allclose(lengths, [5 * 4.0, 7 * 3.0, 9 * 2.0], rtol=1e-5)
    held = pages.volumes_of(crystal_of())[2].surface
    box = np.prod(lengths)
    assert 0.9 * box < volume_within(held.corners, held.triangles) <= box
    # Rows go down: the strain grows by 0.1 % with each row of 3 nm, and is read within the crystal.
    np.testing.assert_allclose(surface["axes"], [[0, 0, -1], [0, -1, 0], [1, 0, 0]])
    side = np.abs(surface["corners"][:, 1]) < 6
    expected = -0.1 * surface["corners"][side, 1] / 3
    np.testing.assert_allclose(surface["values"][side], expected, atol=0.02)


def test_in_the_laboratory_y_points_up():
    crystal = replace(crystal_of(), axes=np.eye(3)[::-1].copy())
    volume = pages.volumes_of(crystal)[0]
    assert volume.upwards
    np.testing.assert_array_equal(volume.surface.axes, np.eye(3)[::-1])
    assert volume_within(volume.surface.corners, volume.surface.triangles) > 0


def test_a_plane_has_no_surface():
    crystal = crystal_of()
    flat = Crystal(object=crystal.object[8], support=crystal.support[8])
    assert [volume.surface for volume in pages.volumes_of(flat)] == [None, None]


def test_atoms_are_counted_in_whole_cells():
    """A cube of 5 × 5 × 5 cells of fcc: four atoms a cell within it."""
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    corners = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    places = 4.08 * (corners + basis).reshape(-1, 3)
    particle = Particle(positions=places - places.mean(0), species="Au", lattice_constant=4.08)
    (volume,) = given(particle.view())["panels"][0]["volumes"]
    found = values_of(volume)
    assert found.shape == (5, 5, 5)
    np.testing.assert_allclose(found, 4)


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_what_phasing_explains_is_shown_beside_the_counts():
    counts = np.abs(np.fft.fftshift(np.fft.fftn(crystal_of().object, (24, 24, 24), (0, 1, 2)))) ** 2
    mask = np.zeros(counts.shape, bool)
    mask[..., 14:16] = True
    filled = sayre.inpaint(sayre.Pattern.from_counts(np.rint(counts), mask), method="linear")
    phased = sayre.phase(filled, runs=1, recipe="HIO*5, ER*5", refine="none")
    volumes = given(phased.view())["panels"][0]["volumes"]
    assert [volume["label"] for volume in volumes] == [
        "amplitude",
        "phase (rad)",
        "filled counts",
        "counts expected of the object",
    ]
    step = 2 * rounding(phased.expected)
    np.testing.assert_allclose(np.log1p(values_of(volumes[3])), np.log1p(phased.expected), atol=step)


@pytest.mark.parametrize(
    ("shape", "most"), [((20, 20, 20), 1000), ((7, 50, 60), 5000), ((1, 100, 100), 2500)]
)
def test_a_block_is_the_smallest_that_suffices(shape, most):
    block = block_of(shape, most)
    sides = [-(-n // b) for n, b in zip(shape, block, strict=True)]
    assert np.prod(sides) <= most
    assert np.prod(sides) * 4 > most
    assert max(sides) <= 2 * max(min(sides), 1) or min(block) == 1


def test_a_large_volume_shows_the_highest_of_each_block(monkeypatch):
    monkeypatch.setattr(pages, "MOST", 200)
    pattern = pattern_of()
    (volume,) = given(pattern.view())["panels"][0]["volumes"]
    block, found = volume["block"], values_of(volume)
    assert found.size <= 200
    assert volume["size"] == list(SIZE)
    for place in np.ndindex(found.shape):
        part = tuple(slice(p * b, (p + 1) * b) for p, b in zip(place, block, strict=True))
        known = ~pattern.mask[part]
        assert np.isnan(found[place]) == (not known.any())
        if known.any():
            assert found[place] == pytest.approx(pattern.intensity[part][known].max(), rel=1e-3, abs=1e-3)


def test_a_block_is_filled_where_nothing_of_it_was_measured(monkeypatch):
    volume = pages.volumes_of(sayre.inpaint(pattern_of(), method="linear"))[0]
    thin = packing.thinned(volume, 200)
    assert thin.block[2] == 2  # the gap is two voxels wide, from an even one on
    assert thin.filled[..., 2].all()
    assert not thin.filled[..., [0, 1, 3, 4, 5]].any()


def test_the_page_fetches_nothing_and_runs_no_text_of_a_file():
    pattern = pattern_of(name="</script><script>alert(1)</script>.npz")
    view = pattern.view()
    assert "http" not in re.sub(r"http-equiv", "", view.html)
    assert "default-src 'none'" in view.html
    assert "<script>alert" not in view.html
    assert view.html.count("</script>") == 2
    shown = view._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in shown
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', shown)[1]) == view.html


def test_several_are_shown_beside_each_other():
    pattern = pattern_of()
    filled = sayre.inpaint(pattern, method="linear")
    panels = given(sayre.view(filled, pattern))["panels"]
    assert [panel["title"] for panel in panels] == ["FilledPattern peak.npz", "Pattern peak.npz"]
    panels = given(sayre.view(filled, truth=pattern))["panels"]
    assert [panel["title"] for panel in panels] == ["FilledPattern peak.npz", "truth"]
    with pytest.raises(InputError, match=r"^Pattern peak.npz: has \(6, 9, 11\) voxels where .*`crop`"):
        filled.view(pattern.crop(np.s_[:, :, 1:]))


def test_objects_are_cropped_to_a_box_of_all():
    crystal = crystal_of()
    moved = replace(
        crystal,
        object=np.roll(crystal.object, 2, 0),
        support=np.roll(crystal.support, 2, 0),
        strain=np.roll(crystal.strain, 2, 0),
    )
    first, second = (values_of(panel["volumes"][0]) for panel in given(crystal.view(moved))["panels"])
    assert first.shape[0] == values_of(given(crystal.view())["panels"][0]["volumes"][0]).shape[0] + 2
    np.testing.assert_allclose(np.roll(first, 2, 0), second, atol=1e-4)


def test_what_has_no_slices_is_refused():
    with pytest.raises(InputError, match="view: needs a pattern"):
        sayre.view()
    with pytest.raises(InputError, match="view: must be a Pattern or FilledPattern"):
        sayre.view(np.zeros((3, 3, 3)))
    empty = replace(crystal_of(), support=np.zeros((16, 14, 12), bool))
    with pytest.raises(InputError, match="support that is not empty"):
        empty.view()


def test_a_view_is_written_to_a_page_of_its_own(tmp_path):
    view = pattern_of().view()
    view.save(tmp_path / "peak.html")
    assert (tmp_path / "peak.html").read_text(encoding="utf-8") == view.html
    with pytest.raises(InputError, match=r"peak\.html"):
        view.save(tmp_path / "peak.html")
    view.save(tmp_path / "peak.html", force=True)
    with pytest.raises(InputError, match=r"^peak\.png: a page is written to \.html"):
        view.save(tmp_path / "peak.png")
    assert str(view) == "View of Pattern peak.npz: a notebook shows it, .save('page.html') writes it"


def test_simulated_counts_are_beside_what_was_expected_of_them():
    pattern = pattern_of()
    simulated = sayre.SimulatedPattern(
        pattern=pattern,
        expectation=np.full(SIZE, 7, np.float32),
        amplitude=np.zeros(SIZE, np.complex64),
        oversampling=(3.0, 3.0, 3.0),
    )
    counts, expected = given(simulated.view())["panels"][0]["volumes"]
    assert (counts["label"], expected["label"]) == ("counts", "expected counts")
    np.testing.assert_allclose(values_of(expected), 7, rtol=1e-6)


def test_a_grid_in_inverse_angstrom_changes_no_index():
    pattern = replace(pattern_of(), grid=Grid(step=(0.1, 0.2, 0.3), unit="1/angstrom"))
    axes = given(pattern.view())["panels"][0]["volumes"][0]["axes"]
    assert [(axis["name"], axis["unit"], axis["step"]) for axis in axes] == [
        (name, "index", 1.0) for name in ("rocking", "row", "column")
    ]
