"""The first answers of a report: the verdict is the worst check, size and strain are those of the crystal."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import erfc

from made_outcomes import outcome
from sayre.crystal.conversion import Frame, known_frame
from sayre.crystal.scan import Scan
from sayre.data import Crystal, Grid
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.workflows.report.facts import sampling_rows, strain_parts, strain_scatter
from sayre.workflows.report.findings import opening
from sayre.workflows.report.methods import methods
from sayre.workflows.report.summary import cards
from sayre.workflows.report.verdict import checks, verdict


def changed(made, **values):
    return replace(made, result=replace(made.result, phased=replace(made.result.phased, **values)))


@pytest.mark.parametrize(
    ("values", "level", "what"),
    [
        ({}, "good", "passes every check"),
        ({"agreement": 0.93}, "care", "agreement of the starts"),
        ({"agreement": 0.7}, "bad", "agreement of the starts"),
        ({"agreement": np.nan}, "bad", "agreement of the starts"),
        ({"likelihood": 2.0, "free_likelihood": 2.1}, "care", "fit to the counts"),
        ({"residual": 0.6}, "bad", "fit to the counts"),
        ({"free_likelihood": 1.2}, "care", "prediction of unseen counts"),
        ({"free_likelihood": 3.0}, "bad", "prediction of unseen counts"),
        ({"oversampling": (3.0, np.nan, 3.0)}, "care", "sampling"),
        (
            {"nuisances": Nuisances(frames=np.array([0.1, 10.0] * 12, np.float32))},
            "bad",
            "beam and detector",
        ),
    ],
)
def test_the_verdict_is_the_worst_check(values, level, what):
    made = changed(outcome(gap=False, noise=0.01), **values)
    judged = verdict(checks(made))
    assert judged.level == level
    assert what in judged.text
    assert cards(made)[0].level == level


def test_what_is_filled_and_what_jumps_asks_for_care():
    made = outcome(noise=0.01)
    crystal = replace(made.result.crystal, metrics={"cut_voxels": 9, "vortex_lines": 2})
    jumping = replace(made, result=replace(made.result, crystal=crystal))
    assert "jumps at 9 voxels, from 2 phase vortices" in verdict_text(jumping)
    filled = made.pattern
    brighter = replace(filled, intensity=np.where(filled.mask, 50 * filled.intensity, filled.intensity))
    assert verdict(checks(replace(made, pattern=brighter))).level == "care"


def verdict_text(made):
    return " ".join(check.text for check in checks(made))


def test_size_and_strain_are_those_within_the_surface():
    made = outcome()
    crystal = made.result.crystal
    _, size, strain, resolution = cards(made)
    inside = crystal.strain[crystal.support]
    assert size.answer == "52 × 52 × 52 nm"  # 13 voxels of 4 nm
    assert strain.answer == f"{100 * np.sqrt(np.mean(inside**2)):.2g} % rms"
    across = float(re.search(r"sphere of ([\d.]+) nm", size.more).group(1))
    assert across == pytest.approx((6 / np.pi * crystal.support.sum() * 64) ** (1 / 3), rel=0.01)
    assert resolution.answer == "2 voxels"  # too small for the width of its surface
    found = strain_parts(crystal)
    assert found["all"].rms == pytest.approx(np.sqrt(np.mean(inside**2)))
    assert found["bulk"].voxels + found["surface"].voxels == found["all"].voxels == crystal.support.sum()


@pytest.mark.parametrize("options", [{}, {"ndim": 2}, {"strained": False}, {"starts": 1}])
def test_answers_are_sentences(options):
    for card in cards(outcome(**options)):
        assert not re.search(r"\. [a-z]", f"{card.answer}. {card.more}"), card


def test_strain_from_start_to_start_is_that_of_their_phases():
    """Starts of phases c·z² have strains −2cz/|G| per nm; ramps and offsets of them are no strain."""
    size, modulus, bends = 4.0, 2.7, (0.004, -0.003, 0.001)
    z, y, x = np.indices((32, 32, 32)) - 16
    inside = z**2 + y**2 + x**2 <= 12**2
    objects = [
        (inside * np.exp(1j * (bend * z**2 + 0.05 * i * z - 0.1 * i * x + i))).astype(np.complex64)
        for i, bend in enumerate(bends)
    ]
    frame = Frame(basis=size * np.eye(3), g=np.array([modulus, 0, 0]), modulus=modulus)
    slope = 2 * np.std(bends, ddof=1) / (10 * size * modulus)
    expected = slope * np.sqrt(np.mean(z[inside] ** 2.0))
    assert strain_scatter(objects, frame) == pytest.approx(expected, rel=0.04)
    assert strain_scatter(objects[:1], frame) is None
    assert strain_scatter(objects, Frame()) is None


def test_strain_is_told_with_its_scatter_where_the_scan_is_known():
    made = outcome()
    assert "From start to start" not in cards(made)[2].more  # neither G nor voxels are known
    phased = made.result.phased
    grid = Grid(step=(0.001,) * 3, unit="1/angstrom")
    known = replace(phased.pattern, pattern=replace(phased.pattern.pattern, grid=grid))
    scan = Scan(hkl=(1, 1, 1), lattice_constant=4.08, along=0)
    result = replace(made.result, phased=replace(phased, pattern=known), scan=scan)
    scatter = strain_scatter(phased.averaged, known_frame(phased.object.shape, scan, grid))
    told = cards(replace(made, result=result))[2].more
    assert f"From start to start alone it scatters by {100 * scatter:.2g} %" in told
    assert "between the 2 averaged" in told


def test_one_start_by_the_settings_is_told_with_what_would_do():
    many = changed(outcome(starts=4), agreement=np.nan)
    assert "keep" not in checks(many)[0].text  # two could have been averaged, had they agreed
    one = changed(outcome(starts=2), agreement=np.nan)
    told = checks(one)[0].text
    assert told.startswith("One start of 2 is kept")
    assert "--runs 3 or --keep 1 would average two, which can confirm each other" in told


def test_a_start_is_told_with_where_one_counts_from():
    best = changed(outcome(), best=2)
    assert "start 2 (counted from 0)" in methods(best).text
    assert "start 2 (counted from 0)" in opening(best)


def test_resolution_is_the_width_of_the_surface_where_that_is_known():
    made, side = outcome(), 56
    distance = np.sqrt(sum((axis - side // 2) ** 2 for axis in np.indices((side,) * 3)))
    sigma = 1.5
    amplitude = erfc((distance - 18) / (np.sqrt(2) * sigma)) / 2
    crystal = Crystal(
        object=amplitude.astype(np.complex64),
        support=amplitude > 0.1,
        voxel_size=(4.0,) * 3,
        axes=np.eye(3)[::-1].copy(),
    )
    *_, card = cards(replace(made, result=replace(made.result, crystal=crystal)))
    widths = [float(width) for width in card.answer.removesuffix(" nm").split(" × ")]
    assert widths == pytest.approx([2.355 * 4 * sigma] * 3, rel=0.1)
    assert "along z, y, x" in card.more


def test_a_faint_halo_is_no_part_of_the_crystal():
    made = outcome()
    crystal = made.result.crystal
    halo = ~crystal.support
    whole = replace(
        crystal,
        object=np.where(halo, 0.05 * np.abs(crystal.object).max(), crystal.object).astype(np.complex64),
        support=np.ones(crystal.shape, bool),
        strain=np.where(halo, 0.5, crystal.strain).astype(np.float32),
    )
    made_of_it = replace(made, result=replace(made.result, crystal=whole))
    assert [card.answer for card in cards(made_of_it)] == [card.answer for card in cards(made)]


def test_both_oversampling_ratios_name_their_axes():
    (_, counts), (_, of_object) = sampling_rows(outcome().result.phased)
    assert counts == "rocking 3.00, row 3.00, column 3.00"
    assert of_object == f"rocking {24 / 13:.2f}, row {26 / 13:.2f}, column {28 / 13:.2f}"


def test_the_methods_cite_what_was_used_and_nothing_else():
    made = outcome()
    written = methods(made)
    assert "4 starts by hybrid input-output [Fienup1982] and error reduction [Fienup1982]" in written.text
    cited = {key for found in re.findall(r"\[([\w, ]+)\]", written.text) for key in found.split(", ")}
    defined = re.findall(r"@\w+\{(\w+),", written.bibtex)
    assert set(defined) == cited
    assert len(defined) == len(set(defined))
    assert "Luke2005" not in written.bibtex
    assert "Luke2005" in methods(changed(made, recipe="RAAR*20 + SW")).bibtex
    left_out = methods(changed(made, recipe="HIO*20, WHOLE, RAAR*20, WIDE, ER*5"))
    assert "Luke2005" not in left_out.bibtex
    assert "without the steps from WHOLE to WIDE" in left_out.text
    alone = methods(outcome(starts=1))
    assert "FavreNicolin2020" not in alone.bibtex
    assert "Chapman2006" not in alone.text
    assert "by the correlation of counts that phasing never saw" in alone.text
