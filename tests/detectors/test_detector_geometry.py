from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayre.detectors import DETECTORS, Detector, detector, detector_mask
from sayre.errors import InputError
from sayre.numerics.gaps import find_gaps

# pyFAI's name, shape and number of masked pixels, read out of pyFAI 2026.9.0 (detector_factory, calc_mask)
PYFAI = {
    "maxipix-4": ("Maxipix 2x2", (516, 516), 4112),
    "maxipix-5x1": ("Maxipix 5x1", (256, 1296), 4096),
    "lambda-250k": ("Lambda 250k", (516, 516), 4112),
    "lambda-750k": ("Lambda 750k", (516, 1556), 16464),
    "lambda-2m": ("Lambda 2M", (1556, 1556), 61840),
    "eiger-1m": ("Eiger 1M", (1065, 1030), 38110),
    "eiger-4m": ("Eiger 4M", (2167, 2070), 250330),
    "eiger-9m": ("Eiger 9M", (3269, 3110), 637030),
    "eiger-16m": ("Eiger 16M", (4371, 4150), 1198210),
    "eiger2-1m": ("Eiger2 1M", (1062, 1028), 39064),
    "eiger2-1m-w": ("Eiger2 1M-W", (512, 2068), 6144),
    "eiger2-2m-w": ("Eiger2 2M-W", (512, 4148), 18432),
    "eiger2-4m": ("Eiger2 4M", (2162, 2068), 260328),
    "eiger2-9m": ("Eiger2 9M", (3262, 3108), 664248),
    "eiger2-16m": ("Eiger2 16M", (4362, 4148), 1250824),
    "pilatus-100k": ("Pilatus 100k", (195, 487), 0),
    "pilatus-300k": ("Pilatus 300k", (619, 487), 16558),
    "pilatus-300k-w": ("Pilatus 300kw", (195, 1475), 2730),
    "pilatus-900k": ("Pilatus 900k", (619, 1475), 58340),
    "pilatus-1m": ("Pilatus 1M", (1043, 981), 73533),
    "pilatus-2m": ("Pilatus 2M", (1679, 1475), 197365),
    "pilatus-6m": ("Pilatus 6M", (2527, 2463), 526101),
}


@pytest.mark.parametrize("name", PYFAI)
def test_against_numbers_of_pyfai(name):
    _, shape, masked = PYFAI[name]
    mask = detector(name).mask()
    assert mask.shape == shape
    assert np.count_nonzero(mask) == masked


@pytest.mark.interop
@pytest.mark.parametrize("name", PYFAI)
def test_against_pyfai_pixel_by_pixel(name):
    pyfai = pytest.importorskip("pyFAI.detectors", reason="pyFAI is not installed (dependency group interop)")
    known = pyfai.detector_factory(PYFAI[name][0])
    expected = known.calc_mask()
    ours = detector(name)
    assert ours.pixel_size == (known.pixel1, known.pixel2)
    np.testing.assert_array_equal(
        ours.mask(), np.zeros(ours.shape, bool) if expected is None else expected != 0
    )


@pytest.mark.parametrize(
    ("name", "side", "first", "last"),
    [
        ("maxipix", 516, 255, 260),
        ("mpx1x4", 516, 255, 260),
        ("maxipix-4", 516, 256, 259),
        ("timepix-quad-516", 516, 255, 260),
        ("merlin", 515, 255, 259),
        ("merlin-512", 512, 254, 256),
    ],
)
def test_quads(name, side, first, last):
    mask = detector(name).mask()
    expected = np.zeros((side, side), bool)
    expected[first : last + 1] = expected[:, first : last + 1] = True
    np.testing.assert_array_equal(mask, expected)


def test_gaps_of_every_detector_are_found_again():
    """Round trip through `find_gaps`: the slabs of the mask are the detector's gaps."""
    for known in DETECTORS.values():
        if known.shape[0] > 2500:
            continue
        gaps, _ = find_gaps(known.mask())
        slabs = sorted(slab for gap in gaps for slab in gap.slabs)
        expected = [(0, *gap) for gap in known.row_gaps] + [(1, *gap) for gap in known.column_gaps]
        assert slabs == expected, known.name
        assert all(gap.kind in ("plane", "cross") for gap in gaps)


def test_maxipix_masks_the_pixels_beside_the_gap_of_the_chips():
    np.testing.assert_array_equal(detector("maxipix-4").mask(margin=1), detector("maxipix").mask())
    edge = detector("eiger-4m").mask(margin=1)  # what P10 masks: 12 columns, 39 rows
    assert Counter(edge[:, 0])[True] == 3 * 39
    assert Counter(edge[0])[True] == 12


