"""The picture of an analysis."""

import numpy as np
import pytest

from sayre.crystal.analysis.dislocations import DislocationLine
from sayre.crystal.analysis.isosurface import isosurface
from sayre.crystal.analysis.statistics import parts
from sayre.data import Crystal
from sayre.figures.strain import strain_figure

SHAPE = (30, 40, 34)


@pytest.fixture
def crystal():
    support = np.zeros(SHAPE, bool)
    support[6:24, 5:33, 8:26] = True
    z = np.arange(SHAPE[0])[:, None, None] * np.ones(SHAPE)
    return Crystal(
        object=(3 * support).astype(np.complex64),
        support=support,
        voxel_size=(5.0, 5.0, 5.0),
        axes=np.eye(3)[::-1].copy(),
        g=2.8,
        displacement=np.where(support, 0.01 * z, np.nan).astype(np.float32),
        strain=np.where(support, 1e-4 * (z - 15), np.nan).astype(np.float32),
    )


def texts(figure):
    from matplotlib.text import Text

    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_slices_have_one_scale_and_the_histograms_their_numbers(crystal):
    surface = isosurface(crystal.amplitude)
    figure = strain_figure(
        crystal, surface=surface, statistics=parts(crystal.strain, crystal.support), title="a crystal"
    )
    shown = texts(figure)
    for wanted in ("a crystal", "displacement (Å)", "strain (%)", "amplitude, relative to the largest"):
        assert wanted in shown
    assert any(text.startswith("isosurface") and "half of the bulk's" in text for text in shown)
    assert any(text.startswith("bulk: ") for text in shown)
    assert not any("dislocation" in text for text in shown)
    slices = [
        panel
        for panel in figure.axes
        if panel.images and not panel.get_title(loc="left").startswith("surface")
    ]
    assert len(slices) == 9
    figure.canvas.draw()
    scales = [panel.get_window_extent().width / np.ptp(panel.get_xlim()) for panel in slices]
    assert max(scales) == pytest.approx(min(scales), rel=0.02)


def test_a_dislocation_is_crossed_where_it_passes(crystal):
    points = np.array([[z, 20.5, 17.5] for z in range(8, 22)])
    line = DislocationLine(points=points, winding=1, direction=np.array([0.0, 0, 1]), length=70.0)
    figure = strain_figure(crystal, lines=[line])
    assert any("1 dislocation, seen through the crystal" in text for text in texts(figure))
    crosses = [
        mark
        for panel in figure.axes
        for mark in panel.lines
        if mark.get_marker() == "x" and len(mark.get_xdata())
    ]
    counts = sorted(len(mark.get_xdata()) for mark in crosses)
    assert counts == [1, 1, 1, *(6 * [len(points)])]  # one where it pierces a slice, all where it lies in one
    # Of the slice across the first axis (down y, across x), in nm from the middle of 18 by 28 voxels.
    first = next(mark for mark in crosses if len(mark.get_xdata()) == 1)
    np.testing.assert_allclose(first.get_xdata(), [5 * (17.5 - 8 - 18 // 2)])
    np.testing.assert_allclose(first.get_ydata(), [5 * (20.5 - 5 - 28 // 2)])


def test_a_plane_is_drawn_as_such(crystal):
    plane = Crystal(object=crystal.object[15], support=crystal.support[15], voxel_size=(5.0, 5.0))
    assert "amplitude" in texts(strain_figure(plane))
