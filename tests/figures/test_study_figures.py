"""Pictures of the studies: what is labelled, what is grey, and that no label hides another."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from sayre.crystal.resolution import ShellCurve
from sayre.figures.studies.high_resolution_3d import Curves, resolution_figure
from sayre.figures.studies.spatial import Column, lines_figure, slices_figure
from sayre.figures.studies.strain_3d import Map, maps_figure
from sayre.figures.style import UNSEEN


def drawn(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas


def test_maps_say_error_and_show_grey_where_no_counts_were_given():
    counts, whole = np.full((16, 16), 3.0), np.ones((16, 16))
    inside = np.where(np.hypot(*np.mgrid[-8:8, -8:8]) < 5, 0.1, np.nan)
    free = counts.copy()
    free[:, 10:13] = np.nan
    columns = {
        "truth": (counts, whole, inside),
        "zeros": (counts, whole, inside),
        "free": (free, whole, inside),
    }
    figure = maps_figure([Map("crystal", 3, columns)])
    panels = figure.axes
    assert "error of the phase\nderivative" in panels[6].get_ylabel()
    image = np.asarray(drawn(figure).buffer_rgba())[..., :3] / 255
    panel = panels[2]
    column, row = panel.transData.transform((11, 8))
    np.testing.assert_allclose(image[-int(row), int(column)], to_rgb(UNSEEN), atol=0.01)
    column, row = panel.transData.transform((2, 8))
    assert np.abs(image[-int(row), int(column)] - to_rgb(UNSEEN)).max() > 0.1


@pytest.mark.parametrize("top", [1.03, 1.3, 5.0, 3000.0])
def test_labels_of_logarithmic_axes_do_not_touch_and_are_enough(top):
    strides = (1, 2, 3, 4, 6, 8, 12, 16, 24)
    seconds = list(np.geomspace(top, 1.02, len(strides)))
    figure = lines_figure({name: {"unet": (strides, seconds)} for name in "abc"}, x="x", y="", log=True)
    drawn(figure)
    assert len({round(panel.get_position().y0, 3) for panel in figure.axes}) == 1
    for panel in figure.axes:
        for axis, along in ((panel.xaxis, "x"), (panel.yaxis, "y")):
            shown = [text for text in axis.get_ticklabels() if text.get_text()]
            assert len(shown) >= 3
            ends = [getattr(text.get_window_extent(), f"interval{along}") for text in shown]
            assert all(one[1] < other[0] for one, other in pairwise(sorted(map(tuple, ends))))


def test_every_threshold_of_resolution_is_labelled_by_its_value():
    q = np.linspace(0, np.pi, 9)

    def shell(level):
        return ShellCurve(
            q=q, value=np.ones(9), threshold=np.full(9, level), voxels=np.ones(9, int), unit="voxels"
        )

    figure = resolution_figure([Curves("no gap", tuple(shell(level) for level in (1 / 2, 1 / 7, 1 / np.e)))])
    found = [[text.get_text() for text in panel.texts] for panel in figure.axes]
    assert found == [["threshold 0.50"], ["threshold 0.14"], ["threshold 0.37"]]


def test_slices_go_through_the_object_where_it_lies():
    obj = np.zeros((12, 12, 12), np.complex64)
    obj[1:4, 3:9, 2:8] = 2.0
    counts = np.ones(obj.shape)
    column = Column("one", counts, counts, obj, obj != 0)
    panels = slices_figure([column, column]).axes
    shown = [np.ma.filled(panel.images[0].get_array(), np.nan) for panel in panels[4:8]]
    assert all(np.nanmax(image) == 2 for image in shown[:2])
    assert all(np.count_nonzero(np.isfinite(image)) == 36 for image in shown[2:])
