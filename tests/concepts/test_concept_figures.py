"""What the figures of docs/concepts state is true, and the figures are those of the script."""

from __future__ import annotations

import re

import numpy as np
import pytest
from concept_pages import FOLDER, stated
from matplotlib.image import imread

import figures as drawn_pages
from pictures import coherence, diffraction, sampling


@pytest.mark.slow
def test_every_figure_is_drawn_and_shown(tmp_path):
    drawn_pages.main(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    kept = {path.name: path for path in (FOLDER / "images").iterdir()}
    assert names == set(kept)
    pages = "".join(page.read_text() for page in FOLDER.glob("*.md"))
    for name, path in kept.items():
        assert f"(images/{name})" in pages
        assert path.stat().st_size < 150_000
        assert imread(path).shape == imread(tmp_path / name).shape
    assert sum(path.stat().st_size for path in kept.values()) < 1_200_000


def test_bending_weakens_the_peaks_that_see_it():
    """Against the mean of exp(−i G·u) at each of the nine points."""
    places, bent = diffraction.flat_crystal()
    found = diffraction.peaks(places + bent, voxels=19)
    for h in (-1, 0, 1):
        for k in (-1, 0, 1):
            g = 2 * np.pi / diffraction.SPACING * np.array([0, k, h])
            expected = abs(np.exp(-1j * bent @ g).mean()) ** 2
            assert found[9 + 6 * k, 9 + 6 * h] == pytest.approx(expected, abs=1e-6)
            if h:
                assert expected == pytest.approx(
                    stated("diffraction", "intensity in the middle falls to", r"([\d.]+\d)"), abs=5e-3
                )


def test_the_scan_of_the_figure():
    simulated = diffraction.scan()
    atoms = simulated.particle.positions
    assert len(atoms) == 60_255
    assert np.ptp(atoms[:, 0]) / 10 == pytest.approx(stated("diffraction", "60,255 atoms,"), abs=0.05)


@pytest.mark.parametrize(
    ("finer", "words"), [(1, "is wrong by a factor of"), (4, "four times as fine by a factor of")]
)
def test_a_crystal_of_voxels_is_wrong_far_from_its_peak(finer, words):
    found = 10 ** diffraction.voxel_error(finer)
    assert found == pytest.approx(stated("diffraction", words), rel=0.05)


def test_a_point_spread_weakens_fringes_as_stated():
    expected = coherence.patterns()
    found = [coherence.visibility(counts[32, 32]) for counts in expected]
    text = " ".join((FOLDER / "coherence.md").read_text().split())
    said = re.search(r"is ([\d.]+), ([\d.]+) and ([\d.]+)\.\*", text)
    assert found == pytest.approx([float(number) for number in said.groups()], abs=5e-3)
    for counts, width in zip(expected[1:], coherence.WIDTHS[1:], strict=True):
        left = coherence.weakening(counts, expected[0])
        law = coherence.coherence_factor(np.arange(len(left)), width, 64)
        assert left == pytest.approx(law, abs=3e-3)


def test_numbers_of_coherence():
    wavelength = 12.39842 / 9  # Å
    transverse = wavelength * 1e-10 * 50 / (2 * np.pi * 10e-6)
    assert transverse * 1e6 == pytest.approx(stated("coherence", "has $\\xi$ ="), abs=1)
    assert wavelength * 1e-4 / 1.4e-4 == pytest.approx(
        stated("coherence", "after about $\\lambda^2/\\Delta\\lambda$:"), abs=0.05
    )
    path = wavelength / (4.0782 / np.sqrt(3))  # 2 sin θ
    assert path == pytest.approx(stated("coherence", "at most:"), abs=5e-3)


def test_the_autocorrelation_reaches_as_far_as_the_crystal_is_long():
    for counts, ratio in zip(sampling.sampled(), sampling.RATIOS, strict=True):
        found = sampling.autocorrelation(counts)
        line = found[len(found) // 2]
        outside = np.abs(np.arange(sampling.SIDE) - sampling.SIDE // 2) > sampling.SIDE / ratio + 0.5
        if ratio < 2:
            assert line[0] > 0.05
        else:
            assert not outside.any() or line[outside].max() < 5e-3
            assert line[sampling.SIDE // 2 + int(0.7 * sampling.SIDE / ratio)] > 0.01


def test_ratios_read_from_counts():
    found = sampling.judged()
    known = np.isfinite(found.stated)
    off = found.stated[known] / found.true[known]
    assert len(found.true) == 120
    assert known.sum() == pytest.approx(stated("sampling", "Of 120 axes"), abs=2)
    assert np.median(off) == pytest.approx(stated("sampling", "are stated, at"), abs=0.01)
    assert off.max() == pytest.approx(stated("sampling", "in the median and at most"), abs=0.02)
    assert (found.true[found.refused] < 2).all()
    assert (found.true[found.stated > 2.3] > 2).all()


def test_numbers_of_sampling():
    wavelength = 12.39842e-10 / 9
    assert wavelength / 55e-6 / 2 * 1e6 == pytest.approx(stated("sampling", "a crystal of"), abs=0.01)
    g = 2 * np.pi * np.sqrt(3) / 4.078  # 1/Å
    assert np.pi / (g * np.radians(0.005)) / 1e4 == pytest.approx(stated("sampling", "gold allow"), abs=0.01)
