"""Names of files in the texts of reports and tables: shown as they are, and nothing else."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import pytest

import made_outcomes
from sayre.workflows.batch.row import FAILED, Row
from sayre.workflows.batch.table import csv_text
from sayre.workflows.batch.table import page as page_of_batch
from sayre.workflows.report import html_report, report

NASTY = "x<script>alert(1)</script>\n\x1b[31m[go](javascript:1)|a.npz"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)


def require_harmless(text):
    """Markdown with no HTML, control character or link of the name."""
    parser = Tags()
    parser.feed(text)
    assert parser.found == []
    assert not {sign for sign in text if ord(sign) < 32} - {"\n"}
    assert "](javascript" not in text
    assert r"&lt;script>alert(1)&lt;/script>\n\x1b[31m[go]\(javascript:1)|a.npz" in text


@pytest.fixture(scope="module")
def outcome():
    return made_outcomes.outcome(name=NASTY, warnings=(f"{NASTY}: odd",), notes=(f"{NASTY}: new",))


def test_the_report_of_a_run_in_markdown(outcome):
    require_harmless(report(outcome))


def test_the_head_of_the_page_of_a_run_holds_no_control_characters(outcome):
    head = html_report(outcome, "sayre run").partition("</header>")[0]
    assert "\x1b" not in head
    assert r"&lt;/script&gt;\n\x1b[31m" in head


def test_the_page_and_the_table_of_a_batch():
    rows = [
        Row(scan="a", source=NASTY, status=FAILED, error="no peak"),
        Row(scan="b", source="=cmd|'/c calc'!A0", status=FAILED, error="-1 counts"),
    ]
    require_harmless(page_of_batch(rows, Path("out")))
    found = list(csv.DictReader(io.StringIO(csv_text(rows))))
    assert found[0]["source"] == r"x<script>alert(1)</script>\n\x1b[31m[go](javascript:1)|a.npz"
    assert (found[1]["source"], found[1]["error"]) == ("'=cmd|'/c calc'!A0", "'-1 counts")
