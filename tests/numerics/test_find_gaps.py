from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import ndimage

from sayre.data import Pattern
from sayre.numerics.gaps import ISOLATED, find_gaps
from strategies import masks, slab_masks


def empty(*shape: int) -> np.ndarray:
    return np.zeros(shape, bool)


def disc(shape: tuple[int, int], centre: tuple[int, int], radius: float) -> np.ndarray:
    row, column = np.ogrid[: shape[0], : shape[1]]
    return (row - centre[0]) ** 2 + (column - centre[1]) ** 2 <= radius**2


def check_partition(mask: np.ndarray) -> None:
    gaps, labels = find_gaps(mask)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels > 0, mask)
    assert [gap.label for gap in gaps] == list(range(1, labels.max() + 1))
    assert sum(gap.voxels for gap in gaps) == mask.sum()
    for gap, box in zip(gaps, ndimage.find_objects(labels), strict=True):
        assert gap.bounds == box
        assert gap.voxels == np.count_nonzero(labels == gap.label)
        assert gap.axes == tuple(sorted({axis for axis, _, _ in gap.slabs}))
        assert len(gap.widths) == len(gap.axes)


@given(masks())
def test_every_masked_voxel_has_one_gap(mask):
    check_partition(mask)


@settings(max_examples=40)
@given(slab_masks(), slab_masks(dims=3), masks(min_dims=3, max_side=5))
def test_partition_of_slabs_with_debris(slabs, more, debris):
    mask = slabs | (more & np.roll(slabs, 3, axis=1))
    mask[tuple(slice(4, 4 + n) for n in debris.shape)] |= debris
    check_partition(mask)


@given(slab_masks())
def test_slabs_are_found_where_they_were_put(mask):
    """Oracle: an index belongs to a slab of an axis exactly if its whole slice is masked."""
    gaps, _ = find_gaps(mask)
    if mask.all():
        return
    for axis in range(3):
        full = mask.all(axis=tuple(k for k in range(3) if k != axis))
        found = np.zeros_like(full)
        for gap in gaps:
            assert gap.kind in ("plane", "cross", "border")
            for k, start, stop in gap.slabs:
                if k == axis:
                    found[start:stop] = True
        np.testing.assert_array_equal(found, full)


def test_no_gap():
    gaps, labels = find_gaps(empty(8, 9))
    assert gaps == []
    assert not labels.any()


def test_everything_masked_is_border():
    (gap,), labels = find_gaps(~empty(20, 30, 40))
    assert (gap.kind, gap.voxels) == ("border", labels.size)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_plane_in_three_dimensions(axis):
    mask = empty(40, 50, 60)
    np.moveaxis(mask, axis, 0)[9:15] = True
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.axes, gap.widths, gap.width) == ("plane", (axis,), (6,), 6)
    assert gap.slabs == ((axis, 9, 15),)
    assert gap.bounds[axis] == slice(9, 15)


def test_plane_through_part_of_the_array():
    mask = empty(40, 64, 64)
    mask[:, 20:24, 10:50] = True
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.axes, gap.width) == ("plane", (1,), 4)
    assert gap.bounds == (slice(0, 40), slice(20, 24), slice(10, 50))


def test_plane_with_few_frames():
    mask = empty(2, 64, 64)
    mask[:, :, 30:36] = True
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.axes, gap.width) == ("plane", (2,), 6)


def test_parallel_planes_are_several_gaps():
    mask = empty(10, 120, 60)
    mask[:, 20:24] = mask[:, 70:82] = True
    gaps, labels = find_gaps(mask)
    assert [(gap.kind, gap.width) for gap in gaps] == [("plane", 4), ("plane", 12)]
    assert set(np.unique(labels[:, 70:82])) == {2}


