"""The BibTeX of a report: whole entries, whose DOI, volume and page are of one article."""

from __future__ import annotations

import inspect
import re

import pytest

from sayre.workflows.report import methods
from sayre.workflows.report.references import _ARTICLES, ALGORITHMS, bibtex

CODED = (
    r"10\.1364/[A-Z]+\.(?P<volume>\d+)\.0*(?P<pages>\d+)",
    r"10\.1103/PhysRevB\.(?P<volume>\d+)\.(?P<pages>\d+)",
    r"10\.1088/1367-2630/(?P<volume>\d+)/\d+/(?P<pages>\d+)",
    r"10\.1088/0266-5611/(?P<volume>\d+)/1/\d+",
    r"10\.1016/j\.jsb\.(?P<year>\d+)\.\d+\.\d+",
    r"10\.1038/s41598-0(?P<year>\d\d)-\d+-\d",
)
"""DOIs that hold the volume, the first page or the year of their article."""


def fields(key):
    (entry,) = re.findall(rf"^@article\{{{key},\n(.*?)\n\}}$", bibtex([key]), re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"^  (\w+) = \{(.*)\},?$", entry, re.MULTILINE))


@pytest.mark.parametrize("key", _ARTICLES)
def test_an_entry_is_whole(key):
    found = fields(key)
    assert {"author", "title", "journal", "volume", "pages", "year"} == set(found) - {"doi"}
    assert key.endswith(found["year"])
    surname = re.sub(r"\\\W|[{}]", "", found["author"].partition(",")[0])
    assert surname.replace("-", "").replace(" ", "") == key.removesuffix(found["year"])
    assert found["author"].count(",") == found["author"].count(" and ") + 1


@pytest.mark.parametrize("key", [key for key, article in _ARTICLES.items() if article.doi])
def test_a_doi_is_of_the_volume_and_page_that_are_stated(key):
    found = fields(key)
    coded = [match for pattern in CODED if (match := re.fullmatch(pattern, found["doi"]))]
    for name, value in coded[0].groupdict().items() if coded else ():
        stated = re.sub(r"-.*", "", found[name])
        assert stated.lstrip("0").endswith(value.lstrip("0"))


def test_every_key_that_a_text_cites_is_an_article():
    source = inspect.getsource(methods)
    cited = {
        key for found in re.findall(r"\[(\w+\d{4}(?:, \w+\d{4})*)\]", source) for key in found.split(", ")
    }
    cited |= {key for _, keys in ALGORITHMS.values() for key in keys}
    assert cited == set(_ARTICLES)
