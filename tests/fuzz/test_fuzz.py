"""Damaged files of every kind are read or refused in one line; `make fuzz` tries many more."""

from __future__ import annotations

from pathlib import Path

import pytest

import fuzz

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.slow
def test_damaged_copies_of_every_kind_are_read_or_refused():
    rows = fuzz.run(2500, seed=7, workers=1)
    assert len(rows) == 2500
    assert [row for row in rows if row["outcome"] not in fuzz.GOOD] == []
    assert sum(row["outcome"] == "refused" for row in rows) > 1000


def test_files_that_once_failed_do_not_fail_again():
    """Each in the place of the sample whose name ends its own, in a process that they may end."""
    rows = fuzz.run(len(CORPUS), workers=1, corpus=CORPUS[0].parent)
    assert len(rows) == len(CORPUS)
    assert [row for row in rows if row["outcome"] not in fuzz.GOOD] == []


def test_what_is_not_refused_is_noticed(monkeypatch):
    """The fuzzer itself: a traceback, an end of the process, a hang, and a loss without a word."""
    monkeypatch.setattr(fuzz, "HANGS", 5)
    rows = fuzz.run(4, made="fuzz_broken")
    assert [row["outcome"] for row in rows] == ["traceback", "crash", "hang", "silent"]
