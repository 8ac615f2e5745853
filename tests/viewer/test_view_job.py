"""`sayre view` as a command: it serves until Ctrl-C, and refuses what it cannot show."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest

from sayre.cli import main

pytest.importorskip("dash")


@pytest.fixture
def scan(tmp_path):
    np.save(tmp_path / "scan.npy", np.random.default_rng(3).poisson(5, (6, 7, 8)).astype(np.float32))
    return tmp_path / "scan.npy"


def test_it_serves_until_ctrl_c(scan):
    start = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from sayre.cli import main; sys.exit(main(['view', {str(scan)!r}]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", start], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
        finally:
            process.kill()
        assert (
            process.stderr.read()
            == "sayre: stopped; the page is closed; masks that were not saved are lost\n"
        )


def test_a_file_outside_the_folder_is_refused(scan, tmp_path, capsys):
    (tmp_path / "elsewhere").mkdir()
    assert main(["view", str(scan), "--within", str(tmp_path / "elsewhere")]) == 2
    assert "only folder that may be read; --within names another" in capsys.readouterr().err
    assert main(["view", str(scan), "--within", str(tmp_path / "none")]) == 2
    assert "is no folder; --within names the only one" in capsys.readouterr().err


def test_without_the_extra_it_is_one_line(scan, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "dash", None)
    assert main(["view", str(scan)]) == 2
    line = capsys.readouterr().err
    assert line.startswith("sayre: view: needs dash (")
    assert line.endswith('; pip install "sayre[view]"\n')


def test_a_port_that_is_taken_is_one_line(scan, capsys):
    from sayre.viewer.server import listen

    with listen(0) as taken:
        assert main(["view", str(scan), "--port", str(taken.getsockname()[1])]) == 2
    assert "leave out --port for a free one" in capsys.readouterr().err
