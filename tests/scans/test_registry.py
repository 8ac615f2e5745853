"""Which reader a file is for, and readers of other packages."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pytest
from scan_samples import counts, quietly

import sayre
from sayre.errors import InputError
from sayre.files.patterns.contents import Contents
from sayre.scans import load, load_filled, registry
from sayre.scans.protocol import Entry, Frames, Motor, RawScan, facts
from sayre.scans.registry import GROUP, chosen, names_of


class Moon:
    """A reader of another package."""

    name = "moon"

    def detects(self, path):
        return path.suffix == ".moon"

    def entries(self, path):
        return [Entry("1", "rock", ("camera",)), Entry("2", "rock", ("camera",))]

    def open(self, path, number, *, detector, frames):
        stack = counts()
        return RawScan(
            number=number,
            title="rock",
            layout=self.name,
            detector=detector or "camera",
            dataset="inside",
            files=[path],
            geometry=facts(energy=(9000.0, "the moon")),
            moved=[Motor("tilt", 0.01 * np.arange(len(stack)), "x-")],
            read=lambda: Frames(Contents(counts=stack, stored=stack.dtype)),
        )


@pytest.fixture
def moon(monkeypatch, tmp_path):
    point = importlib.metadata.EntryPoint("moon", f"{__name__}:Moon", GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    monkeypatch.setattr(registry, "_points", registry._points.__wrapped__)
    path = tmp_path / "a.moon"
    path.write_text("moon")
    return path


def test_a_beamline_ships_its_own_reader(moon):
    pattern, told = quietly(f"{moon}::2/lens")
    assert np.array_equal(pattern.intensity, counts())
    assert (pattern.meta.scan.layout, pattern.meta.scan.scan, pattern.meta.detector) == ("moon", "2", "lens")
    assert 'rocking_axis = "x-"' in pattern.meta.geometry
    assert told == ""
    with pytest.raises(InputError, match=r"holds 2 scans \(1 rock, 2 rock\); name one as a.moon::1"):
        load(moon)


def test_a_reader_that_does_not_load_is_one_line(monkeypatch, tmp_path):
    point = importlib.metadata.EntryPoint("mars", "no_such_package:Mars", GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    monkeypatch.setattr(registry, "_points", registry._points.__wrapped__)
    path = tmp_path / "a.tif"
    path.write_text("any")
    with pytest.raises(InputError, match=r"reader of scans mars: no_such_package:Mars does not load"):
        load(path)


def test_a_number_where_there_are_no_scans(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, counts())
    with pytest.raises(InputError, match=r"no reader knows this layout, so there is no scan 2"):
        load(f"{path}::2")
    with pytest.raises(InputError, match=r"is no raw scan, so `normalise=` is of no use"):
        load(path, normalise="monitor")
    assert np.array_equal(load(path).intensity, counts())


def test_the_public_functions_read_scans():
    assert (sayre.load, sayre.load_filled) == (load, load_filled)


def test_what_a_scan_may_be_called():
    assert names_of("2.1") == {"2.1", "2"}
    assert names_of("Pt_7_2.1") == {"Pt_7_2.1", "Pt_7_2", "2.1", "2"}
    assert names_of("2.2") == {"2.2"}


def test_two_scans_of_one_number_are_not_one(tmp_path):
    entries = [Entry("54.1", "a"), Entry("54.2", "b"), Entry("5", "c")]
    assert chosen(tmp_path, entries, "54").number == "54.1"
    two = [Entry("a_2.1", "a"), Entry("b_2.1", "b")]
    with pytest.raises(InputError, match=r"2 scans are 2 \(a_2\.1 a, b_2\.1 b\); name one of them in full"):
        chosen(tmp_path, two, "2")


def test_a_scan_that_does_not_exist_is_told_where_there_are_many(tmp_path):
    entries = [Entry(str(number), "ascan", ("camera",) if number == 54 else ()) for number in range(1, 99)]
    with pytest.raises(
        InputError, match=r"no scan 999; there are 98, 1 to 98, with frames beside them 54 ascan$"
    ):
        chosen(tmp_path / "a.spec", entries, "999")
    with pytest.raises(InputError, match=r"no scan 9; there are 1 ascan, 2 ascan$"):
        chosen(tmp_path / "a.spec", entries[:2], "9")
