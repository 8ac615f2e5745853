"""What counters tell of the beam: attenuators that changed within a scan, frames without beam."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scan_samples import FRAMES, counts

from sayre.errors import InputError
from sayre.files.patterns.contents import Contents
from sayre.scans.beam import is_attenuator
from sayre.scans.normalised import unusable
from sayre.scans.pattern import pattern_of
from sayre.scans.protocol import Frames, Motor, RawScan, facts

ETA = Motor("eta", 0.01 * np.arange(FRAMES), "x-")


def scan(stack=None, *, moved=(ETA,), monitor=None, **counters):
    stack = counts() if stack is None else stack
    return RawScan(
        number="1",
        title="rock",
        layout="moon",
        detector="camera",
        dataset="inside",
        files=[],
        geometry=facts(),
        moved=list(moved),
        counters={name: np.asarray(values, float) for name, values in counters.items()},
        monitor=monitor,
        read=lambda: Frames(Contents(counts=stack, stored=stack.dtype)),
    )


def read(raw, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pattern = pattern_of(raw, "a.moon", **options)
    return pattern, " | ".join(str(one.message) for one in caught)


@pytest.mark.parametrize(
    "name",
    ["atten", "Attenuator", "filter", "filt", "transm", "transmission", "abs", "att2", "id01_attenuators",
     "foil_b", "attenuator_position", "attenuation_factor", "filters", "filter_transmission", "attn"],
)  # fmt: skip
def test_names_of_attenuators(name):
    assert is_attenuator(name)


@pytest.mark.parametrize("name", ["eta", "attocube", "absz", "mon", "filtered", "Seconds", "transx", "thx"])
def test_names_of_others(name):
    assert not is_attenuator(name)


def test_an_attenuator_that_changed_is_said():
    through = [1] * 5 + [0.1] * 4
    _, said = read(scan(transm=through))
    assert "transm changed within the scan: 1 in frames 0 to 4, 0.1 in frames 5 to 8" in said
    assert "`normalise='transm'` divides by it" in said
    assert "transm" not in read(scan(transm=[0.1] * FRAMES))[1]
    assert "transm" not in read(scan(transm=through), normalise="transm")[1].replace("divided by transm", "")


def test_counts_are_divided_by_what_is_let_through_on_request():
    """Relative to its highest value, so that the brightest frames stay counts."""
    through = np.array([1] * 5 + [0.1] * 4)
    stack = counts()
    weakened = stack * through[:, None, None]
    assert np.allclose(read(scan(weakened, transm=through))[0].intensity, weakened)
    pattern, said = read(scan(weakened, transm=through), normalise="transm")
    assert np.allclose(pattern.intensity, stack, rtol=1e-6)
    assert "divided by transm relative to its highest value (0.1 to 1)" in said


def test_an_attenuator_that_moves_beside_the_circle_is_no_second_circle():
    foil = Motor("filter", np.array([0.0] * 5 + [3.0] * 4), None)
    pattern, said = read(scan(moved=(ETA, foil)))
    assert "rocking_step = 0.01" in pattern.meta.geometry
    assert "filter changed within the scan: 0 in frames 0 to 4, 3 in frames 5 to 8" in said
    with pytest.raises(InputError, match=r"filter is not a positive number at points 0, 1, 2, 3, 4 \(0 at"):
        read(scan(moved=(ETA, foil)), normalise="filter")


def test_a_monitor_that_is_zero_throughout_is_said():
    raw = scan(monitor="mon", mon=np.zeros(FRAMES), seconds=np.ones(FRAMES))
    assert unusable(raw) == ["the monitor mon is 0 at every point, so that no frame can be divided by it"]
    assert unusable(replace(raw, monitor="seconds")) == unusable(replace(raw, monitor=None)) == []
    refused = r"mon is not a positive number at every point .*another counter \(seconds\) or leave out"
    with pytest.raises(InputError, match=refused):
        read(raw, normalise="mon")


def test_frames_without_beam_are_masked():
    """Stray counts in them are no reason to believe them."""
    monitor = np.array([100.0, 101, 99, 100, 0, 0, 100, 102, 98])
    stack = counts()
    stack[4:6] //= 300
    pattern, said = read(scan(stack, mon=monitor, monitor="mon"))
    assert np.flatnonzero(pattern.mask.all(axis=(1, 2))).tolist() == [4, 5]
    assert "monitor mon fell to nothing in frames 4 to 5: no beam, masked" in said
    divided, _ = read(scan(stack, mon=monitor, monitor="mon"), normalise="monitor")
    seen = [0, 1, 2, 3, 6, 7, 8]
    expected = stack[seen] / (monitor[seen] / monitor[seen].mean())[:, None, None]
    assert np.allclose(divided.intensity[seen], expected, rtol=1e-6)


def test_a_monitor_that_fails_while_the_counts_go_on_is_not_believed():
    monitor = np.array([100.0] * 4 + [0] + [100] * 4)
    pattern, said = read(scan(mon=monitor, monitor="mon"))
    assert not pattern.mask.any()
    assert "fell to nothing in frame 4, where the counts go on" in said


def test_a_monitor_that_varies_is_said():
    assert "varies from 0.5 to 1.06" in read(scan(mon=[160] * 8 + [75.3], monitor="mon"))[1]
    for steady in ([100, 110] * 4 + [100], [0] * FRAMES, [0, 1, 2, 1, 0, 1, 1, 1, 1]):
        assert read(scan(mon=steady, monitor="mon"))[1] == ""
    assert read(replace(scan(), monitor="gone"))[1] == ""
