import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import ndimage

from sayre.data import Crystal, FilledPattern, Grid, Pattern
from sayre.errors import InputError
from sayre.figures.crystal import crystal_figure
from sayre.figures.filling import filling_figure
from sayre.figures.surface import _march, camera, render
from sayre.figures.views import label_places

SHAPE = (40, 44, 48)
RADIUS = 15.0


def ball(size=(1.0, 1.0, 1.0), shape=SHAPE):
    places = np.stack(
        np.meshgrid(
            *((np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, size, strict=True)), indexing="ij"
        )
    )
    distance = np.sqrt((places**2).sum(0))
    # Falls to half at the radius, over three units.
    amplitude = np.clip((RADIUS + 1.5 - distance) / 3, 0, 1)
    return amplitude, distance < RADIUS + 1.5, places


@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.5)])
@pytest.mark.parametrize("angles", [(0.0, 0.0), (35.0, 25.0)])
def test_a_ball_is_a_disc(size, angles):
    amplitude, support, _ = ball(size)
    seen = render(amplitude, support, amplitude, size, azimuth=angles[0], elevation=angles[1], pixels=121)
    drawn = np.isfinite(seen.values)
    assert np.sqrt(drawn.sum() * seen.pixel**2 / np.pi) == pytest.approx(RADIUS, rel=0.04)
    rows, columns = np.nonzero(drawn)
    assert abs(rows.mean() - 60) < 1
    assert abs(columns.mean() - 60) < 1
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=2)
    # The lamp is at the upper left: rows run from the bottom up.
    bright = np.argwhere(seen.light > np.percentile(seen.light[drawn], 95)).mean(0)
    assert bright[0] > 62
    assert bright[1] < 58


def test_the_field_is_that_of_the_side_one_sees():
    """From azimuth 0 one looks down axis 0 from its far end: x to the right, y up, z towards the viewer."""
    amplitude, support, places = ball()
    np.testing.assert_allclose(camera(0, 0), [[0, 0, 1], [0, 1, 0], [1, 0, 0]], atol=1e-15)
    for axis, name in ((2, "columns"), (1, "rows")):
        seen = render(amplitude, support, places[axis], (1.0,) * 3, azimuth=0, elevation=0, pixels=101)
        drawn = np.isfinite(seen.values)
        where = np.nonzero(drawn)[1 if name == "columns" else 0]
        expected = (where - 50) * seen.pixel * (RADIUS - 1.5) / RADIUS
        assert np.abs(seen.values[drawn] - expected).max() < 1.2
    depth = render(amplitude, support, places[0], (1.0,) * 3, azimuth=0, elevation=0, pixels=101).values
    assert np.nanmin(depth) > -1.5
    assert depth[50, 50] == pytest.approx(RADIUS - 1.5, abs=0.7)


def test_camera_is_a_rotation():
    for azimuth, elevation in ((10, 20), (-130, 70), (200, -40)):
        matrix = camera(azimuth, elevation)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        # Array axes are (z, y, x): a right-handed view (x, y, z) is an odd permutation of them.
        assert np.linalg.det(matrix) == pytest.approx(-1)


def crystal(**changes):
    amplitude, support, places = ball(shape=(36, 36, 36))
    known = {
        "object": (amplitude * np.exp(0.02j * places[0] ** 2)).astype(np.complex64),
        "support": support,
        "voxel_size": (3.0, 3.0, 3.0),
        "displacement": np.where(support, places[1], np.nan).astype(np.float32),
        "strain": np.where(support, 0.01 * places[2], np.nan).astype(np.float32),
    }
    return Crystal(**(known | changes))


def texts(figure):
    figure.canvas.draw()
    return {
        text
        for axes in figure.axes
        for text in [*(t.get_text() for t in axes.texts), axes.get_title(loc="left"), axes.get_ylabel()]
    }


@pytest.mark.slow
def test_what_the_figure_says():
    figure = crystal_figure(crystal(axes=np.eye(3)[::-1].copy()))
    found = texts(figure)
    assert {"amplitude", "displacement (Å)", "strain (%)", "y (nm)", "strain, x = 0 nm"} <= found
    assert "20 nm" in found  # 35 % of 41 voxels of 3 nm, rounded down to 1, 2 or 5
    assert "surface: strain (%)" in found
    strain = figure.axes[6].images[0]
    assert strain.get_clim()[1] == pytest.approx(100 * 0.01 * 15, rel=0.2)

    unknown = texts(crystal_figure(crystal(voxel_size=None, displacement=None, strain=None)))
    assert {"phase (rad)", "10 voxels", "row (voxels)", "surface: phase (rad)"} <= unknown


