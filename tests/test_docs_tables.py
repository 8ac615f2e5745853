"""Tables of the documentation are whole."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RULE = re.compile(r"\|(\s*:?-+:?\s*\|)+")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_row_is_under_a_head(page):
    """A row apart from its table is shown as text; cells beyond those of the head are not shown."""
    lines = enumerate(page.read_text().splitlines(), 1)
    for is_table, block in itertools.groupby(lines, lambda line: line[1].startswith("|")):
        if is_table:
            rows = list(block)
            where = f"{page.name}, line {rows[0][0]}"
            assert len(rows) > 2, where
            assert RULE.fullmatch(rows[1][1].strip()), where
            bars = (re.sub(r"`[^`]*`", "", row.replace("\\|", "")).count("|") for _, row in rows)
            cells = set(bars)
            assert len(cells) == 1, (where, cells)


def test_the_check_sees_the_pages():
    assert len(PAGES) > 5
