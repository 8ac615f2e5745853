"""What the figures of phase retrieval draw."""

import base64
import itertools
import re
import time

import numpy as np
import pytest

from sayre.crystal.resolution import ShellCurve
from sayre.errors import InputError, SayreWarning
from sayre.figures import live
from sayre.figures.interactive.starts import convergence_chart
from sayre.figures.phasing import (
    convergence_figure,
    period_ticks,
    resolution_figure,
    resolution_text,
    start_figure,
)
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.status import Status


def ball(shape=(24, 24, 24), at=(3, 12, 12)):
    """A ball with a phase ramp, over the border of the array on axis 0."""
    grid = np.indices(shape)
    distance = sum(((g - a + n // 2) % n - n // 2) ** 2 for g, a, n in zip(grid, at, shape, strict=True))
    support = distance < 30
    return (support * np.exp(2j * np.pi * 2 * grid[2] / shape[2])).astype(np.complex64), support


def runs(residuals, free, failed=()):
    obj, support = ball()
    return [
        Run(
            index=i,
            packed=Packed.of(obj, support),
            residual=r,
            likelihood=2 * f,
            free_likelihood=f,
            history=((10, 2 * r), (20, r)),
            failed="not finite" if i in failed else "",
        )
        for i, (r, f) in enumerate(zip(residuals, free, strict=True))
    ]


def test_convergence_has_every_start_and_its_end():
    figure = convergence_figure(runs([0.1, 0.2, 0.3, 0.4], [4, 3, 2, 1], failed=(3,)), selected=(1, 0))
    left, right = figure.axes
    drawn = sorted(tuple(line.get_ydata()) for line in left.lines)
    np.testing.assert_allclose(drawn, [(0.2, 0.1), (0.4, 0.2), (0.6, 0.3), (0.8, 0.4)])
    assert left.get_title() == "1 of 4 starts failed"
    ends = {tuple(point) for dots in right.collections for point in np.round(dots.get_offsets(), 6)}
    assert ends == {(0.1, 4), (0.2, 3), (0.3, 2)}
    assert [t.get_text() for t in right.get_legend().get_texts()] == [
        "not averaged",
        "averaged",
        "middle of these",
    ]


def test_a_start_that_is_averaged_alone_is_the_middle_of_none():
    figure = convergence_figure(runs([0.1, 0.2], [4, 3]), selected=(1,))
    words = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert words == ["not averaged", "averaged"]
    shown = convergence_chart(runs([0.1, 0.2], [4, 3]), selected=(1,))["data"]
    assert {trace["name"] for trace in shown if trace["showlegend"]} == {"not averaged", "averaged"}


def test_one_bad_start_does_not_squash_the_scale():
    figure = convergence_figure(runs([0.1, 0.11, 0.12, 40.0, 1e6], [4, 3, 2, 1, 1], failed=(4,)))
    low, high = figure.axes[0].get_ylim()
    assert low < 0.1
    assert 0.24 < high < 1


def test_no_free_voxels_takes_the_likelihood():
    figure = convergence_figure(runs([0.1, 0.2], [np.nan, np.nan]))
    assert figure.axes[1].get_ylabel().startswith("−log")
    assert figure.axes[1].get_legend() is None


def test_resolution_is_marked_where_the_curve_falls_below():
    q = np.linspace(0, 2, 21)
    falling = ShellCurve(q=q, value=1 - q / 2, threshold=np.full(21, 0.5), voxels=np.ones(21, int), unit="nm")
    never = ShellCurve(q=q, value=np.ones(21), threshold=np.full(21, 0.5), voxels=np.ones(21, int), unit="nm")
    panel = resolution_figure({"PRTF": falling, "FSC": never}).axes[0]
    vertical = [line.get_xdata()[0] for line in panel.lines if len(set(line.get_xdata())) == 1]
    assert vertical == pytest.approx([1.0])
    texts = [line.get_label() for line in panel.lines if line.get_label().startswith(("PRTF", "FSC"))]
    assert texts == ["PRTF: 6.28 nm", "FSC: 3.14 nm, the edge of the detector"]
    (above,) = panel.child_axes
    periods = [float(text.get_text().split()[0]) for text in above.get_xticklabels()]
    np.testing.assert_allclose(above.get_xticks(), 2 * np.pi / np.array(periods))
    assert "below" in resolution_text(
        ShellCurve(q=q, value=0 * q, threshold=np.full(21, 0.5), voxels=np.ones(21, int), unit="nm")
    )


def test_a_start_is_drawn_whole_and_without_its_ramp():
    obj, support = ball()
    figure = start_figure(obj, support, {0: [(1, 0.5)], 1: [(1, 0.4)]}, 1)
    images = [panel.images[0].get_array() for panel in figure.axes if panel.images]
    assert len(images) == 6
    amplitude, phase = np.asarray(images[0]), np.asarray(images[3])
    area = (support[3]).sum()
    assert (amplitude > 0.5).sum() == area
    assert np.nanmax(np.abs(phase)) < 0.1
    flat = start_figure(obj[3], support[3], {0: [(1, 0.5)]}, 0)
    assert sum(bool(panel.images) for panel in flat.axes) == 2


def test_live_picture_shows_the_best_and_keeps_still_between(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    drawn = []
    monkeypatch.setattr(live, "save_figure", lambda figure, path: drawn.append(figure.get_suptitle()))
    picture = live.LivePicture(tmp_path / "live.png")

    def progress(iteration, *residuals):
        places = tuple(range(len(residuals)))
        return Status(
            fraction=0.1, iteration=iteration, indices=places, residuals=residuals, estimate=lambda _: ball()
        )

    picture.report(progress(10, 0.5, float("nan"), 0.4))
    assert drawn == []
    clock[0] = 31
    picture.report(progress(20, 0.5, float("nan"), 0.4))
    assert drawn == ["start 2 (counted from 0), the best of 3 so far: R = 0.400"]
    for clock[0], one in zip((40, 41, 42), runs([0.1, 0.05, 0.2], [2.0, 3.0, 1.0]), strict=True):
        picture.finished(one)
    assert [text.split(" (counted from 0),")[0] for text in drawn[1:]] == ["start 0", "start 0", "start 2"]
    clock[0] = 50
    picture.report(progress(30, 0.01))
    assert len(drawn) == 4


def test_live_picture_takes_a_tenth_of_the_time(tmp_path, monkeypatch):
    """A picture takes two seconds: after it, the next waits for eighteen or more."""
    clock, drawn = [0.0], []

    def slowly(*_):
        drawn.append(clock[0])
        clock[0] += 2

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(live, "save_figure", slowly)
    picture = live.LivePicture(tmp_path / "live.png")
    (run,) = runs([0.1], [1.0])
    for clock[0] in range(1, 200):
        picture.finished(run)
    assert drawn[0] == 1
    assert set(np.diff(drawn)) == {23}


def test_live_picture_that_cannot_be_written_stops_nothing(tmp_path):
    picture = live.LivePicture(tmp_path / "gone" / "live.png")
    with pytest.warns(SayreWarning, match="does not exist"):
        picture.finished(runs([0.1], [1.0])[0])
    with pytest.warns(SayreWarning, match="does not exist"):
        picture.draw()


def test_a_live_page_is_read_again_until_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "SHARE", np.inf)
    page = live.LivePicture(live.live_path_check(tmp_path / "now.html"))
    for one in runs([0.1, 0.05], [2.0, 1.0]):
        page.finished(one)
        text = (tmp_path / "now.html").read_text()
        assert '<meta http-equiv="refresh" content="5">' in text
        assert f"<title>start {one.index} (counted from 0), the best of {one.index + 1} so far" in text
    page.draw()
    text = (tmp_path / "now.html").read_text()
    assert "refresh" not in text
    assert "<p>Done at " in text
    picture = base64.b64decode(re.search(r"base64,([^\"]+)", text)[1])
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert [path.name for path in tmp_path.iterdir()] == ["now.html"]


def test_a_live_page_needs_a_place(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        live.live_path_check(tmp_path / "gone" / "now.html")
    with pytest.raises(InputError, match="no ending of a picture"):
        live.live_path_check(tmp_path / "now.gif")


def test_labels_of_periods_do_not_overlap():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for shortest in np.geomspace(9, 100, 25):
        curve = ShellCurve(
            q=np.linspace(0.01, 2 * np.pi / shortest, 30),
            value=np.linspace(1, 0.6, 30),
            threshold=np.full(30, 0.5),
            voxels=np.full(30, 100),
            unit="nm",
        )
        figure = resolution_figure({"PRTF": curve})
        FigureCanvasAgg(figure).draw()
        above = figure.axes[0].child_axes[0]
        boxes = sorted(
            (label.get_window_extent() for label in above.get_xticklabels() if label.get_text()),
            key=lambda box: box.x0,
        )
        assert len(boxes) >= 3
        assert all(left.x1 + 3 < right.x0 for left, right in itertools.pairwise(boxes)), shortest
    places, texts = period_ticks(2 * np.pi / 10, "nm")
    assert texts[:3] == ["10 nm", "15 nm", "20 nm"]
    np.testing.assert_allclose(places[:3], 2 * np.pi / np.array([10, 15, 20]))
