"""Merged scans: exact sums, stated errors, scans that do not belong, and what stays masked."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from merge_samples import SIDE, expected, planes

import sayre
from sayre.data import Grid, Meta, Pattern
from sayre.errors import InputError, SayreWarning
from sayre.scans.merging.agreement import correlation
from sayre.scans.merging.moving import Moved, moved

Shift = tuple[float, float, float]


def scan(
    generator: np.random.Generator,
    shift: Shift = (0, 0, 0),
    *,
    share: float = 0.5,
    most: float = 1e5,
    strain: float = 1.0,
    gap: int | None = None,
    name: str | None = None,
) -> Pattern:
    """A simulated scan of part of the whole exposure, its peak moved and a gap of rows masked."""
    counts = generator.poisson(share * expected(shift, most=most, strain=strain)).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    if gap is not None:
        mask[:, gap : gap + 6] = True
    return Pattern.from_counts(counts, mask, meta=Meta(source=name))


def in_place(pattern: Pattern) -> Moved:
    """A scan on its own grid."""
    return moved(pattern.intensity, ~pattern.mask, (0, 0, 0), pattern.shape)


def test_scans_in_one_place_are_summed_exactly() -> None:
    generator = np.random.default_rng(0)
    scans = [scan(generator, share=share, most=1e4) for share in (0.2, 0.5, 0.3)]
    merged = sayre.merge(scans, whole=0.5)
    np.testing.assert_array_equal(merged.pattern.intensity, sum(one.intensity for one in scans))
    np.testing.assert_allclose(merged.sigma, np.sqrt(merged.pattern.intensity + 0.5), rtol=0.1)
    assert (merged.exposure == 1).all()
    ratios = [one.scale for one in merged.scans]
    sums = [float(one.intensity.sum(dtype=float)) for one in scans]
    np.testing.assert_allclose(ratios, np.array(sums) / sums[0])


def test_detector_moved_along_the_rows_leaves_no_gap() -> None:
    generator = np.random.default_rng(1)
    merged = sayre.merge([scan(generator, gap=24), scan(generator, (0, 9, 0), gap=24)])
    assert merged.scans[1].moved == (0, 9, 0)
    assert not merged.pattern.mask[:, :-9].any()  # the last rows of the first scan are beyond the second
    assert np.isclose(merged.exposure[:, 24:30], 1 - merged.exposure[:, 15:21]).all()


@pytest.mark.parametrize("shift", [(0.0, 11.0, 0.0), (0.3, 12.4, -0.5)])
def test_stated_errors_cover_the_expectation(shift: Shift) -> None:
    generator, inside, alone = np.random.default_rng(2), [], []
    for _ in range(3):
        merged = sayre.merge([scan(generator, gap=24), scan(generator, shift, share=0.3, gap=24)])
        whole = sum(one.scale for one in merged.scans)
        truth = 0.5 * whole * expected()
        score = np.abs(merged.pattern.intensity - truth) / np.where(merged.pattern.mask, 1, merged.sigma)
        bright = (truth > 10) & ~merged.pattern.mask
        inside.append(score[bright & (merged.exposure == 1)] < 1)
        alone.append(score[bright & (merged.exposure < 1)] < 1)
    assert 0.62 < np.mean(np.concatenate(inside)) < 0.78
    assert 0.62 < np.mean(np.concatenate(alone)) < 0.78


def test_a_scan_of_another_crystal_is_left_out_and_named() -> None:
    generator = np.random.default_rng(4)
    scans = [scan(generator, name="a"), scan(generator, strain=0, name="odd"), scan(generator, name="c")]
    with pytest.warns(SayreWarning, match=r"odd: its correlation with a is 0\.\d+ ± 0\.\d+, 0\.95 is needed"):
        merged = sayre.merge(scans, whole=0.5)
    assert [one.used for one in merged.scans] == [True, False, True]
    assert merged.pattern.intensity.sum(dtype=float) == pytest.approx(
        scans[0].intensity.sum(dtype=float) + scans[2].intensity.sum(dtype=float), rel=1e-4
    )
    assert merged.correlations[0, 2] > 0.99 > 0.95 > merged.correlations[1, 2]
    with pytest.warns(SayreWarning) as caught:
        merged = sayre.merge([scans[1], scans[0], scans[2]])
    assert merged.reference == 1
    assert str(caught[0].message) == "odd: most scans do not agree with it; the counts are on the grid of a"
    assert "left out" in str(caught[1].message)
    with pytest.raises(InputError, match=r"odd: its correlation with a is .* is needed"):
        sayre.merge(scans[:2])


def test_axes_in_another_order_are_asked_after() -> None:
    generator = np.random.default_rng(9)
    whole = [scan(generator, name=name) for name in ("a", "b")]
    counts = [one.intensity[4:-4] for one in whole]
    a, b = (Pattern.from_counts(one, meta=Meta(source=name)) for one, name in zip(counts, "ab", strict=True))
    last = Pattern.from_counts(np.moveaxis(counts[1], 0, -1), meta=Meta(source="last"))
    shapes = f"its shape is {last.shape}, the other's {a.shape}: are their axes in one order?"
    with pytest.raises(InputError, match=f"last: .*{re.escape(shapes)}"):
        sayre.merge([a, last])
    other = scan(generator, strain=0, name="odd")
    with pytest.raises(InputError) as refused:
        sayre.merge([whole[0], other])
    assert "shape" not in str(refused.value)
    assert sayre.merge([a, b]).scans[1].used


def test_weak_scans_are_not_left_out_for_their_noise() -> None:
    generator = np.random.default_rng(5)
    merged = sayre.merge([scan(generator), scan(generator, most=60)])
    assert merged.scans[1].correlation > 0.95
    scores = []
    for _ in range(12):
        found = correlation(*(in_place(scan(generator, most=most)) for most in (1e4, 30)))
        scores.append((found.value - 1) / found.error)
    assert np.sqrt(np.mean(np.square(scores))) < 1.5


def test_one_scan_that_was_cut_or_masked_otherwise_is_not_merged_with_itself() -> None:
    generator = np.random.default_rng(11)
    one, other = scan(generator, most=3e3, name="one"), scan(generator, (0, 6, 0), most=3e3, name="other")
    mask = np.zeros(other.shape, bool)
    mask[:, 20:24] = True
    masked = replace(other.with_mask(mask), meta=Meta(source="masked"))
    cut = Pattern.from_counts(one.intensity[:, 2:], meta=Meta(source="cut"))
    for scans, said in (
        ([one, other, masked], "masked: holds the very counts of other wherever"),
        ([one, cut], "cut: holds the very counts of one wherever"),
    ):
        with pytest.raises(InputError, match=said):
            sayre.merge(scans)
    assert sayre.merge([one, other]).scans[1].used


def test_scaled_counts_are_warned_of() -> None:
    """Their stated errors are those of counts: too narrow by the root of the counts of a photon."""
    generator = np.random.default_rng(10)
    one, other = scan(generator, most=3e3, name="one"), scan(generator, most=3e3, name="other")
    scaled = replace(other, intensity=other.intensity * np.float32(4))
    with pytest.warns(SayreWarning, match="other: a photon is 4 counts, .* divide its counts by 4 first"):
        found = sayre.merge([one, scaled], whole=0.5)
    assert found.scans[1].misfit > 1.5
    assert sayre.merge([one, other], whole=0.5).scans[1].misfit == pytest.approx(1, abs=0.1)


def test_scans_that_changed_are_warned_of_by_a_number() -> None:
    generator = np.random.default_rng(6)
    with pytest.warns(SayreWarning, match=r"b: differs from a by \d+% of the counts beyond noise"):
        sayre.merge([scan(generator, name="a"), scan(generator, strain=1.25, name="b")], correlation=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sayre.merge([scan(generator), scan(generator, (0.4, 0.5, 0.3))])


def test_the_scale_is_found_within_its_error() -> None:
    generator, scores = np.random.default_rng(7), []
    for _ in range(4):
        two = sayre.merge(
            [scan(generator, most=3e3), scan(generator, (0, 6, 0), share=0.2, gap=20, most=3e3)]
        )
        scores.append((two.scans[1].scale - 0.4) / two.scans[1].scale_error)
    assert 0.3 < np.sqrt(np.mean(np.square(scores))) < 1.9


def meta(**known: object) -> Meta:
    return Meta(source="b", **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({"energy": 9000.0}, {"energy": 9050.0}, "energy is 9050.0 eV, that of a 9000.0 eV; "),
        ({"distance": 0.5}, {"distance": 0.6}, "distance is 0.6 m"),
        ({"hkl": (1, 1, 1)}, {"hkl": (2, 0, 0)}, "reflection is"),
        ({"divided_by": "flat.npy"}, {}, "were divided by a white field"),
        (
            {"geometry": 'beamline = "id01"\nangles = [0.0, 30.0]\nrocking_step = 0.005\n'},
            {"geometry": 'beamline = "id01"\nangles = [0.0, 30.0]\nrocking_step = -0.005\n'},
            "rocking step is -0.005°",
        ),
        (
            {"geometry": 'beamline = "id01"\nangles = [0.0, 30.0]\n'},
            {"geometry": 'beamline = "id01"\nangles = [2.0, 30.0]\n'},
            "angles of the arm is",
        ),
    ],
)
def test_scans_that_do_not_belong_together_are_refused(
    ours: dict[str, object], theirs: dict[str, object], said: str
) -> None:
    counts = np.ones((8, 8, 8), np.float32)
    first = Pattern.from_counts(counts, meta=replace(meta(**ours), source="a"))
    with pytest.raises(InputError, match=f"b: .*{said}"):
        sayre.merge([first, Pattern.from_counts(counts * 2, meta=meta(**theirs))])


def test_more_that_is_refused() -> None:
    a = Pattern.from_counts(np.ones((8, 8, 8), np.float32), meta=Meta(source="a"))
    with pytest.raises(InputError, match="two or more"):
        sayre.merge([a])
    with pytest.raises(InputError, match=r"a \(2\): holds the very counts of a \(1\)"):
        sayre.merge([a, a])
    with pytest.raises(InputError, match="merge 2D with 2D"):
        sayre.merge([a, Pattern.from_counts(np.ones((8, 8), np.float32))])
    with pytest.raises(InputError, match="8 voxels an axis"):
        sayre.merge([Pattern.from_counts(np.full((1, 9, 9), n, np.float32)) for n in (1, 2)])
    dark = Pattern.from_counts(np.eye(9, dtype=np.float32) * 0, meta=Meta(source="dark"))
    with pytest.raises(InputError, match="is not found"):
        sayre.merge([Pattern.from_counts(np.eye(9, dtype=np.float32)), dark])
    coarse = Pattern.from_counts(np.full((8, 8, 8), 2.0, np.float32), grid=Grid(step=(1.0, 2.0, 1.0)))
    with pytest.raises(InputError, match="grid step"):
        sayre.merge([a, coarse])


def test_an_arm_that_moved_a_little_is_said() -> None:
    generator = np.random.default_rng(8)
    scans = [scan(generator, most=1e4), scan(generator, (0, 5, 0), most=1e4)]
    text = 'beamline = "id01"\nangles = [{}, 30.0]\n'
    scans = [
        replace(one, meta=Meta(source=name, geometry=text.format(angle)))
        for one, name, angle in zip(scans, "ab", (1.0, 1.02), strict=True)
    ]
    with pytest.warns(SayreWarning, match=r"b: its arm stands 0\.02° from that of a"):
        merged = sayre.merge(scans)
    assert merged.pattern.meta.geometry == text.format(1.0)


def test_noise_of_reading_out_adds_up() -> None:
    generator = np.random.default_rng(9)
    scans = [
        Pattern.from_counts(
            (one.intensity + generator.normal(0, 2, one.shape)).astype(np.float32), readout=2.0
        )
        for one in (scan(generator), scan(generator))
    ]
    merged = sayre.merge(scans, whole=0.5)
    assert merged.pattern.readout == pytest.approx(np.sqrt(8))
    dark = expected() < 0.05
    assert np.median(merged.sigma[dark]) == pytest.approx(np.sqrt(8.5), rel=0.15)


def test_three_crosses_close_what_two_leave() -> None:
    generator = np.random.default_rng(10)
    scans = []
    for shift in ((0, 0, 0), (0, 8, 8), (0, -8, -8)):
        one = scan(generator, tuple(map(float, shift)))  # type: ignore[arg-type]
        scans.append(one.with_mask(planes(17)))
    inner = (slice(None), slice(9, SIDE - 9), slice(9, SIDE - 9))
    two, three = sayre.merge(scans[:2]), sayre.merge(scans)
    assert (
        two.pattern.mask[inner].sum() == 2 * 36 * SIDE
    )  # rows of one gap where they cross columns of the other
    assert not three.pattern.mask[inner].any()
