"""JSON that any parser reads."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sayre.data import Manifest
from sayre.data.json_text import plain, to_json
from sayre.filling.scores import Score


def strictly(text):
    """Parsed by the standard: `json.loads` alone takes NaN and Infinity too."""

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


NAN = float("nan")
VALUES = [
    (NAN, None),
    (float("inf"), None),
    (-np.inf, None),
    (np.float32("nan"), None),
    (np.float64("inf"), None),
    (np.float32(0.5), 0.5),
    (np.int64(3), 3),
    (np.bool_(True), True),
    (True, True),
    (None, None),
    ("NaN", "NaN"),
    (Path("a/b"), str(Path("a/b"))),
    ((1, NAN), [1, None]),
    ({3, 1}, [1, 3]),
    (np.array([[1.5, np.nan], [np.inf, 2.0]]), [[1.5, None], [None, 2.0]]),
    (np.array(np.nan), None),
    (torch.tensor([1.0, float("nan")]), [1.0, None]),
    ({"a": {"b": [NAN, {"c": -np.inf}]}}, {"a": {"b": [None, {"c": None}]}}),
    ({2: 1}, {"2": 1}),
    ({np.int64(2): NAN}, {"2": None}),
]


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=[repr(value) for value, _ in VALUES])
def test_every_value_is_json(value, expected):
    assert strictly(to_json(value)) == expected
    assert strictly(to_json({"inside": [value]})) == {"inside": [expected]}


def test_numbers_keep_every_digit():
    values = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
    assert strictly(to_json(values)) == values.tolist()
    value = {"b": [1, 2.5, "ü"], "a": None}
    for keywords in ({}, {"indent": 1, "sort_keys": True}, {"ensure_ascii": False}):
        assert to_json(value, **keywords) == json.dumps(value, **keywords)


def test_a_dataclass_is_a_mapping_of_its_fields():
    score = Score(
        **{
            field.name: {"int": 3, "str": "cubic", "float": NAN}.get(str(field.type), ())
            for field in dataclasses.fields(Score)
        }
    )
    found = strictly(to_json([score]))[0]
    assert list(found) == [field.name for field in dataclasses.fields(Score)]
    assert set(map(str, found.values())) == {"3", "cubic", "None", "[]"}


def test_values_that_json_has_are_left():
    value = {"a": [1, 0.25, True, None, "b"]}
    assert plain(value) == value


def test_a_manifest_with_an_unknown_number_is_json():
    manifest = Manifest(command="x", config={"error": np.nan, "list": [np.inf, 1.0]})
    text = manifest.to_json()
    assert strictly(text)["config"] == {"error": None, "list": [None, 1.0]}
    assert Manifest.from_json(text).config == {"error": None, "list": [None, 1.0]}
