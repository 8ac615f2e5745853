"""Shapes drawn on a slice: which voxels they mask, and what is written."""

from __future__ import annotations

import numpy as np
import pytest

import sayre
from sayre.errors import InputError
from sayre.viewer.regions import shapes, strokes
from sayre.viewer.regions.region import option_of, region_of, text_of

RECTANGLE = {"type": "rect", "x0": 4.4, "y0": 0.6, "x1": 1.5, "y1": 3.0, "line": {"width": 2}}
SIZE = (4, 5, 6)


def path(*corners, end="Z"):
    return {"type": "path", "path": "M" + "L".join(f"{x},{y}" for x, y in corners) + end}


def test_a_rectangle_masks_the_pixels_whose_centres_it_holds():
    found = shapes.pixels_in(shapes.shape_of(RECTANGLE), (5, 6))
    expected = np.zeros((5, 6), bool)
    expected[1:4, 2:5] = True
    np.testing.assert_array_equal(found, expected)


def test_a_triangle_masks_the_pixels_whose_centres_it_holds():
    found = shapes.pixels_in(shapes.shape_of(path((0.5, 0.5), (7.6, 0.5), (0.5, 7.6))), (8, 9))
    rows, columns = np.indices((8, 9))
    np.testing.assert_array_equal(found, (rows > 0.5) & (columns > 0.5) & (rows + columns < 8.1))


@pytest.mark.parametrize("end", ["Z", ""])
def test_an_outline_that_is_not_convex(end):
    """A U: the notch between its arms stays."""
    corners = [
        (-0.5, -0.5),
        (1.5, -0.5),
        (1.5, 3.5),
        (3.5, 3.5),
        (3.5, -0.5),
        (5.5, -0.5),
        (5.5, 5.5),
        (-0.5, 5.5),
    ]
    found = shapes.pixels_in(shapes.shape_of(path(*corners, end=end)), (6, 6))
    expected = np.ones((6, 6), bool)
    expected[:4, 2:4] = False
    np.testing.assert_array_equal(found, expected)


def test_shapes_beyond_the_edge_mask_what_is_there():
    wide = {"type": "rect", "x0": -9, "y0": -9, "x1": 99, "y1": 0.2}
    expected = np.zeros((5, 6), bool)
    expected[0] = True
    np.testing.assert_array_equal(shapes.pixels_in(shapes.shape_of(wide), (5, 6)), expected)
    beside = {"type": "rect", "x0": -9, "y0": -9, "x1": -3, "y1": -3}
    assert not shapes.pixels_in(shapes.shape_of(beside), (5, 6)).any()


@pytest.mark.parametrize(
    "drawn",
    [
        {"type": "circle", "x0": 0, "x1": 1, "y0": 0, "y1": 1},
        {"type": "rect", "x0": "a", "x1": 1, "y0": 0, "y1": 1},
        {"type": "rect", "x0": float("nan"), "x1": 1, "y0": 0, "y1": 1},
        path((0, 0), (1, 1)),
        {"type": "path", "path": "M0,0C1,1 2,2 3,3Z"},
        {},
    ],
)
def test_what_is_no_shape_is_refused(drawn):
    with pytest.raises(InputError, match="mask: "):
        shapes.shape_of(drawn)


def test_shapes_that_are_moved_and_erased():
    moved = shapes.drawn_after([RECTANGLE], {"shapes[0].x0": 3, "shapes[0].x1": 2})
    assert (moved[0]["x0"], moved[0]["x1"], moved[0]["y0"]) == (3, 2, 0.6)
    assert shapes.drawn_after(moved, {"xaxis.range[0]": 1, "shapes[7].x0": 3}) == moved
    assert shapes.drawn_after(moved, {"shapes": []}) == []
    assert shapes.drawn_after([], {"shapes": [RECTANGLE, {"type": "line"}]}) == [RECTANGLE]


@pytest.fixture
def several():
    """Strokes on slices of every axis, on one slice and on all."""
    drawn = [shapes.shape_of(RECTANGLE), shapes.shape_of(path((0, 0), (3.2, 0.4), (1, 3.3)))]
    return [
        strokes.stroke(0, 2, drawn[:1], SIZE),
        strokes.stroke(1, None, drawn[1:], SIZE),
        strokes.stroke(2, 5, drawn, SIZE),
    ]