@pytest.mark.parametrize("dims", [2, 3])
def test_quad_cross_off_centre(dims):
    detector = empty(128, 100)
    detector[30:36] = detector[:, 70:74] = True
    mask = detector if dims == 2 else np.broadcast_to(detector, (25, 128, 100))
    (gap,), _ = find_gaps(mask)
    assert gap.kind == "cross"
    assert gap.axes == (dims - 2, dims - 1)
    assert (gap.widths, gap.width) == ((6, 4), 6)
    assert gap.slabs == ((dims - 2, 30, 36), (dims - 1, 70, 74))
    assert gap.voxels == mask.sum()


def test_cross_with_a_lost_frame_has_three_axes():
    mask = empty(30, 40, 50)
    mask[7] = mask[:, 20:23] = mask[:, :, 11:15] = True
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.axes, gap.widths) == ("cross", (0, 1, 2), (1, 3, 4))


def test_grid_of_modules_is_one_cross():
    mask = empty(200, 200)
    mask[50:88] = mask[140:178] = mask[:, 90:102] = True
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.widths) == ("cross", (38, 12))
    assert len(gap.slabs) == 3


def test_cross_through_part_of_the_array():
    mask = empty(100, 100)
    mask[40:44, 10:90] = mask[20:80, 50:54] = True
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.slabs) == ("cross", ((0, 40, 44), (1, 50, 54)))


def test_border_next_to_a_cross_is_its_own_gap():
    mask = empty(60, 60)
    mask[28:32] = mask[:, 28:32] = mask[:, 57:] = True
    gaps, labels = find_gaps(mask)
    assert [(gap.kind, gap.axes, gap.width) for gap in gaps] == [("cross", (0, 1), 4), ("border", (1,), 3)]
    assert (labels[:, 57:] == 2).sum() == 60 * 3 - 4 * 3  # the crossing stays with the cross


def test_masked_corner_is_border():
    mask = empty(100, 100)
    mask[:10, :40] = mask[:60, :9] = True
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.axes) == ("border", ())


def test_beamstop_in_all_frames():
    mask = np.broadcast_to(disc((128, 128), (60, 70), 12), (40, 128, 128))
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.axes, gap.width) == ("beamstop", (), 25)


def test_beamstop_with_holder_to_the_border():
    mask = disc((128, 128), (60, 70), 15)
    mask[60:, 66:74] = True
    (gap,), _ = find_gaps(mask)
    assert gap.kind == "beamstop"


def test_beamstop_on_a_cross_is_one_gap_beside_it():
    mask = disc((128, 128), (62, 66), 15)
    mask[60:66] = mask[:, 60:66] = True
    gaps, labels = find_gaps(mask)
    assert [gap.kind for gap in gaps] == ["cross", "beamstop"]
    assert gaps[0].voxels == 6 * 128 + 6 * 122
    np.testing.assert_array_equal(labels == 2, disc((128, 128), (62, 66), 15) & (labels != 1))


def test_bad_pixels_are_isolated_whatever_the_frames():
    mask = empty(50, 64, 64)
    mask[:, 10, 20] = True  # dead
    mask[7, 30:33, 40:42] = True  # one frame only
    mask[:, 50, 50] = mask[:, 51, 51] = True  # diagonal neighbours
    gaps, _ = find_gaps(mask)
    assert Counter(gap.kind for gap in gaps) == {"isolated": 3}
    assert [gap.width for gap in gaps] == [1, 2, 2]


def test_size_limit_of_isolated():
    for side, kind in ((ISOLATED, "isolated"), (ISOLATED + 1, "beamstop")):
        mask = empty(200, 200)
        mask[50 : 50 + side, 60 : 60 + side] = True
        assert find_gaps(mask)[0][0].kind == kind


def test_dead_column_is_a_plane_of_width_one():
    mask = empty(20, 64, 64)
    mask[:, :, 31] = True
    mask[:, 12, 32] = True  # a bad pixel touching it
    gaps, _ = find_gaps(mask)
    assert [(gap.kind, gap.width) for gap in gaps] == [("plane", 1), ("isolated", 1)]


