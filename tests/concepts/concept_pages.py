"""Numbers that the pages of docs/concepts state."""

from __future__ import annotations

import re

from docs_pages import ROOT

FOLDER = ROOT / "docs" / "concepts"


def stated(page, before, number=r"([\d.]+)"):
    """The number that a page states after some words."""
    text = " ".join((FOLDER / f"{page}.md").read_text().split())
    found = re.search(re.escape(before) + r"\s*" + number, text)
    assert found, f"{page}.md does not say {before!r}"
    return float(found[1])
