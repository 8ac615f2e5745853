"""Progress on stderr: a bar on a terminal, a line a minute elsewhere, nothing in the first seconds."""

import pytest

from sayre.cli import progress as shown


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests move by hand."""
    now = [100.0]
    monkeypatch.setattr(shown.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_a_minute(clock, capsys):
    with shown.progress("filling") as advance:
        for second in range(0, 150, 10):
            clock[0] = 100.0 + second
            advance(second / 200, "wiener" if second > 100 else "")
    assert capsys.readouterr().err == "filling, 35 %\nfilling: wiener, 70 %\n"


def test_a_terminal_gets_a_bar_after_two_seconds(clock, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with shown.progress("filling") as advance:
        clock[0] += 1.9
        advance(0.1)
        assert capsys.readouterr().err == ""
        clock[0] += 0.2
        advance(0.4)
    assert "40 %" in capsys.readouterr().err


def test_quiet_shows_nothing(clock, capsys):
    with shown.progress("filling", quiet=True) as advance:
        clock[0] += 1000
        advance(0.4)
    assert capsys.readouterr().err == ""
