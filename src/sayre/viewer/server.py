"""The server of the page: on this machine alone, for one user, until Ctrl-C."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from sayre.errors import InputError, printable
from sayre.extras import optional
from sayre.viewer.guard import HOSTS, guard
from sayre.viewer.session import Session


def application(session: Session, token: str, port: int) -> Any:
    """Return the Dash application of a session; `.server` of it is the one of Flask.

    Parameters
    ----------
    session
        What the page works on.
    token, port
        Word in its address, and its port.

    Raises
    ------
    InputError
        The extra `view` is not installed.
    """
    dash = optional("dash", extra="view", task="view")
    from sayre.viewer.callbacks import connect
    from sayre.viewer.page import page

    app = dash.Dash(
        "sayre",
        title=escape(printable(f"{session.shown.name} — Sayre")),
        update_title=None,
        url_base_pathname=f"/{token}/",
        assets_folder=str(Path(__file__).with_name("assets")),
        serve_locally=True,
        compress=False,
        add_log_handler=False,
    )
    guard(app.server, token, port)
    app.layout = page(session.shown, session.folder.files())
    connect(app, session)
    return app


def listen(port: int) -> Any:
    """Return a socket on 127.0.0.1 that listens; port 0 takes a free one.

    Raises
    ------
    InputError
        The port is taken, or not allowed.
    """
    import socket

    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOSTS[0], port))
    except OSError as error:
        found.close()
        raise InputError(
            f"port {port}: cannot be used ({error.strerror}); leave out `port=` for a free one"
        ) from error
    found.listen()
    return found


def make(app: Any, listening: Any) -> Any:
    """Return the server of an application, which answers several requests at a time.

    Parameters
    ----------
    app
        From `application`.
    listening
        From `listen`.
    """
    import logging

    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    host, port = listening.getsockname()
    return make_server(host, port, app.server, threaded=True, fd=listening.fileno())
