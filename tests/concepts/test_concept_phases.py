"""What the pages on the phase problem and on displacement state is true."""

from __future__ import annotations

import numpy as np
import pytest
from concept_pages import stated

from pictures import displacement, phase_problem
from sayre.numerics.fourier import to_detector
from sayre.retrieval.choice.align import align, correlation


def test_symmetries_leave_the_counts_as_they_are():
    one = phase_problem.crystal(4.0, 3).object
    counts = np.abs(to_detector(one)) ** 2
    for other in phase_problem.alike(one).values():
        assert np.abs(to_detector(other)) ** 2 == pytest.approx(counts, rel=1e-3, abs=1e-2)
        assert correlation(align(other, one), one) > 0.9999
    unlike = np.where(np.abs(one) > 0, one.conj(), 0)  # conjugate, not inverted
    assert np.abs(np.abs(to_detector(unlike)) ** 2 - counts).max() > 0.1 * counts.max()


@pytest.mark.slow
def test_hio_gets_out_of_the_valleys_in_which_er_stays():
    """With room: where single starts end hangs on the last bits of the FFT."""
    found = phase_problem.descents()
    hio, er = found.right["HIO"], found.right["ER"]
    assert np.median(hio) == pytest.approx(
        stated("phase-problem", "a correlation with the truth of"), abs=2e-3
    )
    assert (hio > 0.99).sum() >= 10
    assert er.max() < 0.985
    assert er.max() == pytest.approx(stated("phase-problem", "and above, with"), abs=0.02)
    assert np.median(found.residuals["HIO"][:, -1]) == pytest.approx(
        stated("phase-problem", "HIO ends at R ="), rel=0.2
    )
    assert found.residuals["ER"][:, -1].min() == pytest.approx(stated("phase-problem", "ER at R ="), rel=0.2)


@pytest.mark.slow
def test_starts_agree_in_a_wrong_object():
    sharp, blurred = phase_problem.judged(0.0), phase_problem.judged(phase_problem.BLUR)
    assert sharp.halves.value[-1] > sharp.truth.value[-1] + 0.03
    assert sharp.truth.value[-1] == pytest.approx(
        stated("phase-problem", "and the mean with the truth to"), abs=0.1
    )
    assert blurred.agreement == pytest.approx(
        stated("phase-problem", "With it, the starts agree to"), abs=0.06
    )
    assert blurred.prtf.value.min() > blurred.truth.value.min() + 0.1
    assert blurred.truth.value.min() < 0.3


@pytest.mark.slow
def test_a_model_of_the_blur_helps():
    free = phase_problem.judged(phase_problem.BLUR).free_likelihood
    assert free == pytest.approx(stated("phase-problem", "13 without the blur and"), rel=0.3)
    assert phase_problem.judged(0.0).free_likelihood < 0.1 * free
    (without, wrong), (fitted, right) = phase_problem.with_and_without().values()
    assert right > wrong + 0.02
    assert right == pytest.approx(stated("phase-problem", "correlates with the truth at"), abs=0.02)
    assert fitted.free_likelihood < 0.2 * without.free_likelihood
    assert fitted.nuisances.metrics["spread_widths"] == pytest.approx([phase_problem.BLUR] * 2, rel=0.08)


def test_displacement_and_strain_are_those_that_were_put_in():
    place, moved, strained = displacement.profile(displacement.bent())
    inside = np.flatnonzero(np.isfinite(moved))[3:-3]
    law = displacement.CURVATURE * place[inside] ** 2
    assert moved[inside] - moved[inside].mean() == pytest.approx(
        law - law.mean(), abs=stated("displacement", "the displacement is right to")
    )
    assert strained[inside] == pytest.approx(
        2 * displacement.CURVATURE * place[inside], abs=stated("displacement", "and the strain to") / 100
    )
    assert np.ptp(strained[inside]) > 0.07
    wrapped = displacement.bent().phase[:, displacement.SIDE // 2, displacement.SIDE // 2]
    assert np.nanmax(np.abs(np.diff(wrapped))) > np.pi


def test_a_reflection_sees_the_burgers_vector_along_it():
    assert displacement.turns(displacement.dislocated((2, 0, 0))) == pytest.approx(1)
    assert displacement.turns(displacement.dislocated((0, 0, 2))) == pytest.approx(0, abs=1e-6)
    counts = displacement.dislocated((2, 0, 0)).counts
    assert counts[36, 36, 36] < 0.05 * counts[36].max()


def test_numbers_of_displacement():
    g = 2 * np.pi * np.sqrt(3) / 4.078  # 1/Å
    assert 2 * np.pi / g == pytest.approx(stated("displacement", "$d = 2\\pi/|G|$:"), abs=5e-3)
    assert 0.1 / g == pytest.approx(stated("displacement", "which is"), abs=5e-3)
    assert 100 * np.pi / (10 * g) == pytest.approx(stated("displacement", "for voxels $s$:"), abs=0.5)
    phase = 2 * np.pi / (12.39842 / 9) * 3e-5 * 5000
    assert phase == pytest.approx(stated("displacement", "a way of 500 nm is"), abs=5e-3)
    assert phase / g == pytest.approx(stated("displacement", "as much as a displacement of"), abs=5e-3)
