"""The bar of a notebook: after two seconds, twice a second at most, one a cell, a line when it is done."""

from __future__ import annotations

import sys
import threading
import types

import numpy as np
import pytest

import sayre
from sayre.numerics import notebook
from sayre.numerics.notebook import clock, following


class Handle:
    def __init__(self, outputs, bundle):
        self.outputs, self.place = outputs, len(outputs)
        outputs.append([bundle["text/plain"]])

    def update(self, bundle, raw):
        assert raw
        self.outputs[self.place].append(bundle["text/plain"])


@pytest.fixture
def cell(monkeypatch):
    """A notebook with a clock that tests move by hand; `outputs` holds all that each output has shown."""
    found = types.SimpleNamespace(now=100.0, message="one", outputs=[])
    shell = types.SimpleNamespace(kernel=None, get_parent=lambda: {"header": {"msg_id": found.message}})

    def display(bundle, *, raw, display_id):
        assert raw
        assert display_id is True
        assert "<script" not in bundle["text/html"]
        return Handle(found.outputs, bundle)

    known = types.SimpleNamespace(get_ipython=lambda: shell, display=types.SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython", known)
    monkeypatch.setitem(sys.modules, "IPython.display", known.display)
    monkeypatch.setattr(notebook.time, "monotonic", lambda: found.now)
    monkeypatch.setattr(notebook, "_places", {})
    return found


def test_what_takes_two_seconds_shows_nothing(cell):
    with following("filling") as advance:
        for _ in range(19):
            cell.now += 0.1
            advance(0.05)
    assert cell.outputs == []


def test_a_bar_is_replaced_by_a_line(cell):
    with following("filling peak.npz") as advance:
        for step in range(1, 81):
            cell.now += 0.125
            advance(step / 80, "wiener")
    (shown,) = cell.outputs
    assert shown[0] == "filling peak.npz: wiener, 20 %, 8 s left"
    assert len(shown) == 17 + 1
    assert shown[-1] == "filling peak.npz: 10 s"


def test_a_cell_has_one_bar_however_much_it_computes(cell):
    for _ in range(50):
        with following("filling") as advance:
            cell.now += 3
            advance(0.5)
    assert len(cell.outputs) == 1
    cell.message = "two"
    with following("phasing") as advance:
        cell.now += 3
        advance(0.5)
    assert [shown[-1] for shown in cell.outputs] == ["filling: 3 s", "phasing: 3 s"]


def test_what_was_stopped_is_said(cell):
    def stopped():
        with following("phasing") as advance:
            cell.now += 70
            advance(0.4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert cell.outputs[0][-1] == "phasing: stopped at 40 % after 1 min 10 s"
    with following("again") as advance:
        assert advance is not None


def test_what_is_computed_on_the_way_has_no_bar_of_its_own(cell):
    with following("filling"), following("phasing") as inner:
        assert inner is None
    told = []
    with following("filling", told.append) as advance, following("phasing") as inner:
        advance(0.5)
        assert inner is None
    assert told == [0.5]
    assert cell.outputs == []


def test_names_of_files_are_text(cell):
    with following("filling <script>.npz") as advance:
        cell.now += 3
        advance(0.5)
    assert "<script>" in cell.outputs[0][0]


def test_elsewhere_there_is_no_bar(cell, monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    with following("filling") as advance:
        assert advance is None
    monkeypatch.delitem(sys.modules, "IPython")
    with following("filling") as advance:
        assert advance is None


def test_a_thread_has_no_bar(cell):
    found = []

    def work():
        with following("filling") as advance:
            found.append(advance)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]


def peak():
    place = np.indices((16, 16, 16)) - 8
    counts = 3e4 * np.prod(np.sinc(place / 4) ** 2, axis=0)
    mask = np.zeros(counts.shape, bool)
    mask[..., 10:12] = True
    return sayre.Pattern.from_counts(np.rint(counts), mask, meta=sayre.Meta(source="peak.npz"))


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
@pytest.mark.usefixtures("refined_soon")
def test_filling_and_phasing_show_a_bar_and_give_the_same(cell, monkeypatch):
    monkeypatch.setattr(notebook, "PATIENCE", 0)
    monkeypatch.setattr(notebook, "BETWEEN", 0)
    filled = sayre.inpaint(peak(), method="wiener")
    assert cell.outputs[0][0].startswith("filling peak.npz")
    cell.message = "two"
    phased = sayre.phase(filled, runs=1, recipe="HIO*10, ER*10")
    assert any("start 0 (of 1" in text for text in cell.outputs[1])
    assert cell.outputs[1][-1] == "phasing peak.npz: 0 s"
    monkeypatch.delitem(sys.modules, "IPython")
    assert sayre.inpaint(peak(), method="wiener") == filled
    np.testing.assert_array_equal(sayre.phase(filled, runs=1, recipe="HIO*10, ER*10").object, phased.object)


def test_seconds_in_words():
    assert [clock(s) for s in (0.4, 59.4, 59.6, 3599, 7800)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "59 min 59 s",
        "2 h 10 min",
    ]
