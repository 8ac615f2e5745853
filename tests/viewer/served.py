"""A page of `sayre view` that is served while a test runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sayre.viewer.folder import Folder
from sayre.viewer.server import application, listen, make
from sayre.viewer.session import Session
from sayre.workflows.jobs.input_file import InputFile

TOKEN = "a-word-that-others-do-not-know"


@contextmanager
def serving(file) -> Iterator[int]:
    """Serve a file; yields the port."""
    session = Session(InputFile(source=str(file), within=file.parent), Folder.of(file.parent))
    with listen(0) as listening:
        port = listening.getsockname()[1]
        server = make(application(session, TOKEN, port), listening)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield port
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
