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
    """A clock that starts at once and tells when it is time to write again.

    Parameters
    ----------
    share
        Largest share of the time that writing takes; `SHARE` by default.
    """

    def __init__(self, share: float | None = None) -> None:
        self._last, self._cost, self._share = time.monotonic(), 0.0, share

    @property
    def due(self) -> bool:
        """Whether it is time: after `PATIENCE`, later where writing took long."""
        return self.affordable and time.monotonic() - self._last > PATIENCE

    @property
    def affordable(self) -> bool:
        """Whether writing again takes no more than its share of the time."""
        return time.monotonic() - self._last > self._cost / (self._share or SHARE)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure how long the writing inside takes, and start the clock again."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._last = time.monotonic()
            self._cost = self._last - began
