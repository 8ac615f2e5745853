"""Damaged files of every kind are read or refused in one line; `make fuzz` tries many more."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fuzz
from sayre.crystal import geometry_file
from sayre.errors import InputError
from sayre.retrieval.engine import recipe

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


WORDS = "HIO ER DM SW PSF WIDE AD ML ( ) * ** + , = beta sigma 0.9 3 -1 1e999 nan é (HIO*20+SW)**3"
STEPS = st.sampled_from(WORDS.split(" "))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["x+", "ID01"]),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)


@given(st.lists(STEPS, max_size=12).map(" ".join) | st.text(max_size=30))
def test_every_text_is_a_recipe_or_is_refused(text):
    with contextlib.suppress(InputError):
        recipe.parse(text)


@given(st.dictionaries(st.sampled_from(sorted(geometry_file.Geometry.__dataclass_fields__)), VALUES))
def test_every_geometry_is_one_or_is_refused(values):
    """Of its keys, with values of the wrong kind, length and size."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    text = "\n".join(lines).replace("NaN", "nan").replace("Infinity", "inf").replace("null", '""')
    with contextlib.suppress(InputError):
        geometry_file.stated_in(text, "a.toml")


def test_what_is_not_refused_is_noticed(monkeypatch):
    """The fuzzer itself: a traceback, an end of the process, two hangs, and a loss without a word."""
    monkeypatch.setattr(fuzz, "HANGS", 5)
    rows = fuzz.run(5, made="fuzz_broken")
    assert [row["outcome"] for row in rows] == ["traceback", "crash", "hang", "hang", "silent"]
    assert f"status {-signal.SIGXCPU}" in rows[3]["text"]