@given(st.data())
def test_region_is_a_crop(data):
    known = detector(data.draw(st.sampled_from(["merlin", "maxipix", "eiger-1m", "pilatus-300k"])))
    rows = sorted(data.draw(st.sets(st.integers(0, known.shape[0]), min_size=2, max_size=2)))
    columns = sorted(data.draw(st.sets(st.integers(0, known.shape[1]), min_size=2, max_size=2)))
    region = (*rows, *columns)
    expected = known.mask()[slice(*rows), slice(*columns)]
    np.testing.assert_array_equal(known.mask(region), expected)


def test_a_region_of_interest_begins_at_its_corner():
    """Rows 250 to 269 of the quad hold its gap in rows 255 to 260: the six from the fifth on."""
    mask = detector_mask("maxipix", (7, 20, 30), corner=(250, 10))
    assert np.flatnonzero(mask.any(axis=1)).tolist() == [5, 6, 7, 8, 9, 10]
    assert mask[5:11].all()
    with pytest.raises(InputError, match=r"leave the \(516, 516\) pixels of maxipix"):
        detector_mask("maxipix", (20, 30), corner=(500, 10))
    with pytest.raises(InputError, match="`corner=`"):
        detector_mask("maxipix", (20, 30))


@pytest.mark.parametrize("spelling", ["EIGER2 4M", "eiger2_4m", "Eiger2-4M"])
def test_spelling(spelling):
    assert detector(spelling) is DETECTORS["eiger2-4m"]


def test_names_are_unambiguous():
    plain = Counter(name.replace("-", "") for name in DETECTORS)
    assert plain.most_common(1)[0][1] == 1


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'pco' is not known.*eiger2-4m.*merlin") as error:
        detector("pco")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("region", [(0, 516, 0, 10), (5, 5, 0, 10), (-1, 5, 0, 10), (0, 10, 9, 3)])
def test_bad_region(region):
    with pytest.raises(InputError, match="region"):
        detector("merlin").mask(region)


def test_bad_margin():
    with pytest.raises(InputError, match="margin"):
        detector("merlin").mask(margin=-1)


@pytest.mark.parametrize("gaps", [((4, 4),), ((5, 8), (7, 9)), ((9, 10), (3, 4)), ((8, 10),), ((0, 2),)])
def test_gaps_must_ascend_inside(gaps):
    with pytest.raises(ValueError, match="must ascend"):
        Detector(name="x", shape=(10, 10), pixel_size=(1e-4, 1e-4), row_gaps=gaps)


@pytest.mark.measured
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("nanomax_merlin_515", "merlin"),
        ("sixs_merlin_S655_515", "merlin"),
        ("sixs_maxipix_hot_516", "maxipix"),
    ],
)
def test_measured_masks_hold_the_gaps_and_no_wider(measured, file, name):
    mask = measured("F")[file]
    ours = detector(name)
    assert mask[ours.mask()].all()
    for axis, ((start, stop),) in enumerate((ours.row_gaps, ours.column_gaps)):
        beside = np.take(mask, (start - 1, stop), axis=axis)
        assert beside.mean() < 0.2


@pytest.mark.measured
def test_measured_timepix_quad_spreads_edge_pixels(measured):
    """The six pixels carry two values, each three times: they are two edge pixels, not six counts."""
    flat = measured("G")["aps_1ide__ASI__oldwf"]
    ((start, stop),) = detector("timepix-quad-516").column_gaps
    sample = flat[10:250]
    for first in (start, stop - 3):
        np.testing.assert_array_equal(sample[:, first], sample[:, first + 1])
        np.testing.assert_array_equal(sample[:, first], sample[:, first + 2])
    assert np.median(np.abs(sample[:, start] - sample[:, start - 1])) > 0


@pytest.mark.measured
@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        ("nanomax_merlin_515", {"cross": 1, "border": 1, "isolated": 795}),
        ("sixs_merlin_S655_515", {"cross": 1, "isolated": 50}),
        ("sixs_maxipix_hot_516", {"cross": 1, "border": 2, "isolated": 364}),
        ("sixs_maxipix_dark_516", {"isolated": 611}),
        ("id10_maxipix_568", {"cross": 1, "border": 3, "beamstop": 1, "isolated": 196}),
    ],
)
def test_measured_masks_take_apart_sanely(measured, file, kinds):
    mask = measured("F")[file]
    gaps, labels = find_gaps(mask)
    assert Counter(gap.kind for gap in gaps) == kinds
    np.testing.assert_array_equal(labels > 0, mask)
    widths = {"nanomax": 5, "sixs_merlin": 5, "sixs_maxipix": 6, "id10": 6}
    for gap in gaps:
        if gap.kind == "cross":
            assert gap.widths == (next(w for key, w in widths.items() if file.startswith(key)),) * 2
