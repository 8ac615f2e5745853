"""The gallery of docs/studies/index.md: a card for every study, with a picture that its page shows."""

from __future__ import annotations

import re

import pytest

from docs_pages import ROOT, links
from sayre.studies.catalogue import STUDIES

FOLDER = ROOT / "docs" / "studies"
_CARD = re.compile(
    r'^- \[<img src="([^"]+)" alt="[^"]+" width="360">\]\(([\w-]+)\.md\)\n((?:  .+\n)+)', re.MULTILINE
)


def cards():
    """Picture and text of each card, by the name of its study."""
    return {name: (picture, text) for picture, name, text in _CARD.findall((FOLDER / "index.md").read_text())}


def pictures(page):
    """Pictures that a page shows, those of the full form first."""
    found = [link for link in links(page) if link.endswith(".png")]
    return sorted(found, key=lambda link: link.startswith("quick/"))


def test_every_study_has_a_card():
    assert sorted(STUDIES) == sorted(cards())


@pytest.mark.parametrize("name", STUDIES)
def test_a_card_shows_a_picture_of_its_page(name):
    """One of the full form, if the page has any."""
    picture, text = cards()[name]
    shown = pictures(FOLDER / f"{name}.md")
    assert picture in shown
    assert picture.startswith("quick/") == shown[0].startswith("quick/")
    assert (FOLDER / picture).is_file()
    assert f"({name}.md), `{name}`<br>" in text


@pytest.mark.parametrize("name", STUDIES)
def test_a_card_has_a_line_of_the_claim_and_one_of_the_result(name):
    _, text = cards()[name]
    assert re.search(rf"^  \*{re.escape(STUDIES[name].shows)}:\* .+<br>$", text, re.MULTILINE)
    assert re.search(r"^  \*Here:\* .+\.$", text, re.MULTILINE)
