"""Who may ask the server: pages that it served itself, and no other site.

The address of the page holds a random word, which other sites do not know. A site whose name an attacker
lets point at this machine is told by the Host header, a page of another site by the Origin header.
Nothing allows another origin to read an answer.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

HOSTS = ("127.0.0.1", "localhost")
_READING = ("GET", "HEAD")
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def new_token() -> str:
    """Return a random word for the address of a page."""
    return secrets.token_urlsafe(24)


def complaint(
    *, host: str | None, origin: str | None, method: str, path: str, token: str, port: int
) -> tuple[int, str] | None:
    """Return the status and the reason for which a request is refused; None where it is not.

    Parameters
    ----------
    host, origin
        Headers of the request.
    method, path
        Of the request.
    token, port
        Of the server.
    """
    if host not in [f"{name}:{port}" for name in HOSTS]:
        return 403, "this server answers to 127.0.0.1 alone"
    given = path.lstrip("/").partition("/")[0]
    if not hmac.compare_digest(given.encode(), token.encode()):
        return 403, "the address of the page, as sayre view printed it, has a word that is missing here"
    if origin is not None and origin not in [f"http://{name}:{port}" for name in HOSTS]:
        return 403, "a page of another site asked"
    if method not in _READING and origin is None:
        return 403, "a request that states no origin"
    return None


def guard(flask: Any, token: str, port: int) -> None:
    """Make a Flask application refuse what does not come from its own page.

    Parameters
    ----------
    flask
        The application.
    token, port
        Of the server.
    """
    from flask import Response, request

    def check() -> Any:
        found = complaint(
            host=request.headers.get("Host"),
            origin=request.headers.get("Origin"),
            method=request.method,
            path=request.path,
            token=token,
            port=port,
        )
        return None if found is None else Response(f"{found[1]}\n", found[0], mimetype="text/plain")

    def protect(response: Any) -> Any:
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response

    flask.before_request(check)
    flask.after_request(protect)
