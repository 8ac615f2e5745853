"""Records of speed: what is compared with what, what counts as a change, and the page that is drawn."""

from __future__ import annotations

import json
import runpy
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SERIES = {"cpu": "one", "clock": "cpu", "threads": 1}
ABOUT = {"date": "2026-01-02", "version": "0", "torch": "2", "cores": 2, **SERIES}


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")


def record(ratio, spread=0.02, name="import", **changed):
    case = {"seconds": 0.1, "ratio": ratio, "spread": spread, "repeats": 3}
    return {**ABOUT, **changed, "cases": {name: case}}


def test_the_fastest_of_each_is_compared_and_the_turns_tell_the_spread():
    from timing.records import case

    found = case({"pair": [1.0, 2.0, 1.0, 1.0], "work": [6.0, 8.0, 3.0, 5.0]}, "work")
    assert (found["seconds"], found["ratio"], found["repeats"]) == (3.0, 3.0, 4)
    # Ratios of turns are 6, 4, 3 and 5: quartiles at 3.75, 4.5 and 5.25.
    assert found["spread"] == pytest.approx(1.5 / 4.5, rel=1e-3)
    assert case({"pair": [1.0], "work": [6.0]}, "work")["spread"] is None


def test_work_takes_turns_and_the_first_turn_may_not_count():
    from timing.turns import turns

    order = []
    work = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    assert {name: len(taken) for name, taken in turns(work, 2).items()} == {"a": 2, "b": 2}
    assert order == ["a", "b"] * 3
    order.clear()
    assert {len(taken) for taken in turns(work, 2, warm=False, many={"b": 3}).values()} == {2}
    assert order == ["a", "b", "b", "b"] * 2


def test_of_many_calls_in_a_turn_the_fastest_counts(monkeypatch):
    from timing import turns

    ticks = iter([0, 5, 5, 7, 7, 10])
    monkeypatch.setitem(turns.CLOCKS, "made", lambda: float(next(ticks)))
    assert turns.turns({"a": int}, 1, clock="made", warm=False, many={"a": 3}) == {"a": [2.0]}


def test_a_record_is_compared_with_the_last_of_the_same_series():
    from timing.records import last

    known = [record(1.0), record(2.0), record(3.0, cpu="other"), record(4.0, threads=2)]
    known += [record(5.0, name="help")]
    assert last(known, "import", ABOUT)["ratio"] == 2.0
    assert last(known, "import", {**ABOUT, "clock": "wall"}) is None


@pytest.mark.parametrize(("ratio", "beyond"), [(1.03, False), (1.06, True), (0.97, False), (0.94, True)])
def test_a_change_counts_beyond_the_spreads_of_both(ratio, beyond):
    from timing.records import changes

    (found,) = changes(record(ratio)["cases"], [record(1.0)], ABOUT).values()
    assert found == (pytest.approx(ratio), beyond)


@pytest.mark.parametrize(("ratio", "status"), [(1e-6, 1), (1e6, 0)])
def test_the_status_is_1_where_a_ratio_grew_too_much(tmp_path, monkeypatch, capsys, ratio, status):
    from timing.records import append, load, machine

    file, page = tmp_path / "records.jsonl", tmp_path / "speed.md"
    append(file, {**machine("cpu", 1), "cases": record(ratio)["cases"]})
    page.write_text("Above\n\n<!-- records -->\nold\n<!-- end of records -->\nBelow\n")
    words = "--cases import --repeats 1 --clock cpu --threads 1 --fail-over 1.3 --record"
    monkeypatch.setattr(
        sys, "argv", ["watch.py", *words.split(), "--records", str(file), "--page", str(page)]
    )
    with pytest.raises(SystemExit, match="1") if status else nullcontext():
        runpy.run_path(str(ROOT / "benchmarks" / "watch.py"), run_name="__main__")
    assert ("slower" if status else "faster") in capsys.readouterr().out
    *_, new = load(file)
    text = page.read_text()
    assert f"| 2 | {new['date']} |" in text
    assert "old" not in text
    assert "Above" in text
    assert "Below" in text
    assert page.with_suffix(".png").stat().st_size > 10_000


def test_a_case_that_is_not_there_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["watch.py", "--cases", "imports"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(ROOT / "benchmarks" / "watch.py"), run_name="__main__")
    assert "--cases imports: no such case; there are fill-64-default" in capsys.readouterr().err


def test_records_name_no_host_and_no_path():
    import platform

    from timing.records import machine

    text = json.dumps(machine("cpu", 1))
    assert platform.node() not in text
    assert str(Path.home()) not in text


def test_times_of_other_programs_are_read_from_the_page():
    from timing.peers_page import Beside, recorded

    text = """### sim8
| program | s | R | s | iteration / FFT pair |
|---|---|---|---|---|
| sayre 0.1.0 | 1.0 | 0.1 | 4 | 2.0 |
| other 1.2 | 2.0 | 0.1 | 20 | 8.0 |

### Measured
| case | program | s | iteration / FFT pair |
|---|---|---|---|
| P | Sayre, `--refine none` | 2, 6 | 4 |
| | Sayre, default | 34, 55 | 61 |
| | other | 5, 18 | 10 |
| | untimed | | |
"""
    assert recorded(text) == [
        Beside("sim8", "other 1.2", 20.0, 8.0, 5.0, 4.0),
        Beside("P", "other", 18.0, 10.0, 3.0, 2.5),
    ]
    cases = {row.case for row in recorded((ROOT / "docs" / "peers.md").read_text())}
    assert {"sim64", "sim64-cross", "A-64", "D-64", "A-128", "D-128"} <= cases


def test_the_records_are_those_of_the_page():
    """The page is drawn from the records, and every case has words and a panel."""
    from timing import cases, curves, page, records

    tables = page.tables(records.load(ROOT / "benchmarks" / "records.jsonl"))
    assert tables in page.PAGE.read_text()
    names = [name for group in (*cases.GROUPS, cases.WHOLE) for name in group.cases.values()]
    assert names == list(cases.WORDS)
    assert all(any(name.startswith(word) for word in curves.PANELS.values()) for name in names)


def test_what_is_asked_in_seconds_is_drawn_on_the_scale_of_ratios():
    from timing.curves import asked

    assert asked("fill-128-default", {"seconds": 16.0, "ratio": 400.0}) == pytest.approx(200)
    assert asked("step-128-HIO", {"seconds": 16.0, "ratio": 400.0}) == 1.4
    assert asked("step-128-ER", {"seconds": 16.0, "ratio": 400.0}) is None


@pytest.mark.parametrize(("count", "bars"), [(1, True), (3, False)])
def test_few_records_are_bars_and_many_are_curves(tmp_path, monkeypatch, count, bars):
    from matplotlib.figure import Figure

    from timing import curves
    from timing.records import machine

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    found = {**machine("cpu", 1), "cases": record(2.0)["cases"]}
    curves.draw(tmp_path / "speed.png", [found] * count)
    starting = next(axis for axis in drawn[0].axes if axis.get_title(loc="left") == "Starting")
    assert (len(starting.patches) > 0) == bars
    assert starting.get_xlabel() == ("times import numpy" if bars else "record")
