"""A browser without a network draws every chart of the page, and breaks no rule of its policy."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from made_outcomes import outcome
from sayre.workflows.report import html_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.interop, pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")]


def test_every_chart_is_drawn(tmp_path):
    page = html_report(outcome(name="<script>alert(1)</script>.npz"), "sayre run")
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-unsafe-swiftshader",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--window-size=1200,16000",
        "--virtual-time-budget=60000",
        "--enable-logging=stderr",
        "--dump-dom",
        (tmp_path / "report.html").as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    places = re.findall(r'<div class="chart[^>]*>', done.stdout)
    assert len(places) == page.count('class="chart"')
    assert [place for place in places if 'data-drawn="yes"' not in place] == []
    assert "Content Security Policy" not in done.stderr
    assert "Uncaught" not in done.stderr