def test_slices_of_the_laboratory_have_y_up_and_those_of_the_detector_row_0_at_the_top():
    for axes, upward in ((np.eye(3)[::-1].copy(), True), (None, False)):
        first = crystal_figure(crystal(axes=axes)).axes[0]
        bottom, top = first.get_ylim()
        assert (top > bottom) == upward


def test_surface_and_slices_have_one_scale():
    figure = crystal_figure(crystal(axes=np.eye(3)[::-1].copy()))
    figure.canvas.draw()
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 12  # three slices of three quantities, and three views
    scales = [axes.get_window_extent().width / abs(np.diff(axes.get_xlim()))[0] for axes in shown]
    np.testing.assert_allclose(scales, scales[0], rtol=1e-6)
    heights = [axes.get_window_extent().height / abs(np.diff(axes.get_ylim()))[0] for axes in shown]
    np.testing.assert_allclose(heights, scales[0], rtol=1e-6)


@pytest.mark.parametrize("thick", [24, 4])
def test_views_of_the_surface_and_their_arrows_lie_below_each_other_in_the_figure(thick):
    """Two rows, of a cube and of a plate: seen from a corner they are wider than the slices are high."""
    box = np.zeros((36, 36, 36), bool)
    box[6 : 6 + thick, 6:30, 6:30] = True
    solid = {"object": box.astype(np.complex64), "support": box}
    figure = crystal_figure(crystal(displacement=None, strain=None, **solid))
    FigureCanvasAgg(figure).draw()
    views = [axes.get_window_extent() for axes in figure.axes if axes.images and not axes.axison]
    triads = [axes.texts for axes in figure.axes if not axes.axison and not axes.images]
    assert len(views) == len(triads) == 2
    for view, words in zip(views, triads, strict=True):
        boxes = [word.get_window_extent() for word in words if word.get_text()]
        assert min(box.y0 for box in boxes) > 0
        assert max(box.y1 for box in boxes) < view.y0 + 10
    assert min(word.get_window_extent().y0 for word in triads[0]) > views[1].y1


def test_every_scale_has_one_colour_bar():
    labels = [axes.get_ylabel() for axes in crystal_figure(crystal()).axes]
    for label in ("amplitude", "displacement (Å)", "strain (%)"):
        assert labels.count(label) == 1


