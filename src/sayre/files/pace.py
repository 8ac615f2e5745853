"""How often something is written that only saves time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 30.0
"""Seconds from one writing to the next, and from the start to the first."""
SHARE = 0.02
"""Largest share of the time that writing takes."""


class Pace:
    """A clock that starts at once and tells when it is time to write again."""

    def __init__(self) -> None:
        self._last, self._cost = time.monotonic(), 0.0

    @property
    def due(self) -> bool:
        """Whether it is time: after `PATIENCE`, later where writing took long."""
        return time.monotonic() - self._last > max(PATIENCE, self._cost / SHARE)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure how long the writing inside takes, and start the clock again."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._last = time.monotonic()
            self._cost = self._last - began
