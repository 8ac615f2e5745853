"""The page of a run: charts show what was computed, it needs no network, it is whole without parts."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from made_outcomes import outcome
from sayre.figures.counts import brightest
from sayre.figures.surface import body
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.workflows.report import html_report
from sayre.workflows.report.beside import Beside, lines_beside
from sayre.workflows.report.sections import starts

COMMAND = "sayre run peak.npz --output out"
SECTIONS = ("crystal", "pattern", "filling", "fit", "starts", "resolution", "making")
NASTY = "<script>alert('&')</script>.npz"


def unpacked(values):
    array = np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]).newbyteorder("<"))
    return array.reshape([int(n) for n in values["shape"].split(",")]) if "shape" in values else array


def charts_of(page):
    text = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.S).group(1)
    return json.loads(text)


def own_parts(page):
    """The page without the library that draws."""
    scripts = re.findall(r"<script>.*?</script>", page, re.S)
    return page.replace(max(scripts, key=len), "")


def planes(chart):
    return [unpacked(trace["z"]) for trace in chart["data"] if trace["type"] == "heatmap"]


def named(chart, start):
    return next(trace for trace in chart["data"] if trace["name"].startswith(start))


@pytest.fixture(scope="module")
def made():
    frames = np.linspace(0.9, 1.1, 24, dtype=np.float32)
    gains = np.random.default_rng(1).normal(1, 0.05, (26, 28)).astype(np.float32)
    return outcome(nuisances=Nuisances(frames=frames, gains=gains), warnings=("counts: a warning",))


@pytest.fixture(scope="module")
def page(made):
    return html_report(made, COMMAND)


@pytest.fixture(scope="module")
def charts(page):
    return charts_of(page)


def test_measured_planes_are_the_counts_through_the_peak(made, charts):
    pattern = made.pattern.measured
    shown = np.where(pattern.mask, np.nan, np.log10(1 + pattern.intensity)).astype(np.float32)
    z, y, x = brightest(pattern)
    for found, wanted in zip(
        planes(charts["measured"]), (shown[z], shown[:, y], shown[:, :, x].T), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    layout = charts["measured"]["layout"]
    assert layout["yaxis"]["range"][0] > layout["yaxis"]["range"][1]  # row 0 at the top
    trace = charts["measured"]["data"][0]
    assert (trace["x0"], trace["y0"]) == (100, 100)  # numbers of the file
    scale = layout["coloraxis"]
    assert (scale["cmin"], scale["cmax"]) == (0, pytest.approx(np.log10(1 + pattern.intensity.max())))
    ticks = 10 ** np.array(scale["colorbar"]["tickvals"]) - 1
    most = pattern.intensity.max()
    np.testing.assert_allclose(ticks, [0, 1, 10, 100, 1000, 10_000, most], rtol=1e-4, atol=1e-9)
    assert scale["colorbar"]["ticktext"][5:] == ["10⁴", f"{most / 1e4:.2f}·10⁴"]


@pytest.mark.parametrize(("method", "expected"), [("linear", {"cubic"}), ("wiener", {"linear", "cubic"})])
def test_a_filling_is_not_drawn_beside_itself(method, expected):
    one = outcome(method=method)
    lines = lines_beside(one.pattern, one.result.phased, Beside())
    assert lines.keys() - {"scattered by the phased crystal"} == expected


def test_all_planes_of_a_chart_have_one_scale(charts):
    for name in ("measured", "filled", "explained", "slices"):
        layout = charts[name]["layout"]
        scales = []
        for key, axis in layout.items():
            if key.startswith(("xaxis", "yaxis")):
                side = layout["width"] if key[0] == "x" else layout["height"]
                scales.append(np.ptp(axis["domain"]) * side / np.ptp(axis["range"]))
        np.testing.assert_allclose(scales, scales[0], rtol=1e-3, err_msg=name)


def test_the_filling_is_shown_through_the_gap(made, charts):
    filled = made.pattern
    place = np.unravel_index(np.argmax(np.where(filled.mask, filled.intensity, -1)), filled.shape)
    z, y, x = place
    found = planes(charts["filled"])
    np.testing.assert_allclose(found[1], np.log10(1 + filled.intensity[z]), rtol=1e-6)
    np.testing.assert_array_equal(found[2], np.where(filled.mask, filled.sigma, np.nan)[z])
    assert np.isnan(found[6]).all()  # the plane across columns lies in the gap
    np.testing.assert_allclose(found[7], np.log10(1 + filled.intensity[:, :, x]).T, rtol=1e-6)
    outline = next(trace for trace in charts["filled"]["data"] if trace["type"] == "scatter")
    assert set(unpacked(outline["x"])[np.isfinite(unpacked(outline["x"]))]) == {115.5, 118.5}
    (gap,) = charts["profiles"]["layout"]["shapes"]
    assert (gap["x0"], gap["x1"]) == (115.5, 118.5)
    inside = filled.mask[z, y]
    line = named(charts["profiles"], "filled by wiener")
    drawn = dict(zip(unpacked(line["x"]) - 100, unpacked(line["y"]), strict=True))
    for column in np.flatnonzero(inside):
        assert drawn[column] == pytest.approx(1 + filled.intensity[z, y, column], rel=1e-5)
    crystal = unpacked(named(charts["profiles"], "scattered by")["y"])
    np.testing.assert_allclose(crystal, 1 + made.result.phased.expected[z, y], rtol=1e-5)
    band = unpacked(named(charts["profiles"], "± σ")["y"])
    count = inside.sum()
    above = band[count:][::-1]
    np.testing.assert_allclose(np.log(above), np.log1p(filled.intensity[z, y, inside]) + 0.3, rtol=1e-5)


def test_residuals_and_effects_are_those_that_were_found(made, charts):
    found = made.result.phased
    counts, expected = found.pattern.measured.intensity, found.expected
    z, _, _ = brightest(found.pattern)
    wanted = np.where(found.pattern.mask, np.nan, (counts - expected) / np.sqrt(expected + 1))[z]
    np.testing.assert_allclose(planes(charts["explained"])[6], wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(unpacked(named(charts["frames"], "flux")["y"]), found.nuisances.frames)
    np.testing.assert_array_equal(planes(charts["gains"])[0], found.nuisances.gains)


def test_the_surface_is_where_the_amplitude_is_half_and_has_the_strain_below(made, charts):
    crystal, (mesh,) = made.result.crystal, charts["surface"]["data"]
    points = np.stack([unpacked(mesh[name]) for name in "xyz"])
    # A ball of 13 voxels of 4 nm; the box around it has its middle half a voxel above.
    middle = (points.max(1) + points.min(1)) / 2
    radius = np.linalg.norm(points - middle[:, None], axis=0)
    assert radius.mean() == pytest.approx(4 * 6.5, rel=0.05)
    strain = 100 * 1e-4 * (points[2] - middle[2]) / 4
    error = unpacked(mesh["intensity"]) - strain * (1 - 1.5 / 6.5)
    assert np.abs(error).max() < 100 * 1e-4 * 0.8
    assert mesh["cmin"] == -mesh["cmax"]
    inner = body(crystal.amplitude, crystal.support)
    assert mesh["cmax"] == pytest.approx(np.percentile(np.abs(100 * crystal.strain[inner]), 98))
    total = sum(unpacked(trace["y"]).sum() for trace in charts["histogram"]["data"])
    assert total == pytest.approx(200, abs=4)  # of bulk and surface 100 % each, but for the far ends


def test_the_starts_are_all_there(made, charts):
    found = made.result.phased
    lines = [trace for trace in charts["convergence"]["data"] if trace["mode"] == "lines"]
    drawn = sorted(tuple(np.round(unpacked(trace["y"]), 4)) for trace in lines)
    assert drawn == sorted((0.5, round(0.1 + 0.01 * i, 4)) for i in range(4))
    (matrix,) = planes(charts["agreement"])
    objects = [align(run.object, found.runs[1].object) for run in found.runs]
    wanted = [[correlation(a, b) for b in objects] for a in objects]
    np.testing.assert_allclose(matrix, wanted, atol=2e-3)
    assert matrix[0, 2] < 0.999
    prtf = named(charts["curves"], "PRTF")
    known = made.curves["PRTF"].q > 0
    np.testing.assert_allclose(unpacked(prtf["y"]), made.curves["PRTF"].value[known], rtol=1e-6)


def test_of_large_arrays_the_averaged_starts_are_compared(made, monkeypatch):
    monkeypatch.setattr(starts, "MOST_VOXELS", 1000)
    found = starts.agreement(made.result.phased)
    assert found.numbers == [1, 0]
    assert found.matrix[0, 1] == pytest.approx(made.result.phased.agreement)
    assert "averaged" in found.of


def test_plotly_takes_every_chart(charts):
    from plotly.graph_objects import Figure

    for chart in charts.values():
        assert Figure(chart).data  # unknown names and values raise


def test_the_page_is_one_file_that_fetches_nothing(page):
    assert page.count("<script") == 3 + page.count('"<script')
    assert "default-src 'none'" in page
    rest = own_parts(page)
    assert not re.search(r"https?://|\bsrc=|@import|url\(", rest)
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', rest))
    assert 4e6 < len(page.encode()) < 15e6
    assert len(rest) < 2e6
    for section in SECTIONS:
        assert f'<section id="{section}">' in page
    for anchor in charts_of(page):
        assert f'class="chart" id="{anchor}"' in page


def test_the_same_run_makes_the_same_page(made, page):
    assert html_report(made, COMMAND) == page


def test_names_and_messages_are_never_code():
    found = outcome(
        name=NASTY, method="<b>wiener</b>", failed="</script><b>broke</b>", warnings=(f"{NASTY}: odd",)
    )
    page = html_report(found, f"sayre run '{NASTY}'")
    assert NASTY not in page
    assert "<b>broke" not in page
    assert "&lt;script&gt;alert(" in page
    for name in ("convergence", "profiles"):
        for trace in charts_of(page)[name]["data"]:
            assert "<b>" not in trace.get("hovertemplate", "") + trace.get("name", "")


@pytest.mark.parametrize(
    ("options", "missing", "said"),
    [
        ({"gap": False}, {"filled", "profiles"}, "not measured"),
        ({"strained": False}, {"histogram"}, "A geometry (--geometry) gives nm"),
        ({"starts": 1}, {"agreement"}, "The PRTF of a single one is 1 everywhere"),
        ({"ndim": 2}, {"surface"}, "along row, column"),
        ({"ndim": 2, "gap": False, "strained": False, "starts": 1}, {"surface", "filled"}, "not known"),
    ],
)
def test_a_page_is_whole_without_its_optional_parts(options, missing, said):
    found = outcome(**options)
    page = html_report(found, COMMAND)
    charts = charts_of(page)
    assert not missing & charts.keys()
    assert {"measured", "explained", "slices", "convergence"} <= charts.keys()
    assert said in page
    for section in set(SECTIONS) - ({"filling"} if not options.get("gap", True) else set()):
        assert f'<section id="{section}">' in page