def test_the_mask_is_the_union_of_its_strokes(several):
    expected = np.zeros(SIZE, bool)
    expected[2, 1:4, 2:5] = True
    triangle = shapes.pixels_in(several[1]["shapes"][0], (4, 6))
    expected |= triangle[:, None, :]
    expected[:, :, 5] |= shapes.pixels_in(several[2]["shapes"][0], (4, 5))
    expected[:, :, 5] |= shapes.pixels_in(several[2]["shapes"][1], (4, 5))
    np.testing.assert_array_equal(strokes.mask_of(several, SIZE), expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_of_the_mask_is_that_of_the_whole(several, axis):
    whole = strokes.mask_of(several, SIZE)
    for index in range(SIZE[axis]):
        np.testing.assert_array_equal(
            strokes.plane_of(several, SIZE, axis, index), np.take(whole, index, axis=axis)
        )


def test_what_holds_for_every_frame_is_2d_however_large():
    size = (10**7, 5, 6)
    mask = strokes.mask_of([strokes.stroke(0, None, [shapes.shape_of(RECTANGLE)], size)], size)
    assert mask.shape == (5, 6)
    assert mask.sum() == 9


def test_a_detector_by_name_beside_a_shape():
    size = (2, 516, 516)
    both = [
        strokes.stroke(0, None, [shapes.shape_of(RECTANGLE)], size),
        {"detector": "maxipix", "corner": None},
    ]
    mask = strokes.mask_of(both, size)
    expected = sayre.detector_mask("maxipix", (516, 516))
    expected[1:4, 2:5] = True
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(strokes.plane_of(both, size, 2, 3), np.tile(expected[:, 3], (2, 1)))


@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_a_saved_mask_is_what_a_command_reads(tmp_path, several, ending):
    counts = np.random.default_rng(1).poisson(9, SIZE).astype(np.float32)
    np.save(tmp_path / "counts.npy", counts)
    mask = strokes.mask_of(several, SIZE)
    strokes.save_mask(tmp_path / f"mask{ending}", mask)
    pattern = sayre.load(tmp_path / "counts.npy", mask=tmp_path / f"mask{ending}")
    np.testing.assert_array_equal(pattern.mask, mask)


def test_nothing_is_overwritten_without_force(tmp_path, several):
    file = tmp_path / "mask.npy"
    file.write_bytes(b"mine")
    with pytest.raises(InputError, match=r"exists; `force=True`"):
        strokes.save_mask(file, strokes.mask_of(several, SIZE))
    assert file.read_bytes() == b"mine"
    strokes.save_mask(file, strokes.mask_of(several, SIZE), force=True)
    assert np.load(file).shape == SIZE


def test_no_empty_mask_and_no_other_ending(tmp_path):
    with pytest.raises(InputError, match="the mask is empty"):
        strokes.save_mask(tmp_path / "mask.npy", np.zeros((3, 3), bool))
    with pytest.raises(InputError, match=r"mask\.h5: a mask is written to \.npy or \.npz"):
        strokes.save_mask(tmp_path / "mask.h5", np.ones((3, 3), bool))
    assert list(tmp_path.iterdir()) == []


def test_the_mask_of_the_file_is_added_frame_by_frame():
    rng = np.random.default_rng(5)
    own, drawn = rng.random(SIZE) > 0.7, rng.random(SIZE[1:]) > 0.8
    np.testing.assert_array_equal(strokes.united(drawn, iter(own), SIZE), own | drawn)
    same = np.broadcast_to(own[0], SIZE)
    np.testing.assert_array_equal(strokes.united(drawn, iter(same), SIZE), own[0] | drawn)


@pytest.mark.parametrize(
    "wrong",
    [
        {"axis": 3, "first": 0, "last": 1},
        {"axis": 0, "first": 0, "last": 99},
        {"axis": 0, "first": -1, "last": 1},
        {},
    ],
)
def test_strokes_that_no_page_sends(wrong):
    with pytest.raises(InputError, match="is no index"):
        strokes.mask_of([wrong | {"shapes": []}], SIZE)


@pytest.mark.parametrize(("axis", "text"), [(0, "1:3,1:4,2:5"), (1, "1:4,1:3,2:5"), (2, "1:4,2:5,1:3")])
def test_a_rectangle_is_the_option_that_selects_it(axis, text, tmp_path):
    region = region_of([RECTANGLE], axis, (1, 2), (8, 8, 8))
    assert option_of(region, (8, 8, 8)) == f"--roi {text}"
    counts = np.random.default_rng(2).poisson(50, (8, 8, 8)).astype(np.float32)
    np.save(tmp_path / "counts.npy", counts)
    part = sayre.load(tmp_path / "counts.npy", roi=text_of(region, (8, 8, 8)))
    slices = tuple(slice(*ends) for ends in region)
    np.testing.assert_array_equal(part.intensity, counts[slices])


def test_whole_axes_and_planar_counts():
    assert text_of([[0, 8], [1, 4], [0, 6]], (8, 8, 6)) == ":,1:4,:"
    assert text_of([[0, 1], [1, 4], [0, 6]], (1, 8, 6), planar=True) == "1:4,:"


def test_regions_that_are_none():
    with pytest.raises(InputError, match="draw a rectangle"):
        region_of([], 0, (0, 1), SIZE)
    with pytest.raises(InputError, match="no pixel in it"):
        region_of([{"type": "rect", "x0": 0.2, "x1": 0.4, "y0": 0, "y1": 1}], 0, (0, 1), SIZE)
    with pytest.raises(InputError, match="slices 2 to 4 must lie within 0 to 3"):
        region_of([RECTANGLE], 0, (2, 4), SIZE)