def test_pattern_knows_its_gaps():
    mask = empty(16, 16)
    mask[7:9] = True
    pattern = Pattern.from_counts(np.ones((5, 16, 16)), mask)
    (gap,) = pattern.gaps
    assert (gap.kind, gap.axes, gap.width) == ("plane", (1,), 2)
    assert pattern.to("cpu").gaps == [gap]
    assert len(pattern.with_mask(np.eye(16)).gaps) > 1


def test_wrong_dimensions():
    with pytest.raises(ValueError, match="2D or 3D"):
        find_gaps(empty(3))


@pytest.mark.parametrize(("masked", "count"), [(20, 2), (19, 2), (18, 1)])
def test_a_slab_is_masked_across_95_percent_of_the_array(masked, count):
    """A pixel that touches a slab is a gap of its own; one that touches a piece belongs to it."""
    mask = empty(40, 20)
    mask[10:12, :masked] = True
    mask[9, 5] = True
    gaps, _ = find_gaps(mask)
    assert len(gaps) == count


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("thickness", "length", "size", "kind"),
    [
        (4, 25, 100, "plane"),  # a quarter of the array
        (4, 24, 100, "beamstop"),
        (6, 24, 90, "plane"),  # four times its thickness
        (6, 23, 90, "beamstop"),
    ],
)
def test_how_long_a_plane_is(axis, thickness, length, size, kind):
    mask = np.moveaxis(empty(120, size), 0, axis)
    np.moveaxis(mask, axis, 0)[50 : 50 + thickness, 30 : 30 + length] = True
    (gap,), _ = find_gaps(mask)
    slabs = ((axis, 50, 50 + thickness),) if kind == "plane" else ()
    assert (gap.kind, gap.slabs) == (kind, slabs)


@pytest.mark.parametrize(("holes", "kind"), [(8, "plane"), (9, "beamstop")])
def test_how_full_a_plane_is(holes, kind):
    mask = empty(100, 100)
    mask[40:42, 30:70] = True
    mask[40, 32 : 32 + 2 * holes : 2] = False
    assert find_gaps(mask)[0][0].kind == kind


@pytest.mark.parametrize(("width", "kind"), [(6, "cross"), (8, "beamstop")])
def test_how_much_of_a_cross_lies_in_its_slabs(width, kind):
    """Off the middle on both axes; a blob at the crossing of 48 or 64 pixels beside 544."""
    mask = empty(100, 120)
    mask[40:44, 10:90] = mask[15:75, 60:64] = True
    mask[44:52, 64 : 64 + width] = True
    (gap,), _ = find_gaps(mask)
    slabs = ((0, 40, 44), (1, 60, 64)) if kind == "cross" else ()
    assert (gap.kind, gap.slabs) == (kind, slabs)
    assert gap.axes == ((0, 1) if kind == "cross" else ())


def test_crossing_pieces_of_which_one_is_short_are_no_cross():
    mask = empty(100, 100)
    mask[40:44, 10:90] = mask[30:54, 50:54] = True  # 24 rows, less than a quarter
    assert find_gaps(mask)[0][0].kind != "cross"


def triangle(rows, columns):
    """Narrower from row to row, half full."""
    return np.arange(columns) < columns * (1 - np.arange(rows)[:, None] / rows)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize(
    ("sides", "place", "kind"),
    [
        ((20, 40), 30, "border"),  # along the border
        ((40, 40), 30, "border"),
        ((40, 38), 30, "beamstop"),  # across it
        ((40, 20), 0, "border"),  # in a corner, whatever its sides
        ((40, 20), 1, "beamstop"),  # beside a corner
    ],
)
def test_a_rim_lies_along_the_border(dims, turn, sides, place, kind):
    detector = empty(100, 90)
    detector[: sides[0], place : place + sides[1]] = triangle(*sides)
    detector = np.rot90(detector, turn)
    mask = detector if dims == 2 else np.broadcast_to(detector, (12, *detector.shape))
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.axes, gap.width) == (kind, (), min(sides))


