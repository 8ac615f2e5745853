"""Ordinary news are no warnings: on the command line, in what a job collects, and in reports."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from made_outcomes import outcome
from sayre.cli import main
from sayre.errors import SayreNote, SayreWarning, note, warn
from sayre.workflows.jobs.job import collected_warnings
from sayre.workflows.report import html_report, report


def test_a_note_is_a_warning_of_its_own_kind():
    with pytest.warns(SayreNote, match="done"):
        note("done")
    with pytest.warns(SayreWarning) as caught:
        warn("odd")
    assert not issubclass(caught[0].category, SayreNote)


def test_what_is_collected_is_told_apart():
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *_, **__: None
        with collected_warnings() as told:
            for _ in range(2):
                warn("odd")
                note("done")
    assert told.warnings == ["odd"]
    assert told.notes == ["done"]


def test_reports_list_news_apart_from_warnings():
    made = outcome(warnings=("something odd",), notes=("counts divided by white.npy",))
    page, text = html_report(made, "sayre run"), report(made)
    assert text.index("## Warnings") < text.index("something odd") < text.index("## News")
    assert text.index("## News") < text.index("counts divided by white.npy") < text.index("## Pattern")
    assert page.index("<h3>Warnings") < page.index("something odd") < page.index("<h3>News")
    quiet = outcome()
    assert "## Warnings" not in report(quiet)
    assert "<h3>News" not in html_report(quiet, "sayre run")


def test_the_command_line_calls_news_notes_and_draws_a_filling(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts = np.random.default_rng(0).poisson(200, (6, 40, 40)).astype(np.int32)
    mask = np.zeros(counts.shape, bool)
    mask[:, :, 18:21] = True
    np.savez(
        "scan.npz",
        data=counts,
        mask=mask,
        whitefield=np.where(np.arange(40) < 20, 400, 500) * np.ones((40, 1)),
    )
    command = ["inpaint", "scan.npz", "-o", "filled.npz", "--method", "linear", "--picture"]
    assert main([*command, "gap.jpg"]) == 2
    assert "gap.jpg: no ending of a picture" in capsys.readouterr().err
    assert not (tmp_path / "filled.npz").exists()
    assert main([*command, "gap.png"]) == 0
    assert (tmp_path / "gap.png").read_bytes()[:4] == b"\x89PNG"
    assert "sayre: note: scan.npz: " in capsys.readouterr().err
