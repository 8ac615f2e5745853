"""What the picture of measured and expected counts draws."""

import numpy as np
import pytest

from sayre.data import Grid, Pattern
from sayre.figures.explained import explained_figure
from sayre.retrieval.choice.modes import find_modes
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.phased import Phased
from sayre.retrieval.settings import Settings

SHAPE, PEAK = (20, 24, 28), (9, 13, 15)


def phased(shape=SHAPE, peak=PEAK, nuisances=None):
    """Counts of a known expectation with a gap; the object is of no matter."""
    grid = np.indices(shape) - np.array(peak).reshape(-1, *[1] * len(shape))
    expected = (1e5 / (1 + (grid**2).sum(0)) ** 2 + 1).astype(np.float32)
    counts = np.random.default_rng(0).poisson(expected).astype(np.float32)
    mask = np.zeros(shape, bool)
    mask[..., 3:5] = True
    counts[mask] = 1e7
    obj = np.ones(shape, np.complex64)
    return Phased(
        object=obj,
        support=np.ones(shape, bool),
        threshold=0.3,
        recipe="ER*20",
        modes=find_modes([obj]),
        runs=(),
        selected=(0,),
        averaged=(obj,),
        residual=0.1,
        likelihood=0.5,
        free_likelihood=0.6,
        agreement=1.0,
        expected=expected,
        nuisances=nuisances,
        best=None,
        oversampling=(3.0,) * len(shape),
        pattern=Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * len(shape))),
    )


def images(figure):
    """Panels with an image that are not a colour bar, by their title."""
    return {panel.get_title(loc="left"): panel for panel in figure.axes if panel.images}


def by_title(figure, start):
    return next(panel for panel in figure.axes if panel.get_title(loc="left").startswith(start))


def test_planes_go_through_the_brightest_voxel_that_was_measured():
    found = phased()
    figure = explained_figure(found)
    panels = images(figure)
    places = ("frame 9", "row 13", "column 15")
    assert list(panels) == [f"{n}, {place}" for n in ("measured", "expected", "residual") for place in places]
    names = [(p.get_ylabel(), p.get_xlabel()) for p in panels.values()][:3]
    assert names == [("row", "column"), ("frame", "column"), ("row", "frame")]
    counts = found.pattern.intensity
    planes = (np.s_[9], np.s_[:, 13], np.s_[:, :, 15])
    for place, plane in zip(places, planes, strict=True):
        shown = [panels[f"{n}, {place}"].images[0].get_array() for n in ("measured", "expected", "residual")]
        gap = found.pattern.mask[plane]
        wanted = [
            np.log10(1 + counts[plane]),
            np.log10(1 + found.expected[plane]),
            (counts[plane] - found.expected[plane]) / np.sqrt(found.expected[plane] + 1),
        ]
        if place == "column 15":
            wanted, gap = [values.T for values in wanted], gap.T
        for name, image, values in zip(("measured", "expected", "residual"), shown, wanted, strict=True):
            np.testing.assert_array_equal(
                np.ma.getmaskarray(np.ma.masked_invalid(image)), gap & (name != "expected")
            )
            seen = ~gap | (name == "expected")
            np.testing.assert_allclose(np.asarray(image)[seen], values[seen], rtol=1e-5, atol=1e-5)
    for panel in panels.values():
        bottom, top = panel.get_ylim()
        assert bottom > top  # the first row is at the top


def test_measured_and_expected_share_their_colours():
    figure = explained_figure(phased())
    panels = list(images(figure).values())
    top = pytest.approx(np.log10(1 + 1e5), rel=0.01)
    assert all(panel.images[0].get_clim() == (0, top) for panel in panels[:6])
    assert all(panel.images[0].get_clim() == (-5, 5) for panel in panels[6:])
    bars = [panel for panel in figure.axes if panel.get_ylabel() in ("counts", "(n − λ)/√(λ + 1)")]
    assert len(bars) == 2
    assert [text.get_text() for text in bars[0].get_yticklabels()] == [
        "0",
        "1",
        "10",
        "100",
        "1000",
        "10⁴",
        "10⁵",
    ]


def test_the_fit_by_shell_tells_used_and_free_voxels_apart():
    found, settings = phased(), Settings(free=0.2, seed=3)
    figure = explained_figure(found, settings)
    lines = {line.get_label(): line for line in by_title(figure, "fit by shell").lines}
    assert set(lines) == {"used", "free", "Poisson noise alone"}
    weight = amplitude_bounds(found.pattern, settings).weight
    radius = np.sqrt(sum((g - p) ** 2 for g, p in zip(np.indices(SHAPE), PEAK, strict=True)))
    which = (np.rint(radius) == 11) & (weight == 2)
    n, mean = found.pattern.intensity[which].astype(float), found.expected[which].astype(float)
    deviance = mean - n - n * np.log(np.where(n > 0, mean / np.maximum(n, 1), 1))
    drawn = dict(zip(*lines["free"].get_data(), strict=True))
    assert drawn[11] == pytest.approx(deviance.mean(), rel=1e-3)
    assert lines["Poisson noise alone"].get_ydata()[11] == pytest.approx(0.514, abs=0.01)
    used = dict(zip(*lines["used"].get_data(), strict=True))
    assert np.isnan(used[0])  # the shell of the brightest voxel alone, which sets the scale of the others
    assert np.isfinite(used[2])
    none = explained_figure(found, Settings(free=0))
    assert [line.get_label() for line in by_title(none, "fit by shell").lines] == [
        "used",
        "Poisson noise alone",
    ]


def test_flux_and_response_are_drawn_where_they_were_fitted():
    frames = np.linspace(0.9, 1.1, SHAPE[0], dtype=np.float32)
    gains = np.random.default_rng(0).normal(1, 0.05, SHAPE[1:]).astype(np.float32)
    figure = explained_figure(phased(nuisances=Nuisances(frames=frames, gains=gains)))
    np.testing.assert_array_equal(by_title(figure, "flux").lines[-1].get_ydata(), frames)
    np.testing.assert_array_equal(by_title(figure, "response").images[0].get_array(), gains)
    assert by_title(figure, "response").get_ylabel() == "row, as phased"  # not of the file
    angles = np.linspace(-0.2, 0.2, SHAPE[0], dtype=np.float32)
    for flux in (frames, None):
        turned = explained_figure(phased(nuisances=Nuisances(frames=flux, gains=gains, angles=angles)))
        np.testing.assert_array_equal(by_title(turned, "errors of the angle").lines[-1].get_ydata(), angles)
        assert [p for p in turned.axes if p.get_title(loc="left").startswith("flux")] != [] or flux is None
    without = explained_figure(phased(nuisances=Nuisances(background=0.1)))
    assert not [p for p in without.axes if p.get_title(loc="left").startswith(("flux", "response"))]


def test_a_plane_is_drawn_as_one(tmp_path):
    figure = explained_figure(phased((24, 28), (13, 15)), title="a plane")
    assert list(images(figure)) == ["measured", "expected", "residual"]
    assert [p.get_ylabel() for p in images(figure).values()] == ["row"] * 3
    figure.savefig(tmp_path / "plane.png")
    assert (tmp_path / "plane.png").stat().st_size > 10_000