@pytest.mark.parametrize("names", [("rocking", "row", "column"), ("z", "y", "x")])
def test_names_of_the_axes_lie_on_no_arrow_and_on_no_other_name(names):
    figure = Figure(figsize=(3, 3), dpi=100)
    canvas = FigureCanvasAgg(figure)
    for azimuth in range(0, 360, 15):
        for elevation in (-60, -25, 0, 25, 60):
            figure.clear()
            panel = figure.add_axes((0.35, 0.35, 0.3, 0.3), xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
            arrows = camera(azimuth, elevation)[:2].T
            for name, place in zip(names, label_places(names, arrows), strict=True):
                panel.text(*place, name, fontsize=7, ha="center", va="center")
            boxes = [text.get_window_extent(canvas.get_renderer()) for text in panel.texts]
            shafts = panel.transData.transform(np.concatenate([np.linspace(0, a, 20) for a in arrows]))
            for i, box in enumerate(boxes):
                assert not box.count_contains(shafts), (azimuth, elevation)
                assert not box.count_overlaps(boxes[i + 1 :]), (azimuth, elevation)


def test_refusals():
    with pytest.raises(InputError, match="not empty"):
        crystal_figure(crystal(support=np.zeros((36, 36, 36), bool)))


def test_a_plane_is_drawn_as_it_is():
    y, x = np.indices((20, 24))
    support = (abs(y - 10) < 4) & (abs(x - 11) < 6)
    plane = Crystal(
        object=np.where(support, (1 + 0.1 * x) * np.exp(0.3j * y), 0).astype(np.complex64), support=support
    )
    figure = crystal_figure(plane, title="a plane")
    assert {"amplitude", "phase (rad)", "row (voxels)", "5 voxels", "a plane"} <= texts(figure) | {
        text.get_text() for text in figure.texts
    }
    drawn = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(drawn[4:-4, 4:-4], plane.amplitude[7:14, 6:17])
    phase = np.asarray(figure.axes[1].images[0].get_array())[4:-4, 4:-4]
    np.testing.assert_allclose(np.diff(np.unwrap(phase[:, 0])), 0.3, atol=1e-5)
    across, down = figure.axes[1].lines[0].get_data()
    # 7 by 11 voxels around the middle: the outline is midway between centres, on their borders.
    assert (np.nanmin(across), np.nanmax(across)) == (-5.5, 5.5)
    assert (np.nanmin(down), np.nanmax(down)) == (-3.5, 3.5)


def test_the_filling_of_a_plane_is_drawn_as_it_is():
    counts = np.arange(400, dtype=np.float32).reshape(20, 20)
    mask = np.zeros((20, 20), bool)
    mask[:, 5:7] = True
    pattern = Pattern(intensity=np.where(mask, 0, counts), mask=mask, grid=Grid(step=(1.0, 1.0)))
    filled = FilledPattern(
        pattern=pattern, intensity=counts, sigma=np.where(mask, 0.5, 0).astype(np.float32), method="linear"
    )
    figure = filling_figure(filled)
    shown = [np.ma.getdata(axes.images[0].get_array()) for axes in figure.axes[:3]]
    assert np.isnan(shown[0][:, 5:7]).all()
    np.testing.assert_allclose(shown[1], np.log10(1 + counts), rtol=1e-6)
    np.testing.assert_array_equal(np.isfinite(shown[2]), mask)
    assert {"row", "filled", "stated error"} <= texts(figure)
    across, _ = figure.axes[1].lines[0].get_data()
    assert (np.nanmin(across), np.nanmax(across)) == (4.5, 6.5)  # columns 5 and 6 are outlined
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top  # row 0 is at the top


def test_the_name_of_the_counts_lies_on_no_tick_and_on_no_name_of_the_next_plane():
    counts = np.full((48, 48), 4.2e4, np.float32)  # a top tick far wider than the others
    mask = np.zeros((48, 48), bool)
    mask[:, 20:26] = True
    figure = filling_figure(
        FilledPattern(
            pattern=Pattern(intensity=np.where(mask, 0, counts), mask=mask, grid=Grid(step=(1.0, 1.0))),
            intensity=counts,
            sigma=np.where(mask, 0.5, 0).astype(np.float32),
            method="linear",
        )
    )
    FigureCanvasAgg(figure).draw()
    (bar,) = [axes for axes in figure.axes if axes.get_ylabel() == "counts"]
    others = [text for axes in figure.axes for text in (*axes.get_yticklabels(), axes.yaxis.label)]
    boxes = [text.get_window_extent() for text in others if text.get_text() and text is not bar.yaxis.label]
    assert bar.yaxis.label.get_window_extent().count_overlaps(boxes) == 0


@pytest.mark.parametrize(
    ("reach", "limits"), [(0.2, (-0.19, 0.19)), (1.4, (-1.34, 1.34)), (3.0, (-np.pi, np.pi))]
)
def test_colours_of_a_small_phase_are_of_its_range(reach, limits):
    y, x = np.indices((60, 60)) - 30
    support = (abs(y) <= 20) & (abs(x) <= 20)
    plane = Crystal(
        object=np.where(support, np.exp(1j * reach * y / 20), 0).astype(np.complex64), support=support
    )
    figure = crystal_figure(plane)
    shown = figure.axes[1].images[0]
    assert shown.get_clim() == pytest.approx(limits, rel=0.08)
    assert (shown.cmap.name == "twilight_shifted") == (reach == 3.0)  # the only one whose ends are alike
    assert shown.colorbar.ax.get_ylim() == pytest.approx(shown.get_clim())


@pytest.mark.parametrize("angles", [(0.0, 0.0), (90.0, 0.0), (35.0, 25.0)])
def test_rays_that_are_followed_through_the_box_alone_meet_what_those_through_all_meet(angles):
    """Bright voxels in boxes that end inside the array, or at its border."""
    generator, viewer = np.random.default_rng(0), camera(*angles)[2]
    size, shape = np.array([1.0, 0.7, 1.6]), (9, 11, 8)
    centre, reach, step = (np.array(shape) - 1) / 2, 12.0, 0.7 * 0.7
    starts = generator.uniform(-8, 8, (600, 2)) @ camera(*angles)[:2]
    depths = np.arange(reach, -reach, -step)
    points = starts[:, None] + depths[:, None] * viewer
    for box in ((slice(3, 6),) * 3, (slice(0, 4), slice(2, 11), slice(7, 8))):
        volume = np.zeros(shape, np.float32)
        volume[box] = generator.uniform(0.6, 1, volume[box].shape)
        along = ndimage.map_coordinates(volume, np.moveaxis(points / size + centre, -1, 0), order=1)
        met = along >= 0.5
        first = met.argmax(1)[met.any(1)]
        now, before = (along[met.any(1), place] for place in (first, np.maximum(first - 1, 0)))
        back = np.clip((now - 0.5) / (now - before), 0, 1) * step
        places, found = _march(volume, 0.5, starts, viewer, reach, size, centre)
        np.testing.assert_array_equal(found, met.any(1))
        wanted = starts[met.any(1)] + (depths[first] + back)[:, None] * viewer
        np.testing.assert_allclose(places, wanted, atol=1e-4)
