"""Connection to a Dask cluster that runs elsewhere."""

from __future__ import annotations

from typing import Any

from sayre.errors import InputError
from sayre.extras import optional

PATIENCE = "10s"
"""Longest wait for the scheduler of a cluster."""


def connected(address: str) -> Any:
    """Return a client of a Dask scheduler, which is a context.

    Parameters
    ----------
    address
        Of the scheduler.

    Raises
    ------
    InputError
        Dask is not installed, or the scheduler does not answer.
    """
    distributed = optional("distributed", extra="cluster", task="`scheduler=`")
    try:
        return distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"`scheduler=`: {address} does not answer ({reason}); check that the scheduler runs there"
        ) from None
