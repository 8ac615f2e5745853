"""Who the page of `sayre view` answers: over HTTP, with the headers that browsers send for other sites."""

from __future__ import annotations

import errno
import http.client
import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from served import TOKEN, serving

from sayre.viewer.folder import Folder
from sayre.viewer.server import listen

pytest.importorskip("dash")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with counts, beside a file that must stay unread, to which a link leads."""
    root = tmp_path_factory.mktemp("served")
    inside = root / "inside"
    inside.mkdir()
    counts = np.random.default_rng(3).poisson(5, (6, 7, 8)).astype(np.float32)
    for place in (inside / "scan.npy", inside / "other.npy", root / "secret.npy"):
        np.save(place, counts)
    (inside / "link.npy").symlink_to(root / "secret.npy")
    (inside / "up").symlink_to(root)
    return inside


@pytest.fixture(scope="module")
def port(folder):
    with serving(folder / "scan.npy") as number:
        yield number


def ask(port, path, *, method="GET", body=None, **headers):
    """Status, headers and text of an answer; by default the request of the page itself."""
    known = {"Host": f"127.0.0.1:{port}", "Origin": f"http://127.0.0.1:{port}"} | headers
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    data = b"" if body is None else json.dumps(body).encode()
    for name, value in known.items():
        if value is not None:
            connection.putheader(name, value)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), text


def picture(port, **given):
    """Ask for the picture of a slice, as the page does."""
    values = {"axis": 0, "index": 1, "quantity": "counts", "log": ["log"], "strokes": []}
    values |= {"region": None, "filled": 0, "other": None, "shapes": []} | given
    kinds = {
        name: "value" if name in ("axis", "index", "quantity", "log", "other") else "data" for name in values
    }
    sent = [{"id": name, "property": kinds[name], "value": value} for name, value in values.items()]
    outputs = [("picture", "figure"), ("remark", "children"), ("compared", "children")]
    body = {
        "output": ".." + "...".join(f"{name}.{kind}" for name, kind in outputs) + "..",
        "outputs": [{"id": name, "property": kind} for name, kind in outputs],
        "inputs": sent[:-1],
        "state": sent[-1:],
        "changedPropIds": ["index.value"],
    }
    return ask(port, f"/{TOKEN}/_dash-update-component", method="POST", body=body)


def test_the_page_is_served_to_itself(port):
    status, headers, text = ask(port, f"/{TOKEN}/")
    assert status == 200
    assert b"<title>scan.npy" in text
    assert b"https://" not in text.replace(b"https://www.w3.org", b""), "nothing is loaded from elsewhere"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer", "the word in the address is told to nobody"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert not any(name.lower().startswith("access-control") for name in headers)


def test_a_request_of_the_page_is_answered(port):
    status, _, text = picture(port)
    assert status == 200
    assert json.loads(text)["response"]["picture"]["figure"]["data"][0]["type"] == "heatmap"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]:{port}",
        "127.0.0.1.evil.example:{port}",
        None,
    ],
)
def test_another_host_is_refused(port, host):
    status, _, text = ask(port, f"/{TOKEN}/", Host=host and host.format(port=port))
    assert status in (400, 403)
    assert b"scan.npy" not in text


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_another_origin_is_refused(port, origin, method):
    status, headers, _ = ask(port, f"/{TOKEN}/_dash-layout", method=method, Origin=origin.format(port=port))
    assert status == 403
    assert not any(name.lower().startswith("access-control") for name in headers)


def test_a_change_without_an_origin_is_refused(port):
    assert ask(port, f"/{TOKEN}/_dash-update-component", method="POST", Origin=None)[0] == 403
    assert ask(port, f"/{TOKEN}/_dash-layout", Origin=None)[0] == 200, "a browser states none with GET"


@pytest.mark.parametrize(
    "path", ["/", "/_dash-layout", "/wrong/", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/", f"//{TOKEN[1:]}/", "/%C3%A9/"]
)
def test_an_address_without_the_word_is_refused(port, path):
    status, _, text = ask(port, path)
    assert status == 403
    assert b"scan.npy" not in text


@pytest.mark.parametrize("path", ["/assets/../../../job.py", "/assets/%2e%2e/job.py", "/assets/..%2fjob.py"])
def test_no_file_beside_the_assets_is_served(port, path):
    assert b"ViewJob" not in ask(port, f"/{TOKEN}{path}")[2]


@pytest.mark.parametrize(
    "name",
    [
        "link.npy",
        "up/secret.npy",
        "../secret.npy",
        "up",
        "..",
        "other.npy/../../secret.npy",
        "/etc/passwd",
        "a\0b",
    ],
)
def test_a_file_outside_the_folder_is_refused(port, name):
    assert picture(port, other=name)[0] == 403


def test_a_file_of_the_folder_is_compared(port):
    status, _, text = picture(port, other="other.npy")
    assert status == 200
    assert json.loads(text)["response"]["compared"]["children"].endswith("1.0000")


def test_only_files_of_the_folder_are_offered(folder):
    assert Folder.of(folder).files() == ["other.npy", "scan.npy"]


def test_an_absolute_name_is_refused_even_inside(port, folder):
    assert picture(port, other=str(folder / "other.npy"))[0] == 403


@pytest.mark.skipif(
    not Path("/proc/net/tcp").exists(),
    reason="this system does not list its sockets in a file, as Linux does",
)
def test_it_listens_on_this_machine_alone(port):
    addresses = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()
        if f":{port:04X} 00000000:0000" in line
    ]
    assert addresses == [f"0100007F:{port:04X}"]


def test_the_name_of_a_file_is_no_code_in_the_page(folder):
    """The title of the page is made by Dash, which does not escape it."""
    file = folder / "x<script>alert(1)<_script>\n\x1b&.npy"
    np.save(file, np.random.default_rng(3).poisson(5, (6, 7, 8)))
    with serving(file) as own:
        status, _, text = ask(own, f"/{TOKEN}/")
    file.unlink()
    assert status == 200
    assert rb"<title>x&lt;script&gt;alert(1)&lt;_script&gt;\n\x1b&amp;.npy" in text
    assert b"<script>alert" not in text
    assert b"\x1b" not in text


def test_a_port_that_is_not_allowed_is_one_line(monkeypatch):
    from sayre.errors import InputError

    def refused(self, address):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(socket.socket, "bind", refused)
    with pytest.raises(InputError, match="port 1: cannot be used"):
        listen(1)
