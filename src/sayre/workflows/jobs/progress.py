"""How a job tells of its progress: it asks for a bar by title, and reports the fraction done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sayre.numerics.notebook import following
from sayre.numerics.progress import Advance


class Bar(Protocol):
    """Makes a progress bar with a title; it is shown while the context lasts."""

    def __call__(self, title: str) -> AbstractContextManager[Advance]: ...


@contextmanager
def notebook_bar(title: str) -> Iterator[Advance]:
    """A bar in the notebook that calls; elsewhere one that shows nothing."""
    with following(title) as advance:
        yield advance or (lambda fraction, note="": None)