def test_a_rim_of_which_a_tenth_is_cut_off_from_the_border():
    """Measured pixels between 10 % of a half disc and the border leave it a rim, more do not."""
    for cut, kind in ((1, "border"), (4, "beamstop")):
        mask = disc((100, 100), (0, 50), 20)
        mask[0, 40 : 40 + cut] = False
        assert find_gaps(mask)[0][0].kind == kind


def test_a_blob_is_as_wide_as_its_shorter_side_on_the_detector():
    mask = empty(6, 80, 80)
    mask[1:5, 20:40, 30:42] = True
    mask[1:5, 20:24, 30:33] = False
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.width, gap.voxels) == ("beamstop", 12, 4 * (240 - 12))


def test_a_piece_on_both_sides_of_a_slab_is_one():
    """Closed up over the slab, then described in the array's own indices."""
    mask = empty(100, 100)
    mask[10:14] = True
    mask[8:10, 20:80] = mask[14:16, 20:80] = True
    mask[60:64, 30:70] = True
    gaps, labels = find_gaps(mask)
    assert [(gap.kind, gap.slabs) for gap in gaps] == [
        ("plane", ((0, 10, 14),)),
        ("plane", ((0, 8, 16),)),
        ("plane", ((0, 60, 64),)),
    ]
    assert (labels[8:10, 20:80] == 2).all()
    assert (labels[14:16, 20:80] == 2).all()


def test_borders_of_every_side_are_gaps_of_their_own():
    mask = empty(50, 60)
    mask[:2] = mask[47:] = mask[:, :4] = mask[:, 55:] = True
    mask[20:23] = True
    gaps, labels = find_gaps(mask)
    assert [(gap.kind, gap.slabs) for gap in gaps] == [
        ("plane", ((0, 20, 23),)),
        ("border", ((0, 0, 2),)),
        ("border", ((0, 47, 50),)),
        ("border", ((1, 0, 4),)),
        ("border", ((1, 55, 60),)),
    ]
    assert [gap.width for gap in gaps] == [3, 2, 3, 4, 5]
    assert labels[21, 0] == 1
    assert labels[0, 0] == 2


def test_of_parallel_slabs_the_wider_counts():
    mask = empty(100, 100)
    mask[20:24] = mask[60:70] = mask[:, 30:36] = mask[:, 80:83] = True
    (gap,), _ = find_gaps(mask)
    assert (gap.kind, gap.widths, gap.width) == ("cross", (10, 6), 10)


def test_a_slab_one_slice_off_the_border_is_a_plane():
    mask = empty(40, 50)
    mask[1:4] = True
    mask[36:39] = True
    assert [gap.kind for gap in find_gaps(mask)[0]] == ["plane", "plane"]


def test_the_bars_of_a_cross_are_as_long_as_planes_off_their_own_axis():
    """A bar may be short along its normal; where it is too thick for its length there is no cross."""
    mask = empty(40, 100)
    mask[16:20, 10:90] = mask[12:24, 50:52] = True
    assert find_gaps(mask)[0][0].slabs == ((0, 16, 20), (1, 50, 52))
    mask = empty(60, 100)
    mask[20:24, 10:90] = mask[12:32, 50:56] = True
    assert find_gaps(mask)[0][0].kind == "beamstop"


def test_a_bar_with_a_bump_is_no_cross():
    mask = empty(100, 100)
    mask[40:44, 10:90] = mask[44:56, 50:52] = True
    assert find_gaps(mask)[0][0].kind == "beamstop"


def test_shares_of_nine_tenths_are_enough():
    """Of a cross in its slabs: 540 pixels of 600; of a rim up to the border: 180 of 200."""
    mask = empty(100, 120)
    mask[40:44, 10:90] = mask[15:74, 60:64] = True
    mask[44:54, 64:70] = True
    assert (find_gaps(mask)[0][0].kind, mask.sum()) == ("cross", 600)
    mask = empty(100, 100)
    mask[:10, 30:48] = mask[1:11, 48:50] = True
    assert (find_gaps(mask)[0][0].kind, mask.sum()) == ("border", 200)
